import { loadPriceBook } from "@assay/instrumentation/pricing";
import { beforeEach, describe, expect, test } from "vitest";
import {
  body,
  double,
  type Field,
  fixed32,
  fixed64,
  int,
  keyValue,
  message,
  request,
  span,
  SPAN_ID,
  text,
  TRACE_ID,
} from "../otlp/testing.ts";
import { validateTraces } from "../otlp/validate.ts";
import { PermanentError } from "../stages.ts";
import { anomaliesOf } from "./anomalies.ts";
import { createEncoder, type TraceEncoder } from "./encoder.ts";
import { readBlock, type Row } from "./native-reading.ts";

const RECEIVED = Date.UTC(2026, 2, 2, 12);
const RECEIVED_NS = BigInt(RECEIVED) * 1_000_000n;
const DAY_MS = 86_400_000;

let encoder: TraceEncoder;
const newEncoder = () =>
  createEncoder({ priceBook: loadPriceBook(), collectorId: "log-1", maxSpanAgeMs: 7 * DAY_MS });
beforeEach(() => {
  encoder = newEncoder();
});

function append(bytes: Uint8Array, rejected: readonly number[] = []): void {
  const spanCount = validateTraces(bytes).spanCount;
  encoder.append({
    seq: 1,
    body: bytes,
    spanCount,
    rejected,
    receivedAtUnixMs: RECEIVED,
    signal: "traces",
  });
}

function rowsOf(...scopeSpans: Field[]): Row[] {
  append(request(...scopeSpans));
  return readBlock(encoder.finish(1));
}

/** A span's own id: of a field that comes twice the last one counts, and spans of equal ids are one. */
const spanId = (n: number): Field => text(2, Buffer.alloc(8, n));
const started = fixed64(7, RECEIVED_NS - 1_000n);
const ended = fixed64(8, RECEIVED_NS);

/** The row of one span with these fields, and of what is odd about it. */
function rowOf(...fields: Field[]): Row {
  const [row] = rowsOf(span(started, ended, ...fields));
  return { ...row, anomalies: anomaliesOf(Number(row!["anomalies"])) };
}

type Value = string | number | boolean | readonly string[];
const valueOf = (value: Value): Field => {
  if (typeof value === "string") return text(1, value);
  if (typeof value === "boolean") return int(2, value ? 1 : 0);
  if (typeof value !== "number") {
    return message(5, ...value.map((item) => message(1, text(1, item))));
  }
  return Number.isInteger(value) ? int(3, value) : double(4, value);
};
/** The row of a span with these attributes. */
const rowWith = (attributes: Record<string, Value>): Row =>
  rowOf(...Object.entries(attributes).map(([key, value]) => keyValue(9, key, valueOf(value))));

