/**
 * Spans as OTLP JSON: each line is an ExportTraceServiceRequest, as the OpenTelemetry Collector's file exporter writes them, and can be
 * posted to any OTLP receiver (`/v1/traces`) as it is.
 *
 * Attributes that have a column of their own get back their name in the conventions. What the collector worked out is left
 * out (its cost, its price), so that a receiver of ours works it out again.
 */
import { ATTR } from "@assay/instrumentation/conventions";
import type { ExportedSpan } from "./export.ts";
import type { DetailRow } from "./span-facts.ts";

type Json = Record<string, unknown>;
/** What a row may hold; lists and maps are looked at apart. */
type Scalar = string | number | boolean | null | undefined;
type Columns = Record<string, Scalar>;

const text = (value: Scalar): Json | undefined =>
  value === "" || value === null || value === undefined
    ? undefined
    : { stringValue: String(value) };
const whole = (value: Scalar): Json | undefined =>
  Number(value) === 0 || value === null ? undefined : { intValue: String(value) };
const double = (value: Scalar): Json | undefined =>
  value === null || value === undefined ? undefined : { doubleValue: Number(value) };

/** The conventions' name of each column, and the value it had as an attribute; undefined: it was not sent. */
const ATTRIBUTES: readonly [string, string, (value: Scalar) => Json | undefined][] = [
  [ATTR.operationName, "operation", text],
  [ATTR.providerName, "provider", text],
  [ATTR.requestModel, "request_model", text],
  [ATTR.responseModel, "response_model", text],
  [ATTR.responseId, "response_id", text],
  [ATTR.outputType, "output_type", text],
  [ATTR.serverAddress, "server_address", text],
  [ATTR.errorType, "error_type", text],
  [ATTR.agentName, "agent_name", text],
  [ATTR.toolName, "tool_name", text],
  [ATTR.toolCallId, "tool_call_id", text],
  [ATTR.dataSourceId, "data_source", text],
  [ATTR.retrievalTopK, "top_k", whole],
  [ATTR.assayDocumentCount, "document_count", whole],
  [ATTR.conversationId, "session_id", text],
  [ATTR.userId, "user_id", text],
  [ATTR.promptName, "prompt_name", text],
  [ATTR.promptVersion, "prompt_version", text],
  [ATTR.assayPromptHash, "prompt_hash", text],
  [ATTR.assayProject, "project", text],
  [ATTR.assayRelease, "release", text],
  [ATTR.assayRegion, "region", text],
  [ATTR.requestTemperature, "temperature", double],
  [ATTR.requestTopP, "top_p", double],
  [ATTR.requestSeed, "seed", (value) => (value === null ? undefined : { intValue: String(value) })],
  [ATTR.requestMaxTokens, "max_tokens", whole],
  [ATTR.requestStream, "is_stream", (value) => (value ? { boolValue: true } : undefined)],
  [
    ATTR.assayUsageEstimated,
    "usage_source",
    (value) => (value === "estimated" ? { boolValue: true } : undefined),
  ],
  [ATTR.inputTokens, "input_tokens", whole],
  [ATTR.cacheReadTokens, "cache_read_tokens", whole],
  [ATTR.cacheWriteTokens, "cache_write_tokens", whole],
  [ATTR.outputTokens, "output_tokens", whole],
  [ATTR.reasoningTokens, "reasoning_tokens", whole],
  [ATTR.audioInputTokens, "audio_input_tokens", whole],
  [ATTR.audioOutputTokens, "audio_output_tokens", whole],
  [ATTR.assayCostExact, "reported_cost", text],
  [ATTR.costSource, "reported_cost_source", text],
  [
    ATTR.responseTimeToFirstChunk,
    "ttft_ms",
    (value) => (value === null ? undefined : { doubleValue: Number(value) / 1000 }),
  ],
];

const CONTENT_ATTRIBUTES: Record<string, string> = {
  system: ATTR.systemInstructions,
  input: ATTR.inputMessages,
  output: ATTR.outputMessages,
  tools: ATTR.toolDefinitions,
  query: ATTR.retrievalQuery,
  documents: ATTR.retrievalDocuments,
  arguments: ATTR.toolCallArguments,
  result: ATTR.toolCallResult,
};

/** One line: the spans of each resource and scope together. */
export function otlpLine(spans: readonly ExportedSpan[]): string {
  const resources = Map.groupBy(spans, (span) => JSON.stringify(span.resource));
  const resourceSpans = [...resources.values()].map((ofResource) => {
    const scopes = Map.groupBy(ofResource, (span) =>
      JSON.stringify([span.scope_name, span.scope_version, span.scope_attributes]),
    );
    return {
      resource: { attributes: keyValues(mapped(ofResource[0]!.resource)) },
      scopeSpans: [...scopes.values()].map((ofScope) => ({
        scope: scopeOf(ofScope[0]!),
        spans: ofScope.map(otlpSpan),
      })),
    };
  });
  return `${JSON.stringify({ resourceSpans })}\n`;
}

