/** The API against the real engine: rows in, requests over HTTP, rows out. */
import http from "node:http";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type QueryApi, startQueryApi } from "./main.ts";
import { chat, insertSpans, testSpanId, testTraceId } from "./test-spans.ts";
import { HOSTILE } from "./test-demo.ts";

/** Noon of yesterday, UTC: a fixed place within a day. */
const NOON = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const range = `from=${NOON - 3_600_000}&to=${NOON + 3_600_000}`;
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const a = { columns: chat("gpt-a", "0.000000000001", { user_id: "u1", release: "r1" }) };
  await insertSpans(writer, [
    {
      trace: "t1",
      span: "root",
      startMs: NOON,
      durationMs: 500,
      columns: { operation: "invoke_agent", session_id: "s1" },
    },
    { trace: "t1", span: "c1", parent: "root", startMs: NOON + 10, durationMs: 100, ...a },
    {
      trace: "t1",
      span: "far",
      parent: "c1",
      project: "search",
      startMs: NOON + 20,
      durationMs: 50,
      columns: {
        operation: "retrieval",
        service: "kb",
        status: "error",
        error_type: "timeout",
        has_content: true,
        content_query: HOSTILE,
        content_documents: '[{"id":"d1","score":0.5,"content":"x"}]',
        attrs_string: { __proto__x: "y", html: HOSTILE },
        attrs_int: { big: "9007199254740993" },
      },
    },
    { trace: "t1", span: "lost", parent: "never sent", startMs: NOON + 30 },
    {
      trace: "t2",
      span: "c2",
      startMs: NOON + 60_000,
      durationMs: 300,
      columns: chat("gpt-b", null, { user_id: "u2", status: "error" }),
    },
    {
      trace: "t2",
      span: "c3",
      parent: "c2",
      startMs: NOON + 60_100,
      durationMs: 200,
      columns: chat("gpt-a", "99999999999999.000000000001", { user_id: "u1" }),
    },
  ]);
  api = await startQueryApi({
    checkAnswers: true,
    address: { host: "127.0.0.1", port: 0 },
    target: engine.readerTarget,
    log: () => {},
  });
});

afterAll(async () => {
  await api.stop();
  await writer.close();
  await engine.stop();
});

interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: any;
}

/** fetch() would not send a Host of our choice. */
function get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.request({ ...api.address, path, headers, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const json = response.headers["content-type"]?.includes("json") && text !== "";
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: json ? JSON.parse(text) : text,
        });
      });
    });
    request.on("error", reject).end();
  });
}

describe("one trace", () => {
  test("spans of all projects as a tree, with exact totals", async () => {
    const { body } = await get(`/api/v1/traces/${testTraceId("t1")}`);
    expect(body.projects).toEqual(["search", "shop"]);
    expect(body.spans.map((s: any) => [s.name, s.depth, s.orphan])).toEqual([
      ["root", 0, false],
      ["c1", 1, false],
      ["far", 2, false],
      ["lost", 0, true],
    ]);
    expect(body.totals).toMatchObject({
      spans: 4,
      errors: 1,
      calls: 1,
      unpriced_calls: 0,
      input_tokens: 100,
      cost: "0.000000000001",
    });
    expect(body).toMatchObject({ duration_ms: 500, truncated: false });
    expect(body.spans[2].content).toBeUndefined();
    expect(body.spans[2].attributes).toEqual({
      __proto__x: "y",
      html: HOSTILE,
      big: "9007199254740993",
    });
  });

  test("content is parsed where it is JSON, and stays text where it is markup", async () => {
    const { body } = await get(`/api/v1/traces/${testTraceId("t1")}?content=true`);
    expect(body.spans[2].content).toEqual({
      query: HOSTILE,
      documents: [{ id: "d1", score: 0.5, content: "x" }],
    });
    const span = await get(`/api/v1/traces/${testTraceId("t1")}/spans/${testSpanId("t1", "far")}`);
    expect(span.body.content).toEqual(body.spans[2].content);
  });

  test("a span that was stored twice is shown once", async () => {
    const twice = {
      trace: "twice",
      span: "one",
      startMs: NOON - 7_200_000,
      columns: chat("gpt-d", "0.5"),
    };
    await insertSpans(writer, [twice]);
    await insertSpans(writer, [{ ...twice, columns: { ...twice.columns, batch: 2 } }]);
    const { body } = await get(`/api/v1/traces/${testTraceId("twice")}`);
    expect(body.totals).toMatchObject({ spans: 1, cost: "0.500000000000" });
  });

  test("unknown trace, unknown span", async () => {
    expect(await get(`/api/v1/traces/${"ab".repeat(16)}`)).toMatchObject({
      status: 404,
      body: { error: { code: "trace_not_found" } },
    });
    expect(await get(`/api/v1/traces/${testTraceId("t1")}/spans/${"ab".repeat(8)}`)).toMatchObject({
      status: 404,
      body: { error: { code: "span_not_found" } },
    });
  });
});

