/** What came as log events, shown with the spans that it is about. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Evaluation } from "./evaluations.ts";
import { type QueryApi, startQueryApi } from "./main.ts";
import { chat, insertSpans, testSpanId, testTraceId, type TestSpan } from "./test-spans.ts";

const NOW = Date.now() - 60_000;
const DAY = 86_400_000;
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;

/** A message event of span `call` of trace `t`; `batch` is the insert it came with. */
function message(part: "input" | "output", text: string, startMs: number): TestSpan {
  const role = part === "input" ? "user" : "assistant";
  const columns = {
    row_kind: "message",
    has_content: true,
    status: "",
    [`content_${part}`]: JSON.stringify([{ role, parts: [{ type: "text", content: text }] }]),
  };
  return { trace: "t", span: "call", startMs, durationMs: 0, columns };
}

function evaluation(name: string, score: number | null, columns: object = {}): TestSpan {
  return {
    trace: "t",
    span: "call",
    startMs: NOW + 2 * DAY,
    durationMs: 0,
    columns: {
      row_kind: "evaluation",
      status: "",
      name,
      scope_name: "my.evals",
      attrs_double: score === null ? {} : { "gen_ai.evaluation.score.value": score },
      attrs_string: {
        "gen_ai.evaluation.score.label": "fair",
        "gen_ai.evaluation.explanation": "<b>half</b> of it",
        threshold: "3",
      },
      ...columns,
    },
  };
}

const NO_TRACE = { trace_id: "\0".repeat(16), span_id: "\0".repeat(8) };

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  await insertSpans(writer, [
    { trace: "t", span: "root", startMs: NOW, durationMs: 500 },
    {
      trace: "t",
      span: "call",
      parent: "root",
      startMs: NOW + 10,
      columns: chat("gpt-a", "0.000000000001", { response_id: "resp-1" }),
    },
    {
      trace: "t",
      span: "whole",
      parent: "root",
      startMs: NOW + 20,
      columns: { has_content: true, content_input: "the span's own" },
    },
    // Later, and in another insert: the order is that of their time.
    message("input", "second", NOW + 12),
    message("output", "answer", NOW + 600_000),
  ]);
  await insertSpans(writer, [
    message("input", "first", NOW + 11),
    message("input", "second", NOW + 12),
    message("input", "with second", NOW + 12),
    { ...message("input", "not needed", NOW + 21), span: "whole" },
    evaluation("Relevance", 0.5),
    evaluation("Failed", null, { error_type: "timeout", attrs_string: {} }),
    evaluation("Of the trace", 1, { span_id: "\0".repeat(8) }),
    evaluation("Of the response", 2, { ...NO_TRACE, response_id: "resp-1" }),
    evaluation("Of another response", 3, { ...NO_TRACE, response_id: "resp-2" }),
    evaluation("Of nothing", 4, NO_TRACE),
    { ...evaluation("Of a span that never came", 5), span: "lost" },
    { ...evaluation("Of another trace", 6), trace: "other" },
  ]);
  // The same evaluation through another collector.
  await insertSpans(writer, [evaluation("Relevance", 0.5)]);
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

interface Answer {
  spans: { name: string; content: unknown; evaluations: Evaluation[] }[];
  evaluations: Evaluation[];
  content: unknown;
  totals: unknown;
  traces: unknown;
}

async function get(path: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${api.address.port}/api/v1${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

const text = (role: string, content: string): object => ({
  role,
  parts: [{ type: "text", content }],
});
const callContent = {
  input: [text("user", "first"), text("user", "second"), text("user", "with second")],
  output: [text("assistant", "answer")],
};
const names = (evaluations: { name: string }[]): string[] => evaluations.map(({ name }) => name);

test("messages are put together in the order of their time, whatever came when", async () => {
  const trace = await get(`/traces/${testTraceId("t")}?content=true`);
  const content = Object.fromEntries(trace.spans.map((span) => [span.name, span.content]));
  expect(content).toEqual({
    root: null,
    call: callContent,
    whole: { input: "the span's own" },
  });
  const span = await get(`/traces/${testTraceId("t")}/spans/${testSpanId("t", "call")}`);
  expect(span.content).toEqual(callContent);
});

test("evaluations stand with what they are about, each once", async () => {
  const trace = await get(`/traces/${testTraceId("t")}`);
  const [root, call, whole] = trace.spans.map((one) => one.evaluations);
  expect(names(trace.evaluations)).toEqual(["Of a span that never came", "Of the trace"]);
  expect(names(call!)).toEqual(["Failed", "Of the response", "Relevance"]);
  expect([root, whole]).toEqual([[], []]);
  expect(call![2]).toEqual({
    evaluation_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    name: "Relevance",
    project: "shop",
    service: "api",
    span_id: testSpanId("t", "call"),
    response_id: "",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    evaluated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    source: "otlp",
    evaluator: "my.evals",
    score: 0.5,
    label: "fair",
    explanation: "<b>half</b> of it",
    error_type: "",
    attributes: { threshold: "3" },
  });
  expect(call![0]).toMatchObject({ score: null, error_type: "timeout", label: "" });
  const span = await get(`/traces/${testTraceId("t")}/spans/${testSpanId("t", "call")}`);
  expect(span.evaluations).toEqual(call);
});

test("what is no span is none: neither listed nor counted", async () => {
  const trace = await get(`/traces/${testTraceId("t")}`);
  expect(trace.totals).toMatchObject({ spans: 3, calls: 1 });
  const { traces } = await get(`/traces?from=${NOW - DAY}&to=${NOW + 3 * DAY}`);
  expect(traces).toMatchObject([{ trace_id: testTraceId("t"), spans: 3 }]);
});
