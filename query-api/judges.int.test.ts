/** Judges side by side, and determinism, against numbers computed by hand. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type QueryApi, startQueryApi } from "./main.ts";

const NOW_S = Math.floor(Date.now() / 1_000) - 600;
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;

const id = (n: number, length: number): string => String(n).padStart(length, "0");

function score(judge: string, n: number, value: number, cost: string) {
  return {
    project: "p", name: "faithfulness", event_time: `${NOW_S}.000`, evaluated_at: `${NOW_S}.000`, evaluation_id: `${judge}${id(n, 15)}`,
    trace_id: id(n, 16), span_id: id(n, 8), source: "judge", purpose: "traffic", status: "ok", score: value, norm: (value - 1) / 4, role: "cheap",
    judge_hash: judge.repeat(32), evaluator: `model ${judge}`, cost, latency_ms: 100, attempts: 1,
  }; // prettier-ignore
}

/** Cohen's table of 50: 20 and 15 agree, 5 and 10 do not; kappa 0.4. */
const TABLE = [
  { first: 5, second: 5, times: 20 },
  { first: 5, second: 1, times: 5 },
  { first: 1, second: 5, times: 10 },
  { first: 1, second: 1, times: 15 },
];

function answered(n: number, prompt: number, model: string, answer: string, more: object = {}) {
  return {
    project: "p", trace_id: id(n, 16), span_id: id(n, 8), event_time: `${NOW_S}.000000000`, received_at: `${NOW_S}.000`,
    start_unix_nano: `${NOW_S}000000000`, end_unix_nano: `${NOW_S}000000001`, operation: "chat", is_model_call: true, status: "ok",
    request_model: model, response_model: model, prompt_hash: prompt === 0 ? "" : id(prompt, 32), has_content: true, content_output: answer, ...more,
  }; // prettier-ignore
}

/** Two rounds of one canary: three and two of five alike, then all; one failed. */
function canaryAnswers(): object[] {
  const rounds = [
    ["x", "x", "x", "y", " Y "],
    ["x", "x", "x", "x", "x"],
  ];
  return rounds.flatMap((answers, round) =>
    answers.map((answer, run) => ({
      project: "canaries", target: "main/m", canary: "capital", request_hash: "0".repeat(32), round: NOW_S - 1_000 + round * 500, run,
      asked_at: `${NOW_S}.000`, status: round === 1 && run === 4 ? "rate_limit" : "ok", answer, matches: answer === "x",
      served_model: "m-1", fingerprint: `fp_${round}`, input_tokens: 1, output_tokens: 1, cost: "0.010000000000", latency_ms: 7,
    })),
  ); // prettier-ignore
}

/** A judge that gave what is known, and then a quarter less. */
function sentinels(): object[] {
  return [0, 1].flatMap((round) =>
    [0.5, 0.75, 1].map((pinned, n) => ({
      ...score("s", 800 + round * 10 + n, 1, "0.001000000000"), evaluation_id: `sentinel${round}${id(n, 7)}`, event_time: `${NOW_S - 900 + round * 300}.000`,
      purpose: "sentinel", norm: pinned - round * 0.25, attributes: { sentinel: `s${n}`, pinned: String(pinned) },
    })),
  ); // prettier-ignore
}

/** Judge `a` judged four records again: three times the same, once a point (0.25) lower. */
function retests(): object[] {
  return [0, 1, 2, 3].map((n) => {
    const value = n === 3 ? 4 : 5;
    return {
      ...score("a", n, value, "0.000100000000"),
      evaluation_id: `retest${id(n, 10)}`,
      purpose: "retest",
    };
  });
}

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const pairs = TABLE.flatMap(({ times, ...pair }) => Array.from({ length: times }, () => pair));
  const scores = pairs.flatMap(({ first, second }, n) => [
    score("a", n, first, "0.000100000000"),
    score("b", n, second, "0.010000000000"),
  ]);
  const again = scores.slice(0, 4);
  const insert = (table: string, values: object[]) =>
    writer.insert({ table: `assay.${table}`, values, format: "JSONEachRow" });
  await insert("evaluations", scores);
  await insert("evaluations", [
    ...again,
    { ...score("a", 900, 1, "0.000100000000"), status: "failed", norm: null, score: null },
  ]);
  await insert("canary_answers", canaryAnswers());
  await insert("evaluations", [...sentinels(), ...retests()]);
  await insert("ingest", [
    // One prompt five times, four alike; another four times in three kinds; one once; one without a hash.
    ...["x", "x", "x", "x", "y"].map((answer, n) =>
      answered(n + 1, 1, "m1", answer, { temperature: 0 }),
    ),
    ...["a", "b  B", "B b", "c"].map((answer, n) => answered(n + 10, 2, "m2", answer)),
    answered(20, 3, "m1", "alone"),
    answered(21, 0, "m1", "x"),
  ]);
  // A span that came through two collectors is one answer.
  await insert("ingest", [answered(1, 1, "m1", "x", { temperature: 0 })]);
  api = await startQueryApi({
    checkAnswers: true, target: engine.readerTarget, address: { host: "127.0.0.1", port: 0 }, log: () => {} }); // prettier-ignore
});
afterAll(async () => {
  await api?.stop();
  await writer?.close();
  await engine?.stop();
});

