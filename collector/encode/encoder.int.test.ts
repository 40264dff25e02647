/**
 * Blocks as the real engine reads them, against the spans they were made from.
 *
 * The expected rows are worked out from the span objects in the plainest way, sharing no code with the encoder; the
 * bytes come from OpenTelemetry's own serializer.
 */
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEncoder } from "./encoder.ts";
import { createColumns } from "./layout.ts";
import { type BlockReader, openBlockReader, type Row } from "./testing.ts";
import { validateTraces } from "../otlp/validate.ts";

type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];
type Attributes = ReadableSpan["attributes"];

const RECEIVED = Date.UTC(2026, 2, 2, 12);
const encoder = createEncoder({
  priceBook: loadPriceBook(),
  collectorId: "log-1",
  maxSpanAgeMs: 7 * 86_400_000,
});
let engine: BlockReader;
beforeAll(async () => {
  engine = await openBlockReader();
});
afterAll(() => engine.stop());

/** Numbers that look random and are the same every time. */
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PIECES = [
  "a",
  "Z9",
  "é",
  "漢字",
  "🦊",
  "\0",
  '"',
  "\\",
  "\n",
  " ",
  "gen_ai.",
  "x".repeat(70),
];

function makeSpan(random: () => number): ReadableSpan {
  const int = (limit: number) => Math.floor(random() * limit);
  const one = <T>(list: readonly T[]): T => list[int(list.length)]!;
  const text = (pieces: number) => Array.from({ length: int(pieces) }, () => one(PIECES)).join("");
  const hex = (bytes: number) =>
    Array.from({ length: bytes }, () => (1 + int(255)).toString(16).padStart(2, "0")).join("");
  const attributes: Attributes = {};
  for (let i = int(12); i > 0; i--) {
    attributes[`own.${text(3)}${int(30)}`] = one<Attributes[string]>([
      text(30),
      int(2 ** 31) - 2 ** 30,
      Number.MAX_SAFE_INTEGER,
      -Number.MAX_SAFE_INTEGER,
      random() * 1e9,
      -0.5,
      Number.NaN,
      random() < 0.5,
      [text(3), text(3)],
      [1, 2.5],
      [],
    ]);
  }
  const maybe = (key: string, value: () => Attributes[string]) => {
    if (random() < 0.6) attributes[key] = value();
  };
  maybe("gen_ai.operation.name", () => one(["chat", "embeddings", "retrieval", "execute_tool"]));
  maybe("gen_ai.provider.name", () => one(["openai", "anthropic", "x_ai"]));
  maybe("gen_ai.system", () => one(["openai", "xai"]));
  maybe("gen_ai.request.model", () =>
    one(["gpt-4o-mini", "no-such-model", "claude-3-5-haiku-latest"]),
  );
  maybe("gen_ai.response.model", () => one(["gpt-4o-mini-2024-07-18", "unheard-of"]));
  maybe("gen_ai.usage.input_tokens", () => one<number>([0, 1, 300, 70_000, 2 ** 32 - 1]));
  maybe("gen_ai.usage.output_tokens", () => int(5000));
  maybe("gen_ai.usage.cache_read.input_tokens", () => int(400));
  maybe("gen_ai.usage.reasoning.output_tokens", () => int(50));
  maybe("gen_ai.request.temperature", () => one([0, 0.7, 1]));
  maybe("gen_ai.request.seed", () => int(1e9) - 5e8);
  maybe("gen_ai.request.max_tokens", () => int(1e6));
  maybe("gen_ai.response.time_to_first_chunk", () => int(1e6) / 1e6);
  maybe("gen_ai.response.finish_reasons", () =>
    one([["stop"], ["stop", "length"], "stop", '["a","b"]']),
  );
  maybe("gen_ai.input.messages", () => `[${JSON.stringify(text(200))}]`);
  maybe("gen_ai.conversation.id", () => text(4));
  maybe("user.id", () => `u${int(9)}`);
  maybe("error.type", () => one(["timeout", "429"]));
  maybe("assay.project", () => one(["shop", "support"]));
  const start = RECEIVED - int(6 * 86_400_000);
  const spanContext = { traceId: hex(16), spanId: hex(8), traceFlags: 1 };
  return {
    name: text(9),
    kind: int(5),
    spanContext: () => spanContext,
    ...(random() < 0.5 ? { parentSpanContext: { ...spanContext, spanId: hex(8) } } : {}),
    startTime: [Math.floor(start / 1000), int(1e9)],
    endTime: [Math.floor(start / 1000) + 1 + int(100), int(1e9)],
    status: { code: int(3), message: text(4) },
    attributes,
    links: [],
    events: Array.from({ length: int(3) }, () => ({
      name: text(3),
      time: [Math.floor(start / 1000), int(1e9)] as [number, number],
      attributes: { [`k${text(2)}`]: text(5), n: int(9) },
    })),
    duration: [1, 0],
    ended: true,
    resource: resourceFromAttributes({
      "service.name": "svc",
      "service.version": "1.2",
      "deployment.environment.name": "prod",
      "process.pid": 7,
    }),
    instrumentationScope: { name: "scope", version: "3" },
    droppedAttributesCount: int(3),
    droppedEventsCount: int(3),
    droppedLinksCount: int(3),
  } as ReadableSpan;
}