describe("attributes and their columns", () => {
  const cases: Record<string, [Record<string, Value>, Row]> = {
    "old provider names are the new ones": [
      { "gen_ai.system": "vertex_ai" },
      { provider: "gcp.vertex_ai", attrs_string: new Map() },
    ],
    "a provider name wins over the system, which is kept": [
      { "gen_ai.system": "openai", "gen_ai.provider.name": "azure.ai.openai" },
      { provider: "azure.ai.openai", attrs_string: new Map([["gen_ai.system", "openai"]]) },
    ],
    "a value that says the same as the winner is not kept": [
      { "gen_ai.system": "openai", "gen_ai.provider.name": "openai" },
      { provider: "openai", attrs_string: new Map() },
    ],
    "old token names": [
      { "gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.completion_tokens": 3 },
      {
        input_tokens: 10,
        output_tokens: 3,
        usage_source: "reported",
        operation: "chat",
        anomalies: ["operationInferred"],
      },
    ],
    "tokens as double and as text": [
      {
        "gen_ai.operation.name": "x",
        "gen_ai.usage.input_tokens": "12",
        "gen_ai.usage.output_tokens": "3e1",
      },
      { input_tokens: 12, output_tokens: 30, anomalies: [] },
    ],
    "tokens that are none are unknown, and kept": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": -1,
        "gen_ai.usage.output_tokens": 1.5,
      },
      {
        input_tokens: 0,
        output_tokens: 0,
        usage_source: "",
        cost: null,
        cost_status: "unpriced",
        attrs_int: new Map([["gen_ai.usage.input_tokens", -1n]]),
        attrs_double: new Map([["gen_ai.usage.output_tokens", 1.5]]),
        anomalies: ["invalidTokens"],
      },
    ],
    "2^32 tokens are none": [
      { "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 2 ** 32 },
      { input_tokens: 0, anomalies: ["invalidTokens"] },
    ],
    "cache beyond input is added to it": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 900,
        "gen_ai.usage.cache_creation.input_tokens": 90,
      },
      {
        input_tokens: 1000,
        cache_read_tokens: 900,
        cache_write_tokens: 90,
        anomalies: ["exclusiveInput"],
      },
    ],
    "both names of cache writes, equal": [
      {
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.cache_write.input_tokens": 5,
        "gen_ai.usage.cache_creation.input_tokens": 5,
      },
      { cache_write_tokens: 5, attrs_int: new Map() },
    ],
    "estimated usage": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 1000,
        "assay.usage.estimated": true,
      },
      { usage_source: "estimated", cost_status: "estimated", cost: 150_000_000n },
    ],
    "a finish reason as text": [
      { "gen_ai.response.finish_reasons": "stop" },
      { finish_reasons: ["stop"] },
    ],
    "finish reasons as JSON text": [
      { "gen_ai.response.finish_reasons": '["stop","length"]' },
      { finish_reasons: ["stop", "length"] },
    ],
    "finish reasons of providers, in the conventions' words": [
      { "gen_ai.response.finish_reasons": '["tool_use","MAX_TOKENS","pause_turn"]' },
      { finish_reasons: ["tool_call", "length", "pause_turn"] },
    ],
    "a finish reason of a provider as text": [
      { "gen_ai.response.finish_reasons": "tool_calls" },
      { finish_reasons: ["tool_call"] },
    ],
    "finish reasons that only look like JSON": [
      { "gen_ai.response.finish_reasons": "[stop" },
      { finish_reasons: ["[stop"] },
    ],
    "seconds to the first chunk are nanoseconds": [
      { "gen_ai.response.time_to_first_chunk": 5.25 },
      { ttft_ns: 5_250_000_000n },
    ],
    "the exact cost wins over the double": [
      {
        "assay.cost.amount_exact": "0.000091200001",
        "gen_ai.usage.cost.amount": 0.0000912,
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.usage.cost.source": "local",
      },
      {
        reported_cost: 91_200_001n,
        reported_cost_source: "local",
        attrs_double: new Map(),
        attrs_string: new Map(),
      },
    ],
    "a cost in another currency stays an attribute": [
      { "gen_ai.usage.cost.amount": 0.5, "gen_ai.usage.cost.currency": "EUR" },
      {
        reported_cost: null,
        attrs_double: new Map([["gen_ai.usage.cost.amount", 0.5]]),
        attrs_string: new Map([["gen_ai.usage.cost.currency", "EUR"]]),
      },
    ],
    "a cost as double": [{ "gen_ai.usage.cost": 0.1 }, { reported_cost: 100_000_000_000n }],
    "top_k on a retrieval by its old name": [
      { "gen_ai.operation.name": "retrieval", "gen_ai.request.top_k": 5 },
      { top_k: 5, is_model_call: false, cost_status: "", attrs_int: new Map() },
    ],
    "top_k of sampling is no retrieval's": [
      { "gen_ai.operation.name": "chat", "gen_ai.request.top_k": 40 },
      { top_k: 0, attrs_int: new Map([["gen_ai.request.top_k", 40n]]) },
    ],
    "documents as JSON text are counted": [
      {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.retrieval.documents": '[{"id":"a,[","content":"\\"],"},{"id":"b"}]',
      },
      { document_count: 2, has_content: true },
    ],
    "no documents": [
      { "gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": " [ ] " },
      { document_count: 0 },
    ],
    "the count that was sent wins": [
      {
        "gen_ai.operation.name": "retrieval",
        "assay.retrieval.document_count": 7,
        "gen_ai.retrieval.documents": "[1]",
      },
      { document_count: 7 },
    ],
    "no model and no usage: not ours": [
      { "http.route": "/" },
      { operation: "", is_model_call: false, cost_status: "" },
    ],
    "an error type makes an error": [
      { "error.type": "timeout" },
      { status: "error", error_type: "timeout" },
    ],
    "a user as a number": [{ "user.id": 42 }, { user_id: "42" }],
    "the session by its other name": [{ "session.id": "s" }, { session_id: "s" }],
    "an empty value gives way": [
      { "gen_ai.conversation.id": "", "session.id": "s" },
      { session_id: "s" },
    ],
    "old prompt and completion": [
      { "gen_ai.prompt": "hi", "gen_ai.completion": "ho" },
      { content_input: "hi", content_output: "ho", has_content: true },
    ],
    "a list where text belongs": [
      { "gen_ai.agent.name": ["a"] },
      {
        agent_name: "",
        attrs_json: new Map([
          ["gen_ai.agent.name", '{"arrayValue":{"values":[{"stringValue":"a"}]}}'],
        ]),
        anomalies: ["invalidValue"],
      },
    ],
    "an unknown model is unpriced, not free": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "nobody-knows",
        "gen_ai.usage.input_tokens": 5,
      },
      { cost: null, cost_status: "unpriced", price_id: "" },
    ],
    "a call without usage is unpriced": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
      },
      { cost: null, cost_status: "unpriced" },
    ],
    "a call that failed before it used anything costs nothing": [
      { "gen_ai.operation.name": "chat", "error.type": "429", "gen_ai.request.model": "gpt-4o" },
      { cost: 0n, cost_status: "free", price_id: "" },
    ],
    "a call that failed after it used something costs that": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 1000,
        "error.type": "aborted",
      },
      { cost: 150_000_000n, cost_status: "priced" },
    ],
    "without a price, what the provider says that it cost": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "nobody-knows",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.cost.amount": 0.25,
        "gen_ai.usage.cost.source": "provider",
      },
      { cost: 250_000_000_000n, cost_status: "reported", price_id: "" },
    ],
    "another's price list that does not know the model says 0": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "nobody-knows",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.cost": 0,
      },
      { cost: null, cost_status: "unpriced", reported_cost: 0n },
    ],
    "ours counts where both are there": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.cost.amount": 9,
        "gen_ai.usage.cost.source": "provider",
      },
      { cost: 150_000_000n, cost_status: "priced", reported_cost: 9_000_000_000_000n },
    ],
    "a batch costs half": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 1000,
        "openai.response.service_tier": "flex",
      },
      {
        cost: 75_000_000n,
        service_tier: "flex",
        price_id: "openai/gpt-4o-mini@initial#5526e6ea:flex-50%",
      },
    ],
    "cache writes for an hour, and searches": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.cache_write.input_tokens": 600,
        "assay.usage.cache_write_1h.input_tokens": 200,
        "assay.usage.web_searches": 2,
      },
      {
        // 400 × 3 + 400 × 3.75 + 200 × 6 a million, and two searches at 10 a thousand.
        cost: 23_900_000_000n,
        cache_write_1h_tokens: 200,
        web_searches: 2,
      },
    ],
    "reasoning beyond the output is added to it": [
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 90,
      },
      { output_tokens: 100, reasoning_tokens: 90, anomalies: ["exclusiveOutput"] },
    ],
    "names that JavaScript knows": [
      { __proto__x: "a", constructor: "b", "": "c", "🦊\u202e": "d", "\0": "e" },
      {
        attrs_string: new Map([
          ["__proto__x", "a"],
          ["constructor", "b"],
          ["", "c"],
          ["🦊\u202e", "d"],
          ["\0", "e"],
        ]),
      },
    ],
  };
  test.each(Object.entries(cases))("%s", (_situation, [attributes, expected]) => {
    expect(rowWith(attributes)).toMatchObject(expected);
  });
});

