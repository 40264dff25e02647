/**
 * The columns of table `ingest`, in its order: name, type as ClickHouse writes it, and the buffer that builds it.
 * A test holds this table against the schema.
 */
import {
  ByteColumn,
  type Column,
  ListColumn,
  NullableColumn,
  StringColumn,
  WordColumn,
} from "./columns.ts";

const string = () => ["String", new StringColumn()] as const;
const uint32 = () => ["UInt32", new WordColumn(1)] as const;
const int32 = () => ["Int32", new WordColumn(1)] as const;
const uint64 = () => ["UInt64", new WordColumn(2)] as const;
const bool = () => ["Bool", new ByteColumn(1)] as const;
const nullableFloat = () => ["Nullable(Float64)", new NullableColumn(2)] as const;
const money = () => ["Nullable(Decimal(38, 12))", new NullableColumn(4)] as const;
const stringMap = () =>
  ["Map(String, String)", new ListColumn([new StringColumn(), new StringColumn()])] as const;
const wordMap = (type: string) =>
  [`Map(String, ${type})`, new ListColumn([new StringColumn(), new WordColumn(2)])] as const;
const list = <T extends Column>(type: string, column: T) =>
  [`Array(${type})`, new ListColumn([column])] as const;

export function createColumns() {
  return {
    project: string(),
    trace_id: ["FixedString(16)", new WordColumn(4)] as const,
    span_id: ["FixedString(8)", new WordColumn(2)] as const,
    parent_span_id: ["FixedString(8)", new WordColumn(2)] as const,
    event_time: ["DateTime64(9, 'UTC')", new WordColumn(2)] as const,
    start_unix_nano: uint64(),
    end_unix_nano: uint64(),
    duration_ns: uint64(),
    anomalies: uint32(),
    name: string(),
    kind: int32(),
    status: string(),
    status_code: int32(),
    status_message: string(),
    flags: uint32(),
    trace_state: string(),
    service: string(),
    service_version: string(),
    environment: string(),
    release: string(),
    region: string(),
    operation: string(),
    is_model_call: bool(),
    provider: string(),
    request_model: string(),
    response_model: string(),
    response_id: string(),
    output_type: string(),
    finish_reasons: list("String", new StringColumn()),
    error_type: string(),
    server_address: string(),
    agent_name: string(),
    tool_name: string(),
    tool_call_id: string(),
    data_source: string(),
    top_k: uint32(),
    document_count: uint32(),
    session_id: string(),
    user_id: string(),
    prompt_name: string(),
    prompt_version: string(),
    prompt_hash: string(),
    temperature: nullableFloat(),
    top_p: nullableFloat(),
    seed: ["Nullable(Int64)", new NullableColumn(2)] as const,
    max_tokens: uint32(),
    is_stream: bool(),
    usage_source: string(),
    input_tokens: uint32(),
    cache_read_tokens: uint32(),
    cache_write_tokens: uint32(),
    output_tokens: uint32(),
    reasoning_tokens: uint32(),
    audio_input_tokens: uint32(),
    audio_output_tokens: uint32(),
    cost: money(),
    cost_status: string(),
    price_id: string(),
    reported_cost: money(),
    reported_cost_source: string(),
    ttft_ns: uint64(),
    folded: ["UInt16", new ByteColumn(2)] as const,
    attrs_string: stringMap(),
    attrs_int: wordMap("Int64"),
    attrs_double: wordMap("Float64"),
    attrs_bool: [
      "Map(String, Bool)",
      new ListColumn([new StringColumn(), new ByteColumn(1)]),
    ] as const,
    attrs_json: stringMap(),
    resource: stringMap(),
    resource_schema_url: string(),
    scope_name: string(),
    scope_version: string(),
    scope_schema_url: string(),
    scope_attributes: stringMap(),
    event_times: list("UInt64", new WordColumn(2)),
    event_names: list("String", new StringColumn()),
    event_attributes: list("String", new StringColumn()),
    link_trace_ids: list("FixedString(16)", new WordColumn(4)),
    link_span_ids: list("FixedString(8)", new WordColumn(2)),
    link_attributes: list("String", new StringColumn()),
    dropped_attributes: uint32(),
    dropped_events: uint32(),
    dropped_links: uint32(),
    has_content: bool(),
    content_system: string(),
    content_input: string(),
    content_output: string(),
    content_tools: string(),
    content_query: string(),
    content_documents: string(),
    content_arguments: string(),
    content_result: string(),
    received_at: ["DateTime64(3, 'UTC')", new WordColumn(2)] as const,
    collector_id: string(),
    batch: uint64(),
  };
}

export type Layout = ReturnType<typeof createColumns>;
export type ColumnName = keyof Layout;
/** The buffers alone, by the column's name. */
export type Columns = { [Name in ColumnName]: Layout[Name][1] };

export function columnsOf(layout: Layout): Columns {
  return Object.fromEntries(
    Object.entries(layout).map(([name, [, column]]) => [name, column]),
  ) as Columns;
}
