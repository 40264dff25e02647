/** Each way not to be judged, told apart. */
import type { ClickHouseClient } from "@clickhouse/client";
import { positionSql } from "@assay/clickhouse";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type QueryApi, startQueryApi } from "./main.ts";

const NOW_S = Math.floor(Date.now() / 1_000) - 3_600;
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;

/** Ends with a zero byte, which must not be lost. */
const idOf = (n: number): string => `${String(n).padStart(15, "0")}\0`;
const hexOf = (n: number): string => Buffer.from(idOf(n)).toString("hex");

const spanOf = (n: number, more: object = {}) => ({
  project: "p", trace_id: idOf(n), span_id: "thechat!", event_time: `${NOW_S}.000000000`, received_at: `${NOW_S}.000`,
  start_unix_nano: `${NOW_S}000000000`, end_unix_nano: `${NOW_S}000000001`, operation: "chat", is_model_call: true, status: "ok", ...more,
}); // prettier-ignore
const decisionOf = (n: number, reason: string, more: object = {}) => ({
  trace_id: idOf(n), span_id: "thechat!", project: "p", event_time: NOW_S, decided_at: NOW_S, rule: "rest", reason,
  configured: 0.1, probability: 0.1, ...more,
}); // prettier-ignore
const scoreOf = (n: number, name: string, status: string, more: object = {}) => ({
  project: "p", name, event_time: `${NOW_S}.000`, evaluated_at: `${NOW_S}.000`, evaluation_id: `${name.padEnd(12).slice(0, 12)}${String(n).padStart(4, "0")}`,
  trace_id: idOf(n), span_id: "thechat!", source: "judge", purpose: "traffic", role: "cheap", status, evaluator: "m",
  norm: status === "ok" ? 0.5 : null, ...more,
}); // prettier-ignore

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const insert = (table: string, values: object[]) =>
    writer.insert({ table: `assay.${table}`, values, format: "JSONEachRow" });
  await insert("ingest", [
    ...[1, 2, 3, 4, 5, 6, 7].map((n) => spanOf(n)),
    spanOf(8, { operation: "embeddings" }),
    spanOf(9, { received_at: (Date.now() / 1_000).toFixed(3) }),
    spanOf(10),
  ]);
  await insert("judge_decisions", [
    decisionOf(1, "chosen"),
    decisionOf(2, "chosen"),
    decisionOf(3, "not_chosen"),
    decisionOf(4, "not_chosen", { probability: 0.025 }),
    decisionOf(5, "no_content"),
    decisionOf(6, "no_profile", { rule: "" }),
    decisionOf(7, "chosen"),
  ]);
  await insert("evaluations", [
    scoreOf(1, "faithfulness", "ok"),
    scoreOf(2, "faithfulness", "not_applicable", { error_type: "no_context" }),
    scoreOf(2, "professional", "failed", { error_type: "budget", explanation: "spent" }),
    scoreOf(2, "relevance", "ok"),
  ]);
  api = await startQueryApi({
    checkAnswers: true, target: engine.readerTarget, address: { host: "127.0.0.1", port: 0 }, log: () => {} }); // prettier-ignore
});
afterAll(async () => {
  await api?.stop();
  await writer?.close();
  await engine?.stop();
});

async function why(traceId: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const url = `http://127.0.0.1:${api.address.port}/api/v1/judges/why?trace_id=${traceId}`;
  const response = await fetch(url);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test.each<[n: number, judged: boolean, sentence: RegExp]>([
  [1, true, /^Drawn by rule "rest" with probability 0.1; every metric has a score\.$/],
  [
    2,
    true,
    /without a score: faithfulness: no documents were retrieved; professional: the money for judging was spent\.$/,
  ],
  [
    3,
    false,
    /^Not drawn: its place in the draw is 0\.\d+, and rule "rest" takes those below 0\.1\.$/,
  ],
  [
    4,
    false,
    /takes those below 0\.025 \(0\.1 as configured, lowered to keep within the budget\)\.$/,
  ],
  [5, false, /content of the answer was not captured/],
  [6, false, /^No profile .* project "p"\.$/],
  [7, false, /^Drawn by rule "rest"; the judge has not come to it yet/],
  [8, false, /no model answered/],
  [9, false, /^Not decided yet/],
  [10, false, /^No judge was at work/],
])("trace %d: judged %s", async (n, judged, sentence) => {
  const { body } = await why(hexOf(n));
  expect(body).toMatchObject({ trace_id: hexOf(n), judged });
  expect(body["why"]).toMatch(sentence);
});

test("the place in the draw is the judge's own (known answer 16)", async () => {
  const result = await writer.query({
    query: `SELECT ${positionSql("judge-sampling", "'obs-123'")} AS position`,
    format: "JSONEachRow",
  });
  expect(await result.json()).toEqual([{ position: 3628984152441765 / 2 ** 53 }]);
});

test("an id that is none, and a trace that is not there", async () => {
  expect(await why("zz")).toMatchObject({
    status: 400,
    body: { error: { parameter: "trace_id" } },
  });
  expect(await why("f".repeat(32))).toMatchObject({ status: 404 });
});
