/**
 * A span as the API shows it: one mapping between the columns of `spans` and the answer's fields.
 *
 * Amounts of money are decimal strings with 12 places (USD), ids lower-case hex, 64-bit numbers text; token counts fit
 * a JSON number. Content (prompts, answers, documents) is no fact and lives in `content.ts`.
 */
import { jsonOrText } from "./json-text.ts";

/**
 * Column lists over `assay.spans AS s`, by the groups that a list of spans can be asked for: `core` what, where, when and whether
 * it failed; `model` which model was asked how; `usage` tokens and money.
 */
export const COLUMN_GROUPS = {
  core: `
  s.project AS project, lower(hex(s.trace_id)) AS trace_id, lower(hex(s.span_id)) AS span_id,
  lower(hex(s.parent_span_id)) AS parent_span_id,
  concat(replaceOne(toString(s.event_time), ' ', 'T'), 'Z') AS time,
  toString(toUnixTimestamp64Nano(s.event_time)) AS time_unix_nano,
  toString(s.start_unix_nano) AS start_unix_nano, toString(s.end_unix_nano) AS end_unix_nano,
  toFloat64(s.duration_ns) / 1e6 AS duration_ms, s.anomalies AS anomalies, s.name AS name, s.kind AS kind,
  s.status AS status, s.status_message AS status_message, s.error_type AS error_type,
  s.service AS service, s.service_version AS service_version, s.environment AS environment, s.release AS release,
  s.region AS region, s.operation AS operation, s.is_model_call AS is_model_call,
  s.server_address AS server_address, s.agent_name AS agent_name, s.tool_name AS tool_name,
  s.tool_call_id AS tool_call_id, s.data_source AS data_source, s.top_k AS top_k, s.document_count AS document_count,
  s.session_id AS session_id, s.user_id AS user_id, s.has_content AS has_content,
  (s.attrs_bool['assay.generated'] OR s.attrs_string['assay.generated'] = 'true'
    OR s.resource['assay.generated'] IN ('true', '{"boolValue":true}')) AS generated`,
  model: `
  s.provider AS provider, s.request_model AS request_model, s.response_model AS response_model,
  s.response_id AS response_id, s.output_type AS output_type, s.finish_reasons AS finish_reasons,
  s.prompt_name AS prompt_name, s.prompt_version AS prompt_version, s.prompt_hash AS prompt_hash,
  s.temperature AS temperature, s.top_p AS top_p, toString(s.seed) AS seed, s.max_tokens AS max_tokens,
  s.is_stream AS is_stream, if(s.ttft_ns = 0, NULL, toFloat64(s.ttft_ns) / 1e6) AS ttft_ms`,
  usage: `
  s.usage_source AS usage_source, s.input_tokens AS input_tokens,
  s.cache_read_tokens AS cache_read_tokens, s.cache_write_tokens AS cache_write_tokens,
  s.output_tokens AS output_tokens, s.reasoning_tokens AS reasoning_tokens,
  s.audio_input_tokens AS audio_input_tokens, s.audio_output_tokens AS audio_output_tokens,
  toDecimalString(s.cost, 12) AS cost, s.cost_status AS cost_status, s.price_id AS price_id,
  toDecimalString(s.reported_cost, 12) AS reported_cost, s.reported_cost_source AS reported_cost_source`,
} as const;

/** All of a span's facts. */
export const FACT_COLUMNS = Object.values(COLUMN_GROUPS).join(",");

/** What only a closer look at a span shows. */
export const DETAIL_COLUMNS = `
  s.trace_state AS trace_state, s.flags AS flags,
  s.attrs_string AS attrs_string, mapApply((k, v) -> (k, toString(v)), s.attrs_int) AS attrs_int,
  mapApply((k, v) -> (k, toString(v)), s.attrs_double) AS attrs_double, s.attrs_bool AS attrs_bool,
  s.attrs_json AS attrs_json, s.resource AS resource, s.scope_name AS scope_name, s.scope_version AS scope_version,
  s.scope_attributes AS scope_attributes, arrayMap(t -> toString(t), s.event_times) AS event_times,
  s.event_names AS event_names, s.event_attributes AS event_attributes,
  arrayMap(i -> lower(hex(i)), s.link_trace_ids) AS link_trace_ids,
  arrayMap(i -> lower(hex(i)), s.link_span_ids) AS link_span_ids, s.link_attributes AS link_attributes,
  s.dropped_attributes AS dropped_attributes, s.dropped_events AS dropped_events, s.dropped_links AS dropped_links,
  toString(s.received_at) AS received_at`;