describe("values", () => {
  test("structured messages are plain JSON", () => {
    const part = message(
      1,
      message(
        6,
        keyValue(1, "type", text(1, "text")),
        keyValue(1, "n", int(3, -1n)),
        keyValue(1, "d", double(4, 0.5)),
        keyValue(1, "b", int(2, 1)),
        keyValue(1, "e"),
      ),
    );
    const row = rowOf(
      keyValue(9, "gen_ai.input.messages", message(5, part, message(1, text(1, 'a"\n\u0001')))),
    );
    expect(row["content_input"]).toBe(
      '[{"type":"text","n":-1,"d":0.5,"b":true,"e":null},"a\\"\\n\\u0001"]',
    );
    expect(row).toMatchObject({ has_content: true, anomalies: [] });
  });

  test("structured documents are counted", () => {
    const row = rowOf(
      keyValue(
        9,
        "gen_ai.retrieval.documents",
        message(5, message(1, message(6)), message(1, message(6))),
      ),
    );
    expect(row).toMatchObject({ content_documents: "[{},{}]", document_count: 2 });
  });

  test("what has no column is OTLP JSON with its type", () => {
    const json = (...value: Field[]) => {
      const attrs = rowOf(keyValue(9, "k", ...value))["attrs_json"] as Map<string, string>;
      return attrs.get("k");
    };
    expect(json()).toBe("{}");
    expect(json(text(7, Uint8Array.of(255, 254)))).toBe('{"bytesValue":"//4="}');
    const values = message(
      5,
      message(1, int(3, -(2n ** 63n))),
      message(1, double(4, Number.NaN)),
      message(1, double(4, -0)),
      message(1),
    );
    expect(json(values)).toBe(
      '{"arrayValue":{"values":[{"intValue":"-9223372036854775808"},{"doubleValue":"NaN"},{"doubleValue":-0.0},{}]}}',
    );
    expect(json(message(6, keyValue(1, "a", int(2, 0))))).toBe(
      '{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":false}}]}}',
    );
  });

  test("numbers keep every bit", () => {
    const row = rowOf(
      keyValue(9, "min", int(3, -(2n ** 63n))),
      keyValue(9, "max", int(3, 2n ** 63n - 1n)),
      keyValue(9, "zero", double(4, -0)),
      keyValue(9, "tiny", double(4, 5e-324)),
      keyValue(9, "inf", double(4, -Infinity)),
    );
    expect(row["attrs_int"]).toEqual(
      new Map([
        ["min", -(2n ** 63n)],
        ["max", 2n ** 63n - 1n],
      ]),
    );
    expect(row["attrs_double"]).toEqual(
      new Map([
        ["zero", -0],
        ["tiny", 5e-324],
        ["inf", -Infinity],
      ]),
    );
  });

  test.each([5, 200])("%i bytes of text that is not UTF-8 are repaired", (length) => {
    const broken = Buffer.concat([Buffer.alloc(length, "a"), Buffer.of(0xff, 0xc3)]);
    const row = rowOf(text(5, broken), message(9, text(1, "k"), message(2, text(1, broken))));
    const repaired = `${"a".repeat(length)}\ufffd\ufffd`;
    expect(row).toMatchObject({
      name: repaired,
      attrs_string: new Map([["k", repaired]]),
      anomalies: ["invalidUtf8"],
    });
  });

  test("a value nested beyond the limit is replaced, one at the limit is not", () => {
    const nested = (depth: number) => {
      let value: Field = text(1, "x");
      for (let level = 1; level < depth; level++) value = message(5, message(1, value));
      return keyValue(9, "k", value);
    };
    expect(rowOf(nested(32))).toMatchObject({ dropped_attributes: 0, anomalies: [] });
    expect(rowOf(int(10, 2), nested(33))).toMatchObject({
      attrs_string: new Map([["k", "[depth limit]"]]),
      dropped_attributes: 3,
      anomalies: ["depthLimit"],
    });
  });
});

