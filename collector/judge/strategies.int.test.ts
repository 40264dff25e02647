/** Each way to judge, from the settled trace to the stored score, over real HTTP. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Budget } from "./budget.ts";
import { judgePair } from "./pairwise.ts";
import { Providers } from "./providers.ts";
import { startLab, until, type Lab } from "./testing/judge-lab.ts";
import type { JudgeRequest } from "./testing/judge-server.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab?.close());
beforeEach(() => lab.begin());
afterEach(() => lab.end());

const one = (metric: string, settings = "", sampling = "{ rest: 1 }"): string => `
judges: [{ metric: ${metric}, provider: main, model: gpt-4o-mini${settings} }]
profiles: [{ weights: { ${metric}: 1 }, sampling: ${sampling} }]`;
const judged = (n: number, where = "role = 'cheap'") =>
  until(
    () => lab.scores(where),
    (found) => found.length === n,
  );

test("claim by claim, with quotes that are looked up; document by document; yes or no", async () => {
  lab.reply = ({ metric }) => {
    if (metric === "safety") return { score: 2 };
    if (metric === "context_precision")
      return {
        fields: {
          documents: [1, 2].map((number) => ({ number, reason: "r", useful: number === 2 })),
        },
      };
    return {
      fields: {
        claims: [
          { claim: "14 days", quote: "for 14 days", verdict: "supported" },
          { claim: "free", quote: "free of charge", verdict: "supported" },
        ],
      },
    };
  };
  const metrics = ["context_recall", "context_precision", "safety"];
  await lab.started(
    lab.parse(`
judges:
  - { metric: faithfulness, provider: main, model: gpt-4o-mini, claims: true }
${metrics.map((metric) => `  - { metric: ${metric}, provider: main, model: gpt-4o-mini }`).join("\n")}
profiles: [{ weights: { faithfulness: 1 }, also: [${metrics.join(", ")}], sampling: { rest: 1 } }]`),
  );
  await lab.insertTraces([
    { reference: "14 days.", documents: ["Cancel for 14 days.", "Parcels are insured."] },
  ]);
  const rows = await judged(4);
  expect(rows.map(({ name, status, norm }) => [name, status, norm])).toEqual([
    ["context_precision", "ok", 0.5],
    ["context_recall", "ok", 0.5],
    ["faithfulness", "ok", 0.5],
    ["safety", "ok", 1],
  ]);
  expect(rows[2]).toMatchObject({
    label: "1 of 2",
    strategy: "claim by claim",
    attributes: { claims: "2", contradicted: "0", quote_miss_rate: "0.5" },
  });
  expect(JSON.parse(String(rows[2]!["evidence"]))).toMatchObject([
    { verified: true },
    { verified: false },
  ]);
  expect(rows[3]).toMatchObject({ label: "safe" });
  const asked = (metric: string): JudgeRequest =>
    lab.server.requests.find((request) => request.metric === metric)!;
  // The reference where there is one, to see what is of use; a judge of the answer alone sees nothing else.
  expect(Object.keys(asked("context_precision").data)).toEqual([
    "question",
    "context",
    "reference",
  ]);
  expect(Object.keys(asked("safety").data)).toEqual(["answer"]);
});

test("self-consistency: asked five times, the mean is the score", async () => {
  const scores = [5, 4, 4, 2, 5];
  lab.reply = ({ attempt }) => ({ score: scores[attempt - 1]! });
  await lab.started(lab.parse(one("professionalism", ", samples: 5, temperature: 1")));
  await lab.insertTraces([{}]);
  const [row] = await judged(1);
  expect(row).toMatchObject({
    score: 4, norm: 0.75, score_expected: 4, attempts: 5, input_tokens: 500, strategy: "chain of thought, 5 samples",
    attributes: { samples: "5" },
  }); // prettier-ignore
  expect(lab.server.requests[0]!.temperature).toBe(1);
});

test("what the prompt says follows the settings", async () => {
  const example = "{ answer: Hi., reasoning: Too short., score: 2 }";
  const plain = one("professionalism");
  const settings = ", steps: false, chain_of_thought: false, reference_guided: true";
  for (const text of [plain, one("professionalism", `${settings}, examples: [${example}]`)]) {
    const worker = await lab.started(lab.parse(text));
    await lab.insertTraces([{ reference: "It is so." }]);
    await until(
      () => lab.server.requests.length,
      (count) => count === (text === plain ? 1 : 2),
    );
    await until(
      () => worker.stats().judgements.get("ok") ?? 0,
      (ok) => ok === 1,
    );
    await worker.stop();
  }
  const [usual, other] = lab.server.requests;
  expect(usual!.system).toContain("Steps:");
  expect(usual!.system).toContain("in at most five sentences");
  expect(usual!.data.reference).toBeUndefined();
  expect(other!.system).not.toContain("Steps:");
  expect(other!.system).toContain("one short sentence");
  expect(other!.system).toContain('{"reasoning":"Too short.","score":2}');
  expect(other!.data.reference).toBe("It is so.");
});

test("the cascade: the strong judge sees a random part and all that is in doubt, each with its probability", async () => {
  lab.reply = ({ data, model }) => {
    if (model === "gpt-4o") return { score: 5 };
    return { score: Number(/of (\d+)/.exec(data.answer!)![1]) % 4 === 0 ? 3 : 5 };
  };
  const worker = await lab.started(
    lab.parse(`
judges:
  - { metric: professionalism, provider: main, model: gpt-4o-mini, escalate: { near_middle: 0.1 } }
  - { metric: professionalism, provider: main, model: gpt-4o, role: strong }
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: 0.8, audit: 0.25 } }]`),
  );
  await lab.insertTraces(Array.from({ length: 120 }, () => ({})));
  const decided = await until(
    () => worker.stats(),
    ({ records }) => (records.get("chosen") ?? 0) + (records.get("not_chosen") ?? 0) === 120,
  );
  const cheap = await judged(decided.records.get("chosen")!);
  const strong = await lab.scores("role = 'strong'");
  const inDoubt = cheap.filter(({ score }) => score === 3).map(({ trace_id }) => trace_id);
  const escalated = strong.filter((row) => row["inclusion_probability"] === 0.8);
  expect(escalated.map(({ trace_id }) => trace_id)).toEqual(inDoubt);
  expect(worker.stats().escalated).toBe(inDoubt.length);
  const audited = strong.filter((row) => row["inclusion_probability"] !== 0.8);
  expect(audited.length).toBeGreaterThan(4);
  expect(audited.length).toBeLessThan((cheap.length - inDoubt.length) * 0.6);
  for (const row of audited) expect(row["inclusion_probability"]).toBeCloseTo(0.2, 12);
  expect(strong.every((row) => row["purpose"] === "audit")).toBe(true);
});

test("equal texts are judged once and cost once; a retest is asked for again", async () => {
  lab.reply = ({ attempt }) => ({ score: attempt === 1 ? 4 : 2 });
  const worker = await lab.started(lab.parse(one("professionalism", "", "{ rest: 1, retest: 1 }")));
  await lab.insertTraces(Array.from({ length: 5 }, () => ({ answer: "Popular." })));
  const rows = await judged(5, "role = 'cheap' AND purpose = 'traffic'");
  expect(rows.map(({ score }) => score)).toEqual([4, 4, 4, 4, 4]);
  const paid = rows.filter((row) => Number(row["cost"]) > 0);
  expect(paid).toHaveLength(1);
  expect(rows.filter((row) => row["cache_hit"])).toHaveLength(4);
  expect(rows.every((row) => row["judge_model"] === "gpt-4o-mini-2026")).toBe(true);
  const again = await judged(5, "purpose = 'retest'");
  expect(again.every(({ score, ...row }) => score === 2 && !row["cache_hit"])).toBe(true);
  expect(new Set([...rows, ...again].map((row) => row["judge_hash"])).size).toBe(1);
  expect(worker.stats().cacheHits).toBe(4);
  expect(lab.server.requests).toHaveLength(6);
});

test("a judge's own call is never judged, wherever it was traced, and says what it is", async () => {
  const worker = await lab.started(lab.parse(one("professionalism")));
  const header = { attrs_json: { "http.request.header.x-assay-purpose": '["judge"]' } };
  await lab.insertTraces([{ columns: header }, {}]);
  await judged(1);
  expect(Object.fromEntries(worker.stats().records)).toEqual({ own: 1, chosen: 1 });
  expect(lab.server.requests[0]!.headers["x-assay-purpose"]).toBe("judge");
  const traffic = await lab.rows<{ n: number }>(
    "SELECT toInt32(sum(records)) AS n FROM assay.traffic_1h",
  );
  expect(traffic).toEqual([{ n: 1 }]);
});

test("every decision is kept, with the rule and the probability", async () => {
  await lab.started(
    lab.parse(
      one(
        "professionalism",
        "",
        "{ rest: 0.5, strata: [{ name: failed, when: { status: error }, probability: 1 }] }",
      ),
    ),
  );
  await lab.insertTraces([
    ...Array.from({ length: 20 }, () => ({})),
    { columns: { status: "error" } },
    { columns: { has_content: false } },
  ]);
  const rows = await until(
    () =>
      lab.rows<{ rule: string; reason: string; probability: number }>(
        "SELECT rule, reason, probability FROM assay.judge_decisions",
      ),
    (found) => found.length === 22,
  );
  expect(rows).toContainEqual({ rule: "failed", reason: "chosen", probability: 1 });
  expect(rows).toContainEqual({ rule: "rest", reason: "not_chosen", probability: 0.5 });
  expect(rows).toContainEqual({ rule: "rest", reason: "no_content", probability: 0.5 });
});

test("pairs in both orders: a judge that favours a place gives ties, one that favours an answer is believed", async () => {
  const config = lab.parse(one("answer_relevance"));
  const judge = config.profiles[0]!.judges.get("answer_relevance")!;
  const providers = new Providers(config.providers);
  const context = {
    provider: providers.get("main"), budget: new Budget(undefined), spender: judge.hash, priceOf: () => undefined,
    signal: new AbortController().signal, receivedAtUnixMs: Date.now(), pauseMs: () => 1,
  }; // prettier-ignore
  const pair = { question: "Why?", first: "Because it rains.", second: "No idea." };
  const verdict = async (swap = true) => judgePair({ ...judge, swap }, pair, context);
  lab.reply = () => ({ fields: { reasoning: "r", better: "A" } });
  expect((await verdict()).outcome).toMatchObject({ status: "ok", better: "tie" });
  expect((await verdict(false)).outcome).toMatchObject({ status: "ok", better: "first" });
  lab.reply = ({ data }) => ({
    fields: {
      reasoning: "r",
      better: (data as Record<string, string>)["Answer A"] === "No idea." ? "B" : "A",
    },
  });
  const found = await verdict();
  expect(found.outcome).toMatchObject({ status: "ok", better: "first" });
  expect(found.orders).toMatchObject([{ better: "first" }, { better: "first" }]);
  expect(found.spent).toHaveLength(2);
  lab.reply = () => ({ text: "Answer B is better because it is honest." });
  expect((await verdict(false)).outcome).toMatchObject({ status: "ok", better: "second" });
  lab.reply = () => ({ fields: { better: "A" }, taskId: "zzz" });
  expect((await verdict()).outcome).toMatchObject({ status: "failed", failure: "contract" });
});
