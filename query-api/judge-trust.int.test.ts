/** How far judges are to be trusted, as the API tells it, on the real engine. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type QueryApi, startQueryApi } from "./main.ts";

const NOW_S = Math.floor(Date.now() / 1_000) - 600;
const RECORDS = 150;
const GOOD = "a".repeat(32);
const POOR = "b".repeat(32);
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;

const id = (n: number, length: number): string => String(n).padStart(length, "0");
const people = (n: number): number => 1 + (n % 5);
/** Wrong by a level in each tenth. */
const good = (n: number): number => (n % 10 === 3 ? 5 : people(n));
const poor = (n: number): number => (n % 3 === 0 ? 5 : people(n) <= 2 ? 4 : 5);

function row(letter: string, n: number, score: number, columns: object = {}) {
  return {
    project: "p", name: "faithfulness", event_time: `${NOW_S}.000`, evaluated_at: `${NOW_S}.000`, evaluation_id: `${letter}${id(n, 15)}`,
    trace_id: id(n, 16), span_id: id(n, 8), source: "judge", status: "ok", score, norm: (score - 1) / 4, role: "cheap", attempts: 1,
    judge_model: "m-1", judge_fingerprint: "fp-1", ...columns,
  }; // prettier-ignore
}

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const all = Array.from({ length: RECORDS }, (_, n) => n);
  const label = { source: "label", role: "human", purpose: "label", evaluator: "ann" };
  const rows = [
    ...all.map((n) => row("a", n, good(n), { judge_hash: GOOD })),
    ...all.map((n) =>
      row("b", n, poor(n), {
        judge_hash: POOR, role: "strong", purpose: "audit",
        ...(n >= 75 && { judge_fingerprint: "fp-2", evaluated_at: `${NOW_S + 60}.000`, norm: n % 2 / 4 }),
      }),
    ),
    // Forty judged again; four of them otherwise.
    ...all.slice(0, 40).map((n) => row("c", n, n < 4 ? 1 + (good(n) % 5) : good(n), { judge_hash: GOOD, purpose: "retest" })),
    ...all.slice(0, 140).map((n) => row("l", n, people(n), label)),
    ...all.slice(0, 30).map((n) => row("m", n, people(n), { ...label, evaluator: "bob" })),
    // A service sends what a person said.
    ...all.slice(140).map((n) => row("o", n, people(n), { source: "otlp", role: "", norm: null, evaluator: "support", attributes: { "assay.evaluation.source": "human" } })),
  ]; // prettier-ignore
  await writer.insert({ table: "assay.evaluations", values: rows, format: "JSONEachRow" });
  const attack = { judge_hash: GOOD, metric: "faithfulness", attacks: 240 };
  await writer.insert({
    table: "assay.judge_attacks",
    values: [
      { ...attack, tried_at: `${NOW_S - 60}.000`, shift: 0.4 },
      { ...attack, tried_at: `${NOW_S}.000`, shift: 0.02 },
      { ...attack, metric: "relevance", tried_at: `${NOW_S + 9}.000`, shift: 0.9 },
    ],
    format: "JSONEachRow",
  });
  await writer.insert({
    table: "assay.ingest",
    values: all.map((n) => ({
      project: "p", trace_id: id(n, 16), span_id: id(n, 8), event_time: `${NOW_S}.000000000`, operation: "chat", is_model_call: true, output_tokens: 10 + (n % 7),
    })),
    format: "JSONEachRow",
  }); // prettier-ignore
  api = await startQueryApi({
    checkAnswers: true, target: engine.readerTarget, address: { host: "127.0.0.1", port: 0 }, log: () => {} }); // prettier-ignore
});
afterAll(async () => {
  await api?.stop();
  await writer?.close();
  await engine?.stop();
});

interface Judge {
  judge_hash: string;
  people: {
    records: number;
    exact: number;
    sensitivity: { value: number };
    specificity: { value: number };
    people_alpha: number;
    kappa_quadratic: { kappa: number; low: number };
  } | null;
  gate: { state: string; conditions: { name: string; state: string; value: number | null }[] };
}
interface Body {
  judges: Judge[];
  ensembles: { metric: string; labels: number; accuracy: number; alone: { accuracy: number }[] }[];
  fingerprints: { judge_hash: string; fingerprint: string; n: number; change: { difference: number; p: number } | null }[]; // prettier-ignore
}

async function judges(more = ""): Promise<Body> {
  const response = await fetch(
    `http://127.0.0.1:${api.address.port}/api/v1/judges?from=now-1h&to=now${more}`,
  );
  expect(response.status).toBe(200);
  return (await response.json()) as Body;
}

test("against people, labels of services among them; the gate says what is shown, by the newest attacks", async () => {
  const found = await judges();
  expect(found.judges.map(({ judge_hash }) => judge_hash).toSorted()).toEqual([GOOD, POOR]);
  const judge = found.judges.find(({ judge_hash }) => judge_hash === GOOD)!;
  expect(judge.people).toMatchObject({ records: 150, people_alpha: 1 });
  // Each tenth says 5 where people say 4: both pass.
  expect(judge.people!.exact).toBeCloseTo(0.9, 12);
  expect(judge.people!.sensitivity.value).toBe(1);
  expect(judge.people!.specificity.value).toBe(1);
  const states = Object.fromEntries(judge.gate.conditions.map(({ name, state }) => [name, state]));
  expect(states).toEqual({
    labels: "passed", score_levels: "passed", kappa_low: "passed", sensitivity: "passed", specificity: "passed",
    better_than_length: "passed", retest_exact: "passed", attack_shift: "passed",
  }); // prettier-ignore
  expect(judge.gate.conditions.find(({ name }) => name === "retest_exact")!.value).toBe(0.9);
  expect(judge.gate.conditions.find(({ name }) => name === "attack_shift")!.value).toBe(0.02);
  expect(judge.gate.state).toBe("passed");
  const unattacked = found.judges.find(({ judge_hash }) => judge_hash === POOR)!.gate.conditions;
  expect(unattacked.find(({ name }) => name === "attack_shift")!.state).toBe("open");
});

test("a judge that passes everything is not let through", async () => {
  const { judges: all } = await judges();
  const judge = all.find(({ judge_hash }) => judge_hash === POOR)!;
  expect(judge.gate.state).toBe("failed");
  expect(judge.people!.specificity.value).toBe(0);
});

test("both weighed by the labels, and the model behind a judge that changed", async () => {
  const { ensembles, fingerprints } = await judges();
  expect(ensembles).toHaveLength(1);
  expect(ensembles[0]).toMatchObject({ metric: "faithfulness", labels: 150, accuracy: 1 });
  const [first, second] = fingerprints;
  expect(fingerprints).toHaveLength(2);
  expect(first).toMatchObject({ judge_hash: POOR, fingerprint: "fp-1", n: 75, change: null });
  expect(second!.change!.difference).toBeLessThan(-0.5);
  expect(second!.change!.p).toBeLessThan(1e-6);
});

test("another project has none of it", async () => {
  expect(await judges("&project=q")).toMatchObject({ judges: [], ensembles: [], fingerprints: [] });
});