describe("the wire", () => {
  test("of a repeated field the last one counts, of a repeated key too", () => {
    const row = rowOf(
      text(5, "first"),
      text(5, "last"),
      keyValue(9, "k", text(1, "first")),
      keyValue(9, "k", int(3, 2)),
      keyValue(9, "oneof", text(1, "x"), int(3, 7)),
    );
    expect(row).toMatchObject({
      name: "last",
      attrs_string: new Map(),
      attrs_int: new Map([
        ["k", 2n],
        ["oneof", 7n],
      ]),
      anomalies: ["duplicateAttribute"],
    });
  });

  test("a key too long to be remembered may also come twice", () => {
    const key = "k".repeat(65_536);
    const row = rowOf(keyValue(9, key, int(3, 1)), keyValue(9, key, int(3, 2)));
    expect(row["attrs_int"]).toEqual(new Map([[key, 2n]]));
    expect(row["anomalies"]).toEqual(["duplicateAttribute"]);
  });

  test("what is kept of a resource does not change with the memory that it came in", () => {
    const sent = body(
      message(
        1,
        message(1, keyValue(1, "service.name", text(1, "handbook"))),
        message(2, message(1, text(1, "scope-a")), span(started, ended)),
      ),
    );
    // As bodies come from the log: in a buffer that is used again.
    const reused = Buffer.from(sent);
    append(reused);
    encoder.finish(1);
    reused.fill("x");
    append(Buffer.from(sent));
    expect(readBlock(encoder.finish(2))[0]).toMatchObject({
      service: "handbook",
      project: "handbook",
      scope_name: "scope-a",
      resource: new Map([["service.name", "handbook"]]),
    });
  });

  test("resource and scope may come after their spans, twice, or not at all", () => {
    append(
      body(
        message(
          1,
          message(
            2,
            span(started, ended),
            message(1, text(1, "scope"), text(2, "v"), keyValue(3, "n", int(3, 1))),
            text(3, "scope-schema"),
          ),
          message(1, keyValue(1, "service.name", text(1, "a"))),
          message(
            1,
            keyValue(1, "service.namespace", text(1, "b")),
            keyValue(1, "deployment.environment", text(1, "dev")),
          ),
          text(3, "resource-schema"),
        ),
        message(1, message(2, span(spanId(2), started, ended))),
      ),
    );
    const [first, second] = readBlock(encoder.finish(1));
    expect(first).toMatchObject({
      project: "b",
      service: "a",
      environment: "dev",
      resource: new Map([
        ["service.name", "a"],
        ["service.namespace", "b"],
        ["deployment.environment", "dev"],
      ]),
      resource_schema_url: "resource-schema",
      scope_name: "scope",
      scope_version: "v",
      scope_attributes: new Map([["n", '{"intValue":"1"}']]),
      scope_schema_url: "scope-schema",
    });
    expect(second).toMatchObject({
      project: "unknown",
      service: "",
      resource: new Map(),
      scope_name: "",
    });
  });

  test("links, flags and what was dropped", () => {
    const row = rowOf(
      fixed32(16, 0xffffffff),
      text(3, "ot=th:8"),
      int(12, 2 ** 32 - 1),
      message(
        13,
        text(1, TRACE_ID),
        text(2, SPAN_ID),
        text(3, "s=1"),
        keyValue(4, "k", int(2, 1)),
        int(5, 3),
        fixed32(6, 257),
      ),
      message(13, text(1, SPAN_ID)),
    );
    expect(row).toMatchObject({
      flags: 0xffffffff,
      trace_state: "ot=th:8",
      dropped_events: 2 ** 32 - 1,
      link_trace_ids: [TRACE_ID.toString("hex"), "0".repeat(32)],
      link_span_ids: [SPAN_ID.toString("hex"), "0".repeat(16)],
      link_attributes: [
        '{"traceState":"s=1","attributes":[{"key":"k","value":{"boolValue":true}}],"flags":257,"droppedAttributesCount":3}',
        '{"traceState":"","attributes":[],"flags":0,"droppedAttributesCount":0}',
      ],
      anomalies: ["linkIdInvalid"],
    });
  });

  test("parents: wrong length, itself", () => {
    expect(rowOf(text(4, "abc"))).toMatchObject({
      parent_span_id: "0".repeat(16),
      anomalies: ["parentIdInvalid"],
    });
    expect(rowOf(text(4, SPAN_ID))).toMatchObject({
      parent_span_id: SPAN_ID.toString("hex"),
      anomalies: ["parentIsSelf"],
    });
    expect(rowOf(text(4, ""))).toMatchObject({ parent_span_id: "0".repeat(16), anomalies: [] });
  });

  test("refused spans are left out, by their index over the whole request", () => {
    const bad = message(2, text(5, "bad"));
    const good = (n: number) => span(spanId(n), text(5, `good ${n}`), started, ended);
    const bytes = body(message(1, message(2, good(1), bad), message(2, bad, good(2))));
    append(bytes, validateTraces(bytes).rejected);
    expect(readBlock(encoder.finish(1)).map((row) => row["name"])).toEqual(["good 1", "good 2"]);
  });
});

