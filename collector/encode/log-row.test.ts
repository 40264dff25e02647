import { loadPriceBook } from "@assay/instrumentation/pricing";
import { beforeEach, describe, expect, test } from "vitest";
import {
  body,
  double,
  type Field,
  fixed64,
  int,
  keyValue,
  logRecord,
  message,
  ofSpan,
  request,
  span,
  SPAN_ID,
  text,
  TRACE_ID,
} from "../otlp/testing.ts";
import { validateLogs } from "../otlp/validate-logs.ts";
import { createEncoder, type TraceEncoder } from "./encoder.ts";
import { readBlock, type Row } from "./native-reading.ts";

const RECEIVED = Date.UTC(2026, 2, 2, 12);
const NOW = BigInt(RECEIVED) * 1_000_000n;
const DAY_NS = 86_400_000_000_000n;

let encoder: TraceEncoder;
beforeEach(() => {
  const maxSpanAgeMs = 7 * 86_400_000;
  encoder = createEncoder({ priceBook: loadPriceBook(), collectorId: "log-1", maxSpanAgeMs });
});

function append(signal: "traces" | "logs", bytes: Uint8Array, rejected: readonly number[] = []) {
  const spanCount = signal === "logs" ? validateLogs(bytes).spanCount : 1;
  encoder.append({ seq: 1, signal, body: bytes, spanCount, rejected, receivedAtUnixMs: RECEIVED });
}

function rowOf(...fields: Field[]): Row {
  append("logs", request(logRecord(fixed64(1, NOW), ...fields)));
  const [row] = readBlock(encoder.finish(1));
  return row!;
}

const evaluation = text(12, "gen_ai.evaluation.result");
const relevance = keyValue(6, "gen_ai.evaluation.name", text(1, "Relevance"));
const member = (key: string, ...value: Field[]): Field => keyValue(1, key, ...value);

describe("an evaluation", () => {
  test("has a row of its own kind, with nothing of a call", () => {
    const row = rowOf(
      evaluation,
      ofSpan,
      relevance,
      fixed64(11, NOW + 5n),
      keyValue(6, "gen_ai.evaluation.score.value", double(4, 0.75)),
      keyValue(6, "gen_ai.evaluation.score.label", text(1, "good")),
      keyValue(6, "gen_ai.evaluation.explanation", text(1, "to the point")),
      keyValue(6, "gen_ai.response.id", text(1, "resp-1")),
      keyValue(6, "gen_ai.conversation.id", text(1, "chat-1")),
      keyValue(6, "error.type", text(1, "timeout")),
      keyValue(6, "gen_ai.request.model", text(1, "gpt-4o")),
      keyValue(6, "threshold", int(3, 3)),
      keyValue(6, "tags", message(5, message(1, text(1, "a")))),
      message(5, text(1, "Relevance: 0.75")),
    );
    expect(row).toMatchObject({
      row_kind: "evaluation",
      trace_id: TRACE_ID.toString("hex"),
      span_id: SPAN_ID.toString("hex"),
      event_time: NOW,
      start_unix_nano: NOW,
      end_unix_nano: NOW + 5n,
      name: "Relevance",
      response_id: "resp-1",
      session_id: "chat-1",
      error_type: "timeout",
      operation: "",
      request_model: "",
      is_model_call: false,
      has_content: false,
    });
    expect(row["attrs_double"]).toEqual(new Map([["gen_ai.evaluation.score.value", 0.75]]));
    expect(row["attrs_string"]).toEqual(
      new Map([
        ["gen_ai.evaluation.score.label", "good"],
        ["gen_ai.evaluation.explanation", "to the point"],
        ["gen_ai.request.model", "gpt-4o"],
        ["threshold", "3"],
        ["tags", '["a"]'],
        ["body", "Relevance: 0.75"],
      ]),
    );
  });

  const SCORE = "gen_ai.evaluation.score.value";
  const scores: [name: string, value: Field, score: unknown][] = [
    ["a whole number", int(3, 4), 4],
    ["a number as text", text(1, " 0.5"), 0.5],
    ["no number", text(1, "good"), undefined],
    ["NaN", double(4, Number.NaN), undefined],
    ["a yes", int(2, 1), undefined],
  ];
  test.each(scores)("its score: %s", (_, value, score) => {
    const row = rowOf(evaluation, relevance, keyValue(6, SCORE, value));
    expect((row["attrs_double"] as Map<string, number>).get(SCORE)).toBe(score);
    expect((row["attrs_string"] as Map<string, string>).has(SCORE)).toBe(score === undefined);
  });

  test("belongs to no span where it names none", () => {
    expect(rowOf(evaluation, relevance, text(9, "short"))).toMatchObject({
      trace_id: "0".repeat(32),
      span_id: "0".repeat(16),
    });
  });

  test("is of its resource's project unless it names its own", () => {
    const resource = message(1, keyValue(1, "service.name", text(1, "svc")));
    const own = keyValue(6, "assay.project", text(1, "shop"));
    append(
      "logs",
      body(
        message(
          1,
          resource,
          message(2, logRecord(evaluation, relevance), logRecord(evaluation, relevance, own)),
        ),
      ),
    );
    const rows = readBlock(encoder.finish(1));
    expect(rows.map(({ project, service }) => [project, service])).toEqual([
      ["svc", "svc"],
      ["shop", "svc"],
    ]);
  });
});