/** The columns of DETAIL_COLUMNS. */
const DETAIL_NAMES: ReadonlySet<string> = new Set(
  [...DETAIL_COLUMNS.matchAll(/ AS (\w+)/g)].map((match) => match[1] ?? ""),
);

interface CommonFacts {
  project: string;
  trace_id: string;
  span_id: string;
  time: string;
  time_unix_nano: string;
  duration_ms: number;
  name: string;
  status: "ok" | "error";
  service: string;
  response_id: string;
  is_model_call: boolean;
  input_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  cost: string | null;
  has_content: boolean;
}

/** As the query returns it; the columns that need no look here are carried along. */
export interface FactRow extends CommonFacts {
  parent_span_id: string;
  kind: number;
  /** Absent where the group `model` was not asked for. */
  seed?: string | null;
  generated: boolean | number;
}

export interface DetailRow {
  attrs_string: Record<string, string>;
  attrs_int: Record<string, string>;
  attrs_double: Record<string, string>;
  attrs_bool: Record<string, boolean>;
  attrs_json: Record<string, string>;
  resource: Record<string, string>;
  trace_state: string;
  flags: number;
  scope_name: string;
  scope_version: string;
  scope_attributes: Record<string, string>;
  event_times: string[];
  event_names: string[];
  event_attributes: string[];
  link_trace_ids: string[];
  link_span_ids: string[];
  link_attributes: string[];
  dropped_attributes: number;
  dropped_events: number;
  dropped_links: number;
  received_at: string;
}

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const NO_PARENT = "0000000000000000";

export interface SpanFacts extends CommonFacts {
  parent_span_id: string | null;
  kind: string;
  seed?: number | string | null;
  generated: boolean;
}

export function spanFacts(row: FactRow): SpanFacts {
  const { seed, ...rest } = row;
  return {
    ...rest,
    parent_span_id: row.parent_span_id === NO_PARENT ? null : row.parent_span_id,
    kind: KINDS[row.kind] ?? String(row.kind),
    ...(seed !== undefined && { seed: safeNumber(seed) }),
    generated: Boolean(row.generated),
  };
}

/** The row without the columns that `spanDetails` puts into shape. */
export function pickFacts(row: FactRow & DetailRow): FactRow {
  const facts = Object.entries(row).filter(([column]) => !DETAIL_NAMES.has(column));
  return Object.fromEntries(facts) as unknown as FactRow;
}

/** A number where a double holds it exactly, else its text. */
function safeNumber(text: string | null): number | string | null {
  if (text === null) return null;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

function mapValues<V, W>(map: Record<string, V>, change: (value: V) => W): [string, W][] {
  return Object.entries(map).map(([key, value]) => [key, change(value)]);
}

/** Doubles that JSON has no number for (NaN, infinities) stay text. */
function double(text: string): number | string {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

/** Everything sent with the span that has no column of its own. Attribute names come from outside: no plain assignment. */
export function spanDetails(row: DetailRow): Record<string, unknown> {
  return {
    attributes: Object.fromEntries([
      ...mapValues(row.attrs_string, (v): unknown => v),
      ...mapValues(row.attrs_int, safeNumber),
      ...mapValues(row.attrs_double, double),
      ...mapValues(row.attrs_bool, Boolean),
      ...mapValues(row.attrs_json, jsonOrText),
    ]),
    resource: row.resource,
    scope: { name: row.scope_name, version: row.scope_version, attributes: row.scope_attributes },
    events: row.event_names.map((name, i) => ({
      name,
      time_unix_nano: row.event_times[i],
      attributes: jsonOrText(row.event_attributes[i] ?? ""),
    })),
    links: row.link_trace_ids.map((traceId, i) => ({
      trace_id: traceId,
      span_id: row.link_span_ids[i],
      attributes: jsonOrText(row.link_attributes[i] ?? ""),
    })),
    trace_state: row.trace_state,
    flags: row.flags,
    dropped: {
      attributes: row.dropped_attributes,
      events: row.dropped_events,
      links: row.dropped_links,
    },
    received_at: row.received_at,
  };
}