const costs: Record<string, [string, Record<string, unknown>[]]> = {
  "by model": [
    "by=model",
    [
      {
        model: "gpt-a",
        calls: 2,
        errors: 0,
        cost: "99999999999999.000000000002",
        input_tokens: 200,
      },
      { model: "gpt-b", calls: 1, errors: 1, unpriced_calls: 1, cost: null },
    ],
  ],
  "of one model": ["model=gpt-b", [{ calls: 1, cost: null }]],
  "by minute": [
    "step=1m",
    [
      { time: new Date(NOON).toISOString().replace(".000", ""), calls: 1, cost: "0.000000000001" },
      { time: new Date(NOON + 60_000).toISOString().replace(".000", ""), calls: 2 },
    ],
  ],
  "by user": [
    "by=user&user=u1",
    [
      {
        user: "u1",
        calls: 2,
        errors: null,
        cost: "99999999999999.000000000002",
        latency_ms: { p50: null, p95: null, p99: null },
      },
    ],
  ],
  "of a release": ["by=model&release=r1", [{ model: "gpt-a", calls: 1, cost: "0.000000000001" }]],
  "of nothing": ["project=none", []],
};

test.each(Object.entries(costs))("costs %s", async (_name, [query, rows]) => {
  const { body, status } = await get(`/api/v1/costs?${range}&${query}`);
  expect([status, body.error]).toEqual([200, undefined]);
  expect(body.rows).toHaveLength(rows.length);
  expect(body.rows).toMatchObject(rows);
});

test("percentiles come from merged sketches, not averages; the range is widened to what is read", async () => {
  const { body } = await get(`/api/v1/costs?from=${NOON - 1}&to=${NOON + 3_600_000}`);
  expect(body).toMatchObject({ tier: "llm_1m", from: new Date(NOON - 60_000).toISOString() });
  expect(body.totals.latency_ms.p50).toBeCloseTo(200, -1);
  expect(body.totals.latency_ms.p99).toBeCloseTo(300, -1);
});

test("traces: newest first, filters, pages", async () => {
  const all = await get(`/api/v1/traces?${range}`);
  expect(all.body.traces.map((t: any) => t.trace_id)).toEqual([
    testTraceId("t2"),
    testTraceId("t1"),
  ]);
  expect(all.body.traces[1]).toMatchObject({
    name: "root",
    projects: ["search", "shop"],
    spans: 4,
    errors: 1,
    session_id: "s1",
    models: ["gpt-a"],
  });
  for (const [query, expected] of [
    ["session=s1", "t1"],
    ["model=gpt-b", "t2"],
    ["project=search", "t1"],
    ["service=kb", "t1"],
    ["user=u2", "t2"],
  ]) {
    const { body } = await get(`/api/v1/traces?${range}&${query}`);
    expect([query, body.traces.map((t: any) => t.trace_id)]).toEqual([
      query,
      [testTraceId(expected!)],
    ]);
  }
  expect((await get(`/api/v1/traces?${range}&status=ok`)).body.traces).toEqual([]);
  const first = await get(`/api/v1/traces?${range}&limit=1`);
  const second = await get(`/api/v1/traces?${range}&limit=1&cursor=${first.body.next_cursor}`);
  expect(second.body).toMatchObject({
    next_cursor: null,
    traces: [{ trace_id: testTraceId("t1") }],
  });
});

