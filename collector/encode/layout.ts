/**
 * The columns of table `ingest`, in its order: name, type as ClickHouse writes it, and the buffer that builds it.
 * A test holds this table against the schema.
 */
import { ByteColumn, NullableColumn } from "./byte-column.ts";
import type { Column } from "./column.ts";
import { DictionaryColumn } from "./dictionary-column.ts";
import { ListColumn, SharedMapColumn } from "./list-column.ts";
import { ROW_KIND_TYPE } from "./row-kind.ts";
import { StringColumn } from "./string-column.ts";
import { WordColumn } from "./word-column.ts";

const string = () => ["String", new StringColumn()] as const;
/** Text of which a block has few different values. */
const name = () => ["LowCardinality(String)", new DictionaryColumn()] as const;
const uint32 = () => ["UInt32", new WordColumn(1)] as const;
const int32 = () => ["Int32", new WordColumn(1)] as const;
const uint64 = () => ["UInt64", new WordColumn(2)] as const;
const bool = () => ["Bool", new ByteColumn(1)] as const;
const nullableFloat = () => ["Nullable(Float64)", new NullableColumn(2)] as const;
const money = () => ["Nullable(Decimal(38, 12))", new NullableColumn(4)] as const;
const map = <T extends Column>(type: string, column: T) =>
  [
    `Map(LowCardinality(String), ${type})`,
    new ListColumn([new DictionaryColumn(), column]),
  ] as const;
const sharedMap = () => ["Map(LowCardinality(String), String)", new SharedMapColumn()] as const;
const list = <T extends Column>(type: string, column: T) =>
  [`Array(${type})`, new ListColumn([column])] as const;

export function createColumns() {
  return {
    project: name(),
    trace_id: ["FixedString(16)", new WordColumn(4)] as const,
    span_id: ["FixedString(8)", new WordColumn(2)] as const,
    parent_span_id: ["FixedString(8)", new WordColumn(2)] as const,
    event_time: ["DateTime64(9, 'UTC')", new WordColumn(2)] as const,
    start_unix_nano: uint64(),
    end_unix_nano: uint64(),
    duration_ns: uint64(),
    anomalies: uint32(),
    name: name(),
    kind: int32(),
    status: name(),
    status_code: int32(),
    status_message: string(),
    flags: uint32(),
    trace_state: string(),
    service: name(),
    service_version: name(),
    environment: name(),
    release: name(),
    region: name(),
    operation: name(),
    is_model_call: bool(),
    provider: name(),
    request_model: name(),
    response_model: name(),
    response_id: string(),
    output_type: name(),
    finish_reasons: list("LowCardinality(String)", new DictionaryColumn()),
    error_type: name(),
    server_address: name(),
    agent_name: name(),
    tool_name: name(),
    tool_call_id: string(),
    data_source: name(),
    top_k: uint32(),
    document_count: uint32(),
    session_id: string(),
    user_id: string(),
    prompt_name: name(),
    prompt_version: name(),
    prompt_hash: string(),
    temperature: nullableFloat(),
    top_p: nullableFloat(),
    seed: ["Nullable(Int64)", new NullableColumn(2)] as const,
    max_tokens: uint32(),
    is_stream: bool(),
    usage_source: name(),
    input_tokens: uint32(),
    cache_read_tokens: uint32(),
    cache_write_tokens: uint32(),
    output_tokens: uint32(),
    reasoning_tokens: uint32(),
    audio_input_tokens: uint32(),
    audio_output_tokens: uint32(),
    cache_write_1h_tokens: uint32(),
    cache_read_audio_tokens: uint32(),
    image_input_tokens: uint32(),
    image_output_tokens: uint32(),
    web_searches: uint32(),
    file_searches: uint32(),
    service_tier: name(),
    cost: money(),
    cost_status: name(),
    price_id: name(),
    reported_cost: money(),
    reported_cost_source: name(),
    ttft_ns: uint64(),
    folded: ["UInt16", new ByteColumn(2)] as const,
    attrs_string: map("String", new StringColumn()),
    attrs_int: map("Int64", new WordColumn(2)),
    attrs_double: map("Float64", new WordColumn(2)),
    attrs_bool: map("Bool", new ByteColumn(1)),
    attrs_json: map("String", new StringColumn()),
    resource: sharedMap(),
    resource_schema_url: name(),
    scope_name: name(),
    scope_version: name(),
    scope_schema_url: name(),
    scope_attributes: sharedMap(),
    event_times: list("UInt64", new WordColumn(2)),
    event_names: list("LowCardinality(String)", new DictionaryColumn()),
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
    collector_id: name(),
    batch: uint64(),
    // A span where nothing is put.
    row_kind: [ROW_KIND_TYPE, new ByteColumn(1)] as const,
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
