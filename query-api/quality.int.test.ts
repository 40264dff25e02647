/** Quality as the API tells it, against numbers computed by hand. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { hajek } from "@assay/statistics/estimate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type QueryApi, startQueryApi } from "./main.ts";

const NOW = Date.now() - 3_600_000;
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;

interface Score {
  n: number;
  metric?: string;
  norm: number | null;
  pi?: number;
  columns?: Record<string, unknown>;
}

/** Sixteen characters make an id of sixteen bytes. */
function row({ n, metric = "composite", norm, pi = 1, columns = {} }: Score) {
  const id = `${metric.slice(0, 6)}${String(n).padStart(10, "0")}`.padEnd(16, "-").slice(0, 16);
  return {
    project: "p",
    name: metric,
    event_time: ((NOW + n * 1_000) / 1_000).toFixed(3),
    evaluated_at: (NOW / 1_000).toFixed(3),
    evaluation_id: id,
    trace_id: "t".repeat(16),
    span_id: "s".repeat(8),
    source: "judge",
    status: "ok",
    norm,
    score: norm === null ? null : 1 + 4 * norm,
    judge_probability: pi,
    judge_hash: "h1",
    model: "m",
    explanation: "<b>because</b>",
    ...columns,
  };
}

const SCORES: Score[] = [
  ...Array.from({ length: 40 }, (_, n) => ({ n, norm: 0.2 + (n % 5) * 0.1, pi: 1 })),
  ...Array.from({ length: 20 }, (_, n) => ({ n: 100 + n, norm: 0.8 + (n % 3) * 0.1, pi: 0.02 })),
];

const DAY_MS = 86_400_000;
const daysBefore = (n: number) => ({ event_time: ((NOW - 2 * DAY_MS) / 1_000 + n).toFixed(3) });

/** Of which some get lost. */
const TRUE_SCORES = Array.from({ length: 400 }, (_, n) => ({
  n,
  norm: ((n * 37) % 101) / 100,
  pi: n % 4 === 0 ? 0.1 : 1,
}));

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const failed = { status: "failed", error_type: "timeout" };
  const rows = [
    ...SCORES.map(row),
    // The same evaluations again, made later by another collector: they count once, as they came last.
    ...SCORES.slice(0, 10).map((score) =>
      row({ ...score, columns: { evaluated_at: ((NOW + 5_000) / 1_000).toFixed(3) } }),
    ),
    ...Array.from({ length: 6 }, (_, n) => row({ n: 200 + n, norm: null, columns: failed })),
    row({ n: 300, norm: null, columns: { status: "abstain" } }),
    row({ n: 400, norm: 0.9, columns: { purpose: "experiment" } }),
    row({
      n: 1,
      metric: "faithfulness",
      norm: 1,
      columns: { judge_hash: "h2", reference: "golden" },
    }),
    row({ n: 2, metric: "faithfulness", norm: 0.5 }),
    ...TRUE_SCORES.map(({ n, norm, pi }) => {
      const isLost = (n * 7_919) % 5 === 0;
      return row({
        n,
        metric: "random",
        norm: isLost ? null : norm,
        pi,
        columns: { ...daysBefore(n), ...(isLost && failed) },
      });
    }),
    ...TRUE_SCORES.map(({ n, norm, pi }) => {
      const isLost = norm < 0.3;
      return row({
        n,
        metric: "hidden",
        norm: isLost ? null : norm,
        pi,
        columns: { ...daysBefore(n), ...(isLost && failed) },
      });
    }),
  ];
  await writer.insert({ table: "assay.evaluations", values: rows, format: "JSONEachRow" });
  api = await startQueryApi({
    checkAnswers: true, target: engine.readerTarget, address: { host: "127.0.0.1", port: 0 }, log: () => {} }); // prettier-ignore
});
afterAll(async () => {
  await api?.stop();
  await writer?.close();
  await engine?.stop();
});

interface Estimated {
  [name: string]: unknown;
  mean: number;
  standard_error: number;
  time: string;
  worst_case: { low: number; high: number };
  unreliable: boolean;
}

interface Body {
  rows: Estimated[];
  evaluations: Record<string, unknown>[];
}

async function get(path: string): Promise<{ status: number; body: Body }> {
  const response = await fetch(`http://127.0.0.1:${api.address.port}/api/v1/${path}`);
  return { status: response.status, body: (await response.json()) as Body };
}
const RANGE = `from=${NOW - 60_000}&to=now`;