test("pages of spans miss and repeat nothing while spans arrive", async () => {
  const project = "cursor";
  const spans = Array.from({ length: 57 }, (_, i) => ({
    trace: `p${i % 5}`,
    span: `s${i}`,
    project,
    startMs: NOON + Math.floor(i / 3),
  }));
  await insertSpans(writer, spans);
  const seen: string[] = [];
  let cursor = "";
  for (let page = 0; page < 20; page++) {
    const { body } = await get(
      `/api/v1/spans?${range}&project=${project}&limit=10${cursor && `&cursor=${cursor}`}`,
    );
    seen.push(...body.spans.map((s: any) => s.name));
    cursor = body.next_cursor ?? "";
    if (!cursor) break;
    await insertSpans(writer, [
      { trace: "new", span: `new${page}`, project, startMs: NOON + 1_000 + page },
    ]);
  }
  expect(seen.toSorted()).toEqual(spans.map((s) => s.span).toSorted());
});

const refused: [string, string, string][] = [
  ["/api/v1/traces/xyz", "traceId", "32 hex digits, not all zero"],
  [`/api/v1/traces/${"0".repeat(32)}`, "traceId", "32 hex digits, not all zero"],
  [`/api/v1/traces/${"ab".repeat(16)}?content=yes`, "content", '"true" or "false"'],
  ["/api/v1/spans?to=now", "from", "RFC 3339"],
  ["/api/v1/spans?from=yesterday&to=now", "from", "RFC 3339"],
  ["/api/v1/spans?from=now&to=now-1h", "from", "a time before to"],
  [`/api/v1/spans?${range}&limit=1001`, "limit", "a whole number from 1 to 1000"],
  [`/api/v1/spans?${range}&status=bad`, "status", '"ok" or "error"'],
  [`/api/v1/spans?${range}&cursor=abc`, "cursor", "the next_cursor of an earlier answer"],
  [`/api/v1/spans?${range}&modle=x`, "modle", "one of the parameters"],
  [`/api/v1/spans?${range}&__proto__=x`, "__proto__", "one of the parameters"],
  [`/api/v1/spans?${range}&limit=1&limit=2`, "limit", ""],
  [`/api/v1/costs?${range}&by=color`, "by", "a comma list of"],
  [`/api/v1/costs?${range}&by=model,model`, "by", "a comma list of"],
  [`/api/v1/costs?${range}&step=10s`, "step", "a step such as"],
  ["/api/v1/costs?from=0&to=now&step=1m", "step", "at most 2000 steps"],
  ["/api/v1/projects?x=1", "x", "one of the parameters"],
];

test.each(refused)("%s is refused naming %s", async (path, parameter, expected) => {
  const { status, body } = await get(path);
  expect([status, body.error.code, body.error.parameter]).toEqual([
    400,
    "bad_parameter",
    parameter,
  ]);
  expect(body.error.expected).toContain(expected);
});

const guarded: Record<string, [Record<string, string>, string, number]> = {
  "a foreign host": [{ host: "evil.example:8080" }, "/api/v1/projects", 403],
  "a foreign host for the page": [{ host: "evil.example" }, "/", 403],
  "localhost by name": [{ host: "localhost:9" }, "/api/v1/projects", 200],
  "another origin": [{ origin: "https://evil.example" }, "/api/v1/projects", 403],
  "an origin without a name": [{ origin: "null" }, "/api/v1/projects", 403],
  "a cross-site request": [{ "sec-fetch-site": "cross-site" }, "/api/v1/projects", 403],
  "a cross-site visit to the API": [
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    "/api/v1/projects",
    403,
  ],
};

test.each(Object.entries(guarded))("%s", async (_name, [headers, path, status]) => {
  expect((await get(path, headers)).status).toBe(status);
});

test("only GET and HEAD, with headers that keep browsers strict", async () => {
  expect(await get("/api/v1/spans", {}, "POST")).toMatchObject({
    status: 405,
    headers: { allow: "GET, HEAD" },
  });
  const { headers, body } = await get("/healthz");
  expect(body).toMatchObject({ status: "ok" });
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "content-security-policy": expect.stringContaining("default-src 'none'"),
  });
  expect((await get("/nowhere")).status).toBe(404);
});