async function get<T>(path: string): Promise<{ status: number; body: T }> {
  const response = await fetch(`http://127.0.0.1:${api.address.port}/api/v1/${path}`);
  return { status: response.status, body: (await response.json()) as T };
}
const RANGE = "from=now-1h&to=now";

interface Comparison {
  comparison: {
    records: number;
    exact: number;
    kappa: { kappa: number; low: number; high: number };
    bias: number;
    verdict: string;
    passing: Record<string, number>;
  };
}

test("judges: how much, how dear, how reliable", async () => {
  const { body } = await get<{ judges: Record<string, unknown>[] }>(`judges?${RANGE}`);
  expect(body.judges).toHaveLength(2);
  expect(body.judges[0]).toMatchObject({
    judge_hash: "a".repeat(32), metric: "faithfulness", judgements: 51, ok: 50, failed: 1, usd_per_thousand: 0.1, p95_ms: 100,
  }); // prettier-ignore
});

test("two of them: Cohen's own table", async () => {
  const { body } = await get<Comparison>(`judges?${RANGE}&compare=aaaa,bbbb`);
  const { comparison } = body;
  expect(comparison).toMatchObject({ records: 50, exact: 0.7, too_few: false });
  expect(comparison.kappa.kappa).toBeCloseTo(0.4, 12);
  expect(comparison.kappa.low).toBeLessThan(0.4);
  expect(comparison.bias).toBeCloseTo((5 * 4 - 10 * 4) / 50, 12);
  expect(comparison.passing).toMatchObject({
    both: 20,
    first_only: 5,
    second_only: 10,
    neither: 15,
  });
  expect(comparison.verdict).toMatch(/^The cheaper one costs 1 % of the other, correlation 0.41/);
});

test.each(["aaaa", "aaaa,cccc", "aaaa,bbbb,aaaa", "x,y"])("compare=%s is refused", async (pair) => {
  const { status, body } = await get(`judges?${RANGE}&compare=${pair}`);
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain("two hashes of judges");
});

interface Determinism {
  coverage: number;
  calls: number;
  overall: Record<string, number>;
  models: Record<string, unknown>[];
  least_alike: Record<string, unknown>[];
}

test("determinism: by prompts that came more than once", async () => {
  const { body } = await get<Determinism>(`determinism?${RANGE}`);
  expect(body.overall).toMatchObject({ prompts: 2, answers: 9 });
  const [first, second] = body.models;
  expect(first).toMatchObject({ model: "m1", answers: 5, agreement: 0.6, tar_5: 0 });
  expect(first!["tar_3"]).toBeCloseTo(0.4, 12);
  expect(first!["entropy_bits"]).toBeCloseTo(0.721928, 6);
  // Byte for byte all differ; case and white space aside, two of four are alike.
  expect(second).toMatchObject({ model: "m2", answers: 4, agreement: 0, different_answers: 4 });
  expect(second!["agreement_plain"]).toBeCloseTo(1 / 6, 12);
  expect(body.coverage).toBeGreaterThan(0.7);
  expect(body.least_alike[0]).toMatchObject({ model: "m2", different_answers: 4 });
});

test("determinism: of what was declared to be deterministic, and of one model", async () => {
  const declared = await get<Determinism>(`determinism?${RANGE}&declared=deterministic`);
  expect(declared.body.models.map((one) => one["model"])).toEqual(["m1"]);
  const other = await get<Determinism>(`determinism?${RANGE}&model=m2`);
  expect(other.body).toMatchObject({ calls: 4, coverage: 1 });
  const none = await get<Determinism>(`determinism?${RANGE}&project=none`);
  expect(none.body).toMatchObject({ calls: 0, coverage: null, models: [] });
});

interface Active {
  active: {
    cost: string;
    targets: Record<string, unknown>[];
    rounds: Record<string, unknown>[];
    judges: Record<string, unknown>[];
  };
}

test("determinism, active: canaries by target and round, with what is pinned and what it cost", async () => {
  const { active } = (await get<Active>(`determinism?${RANGE}`)).body;
  expect(active.rounds.map(({ agreement }) => agreement)).toEqual([expect.closeTo(0.3, 12), 1]);
  expect(active.rounds[0]).toMatchObject({
    agreement_plain: 0.4,
    tar_5: 0,
    fingerprints: ["fp_0"],
  });
  expect(active.targets).toHaveLength(1);
  expect(active.targets[0]).toMatchObject({
    target: "main/m", canaries: 1, answers: 9, failed: 1, cost: "0.100000000000", p50_ms: 7, served_models: ["m-1"],
    pinned: { answers: 10, share: 0.8 },
  }); // prettier-ignore
  // Ten answers and six sentinels.
  expect(active.cost).toBe("0.106000000000");
});

test("determinism of judges: sentinels against what is known and against the first round; retests", async () => {
  const { active } = (await get<Active>(`determinism?${RANGE}`)).body;
  expect(active.judges.find(({ judge_hash }) => judge_hash === "s".repeat(32))).toMatchObject({
    sentinels: 3, bias: { mean: -0.25, n: 3 }, drift: { mean: -0.25, n: 3 }, retests: 0, retest_exact: null,
  }); // prettier-ignore
  expect(active.judges.find(({ judge_hash }) => judge_hash === "a".repeat(32))).toMatchObject({
    retests: 4, retest_exact: 0.75, noise_sd: expect.closeTo(Math.sqrt(0.25 ** 2 / 4 / 2), 12) as number, drift: null,
  }); // prettier-ignore
});