describe("messages", () => {
  const CASES: Record<string, [Field[], Record<string, unknown>]> = {
    "a call's details, structured": [
      [
        text(12, "gen_ai.client.inference.operation.details"),
        keyValue(6, "gen_ai.operation.name", text(1, "chat")),
        keyValue(6, "gen_ai.request.model", text(1, "gpt-4o")),
        keyValue(
          6,
          "gen_ai.input.messages",
          message(5, message(1, message(6, member("role", text(1, "user"))))),
        ),
        keyValue(6, "gen_ai.system_instructions", text(1, '[{"type":"text","content":"Be kind"}]')),
      ],
      {
        row_kind: "content",
        content_input: '[{"role":"user"}]',
        content_system: '[{"type":"text","content":"Be kind"}]',
        operation: "",
        request_model: "",
      },
    ],
    "a call's details in the body": [
      [
        keyValue(6, "event.name", text(1, "gen_ai.client.inference.operation.details")),
        message(
          5,
          message(6, member("gen_ai.output.messages", message(5, message(1, text(1, "x"))))),
        ),
      ],
      { row_kind: "content", content_output: '["x"]' },
    ],
    "a user's message": [
      [text(12, "gen_ai.user.message"), message(5, message(6, member("content", text(1, "Hi"))))],
      {
        row_kind: "message",
        content_input: '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
        content_output: "",
      },
    ],
    "instructions, the body as JSON text": [
      [text(12, "gen_ai.system.message"), message(5, text(1, '{"content":"Be kind"}'))],
      { content_input: '[{"role":"system","parts":[{"type":"text","content":"Be kind"}]}]' },
    ],
    "a text for a body": [
      [text(12, "gen_ai.assistant.message"), message(5, text(1, "Hello"))],
      { content_input: '[{"role":"assistant","parts":[{"type":"text","content":"Hello"}]}]' },
    ],
    "a tool's answer": [
      [
        text(12, "gen_ai.tool.message"),
        message(5, message(6, member("id", text(1, "call-1")), member("content", text(1, "17")))),
      ],
      {
        content_input:
          '[{"role":"tool","parts":[{"type":"tool_call_response","id":"call-1","response":"17"}]}]',
      },
    ],
    "an answer": [
      [
        text(12, "gen_ai.choice"),
        message(
          5,
          message(
            6,
            member("index", int(3, 0)),
            member("finish_reason", text(1, "stop")),
            member("message", message(6, member("content", text(1, "Paris")))),
          ),
        ),
      ],
      {
        content_input: "",
        content_output:
          '[{"role":"assistant","parts":[{"type":"text","content":"Paris"}],"finish_reason":"stop"}]',
      },
    ],
    "a prompt as it was once sent": [
      [text(12, "gen_ai.content.prompt"), keyValue(6, "gen_ai.prompt", text(1, "Hi"))],
      { content_input: '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]' },
    ],
    "no content, because the sender keeps it": [
      [text(12, "gen_ai.choice")],
      { has_content: true, content_output: '[{"role":"assistant","parts":[],"finish_reason":""}]' },
    ],
  };
  test.each(Object.entries(CASES))("%s", (_, [fields, expected]) => {
    expect(rowOf(ofSpan, ...fields)).toMatchObject({ has_content: true, ...expected });
  });
});

test("rows are counted by where they go, those of spans by their day alone", () => {
  append("traces", request(span(fixed64(7, NOW), fixed64(8, NOW))));
  append(
    "logs",
    request(
      logRecord(fixed64(1, NOW), evaluation, relevance),
      logRecord(fixed64(1, NOW), text(12, "mine")),
      logRecord(fixed64(1, NOW), text(12, "gen_ai.choice"), ofSpan),
      logRecord(fixed64(1, NOW - DAY_NS), text(12, "gen_ai.choice"), ofSpan),
      logRecord(fixed64(11, NOW), text(12, "gen_ai.client.inference.operation.details"), ofSpan),
    ),
    [1],
  );
  append("traces", request(span(fixed64(7, NOW), fixed64(8, NOW))));
  const block = encoder.finish(1);
  expect(block.rowsByDay).toEqual(
    new Map([
      ["2026-03-02", 2],
      ["2026-03-02 evaluations", 1],
      ["2026-03-02 span_content", 2],
      ["2026-03-01 span_content", 1],
    ]),
  );
  expect(readBlock(block).map((row) => row["row_kind"])).toEqual([
    "span",
    "evaluation",
    "message",
    "message",
    "content",
    "span",
  ]);
});

test("a body that turns out malformed leaves no row", () => {
  append("logs", request(logRecord(evaluation, relevance)));
  const bad = body(
    message(1, message(2, logRecord(evaluation, relevance), message(2, [0x0a, 0x7f]))),
  );
  expect(() =>
    encoder.append({
      seq: 2,
      signal: "logs",
      body: bad,
      spanCount: 2,
      rejected: [],
      receivedAtUnixMs: 1,
    }),
  ).toThrow("malformed");
  expect(readBlock(encoder.finish(1)).map((row) => row["name"])).toEqual(["Relevance"]);
});
