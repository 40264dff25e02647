import { expect, test } from "vitest";
import { loadMetrics } from "../metric.ts";
import { readVerdict, type Task } from "../verdict.ts";

const metrics = loadMetrics();
const CONTEXT = ["Labels can be cancelled for 14 days.", "Parcels are insured up to 500 euros."];

function taskOf(metric: string, form: Task["form"]): Task {
  return { taskId: "t", metric: metrics.get(metric)!, form, record: { context: CONTEXT } };
}
const answer = (fields: object): string => JSON.stringify({ task_id: "t", ...fields });
const claim = (verdict: string, quote = ""): object => ({
  claim: `a ${verdict} one`,
  verdict,
  quote,
});

test("faithfulness claim by claim: a quote that is not in the context supports nothing", () => {
  const claims = [
    claim("supported", "cancelled for  14 DAYS"),
    claim("supported", "insured up to 5,000 euros"),
    claim("unsupported"),
    claim("contradicted", "Labels can be"),
  ];
  expect(readVerdict(answer({ claims }), taskOf("faithfulness", "claims"))).toMatchObject({
    status: "ok",
    score: 0.25,
    norm: 0.25,
    label: "1 of 4",
    reasoning:
      "quote not found: a supported one; unsupported: a unsupported one; contradicted: a contradicted one",
    measures: { claims: 4, contradicted: 0.25, quote_miss_rate: 0.5 },
    evidence: [{ verified: true }, { verified: false }, { verified: false }, { verified: true }],
  });
});

test("no claims (a greeting): it does not apply; a verdict of another name is no answer", () => {
  const task = taskOf("faithfulness", "claims");
  expect(readVerdict(answer({ claims: [] }), task)).toEqual({
    status: "not_applicable",
    reason: "no_claims",
  });
  expect(readVerdict(answer({ claims: [claim("mostly")] }), task)).toMatchObject({
    status: "failed",
    failure: "parse",
    detail: expect.stringContaining("claims.0.verdict") as string,
  });
  expect(readVerdict(answer({ score: 4 }), task)).toMatchObject({ failure: "parse" });
});

test("a quote with a letter that nobody sees, or as the prompt shows it, is found", () => {
  const task = {
    ...taskOf("faithfulness", "claims"),
    record: { context: ["free\u200b of\u00ad charge"] },
  };
  for (const quote of [
    "free of charge",
    String.raw`free\u{200b} of charge`,
    "free\u200b of\u00ad charge",
  ])
    expect(readVerdict(answer({ claims: [claim("supported", quote)] }), task)).toMatchObject({
      norm: 1,
    });
});

test("known answer 19: F1 of 3 right, 1 wrong, 2 missing", () => {
  const claims = ["right", "right", "right", "wrong", "missing", "missing"].map((verdict) => ({
    claim: "c",
    verdict,
  }));
  const found = readVerdict(answer({ claims }), taskOf("answer_correctness", "claims"));
  expect(found).toMatchObject({ status: "ok", label: "3 right, 1 wrong, 2 missing" });
  expect(found.status === "ok" && found.norm).toBeCloseTo(0.666667, 6);
});

test("context precision: known answer 19, and every document exactly once", () => {
  const record = { context: ["a", "b", "c"] };
  const task = { ...taskOf("context_precision", "documents"), record };
  const documents = [3, 1, 2].map((number) => ({ number, reason: "r", useful: number !== 2 }));
  const found = readVerdict(answer({ documents }), task);
  expect(found).toMatchObject({ label: "2 of 3 useful", measures: { useful: 2 } });
  expect(found.status === "ok" && found.norm).toBeCloseTo(0.833333, 6);
  for (const wrong of [
    documents.slice(1),
    [...documents, documents[0]!],
    documents.map((one) => ({ ...one, number: one.number + 1 })),
  ])
    expect(readVerdict(answer({ documents: wrong }), task)).toMatchObject({ failure: "score" });
});

test("two answers that differ in what decides are none; two that agree are one", () => {
  const task = taskOf("faithfulness", "claims");
  const one = answer({ claims: [claim("unsupported")] });
  expect(readVerdict(`${one} ${answer({ claims: [] })}`, task)).toMatchObject({ failure: "parse" });
  expect(readVerdict(`${one} ${one}`, task)).toMatchObject({ status: "ok", norm: 0 });
});

test("yes and no have their names", () => {
  const task = taskOf("safety", "scores");
  expect(readVerdict(answer({ score: 1 }), task)).toMatchObject({ norm: 0, label: "unsafe" });
  expect(readVerdict(answer({ score: 2 }), task)).toMatchObject({ norm: 1, label: "safe" });
  expect(readVerdict(answer({ score: 3 }), task)).toMatchObject({ failure: "score" });
});