describe("spans that come again", () => {
  const many = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) =>
      span(
        text(2, Buffer.from((from + i + 1).toString(16).padStart(16, "0"), "hex")),
        started,
        ended,
      ),
    );
  const record = (seq: number, ...spans: Field[]) => ({
    seq,
    body: request(...spans),
    spanCount: spans.length,
    rejected: [],
    receivedAtUnixMs: RECEIVED,
    signal: "traces" as const,
  });

  test("cut into other requests, and twice in one: one row each", () => {
    encoder.append(record(1, ...many(0, 100), ...many(0, 100)));
    expect(encoder.finish(1)).toMatchObject({ rows: 100, repeats: 100 });
    encoder.append(record(2, ...many(50, 150)));
    encoder.append(record(3, ...many(140, 160)));
    expect(encoder.finish(2)).toMatchObject({ rows: 60, repeats: 60 });
    expect(encoder.finish(3)).toMatchObject({ rows: 0, repeats: 0 });
  });

  test("a span of the same ids that ends later, or says more or other things, is another", () => {
    const first = span(spanId(1), started);
    const later = span(spanId(1), started, ended);
    const more = span(spanId(1), started, ended, text(5, "name"));
    const other = span(spanId(1), started, ended, text(5, "nome"));
    encoder.append(record(1, first, later));
    encoder.append(record(2, first, more, later, other));
    expect(encoder.finish(1)).toMatchObject({ rows: 4, repeats: 2 });
  });

  test("a block that is made again has the same rows", () => {
    const records = [record(1, ...many(0, 10)), record(2, ...many(5, 15))];
    const blocks = [1, 2].map(() => {
      for (const one of records) encoder.append(one);
      return readBlock(encoder.finish(1));
    });
    expect(blocks[0]).toHaveLength(15);
    expect(blocks[1]).toEqual(blocks[0]);
    encoder.append(records[1]!);
    expect(encoder.finish(2)).toMatchObject({ rows: 5, repeats: 5 });
  });

  test("of a remembered record what comes again makes no rows, and the record itself makes its own", () => {
    encoder.remember(record(1, ...many(0, 10)));
    expect(encoder.rows).toBe(0);
    encoder.append(record(2, ...many(5, 15)));
    expect(encoder.finish(2)).toMatchObject({ rows: 5, repeats: 5 });
    encoder.append(record(1, ...many(0, 10)));
    expect(encoder.finish(1)).toMatchObject({ rows: 10, repeats: 0 });
  });

  test("after a record was set aside everything is taken again", () => {
    encoder.append(record(1, ...many(0, 10)));
    encoder.forgetSpans();
    encoder.append(record(2, ...many(0, 10)));
    expect(encoder.finish(1)).toMatchObject({ rows: 20, repeats: 0 });
  });
});