const nanos = ([seconds, rest]: readonly [number, number]) =>
  BigInt(seconds) * 10n ** 9n + BigInt(rest);

/** OTLP JSON of an attribute's value, as OpenTelemetry's serializer would type it. */
function otlpJson(value: unknown): unknown {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (Number.isInteger(value)) return { intValue: String(value) };
  if (typeof value === "number")
    return { doubleValue: Number.isFinite(value) ? value : String(value) };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(otlpJson) } };
  throw new Error(`no such value in this test: ${String(value)}`);
}

const TEXT_COLUMNS = [
  ["gen_ai.conversation.id", "session_id"],
  ["user.id", "user_id"],
  ["error.type", "error_type"],
  ["gen_ai.input.messages", "content_input"],
  ["gen_ai.request.model", "request_model"],
  ["gen_ai.response.model", "response_model"],
] as const;

/** What the span's row must be, but for price, order of maps and anomalies. */
function expectedRow(span: ReadableSpan): Row {
  const left = new Map(Object.entries(span.attributes));
  const take = (key: string): unknown => {
    const value = left.get(key);
    left.delete(key);
    return value;
  };
  const row: Row = { project: take("assay.project") ?? "svc" };
  for (const [key, column] of TEXT_COLUMNS) row[column] = take(key) ?? "";
  const system = left.get("gen_ai.system");
  const provider = take("gen_ai.provider.name");
  if (provider === undefined || provider === system) take("gen_ai.system");
  row["provider"] = provider ?? (system === "xai" ? "x_ai" : system) ?? "";
  const input = take("gen_ai.usage.input_tokens") as number | undefined;
  const output = take("gen_ai.usage.output_tokens") as number | undefined;
  const cacheRead = take("gen_ai.usage.cache_read.input_tokens") as number | undefined;
  const cached = cacheRead ?? 0;
  row["input_tokens"] = cached > (input ?? 0) ? (input ?? 0) + cached : (input ?? 0);
  row["cache_read_tokens"] = cached;
  const reasoning = take("gen_ai.usage.reasoning.output_tokens");
  row["reasoning_tokens"] = reasoning ?? 0;
  // Beyond the output it was counted beside it.
  const beside = Number(reasoning ?? 0) > (output ?? 0) ? Number(reasoning) : 0;
  row["output_tokens"] = (output ?? 0) + beside;
  const known =
    input !== undefined ||
    output !== undefined ||
    cacheRead !== undefined ||
    reasoning !== undefined;
  row["usage_source"] = known ? "reported" : "";
  const operation = take("gen_ai.operation.name");
  const inferred =
    known || row["request_model"] !== "" || row["response_model"] !== "" ? "chat" : "";
  row["operation"] = operation ?? inferred;
  row["is_model_call"] = row["operation"] === "chat" || row["operation"] === "embeddings";
  row["temperature"] = take("gen_ai.request.temperature") ?? null;
  const seed = take("gen_ai.request.seed");
  row["seed"] = typeof seed === "number" ? `${seed}` : null;
  row["max_tokens"] = take("gen_ai.request.max_tokens") ?? 0;
  const seconds = (take("gen_ai.response.time_to_first_chunk") as number | undefined) ?? 0;
  row["ttft_ns"] = String(Math.round(seconds * 1e9));
  const reasons = take("gen_ai.response.finish_reasons") ?? [];
  row["finish_reasons"] =
    reasons === "stop" ? ["stop"] : reasons === '["a","b"]' ? ["a", "b"] : reasons;
  for (const kind of ["string", "int", "double", "bool", "json"]) row[`attrs_${kind}`] = {};
  const into = (kind: string, key: string, value: unknown) => {
    (row[`attrs_${kind}`] as Row)[key] = value;
  };
  for (const [key, value] of left) {
    if (typeof value === "string") into("string", key, value);
    else if (typeof value === "boolean") into("bool", key, value);
    else if (Number.isInteger(value)) into("int", key, String(value));
    else if (typeof value === "number") into("double", key, Number.isNaN(value) ? "nan" : value);
    else into("json", key, JSON.stringify(otlpJson(value)));
  }
  const start = nanos(span.startTime);
  const end = nanos(span.endTime);
  return {
    ...row,
    trace_id: span.spanContext().traceId,
    span_id: span.spanContext().spanId,
    parent_span_id: span.parentSpanContext?.spanId ?? "0".repeat(16),
    start_unix_nano: String(start),
    end_unix_nano: String(end),
    duration_ns: String(end - start),
    event_time: `${new Date(span.startTime[0] * 1000).toISOString().slice(0, 19).replace("T", " ")}.${String(span.startTime[1]).padStart(9, "0")}`,
    name: span.name,
    kind: span.kind + 1,
    status: span.status.code === 2 || row["error_type"] !== "" ? "error" : "ok",
    status_code: span.status.code,
    status_message: span.status.message ?? "",
    service: "svc",
    service_version: "1.2",
    release: "1.2",
    environment: "prod",
    resource: expect.objectContaining({
      "service.name": "svc",
      "process.pid": '{"intValue":"7"}',
    }) as unknown,
    scope_name: "scope",
    scope_version: "3",
    event_times: span.events.map((event) => String(nanos(event.time))),
    event_names: span.events.map((event) => event.name),
    event_attributes: span.events.map((event) =>
      JSON.stringify(
        Object.entries(event.attributes ?? {}).map(([key, value]) => ({
          key,
          value: otlpJson(value),
        })),
      ),
    ),
    dropped_attributes: span.droppedAttributesCount,
    dropped_events: span.droppedEventsCount,
    dropped_links: span.droppedLinksCount,
    has_content: row["content_input"] !== "",
    received_at: "2026-03-02 12:00:00.000",
    collector_id: "log-1",
    batch: "9007199254740991",
  };
}

