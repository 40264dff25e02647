/** Quality corrected by people's labels, on the real engine, against a truth that is known. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { calibratedMean } from "@assay/statistics/calibrated-mean";
import { sumsOf } from "@assay/statistics/estimate";
import { seededRandom } from "@assay/statistics/random";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type QueryApi, startQueryApi } from "./main.ts";

const NOW = Date.now() - 3_600_000;
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;

/** The judge gives a level more than people do, to nearly all; what it failed is labelled more often. */
const random = seededRandom(11);
const RECORDS = Array.from({ length: 1_200 }, (_, n) => {
  const people = Math.floor(random() * 5) / 4;
  const judged = random() < 0.9 ? Math.min(1, people + 0.25) : people;
  const pi = n % 2 === 0 ? 0.5 : 0.1;
  const human = judged < 0.5 ? 0.6 : 0.15;
  return { n, people, judged, pi, human, isLabelled: random() < human };
});

type Row = Record<string, unknown>;

const id = (n: number, length: number): string => String(n).padStart(length, "0");

function row({ n, judged, pi }: (typeof RECORDS)[number]): Row {
  return {
    project: n % 4 === 0 ? "search" : "shop", name: "faithfulness", event_time: ((NOW + n) / 1_000).toFixed(3), evaluated_at: (NOW / 1_000).toFixed(3),
    evaluation_id: `j${id(n, 15)}`, trace_id: id(n, 16), span_id: id(n, 8), source: "judge", role: "cheap", status: "ok",
    norm: judged, score: 1 + 4 * judged, judge_probability: pi, judge_hash: "h1", model: "m",
  }; // prettier-ignore
}

function labelOf(record: (typeof RECORDS)[number], columns: Row = {}): Row {
  return {
    ...row(record), evaluation_id: `l${id(record.n, 15)}`, source: "label", role: "human", purpose: "label", evaluator: "ann", judge_hash: "",
    norm: record.people, score: 1 + 4 * record.people, judge_probability: record.pi * record.human, stratum: "plain", ...columns,
  }; // prettier-ignore
}

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const labelled = RECORDS.filter(({ isLabelled }) => isLabelled);
  await writer.insert({
    table: "assay.evaluations",
    values: [
      ...RECORDS.map(row),
      ...labelled.map((record) => labelOf(record)),
      // A second reviewer of each fifth says the same; what somebody chose to label counts in no mean.
      ...labelled
        .filter((_, at) => at % 5 === 0)
        .map((record) => labelOf(record, { evaluation_id: `m${id(record.n, 15)}`, evaluator: "bob" })),
      ...RECORDS.filter(({ isLabelled }) => !isLabelled)
        .slice(0, 100)
        .map((record) => labelOf(record, { stratum: "", norm: 0, score: 1, judge_probability: record.pi })),
    ],
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

interface Estimated {
  project?: string;
  mean: number;
  low: number;
  high: number;
  calibrated: {
    labels: number;
    mean: number;
    low: number;
    high: number;
    lambda: number;
    effective_labels: number;
    labelled_twice: number;
    people_alpha: number;
    pass_rate: Record<"judged" | "share" | "low" | "high" | "sensitivity" | "specificity", number>;
  } | null;
}

async function quality(more = ""): Promise<Estimated[]> {
  const response = await fetch(
    `http://127.0.0.1:${api.address.port}/api/v1/quality?from=${NOW - 60_000}&to=now&metric=faithfulness${more}`,
  );
  expect(response.status).toBe(200);
  return ((await response.json()) as { rows: Estimated[] }).rows;
}

test("the corrected mean covers what people say, which the judge's own does not; labels at will are in none", async () => {
  const [found] = await quality("&about=system");
  const truth = 0.5;
  expect(found!.low).toBeGreaterThan(truth);
  const { calibrated } = found!;
  expect(calibrated!.low).toBeLessThan(truth);
  expect(calibrated!.high).toBeGreaterThan(truth);
  const drawn = RECORDS.filter(({ isLabelled }) => isLabelled);
  const expected = calibratedMean(
    sumsOf(
      RECORDS.map(({ judged, pi }) => ({ value: judged, inclusionProbability: pi })),
      { superpopulation: true },
    ),
    drawn.map(({ people, judged, pi, human }) => ({
      label: people,
      judged,
      judgedWeight: 1 / pi,
      labelledWeight: 1 / (pi * human),
    })),
  );
  expect(calibrated!.labels).toBe(drawn.length);
  expect(calibrated!.mean).toBeCloseTo(expected.mean, 9);
  expect(calibrated!.low).toBeCloseTo(expected.low, 9);
  expect(calibrated!.lambda).toBeGreaterThan(0.7);
  expect(calibrated!.effective_labels).toBeGreaterThan(drawn.length);
  expect(calibrated!.people_alpha).toBe(1);
  expect(calibrated!.labelled_twice).toBe(Math.ceil(drawn.length / 5));
});

test("the share that passes, corrected by the judge's errors: 40 %, where the judge passes nearly 60", async () => {
  const [found] = await quality();
  const rate = found!.calibrated!.pass_rate;
  expect(rate.judged).toBeGreaterThan(0.52);
  expect(rate.low).toBeLessThan(0.4);
  expect(rate.high).toBeGreaterThan(0.4);
  expect(rate.high).toBeLessThan(rate.judged);
  expect(rate.sensitivity).toBe(1);
  expect(rate.specificity).toBeLessThan(0.9);
});

test("by project each row has its own; by minutes with too few labels there is none", async () => {
  const rows = await quality("&by=project");
  expect(rows.map(({ project }) => project)).toEqual(["search", "shop"]);
  const labels = rows.map((one) => one.calibrated!.labels);
  expect(labels[0]! + labels[1]!).toBe(RECORDS.filter(({ isLabelled }) => isLabelled).length);
  const stepped = await quality("&step=1h&by=project");
  expect(stepped.reduce((sum, one) => sum + (one.calibrated?.labels ?? 0), 0)).toBe(
    labels[0]! + labels[1]!,
  );
});