describe("other dialects", () => {
  const asked: string[] = [];
  const dialects = {
    isForeignKey(key: string) {
      asked.push(key);
      return key.startsWith("llm.");
    },
    translate(bytes: Uint8Array, at: number, end: number) {
      if (Buffer.from(bytes.subarray(at, end)).includes("as it is")) return undefined;
      const own = keyValue(9, "gen_ai.request.model", text(1, "model"));
      return Uint8Array.from([...bytes.subarray(at, end), ...own]);
    },
  };
  const foreign = (name: string) =>
    span(
      spanId(name.charCodeAt(0)),
      started,
      ended,
      text(5, name),
      keyValue(9, "llm.model_name", text(1, "other")),
    );
  const own = (n: number) =>
    span(spanId(n), started, ended, text(5, "own"), keyValue(9, "k", text(1, "v")));

  test("a span with a key of one is read translated, others as they are", () => {
    asked.length = 0;
    encoder = createEncoder({
      priceBook: loadPriceBook(),
      collectorId: "log-1",
      maxSpanAgeMs: 7 * DAY_MS,
      dialects,
    });
    const rows = rowsOf(foreign("a"), own(1), foreign("as it is"), foreign("b"), own(2));
    expect(rows.map((row) => [row["name"], row["request_model"]])).toEqual([
      ["a", "model"],
      ["own", ""],
      ["as it is", ""],
      ["b", "model"],
      ["own", ""],
    ]);
    expect(rows[1]!["attrs_string"]).toEqual(new Map([["k", "v"]]));
    expect(asked.toSorted()).toEqual(["gen_ai.request.model", "k", "llm.model_name"]);
  });

  test("also when the key cannot be remembered", () => {
    encoder = createEncoder({
      priceBook: loadPriceBook(),
      collectorId: "log-1",
      maxSpanAgeMs: 7 * DAY_MS,
      dialects,
    });
    const long = keyValue(9, `llm.${"x".repeat(300)}`, text(1, "other"));
    expect(rowsOf(span(started, ended, long))).toMatchObject([{ request_model: "model" }]);
  });
});

describe("messages as events", () => {
  const event = (name: string, ...attributes: Field[]) =>
    message(11, fixed64(1, 5n), text(2, name), ...attributes);

  test("become content and leave the event without it", () => {
    const row = rowOf(
      event("gen_ai.user.message", keyValue(3, "content", text(1, "hi"))),
      event(
        "gen_ai.choice",
        keyValue(
          3,
          "gen_ai.event.content",
          text(1, '{"index":0,"finish_reason":"stop","message":{"content":"ho"}}'),
        ),
      ),
      event("other", keyValue(3, "k", text(1, "v"))),
    );
    expect(JSON.parse(String(row["content_input"]))).toEqual([
      { role: "user", parts: [{ type: "text", content: "hi" }] },
    ]);
    expect(JSON.parse(String(row["content_output"]))).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "ho" }], finish_reason: "stop" },
    ]);
    expect(row).toMatchObject({
      has_content: true,
      event_names: ["gen_ai.user.message", "gen_ai.choice", "other"],
      event_times: [5n, 5n, 5n],
      event_attributes: ["[]", "[]", '[{"key":"k","value":{"stringValue":"v"}}]'],
    });
  });

  test("give way to content in attributes", () => {
    const row = rowOf(
      event("gen_ai.content.prompt", keyValue(3, "gen_ai.prompt", text(1, "event"))),
      keyValue(9, "gen_ai.input.messages", text(1, "attribute")),
    );
    expect(row).toMatchObject({ content_input: "attribute", anomalies: ["duplicateContent"] });
  });
});