function scopeOf(span: ExportedSpan): Json {
  return {
    name: span.scope_name ?? "",
    version: span.scope_version ?? "",
    attributes: keyValues(mapped(span.scope_attributes)),
  };
}

function otlpSpan(span: ExportedSpan): Json {
  const columns = { ...span } as unknown as Columns;
  const code = span.status === "error" ? 2 : 0;
  return {
    traceId: span.trace_id,
    spanId: span.span_id,
    ...(/[^0]/.test(span.parent_span_id) && { parentSpanId: span.parent_span_id }),
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: columns["start_unix_nano"],
    endTimeUnixNano: columns["end_unix_nano"],
    ...(span.trace_state && { traceState: span.trace_state }),
    ...(span.flags && { flags: span.flags }),
    attributes: keyValues([...promoted(columns), ...own(span), ...contentOf(span)]),
    events: eventsOf(span),
    links: linksOf(span),
    status: { code, ...(columns["status_message"] ? { message: columns["status_message"] } : {}) },
    droppedAttributesCount: span.dropped_attributes ?? 0,
    droppedEventsCount: span.dropped_events ?? 0,
    droppedLinksCount: span.dropped_links ?? 0,
  };
}

type Entry = [string, Json];

function promoted(columns: Columns): Entry[] {
  const entries = ATTRIBUTES.flatMap(([name, column, value]): Entry[] => {
    const found = value(columns[column]);
    return found ? [[name, found]] : [];
  });
  const reasons = columns["finish_reasons"] as unknown as string[] | undefined;
  if (reasons && reasons.length > 0) {
    const values = reasons.map((reason) => ({ stringValue: reason }));
    entries.push([ATTR.responseFinishReasons, { arrayValue: { values } }]);
  }
  return entries;
}

/** What was sent with the span and has no column. */
function own(span: Partial<DetailRow>): Entry[] {
  const entries = <V>(map: Record<string, V> = {}, value: (v: V) => Json): Entry[] =>
    Object.entries(map).map(([key, v]) => [key, value(v)]);
  return [
    ...entries(span.attrs_string, (v) => ({ stringValue: v })),
    ...entries(span.attrs_int, (v) => ({ intValue: v })),
    ...entries(span.attrs_double, (v) => ({ doubleValue: doubleJson(v) })),
    ...entries(span.attrs_bool, (v) => ({ boolValue: Boolean(v) })),
    ...entries(span.attrs_json, anyValue),
  ];
}

/** ProtoJSON has texts for what JSON has no number for. */
function doubleJson(value: string): number | string {
  const number = Number(value);
  if (Number.isFinite(number)) return number;
  return Number.isNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
}

function contentOf(span: ExportedSpan): Entry[] {
  return Object.entries(span.content ?? {}).map(([part, value]) => [
    CONTENT_ATTRIBUTES[part] ?? part,
    { stringValue: typeof value === "string" ? value : JSON.stringify(value) },
  ]);
}

function mapped(map: Record<string, string> = {}): Entry[] {
  return Object.entries(map).map(([key, value]) => [key, anyValue(value)]);
}

const TYPED = /^\{("(int|double|bool|string|bytes|array|kvlist)Value":.*)?\}$/s;

/** Values that are no text were kept as OTLP JSON. */
function anyValue(value: string): Json {
  if (!TYPED.test(value)) return { stringValue: value };
  try {
    return JSON.parse(value) as Json;
  } catch {
    return { stringValue: value }; // a text that only looks like it
  }
}

function keyValues(entries: readonly Entry[]): Json[] {
  return entries.map(([key, value]) => ({ key, value }));
}

function eventsOf(span: Partial<DetailRow>): Json[] {
  return (span.event_names ?? []).map((name, i) => ({
    name,
    timeUnixNano: span.event_times?.[i] ?? "0",
    attributes: jsonArray(span.event_attributes?.[i]),
  }));
}

function linksOf(span: Partial<DetailRow>): Json[] {
  return (span.link_trace_ids ?? []).map((traceId, i) => ({
    ...jsonObject(span.link_attributes?.[i]),
    traceId,
    spanId: span.link_span_ids?.[i] ?? "",
  }));
}

function jsonArray(value = ""): unknown[] {
  const found = parsed(value);
  return Array.isArray(found) ? found : [];
}

function jsonObject(value = ""): Json {
  const found = parsed(value);
  return typeof found === "object" && found !== null && !Array.isArray(found)
    ? (found as Json)
    : {};
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined; // empty where nothing was sent
  }
}