test("known answer 30: failures never move the mean; where they may hide bad answers, the bounds hold the truth", async () => {
  const truth = hajek(
    TRUE_SCORES.map(({ norm, pi }) => ({ value: norm, inclusionProbability: pi })),
  )!.mean;
  const [random, hidden] = await Promise.all(
    ["random", "hidden"].map(async (metric) => {
      const range = `from=${NOW - 3 * DAY_MS}&to=${NOW - DAY_MS}`;
      const { body } = await get(`quality?${range}&metric=${metric}`);
      return body.rows[0]!;
    }),
  );
  expect(Math.abs(random!.mean - truth)).toBeLessThan(random!.standard_error);
  // Only bad ones failed: the mean is too good, and says that it may be.
  expect(hidden!.mean - truth).toBeGreaterThan(4 * hidden!.standard_error);
  expect(hidden!.worst_case.low).toBeLessThanOrEqual(truth);
  expect(hidden!.worst_case.high).toBeGreaterThanOrEqual(truth);
  expect([random!.unreliable, hidden!.unreliable]).toEqual([true, true]);
});

test("the mean is weighed by how likely each record was judged; failures are counted and never a score", async () => {
  const { body } = await get(`quality?${RANGE}&metric=composite`);
  const expected = hajek(
    SCORES.map(({ norm, pi }) => ({ value: norm!, inclusionProbability: pi! })),
  )!;
  expect(body.rows).toHaveLength(1);
  const only = body.rows[0]!;
  expect(only).toMatchObject({ metric: "composite", n: 60, failed: 6, abstained: 1, judges: 1 });
  for (const [name, value] of Object.entries({
    mean: expected.mean,
    low: expected.low,
    high: expected.high,
    effective_n: expected.effectiveN,
  }))
    expect(only[name]).toBeCloseTo(value!, 9);
  // Not the plain mean, which the many bad ones that were all judged would rule.
  expect(only.mean).toBeGreaterThan(0.8);
  expect(only.worst_case.low).toBeLessThan(only.mean);
  expect(only.worst_case.high).toBeGreaterThan(only.mean);
});

test("the system's quality is less certain than that of these records", async () => {
  const records = (await get(`quality?${RANGE}&metric=faithfulness&about=records`)).body.rows[0]!;
  const system = (await get(`quality?${RANGE}&metric=faithfulness&about=system`)).body.rows[0]!;
  expect(records).toMatchObject({ mean: 0.75, standard_error: 0, too_few: true, judges: 2 });
  expect(system.standard_error).toBeGreaterThan(0.1);
});

test("by judge, by time, filtered", async () => {
  const byJudge = await get(`quality?${RANGE}&metric=faithfulness&by=judge_hash`);
  expect(byJudge.body.rows.map((one) => [one.judge_hash, one.mean, one.with_reference])).toEqual([
    ["h1", 0.5, 0],
    ["h2", 1, 1],
  ]);
  const byMinute = await get(`quality?${RANGE}&step=1m&metric=composite`);
  expect(byMinute.body.rows.length).toBeGreaterThan(2);
  expect(byMinute.body.rows[0]!.time).toMatch(/^\d{4}-.*:00Z$/);
  expect((await get(`quality?${RANGE}&project=other`)).body.rows).toEqual([]);
});

test("single scores, the worst first, with the judge's reasons", async () => {
  const { body } = await get(`evaluations?${RANGE}&order=worst&limit=3&metric=composite`);
  expect(body.evaluations.map((one) => one.norm)).toEqual([0.2, 0.2, 0.2]);
  expect(body.evaluations[0]).toMatchObject({
    explanation: "<b>because</b>",
    inclusion_probability: 1,
    trace_id: Buffer.from("t".repeat(16)).toString("hex"),
  });
  const failed = await get(`evaluations?${RANGE}&status=failed`);
  expect(failed.body.evaluations).toHaveLength(6);
});

test.each([
  ["quality?from=now&to=now-1h", "from"],
  [`quality?${RANGE}&by=user`, "by"],
  [`quality?${RANGE}&about=everything`, "about"],
  [`quality?${RANGE}&step=1m&colour=red`, "colour"],
  ["quality?to=now", "from"],
  [`evaluations?${RANGE}&limit=5000`, "limit"],
])("%s is refused by name", async (path, parameter) => {
  const { status, body } = await get(path);
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain(parameter);
});