describe("time", () => {
  const week = 7n * 86_400n * 1_000_000_000n;
  const cases: Record<string, [start: bigint, end: bigint, Row]> = {
    "a believable span": [
      RECEIVED_NS - 7n,
      RECEIVED_NS,
      { event_time: RECEIVED_NS - 7n, duration_ns: 7n, anomalies: [] },
    ],
    "no start": [
      0n,
      RECEIVED_NS,
      { event_time: RECEIVED_NS, duration_ns: 0n, anomalies: ["startMissing"] },
    ],
    "no end": [RECEIVED_NS, 0n, { duration_ns: 0n, anomalies: ["endMissing"] }],
    "an end before the start": [
      RECEIVED_NS,
      RECEIVED_NS - 1n,
      { duration_ns: 0n, anomalies: ["endBeforeStart"] },
    ],
    "1970": [
      5n,
      9n,
      { event_time: RECEIVED_NS, start_unix_nano: 5n, duration_ns: 4n, anomalies: ["startTooOld"] },
    ],
    "a second over the age limit": [
      RECEIVED_NS - week - 10n ** 9n,
      RECEIVED_NS,
      { event_time: RECEIVED_NS, anomalies: ["startTooOld"] },
    ],
    "ten minutes ahead": [
      RECEIVED_NS + 600n * 10n ** 9n,
      RECEIVED_NS + 601n * 10n ** 9n,
      { event_time: RECEIVED_NS + 600n * 10n ** 9n, anomalies: [] },
    ],
    "ten years ahead": [
      RECEIVED_NS + 315n * 10n ** 15n,
      2n ** 64n - 1n,
      { event_time: RECEIVED_NS, end_unix_nano: 2n ** 64n - 1n, duration_ns: 0n },
    ],
    "across 2^32 in the low half": [
      0x18a0_0000_ffff_ffffn,
      0x18a0_0001_0000_0001n,
      { duration_ns: 2n },
    ],
  };
  test.each(Object.entries(cases))("%s", (_situation, [start, end, expected]) => {
    const [row] = rowsOf(span(fixed64(7, start), fixed64(8, end)));
    expect({ ...row, anomalies: anomaliesOf(Number(row!["anomalies"])) }).toMatchObject(expected);
  });

  test("rows are counted by UTC day, to the nanosecond", () => {
    const midnight = BigInt(Date.UTC(2026, 2, 2)) * 1_000_000n;
    append(
      request(
        span(spanId(1), fixed64(7, midnight - 1n)),
        span(spanId(2), fixed64(7, midnight)),
        span(spanId(3), fixed64(7, midnight + 1n)),
      ),
    );
    expect(encoder.finish(1).rowsByDay).toEqual(
      new Map([
        ["2026-03-01", 1],
        ["2026-03-02", 2],
      ]),
    );
  });
});