const MAPS = ["attrs_string", "attrs_int", "attrs_double", "attrs_bool", "attrs_json"];

function append(body: Uint8Array): void {
  const { spanCount, rejected } = validateTraces(body);
  encoder.append({
    seq: 1,
    body,
    spanCount,
    rejected,
    receivedAtUnixMs: RECEIVED,
    signal: "traces",
  });
}

test("the columns are those of table ingest, in its order", async () => {
  const mine = Object.entries(createColumns()).map(([name, [type]]) => [name, type]);
  expect(mine).toEqual(await engine.describe());
});

describe("random spans of OpenTelemetry's serializer", () => {
  // A block of many rows has dictionaries whose places take two bytes, and is read in several steps.
  test.each([
    [1, 400],
    [2, 400],
    [3, 11_000],
  ])(
    "seed %i: every column of %i spans is as the span says",
    async (seed, count) => {
      const random = randomFrom(seed);
      const spans = Array.from({ length: count }, () => makeSpan(random));
      for (let at = 0; at < spans.length; at += 50) {
        append(ProtobufTraceSerializer.serializeRequest(spans.slice(at, at + 50))!);
      }
      const block = encoder.finish(Number.MAX_SAFE_INTEGER);
      expect(block.rows).toBe(spans.length);
      const rows = await engine.read(block);
      expect(rows).toHaveLength(spans.length);
      const byId = new Map(rows.map((row) => [row["span_id"], row]));
      for (const span of spans) {
        const row = byId.get(span.spanContext().spanId)!;
        const expected = expectedRow(span);
        expect(row).toMatchObject(expected);
        // A matched object may have more keys; a map must not.
        for (const map of MAPS) expect(row[map]).toEqual(expected[map]);
      }
    },
    60_000,
  );
});

test("model calls are priced to the pico-dollar, and never at 0 for want of a price", async () => {
  const random = randomFrom(4);
  const spans = Array.from({ length: 300 }, () => makeSpan(random));
  append(ProtobufTraceSerializer.serializeRequest(spans)!);
  const rows = await engine.read(encoder.finish(1));
  const book = loadPriceBook();
  for (const row of rows) {
    const priced = row["cost_status"] === "priced";
    // Nothing is used by a call that failed and says no usage.
    const unused = row["status"] === "error" && row["usage_source"] === "";
    const otherwise = row["is_model_call"] ? (unused ? "free" : "unpriced") : "";
    expect(row["cost_status"]).toBe(priced ? "priced" : otherwise);
    if (!priced) {
      expect(row).toMatchObject({ price_id: "" });
      expect(row["cost"]).toBe(otherwise === "free" ? "0" : null);
      continue;
    }
    const at = Date.parse(`${String(row["event_time"]).slice(0, 23).replace(" ", "T")}Z`);
    const provider = String(row["provider"]);
    const price =
      book.resolve(provider, String(row["response_model"]), at) ??
      book.resolve(provider, String(row["request_model"]), at);
    const pico = book.cost(price!, {
      inputTokens: Number(row["input_tokens"]),
      outputTokens: Number(row["output_tokens"]),
      cacheReadTokens: Number(row["cache_read_tokens"]),
      reasoningTokens: Number(row["reasoning_tokens"]),
    });
    expect(row["price_id"]).toBe(price!.id);
    const [whole = "0", decimals = ""] = String(row["cost"]).split(".");
    expect(BigInt(whole + decimals.padEnd(12, "0"))).toBe(pico);
  }
  expect(rows.filter((row) => row["cost_status"] === "priced").length).toBeGreaterThan(20);
});
