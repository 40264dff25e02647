/** POST /api/v1/query, the typed client and the OpenAPI document, against the real engine. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiClient, createApiClient } from "./client.ts";
import { type QueryApi, startQueryApi } from "./main.ts";
import { chat, insertSpans, testTraceId } from "./test-spans.ts";

const NOON = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const RANGE = { from: String(NOON - 3_600_000), to: String(NOON + 3_600_000) };
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;
let client: ApiClient;
let url: string;

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const call = (n: number, model: string, cost: string | null, more = {}) => ({
    trace: `t${n}`,
    span: "call",
    startMs: NOON + n * 60_000,
    durationMs: 1000,
    columns: chat(model, cost, { user_id: `u${n % 2}`, cache_read_tokens: 50, ...more }),
  });
  await insertSpans(writer, [
    call(0, "a", "0.100000000000"),
    call(1, "a", "0.200000000000"),
    call(2, "a", null, {
      status: "error",
      input_tokens: 0,
      output_tokens: 0,
      cache_read_tokens: 0,
    }),
    call(3, "b", "1.000000000001"),
  ]);
  await writer.insert({
    table: "assay.evaluations",
    values: [0, 1, 3].map((n) => ({
      evaluation_id: `${n}`.padEnd(16, "e"),
      event_time: new Date(NOON + n * 60_000).toISOString().slice(0, 19).replace("T", " "),
      evaluated_at: new Date(NOON + n * 60_000).toISOString().slice(0, 19).replace("T", " "),
      name: "composite",
      project: "shop",
      model: n === 3 ? "b" : "a",
      status: "ok",
      score: 1 + n,
      norm: n / 4,
      trace_probability: 1,
      judge_probability: 0.5,
      purpose: "traffic",
    })),
    format: "JSONEachRow",
  });
  api = await startQueryApi({
    checkAnswers: true,
    address: { host: "127.0.0.1", port: 0 },
    target: engine.readerTarget,
    log: () => {},
  });
  url = `http://127.0.0.1:${api.address.port}`;
  client = createApiClient(url);
});

afterAll(async () => {
  await api.stop();
  await writer.close();
  await engine.stop();
});

describe("measures", () => {
  test("by dimension, with units, exact money and scores with their intervals", async () => {
    const answer = await client.query({
      ...RANGE,
      measures: ["calls", "cost", "cached_share", "error_share", "score.composite", "latency_p50"],
      by: ["model"],
    });
    expect(answer.units).toEqual({
      calls: "calls",
      cost: "USD",
      cached_share: "share",
      error_share: "share",
      "score.composite": "score, 0 worst to 1 best",
      latency_p50: "ms",
    });
    expect(answer.tier).toBe("llm_1h");
    expect(answer.rows).toMatchObject([
      {
        model: "a",
        values: {
          calls: 3,
          cost: "0.300000000000",
          cached_share: 0.5,
          error_share: 1 / 3,
          "score.composite": { mean: 0.125, n: 2, too_few: true },
        },
      },
      { model: "b", values: { calls: 1, cost: "1.000000000001", error_share: 0 } },
    ]);
    expect(Math.abs(Number(answer.rows[0]?.values["latency_p50"]) - 1000)).toBeLessThanOrEqual(16); // a sketch is within 1.6 %
  });

  test("over time, without what is excluded, in the order asked for, up to the limit", async () => {
    const steps = await client.query({
      ...RANGE,
      measures: ["cost_per_call"],
      step: "1h",
      exclude: { model: "b" },
    });
    expect(steps.rows).toEqual([
      { time: new Date(NOON).toISOString().replace(".000", ""), values: { cost_per_call: 0.15 } },
    ]);
    const cheap = await client.query({
      ...RANGE,
      measures: ["cost_per_call"],
      by: ["model"],
      order: { measure: "cost_per_call", direction: "ascending" },
      limit: 1,
    });
    expect(cheap).toMatchObject({ rows: [{ model: "a" }], truncated: true });
  });

  test("by user, from the daily table", async () => {
    const answer = await client.query({ ...RANGE, measures: ["cost"], by: ["user"] });
    expect(answer.tier).toBe("cost_by_user_1d");
    expect(answer.rows).toEqual([
      { user: "u1", values: { cost: "1.200000000001" } },
      { user: "u0", values: { cost: "0.100000000000" } },
    ]);
  });
});

describe("what is refused says what was expected", () => {
  const refusals: [string, Record<string, unknown>, string][] = [
    ["no range", { measures: ["calls"] }, "from: expected RFC 3339"],
    ["no measures", { ...RANGE }, "measures: expected"],
    ["an unknown measure", { ...RANGE, measures: ["tokens"] }, "measures: expected one of calls"],
    [
      "too fine a grouping",
      { ...RANGE, measures: ["calls"], by: ["session"] },
      "GET /api/v1/sessions lists them",
    ],
    [
      "an unknown filter",
      { ...RANGE, measures: ["calls"], filters: { x: "1" } },
      "filters: expected",
    ],
    [
      "an unknown field",
      { ...RANGE, measures: ["calls"], group: ["model"] },
      "group: expected one of",
    ],
    [
      "SQL for a dimension",
      { ...RANGE, measures: ["calls"], by: ["model; DROP TABLE spans"] },
      "by: expected",
    ],
    [
      "latency by user",
      { ...RANGE, measures: ["latency_p95"], by: ["user"] },
      "is not kept by these dimensions",
    ],
    [
      "scores by user",
      { ...RANGE, measures: ["score.composite"], by: ["user"] },
      "scores are not kept by user",
    ],
    [
      "an order by what was not asked",
      { ...RANGE, measures: ["calls"], order: { measure: "cost" } },
      "order: expected",
    ],
  ];
  test.each(refusals)("%s", async (_name, body, message) => {
    const response = await post(JSON.stringify(body));
    expect(response.status).toBe(400);
    expect((await response.json()).error.message).toContain(message);
  });

  test("a body that is no JSON, no object, too large or of another type", async () => {
    expect((await post("{")).status).toBe(400);
    expect((await post("[]")).status).toBe(400);
    expect((await post(JSON.stringify({ from: "x".repeat(70_000) }))).status).toBe(413);
    expect((await post("{}", { "content-type": "text/plain" })).status).toBe(415);
    expect((await post("{}", { origin: "http://elsewhere.example" })).status).toBe(403);
    expect((await fetch(`${url}/api/v1/query`)).status).toBe(405);
    expect((await fetch(`${url}/api/v1/costs`, { method: "POST" })).status).toBe(405);
  });

  function post(body: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${url}/api/v1/query`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
    });
  }
});

describe("the client", () => {
  test("asks every address that needs no more than a range", async () => {
    expect((await client.costs({ ...RANGE, by: "model" })).totals.calls).toBe(4);
    expect((await client.spans({ ...RANGE, limit: "2" })).spans).toHaveLength(2);
    expect((await client.traces(RANGE)).traces).toHaveLength(4);
    expect((await client.quality({ ...RANGE, metric: "composite" })).rows).toHaveLength(1);
    expect((await client.projects({})).projects).toHaveLength(1);
    const trace = await client.trace({ traceId: testTraceId("t0"), content: "true" });
    expect(trace.totals).toMatchObject({ calls: 1, cost: "0.100000000000" });
  });

  test("throws the API's own error", async () => {
    await expect(client.trace({ traceId: "0".repeat(31) + "1" })).rejects.toMatchObject({
      status: 404,
      code: "trace_not_found",
    });
  });
});

test("a linter finds nothing wrong with the OpenAPI document, which names every address", async () => {
  const source = await (await fetch(`${url}/api/v1/openapi.json`)).text();
  const problems = await lintFromString({
    source,
    config: await createConfig({ extends: ["recommended"] }),
  });
  expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
  expect(Object.keys(JSON.parse(source).paths)).toContain(
    "/api/v1/traces/{traceId}/spans/{spanId}",
  );
});