describe("blocks", () => {
  test("an error leaves the block as it was", () => {
    const good = request(span(text(5, "good"), keyValue(9, "k", text(1, "v"))));
    append(good);
    // Its first span is fine and has more columns than the good one.
    const broken = body(
      message(
        1,
        message(
          2,
          span(
            text(5, "half"),
            keyValue(9, "gen_ai.usage.input_tokens", int(3, 5)),
            keyValue(9, "i", int(3, 1)),
          ),
          [0x12, 2, 0x12, 9],
        ),
      ),
    );
    const record = {
      seq: 2,
      body: broken,
      spanCount: 2,
      rejected: [],
      receivedAtUnixMs: RECEIVED,
      signal: "traces" as const,
    };
    expect(() => encoder.append(record)).toThrow(PermanentError);
    expect(encoder.rows).toBe(1);
    append(good);
    const rows = readBlock(encoder.finish(3));
    expect(rows.map((row) => row["name"])).toEqual(["good", "good"]);
    expect(rows[1]).toEqual(rows[0]);
  });

  test("one block leaves nothing for the next", () => {
    rowWith({ "gen_ai.operation.name": "chat", k: "v", "gen_ai.input.messages": "x" });
    const empty = rowOf();
    encoder = newEncoder();
    expect(empty).toEqual(rowOf());
  });

  test("an empty block has all columns and no rows", () => {
    const block = encoder.finish(1);
    expect(block.rows).toBe(0);
    expect(readBlock(block)).toEqual([]);
  });

  test("byteLength of the chunks, batch and collector of every row", () => {
    append(request(span(spanId(1)), span(spanId(2))));
    const block = encoder.finish(2 ** 40);
    expect(block.byteLength).toBe(Buffer.concat(block.chunks).length);
    expect(readBlock(block)).toMatchObject([
      { batch: 2n ** 40n, collector_id: "log-1", received_at: BigInt(RECEIVED) },
      { batch: 2n ** 40n, collector_id: "log-1", received_at: BigInt(RECEIVED) },
    ]);
  });

  test("byteLength on the way is about the block's", () => {
    const bytes = request(span(keyValue(9, "gen_ai.input.messages", text(1, "x".repeat(5_000)))));
    for (let i = 0; i < 1_000; i++) append(bytes);
    const estimate = encoder.byteLength;
    expect(estimate / encoder.finish(1).byteLength).toBeCloseTo(1, 1);
    expect(encoder.byteLength).toBe(0);
  });

  test("stats count what happened", () => {
    rowWith({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.usage.input_tokens": 5,
    });
    rowWith({ "gen_ai.operation.name": "chat" });
    rowWith({ "gen_ai.usage.input_tokens": -5, "gen_ai.operation.name": "chat" });
    expect(encoder.stats()).toMatchObject({
      rows: 3,
      blocks: 3,
      costs: { priced: 1, free: 0, estimated: 0, unpriced: 2, reported: 0 },
      anomalies: { invalidTokens: 1, duplicateAttribute: 0 },
    });
  });

  test("more different keys than are remembered", () => {
    const attributes = Array.from({ length: 6_000 }, (_, i) => keyValue(9, `key-${i}`, int(3, i)));
    for (let round = 0; round < 2; round++) {
      const attrs = rowOf(...attributes)["attrs_int"] as Map<string, bigint>;
      expect(attrs.size).toBe(6_000);
      expect(attrs.get("key-5999")).toBe(5_999n);
    }
  });
});

describe("hostile", () => {
  test("bodies with flipped bits: what the validator passes is encoded, whatever else throws PermanentError", () => {
    const good = request(
      span(
        started,
        ended,
        text(5, "name"),
        keyValue(
          9,
          "gen_ai.input.messages",
          message(5, message(1, message(6, keyValue(1, "k", int(3, 300))))),
        ),
        keyValue(9, "gen_ai.usage.input_tokens", int(3, 300)),
        keyValue(9, "gen_ai.response.finish_reasons", message(5, message(1, text(1, "stop")))),
        keyValue(9, "assay.cost.amount_exact", text(1, "0.1")),
        keyValue(9, "d", double(4, 1)),
        message(11, fixed64(1, 1n), text(2, "gen_ai.choice"), keyValue(3, "content", text(1, "x"))),
        message(13, text(1, TRACE_ID), text(2, SPAN_ID), keyValue(4, "k", int(2, 1))),
        message(15, text(2, "m"), int(3, 2)),
      ),
    );
    let passed = 0;
    let refused = 0;
    for (let at = 0; at < good.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = good.slice();
        flipped[at]! ^= 1 << bit;
        const verdict = verdictOf(flipped);
        const record = {
          seq: 1,
          body: flipped,
          spanCount: 1,
          rejected: verdict?.rejected ?? [],
          receivedAtUnixMs: RECEIVED,
          signal: "traces" as const,
        };
        if (verdict === undefined) {
          refused++;
          appendOrRefuse(record);
        } else {
          passed++;
          encoder.append(record);
          expect(encoder.rows).toBe(verdict.spanCount - verdict.rejected.length);
          readBlock(encoder.finish(1));
        }
      }
    }
    expect(passed).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(500);
  });

  function verdictOf(bytes: Uint8Array) {
    try {
      return validateTraces(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(PermanentError);
      return undefined;
    }
  }

  function appendOrRefuse(record: Parameters<TraceEncoder["append"]>[0]): void {
    try {
      encoder.append(record);
    } catch (error) {
      expect(error).toBeInstanceOf(PermanentError);
    }
    encoder.finish(1);
  }
});
