-- Spans: one insert into `ingest` fills everything below through materialized views.
--
-- `ingest` keeps nothing (engine Null). A collector inserts one Native block with one deduplication token;
-- each view writes its own table from it, and a repeated token is dropped by every table on its own.
-- A view may only use columns that `spans` keeps too, so that each rollup can be rebuilt from `spans`. What is no span
-- (messages and evaluations that came as log events) is a row of `ingest` too, by its `row_kind`, with few columns set.
--
-- Placeholders, filled by the migration runner (clickhouse/statements.ts): {{on_cluster}}, {{MergeTree}} and
-- {{AggregatingMergeTree}} (the Replicated ones on a cluster), {{durable}} (deduplication window and fsync settings),
-- {{few_files}} and {{wide_merges}} (how parts are written and merged), {{days:NAME}} (retention). Every statement can be run again: a migration that was killed halfway starts over.
--
-- To change a view, drop it and make it anew in a migration, with all collectors but one stopped: one that was changed by MODIFY
-- QUERY takes other deduplication tokens after the engine's next restart, and a block in doubt would be stored twice.

CREATE TABLE IF NOT EXISTS ingest {{on_cluster}}
(
    project            LowCardinality(String),
    trace_id           FixedString(16),
    span_id            FixedString(8),
    parent_span_id     FixedString(8),              -- zero bytes: a root span
    event_time         DateTime64(9, 'UTC'),        -- start, or the time of receipt where start is not believable
    start_unix_nano    UInt64,                      -- as sent
    end_unix_nano      UInt64,                      -- as sent
    duration_ns        UInt64,                      -- max(0, end - start); 0 when either is missing
    anomalies          UInt32,                      -- bits: collector/encode/anomalies.ts
    name               LowCardinality(String),
    kind               Int32,
    status             LowCardinality(String),      -- ok | error; error when status_code is 2 or error_type is set
    status_code        Int32,                       -- as sent: 0 unset, 1 ok, 2 error
    status_message     String,
    flags              UInt32,
    trace_state        String,
    service            LowCardinality(String),
    service_version    LowCardinality(String),
    environment        LowCardinality(String),
    release            LowCardinality(String),
    region             LowCardinality(String),
    operation          LowCardinality(String),      -- gen_ai.operation.name: chat, embeddings, retrieval, execute_tool, …
    is_model_call      Bool,                        -- a call to a model itself: the only spans whose tokens and cost count
    provider           LowCardinality(String),
    request_model      LowCardinality(String),
    response_model     LowCardinality(String),
    response_id        String,
    output_type        LowCardinality(String),
    finish_reasons     Array(LowCardinality(String)),
    error_type         LowCardinality(String),
    server_address     LowCardinality(String),
    agent_name         LowCardinality(String),
    tool_name          LowCardinality(String),
    tool_call_id       String,
    data_source        LowCardinality(String),
    top_k              UInt32,
    document_count     UInt32,                      -- retrieved documents
    session_id         String,                      -- gen_ai.conversation.id
    user_id            String,
    prompt_name        LowCardinality(String),
    prompt_version     LowCardinality(String),
    prompt_hash        String,                      -- 32 hex digits, or empty
    temperature        Nullable(Float64),
    top_p              Nullable(Float64),
    seed               Nullable(Int64),
    max_tokens         UInt32,
    is_stream          Bool,
    usage_source       LowCardinality(String),      -- reported | estimated | '' (no usage known)
    input_tokens       UInt32,                      -- all of the input, cached included
    cache_read_tokens  UInt32,                      -- part of input_tokens
    cache_write_tokens UInt32,                      -- part of input_tokens
    output_tokens      UInt32,                      -- all of the output, reasoning included
    reasoning_tokens   UInt32,                      -- part of output_tokens
    audio_input_tokens  UInt32,                     -- part of input_tokens
    audio_output_tokens UInt32,                     -- part of output_tokens
    cache_write_1h_tokens UInt32,                   -- part of cache_write_tokens: kept for an hour
    cache_read_audio_tokens UInt32,                 -- part of cache_read_tokens and of audio_input_tokens
    image_input_tokens UInt32,                      -- part of input_tokens
    image_output_tokens UInt32,                     -- part of output_tokens
    web_searches       UInt32,                      -- run by the provider, charged by the piece
    file_searches      UInt32,                      -- the same
    service_tier       LowCardinality(String),      -- as the provider calls it: batch, flex, priority; empty when not said. Decides the price
    cost               Nullable(Decimal(38, 12)),   -- USD by our price book; null when unpriced, never 0 for that
    cost_status        LowCardinality(String),      -- priced | free | estimated | unpriced | '' (not a model call)
    price_id           LowCardinality(String),      -- row of price_book, or empty
    reported_cost      Nullable(Decimal(38, 12)),   -- what arrived on the span
    reported_cost_source LowCardinality(String),    -- gen_ai.usage.cost.source: provider | local | ''
    ttft_ns            UInt64,                      -- time to first token; 0 when unknown
    folded             UInt16,                      -- bits: dimensions that a rollup shows as `other`; collector/encode/cardinality.ts
    attrs_string       Map(LowCardinality(String), String), -- attributes without a column of their own
    attrs_int          Map(LowCardinality(String), Int64),
    attrs_double       Map(LowCardinality(String), Float64),
    attrs_bool         Map(LowCardinality(String), Bool),
    attrs_json         Map(LowCardinality(String), String), -- arrays, maps, bytes and empty values as OTLP JSON
    resource           Map(LowCardinality(String), String), -- values that are no strings as OTLP JSON
    resource_schema_url LowCardinality(String),
    scope_name         LowCardinality(String),
    scope_version      LowCardinality(String),
    scope_schema_url   LowCardinality(String),
    scope_attributes   Map(LowCardinality(String), String),
    event_times        Array(UInt64),               -- unix nanoseconds
    event_names        Array(LowCardinality(String)),
    event_attributes   Array(String),               -- OTLP JSON array of key-values
    link_trace_ids     Array(FixedString(16)),
    link_span_ids      Array(FixedString(8)),
    link_attributes    Array(String),               -- OTLP JSON object {traceState, attributes, flags, droppedAttributesCount}
    dropped_attributes UInt32,
    dropped_events     UInt32,
    dropped_links      UInt32,
    has_content        Bool,
    content_system     String,                      -- JSON text, as gen_ai.* defines it
    content_input      String,
    content_output     String,
    content_tools      String,                      -- tool definitions
    content_query      String,                      -- retrieval query
    content_documents  String,                      -- retrieved documents: JSON array of {id, score, content, …}
    content_arguments  String,                      -- tool call arguments
    content_result     String,                      -- tool call result
    received_at        DateTime64(3, 'UTC'),
    collector_id       LowCardinality(String),      -- the id of the log that the span came through
    batch              UInt64,                      -- the batch's number in that log
    row_kind           Enum8('span' = 0, 'content' = 1, 'message' = 2, 'evaluation' = 3) -- collector/encode/row-kind.ts
)
ENGINE = Null;

-- Rows of a batch stay together, in the order in which they came: so most blocks arrive sorted, and a merge copies runs of
-- rows instead of single ones (a seventh of the work). Spans of a trace come close to each other, and are found by ix_trace
-- within the project and time that trace_index gives.
CREATE TABLE IF NOT EXISTS spans {{on_cluster}}
(
    project            LowCardinality(String),
    trace_id           FixedString(16) CODEC(ZSTD(1)),
    span_id            FixedString(8) CODEC(ZSTD(1)),
    parent_span_id     FixedString(8) CODEC(ZSTD(1)),
    event_time         DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    start_unix_nano    UInt64 CODEC(Delta(8), ZSTD(1)),
    end_unix_nano      UInt64 CODEC(Delta(8), ZSTD(1)),
    duration_ns        UInt64 CODEC(T64, ZSTD(1)),
    anomalies          UInt32 CODEC(T64, ZSTD(1)),
    name               LowCardinality(String),
    kind               Int32 CODEC(T64, ZSTD(1)),
    status             LowCardinality(String),
    status_code        Int32 CODEC(T64, ZSTD(1)),
    status_message     String CODEC(ZSTD(1)),
    flags              UInt32 CODEC(T64, ZSTD(1)),
    trace_state        String CODEC(ZSTD(1)),
    service            LowCardinality(String),
    service_version    LowCardinality(String),
    environment        LowCardinality(String),
    release            LowCardinality(String),
    region             LowCardinality(String),
    operation          LowCardinality(String),
    is_model_call      Bool,
    provider           LowCardinality(String),
    request_model      LowCardinality(String),
    response_model     LowCardinality(String),
    response_id        String CODEC(ZSTD(1)),
    output_type        LowCardinality(String),
    finish_reasons     Array(LowCardinality(String)),
    error_type         LowCardinality(String),
    server_address     LowCardinality(String),
    agent_name         LowCardinality(String),
    tool_name          LowCardinality(String),
    tool_call_id       String CODEC(ZSTD(1)),
    data_source        LowCardinality(String),
    top_k              UInt32 CODEC(T64, ZSTD(1)),
    document_count     UInt32 CODEC(T64, ZSTD(1)),
    session_id         String CODEC(ZSTD(1)),
    user_id            String CODEC(ZSTD(1)),
    prompt_name        LowCardinality(String),
    prompt_version     LowCardinality(String),
    prompt_hash        String CODEC(ZSTD(1)),
    temperature        Nullable(Float64) CODEC(ZSTD(1)),
    top_p              Nullable(Float64) CODEC(ZSTD(1)),
    seed               Nullable(Int64) CODEC(ZSTD(1)),
    max_tokens         UInt32 CODEC(T64, ZSTD(1)),
    is_stream          Bool,
    usage_source       LowCardinality(String),
    input_tokens       UInt32 CODEC(T64, ZSTD(1)),
    cache_read_tokens  UInt32 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt32 CODEC(T64, ZSTD(1)),
    output_tokens      UInt32 CODEC(T64, ZSTD(1)),
    reasoning_tokens   UInt32 CODEC(T64, ZSTD(1)),
    audio_input_tokens  UInt32 CODEC(T64, ZSTD(1)),
    audio_output_tokens UInt32 CODEC(T64, ZSTD(1)),
    cache_write_1h_tokens UInt32 CODEC(T64, ZSTD(1)),
    cache_read_audio_tokens UInt32 CODEC(T64, ZSTD(1)),
    image_input_tokens UInt32 CODEC(T64, ZSTD(1)),
    image_output_tokens UInt32 CODEC(T64, ZSTD(1)),
    web_searches       UInt32 CODEC(T64, ZSTD(1)),
    file_searches      UInt32 CODEC(T64, ZSTD(1)),
    service_tier       LowCardinality(String),
    cost               Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    cost_status        LowCardinality(String),
    price_id           LowCardinality(String),
    reported_cost      Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    reported_cost_source LowCardinality(String),
    ttft_ns            UInt64 CODEC(T64, ZSTD(1)),
    folded             UInt16 CODEC(T64, ZSTD(1)),
    attrs_string       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attrs_int          Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    attrs_double       Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    attrs_bool         Map(LowCardinality(String), Bool) CODEC(ZSTD(1)),
    attrs_json         Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource           Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_schema_url LowCardinality(String),
    scope_name         LowCardinality(String),
    scope_version      LowCardinality(String),
    scope_schema_url   LowCardinality(String),
    scope_attributes   Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    event_times        Array(UInt64) CODEC(ZSTD(1)),
    event_names        Array(LowCardinality(String)),
    event_attributes   Array(String) CODEC(ZSTD(1)),
    link_trace_ids     Array(FixedString(16)) CODEC(ZSTD(1)),
    link_span_ids      Array(FixedString(8)) CODEC(ZSTD(1)),
    link_attributes    Array(String) CODEC(ZSTD(1)),
    dropped_attributes UInt32 CODEC(T64, ZSTD(1)),
    dropped_events     UInt32 CODEC(T64, ZSTD(1)),
    dropped_links      UInt32 CODEC(T64, ZSTD(1)),
    has_content        Bool,
    received_at        DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    collector_id       LowCardinality(String),
    batch              UInt64 CODEC(Delta(8), ZSTD(1)),
    row_kind           Enum8('span' = 0, 'content' = 1, 'message' = 2, 'evaluation' = 3) ALIAS 'span',
    -- How many spans a span stands for: the sampler that kept it wrote its threshold into the trace state (`ot=th:…`, the
    -- OpenTelemetry specification's consistent probability sampling). A threshold T, 14 hex digits with trailing zeros left
    -- out, rejects T of 2^56, so that each span kept stands for 2^56 / (2^56 - T). No threshold, or one that cannot be read: 1.
    -- Computed when it is asked for: nothing is stored.
    sampling_threshold String
        ALIAS extract(extract(trace_state, '(?:^|,)[ \t]*ot=([^,]*)'), '(?:^|;)th:([^;]*)'),
    sampling_threshold_valid Bool
        ALIAS match(sampling_threshold, '^([0-9a-f]{1,14})?$'),
    sampling_weight Float64
        ALIAS if(sampling_threshold_valid,
            exp2(56) / (bitShiftLeft(toUInt64(1), 56) - reinterpretAsUInt64(reverse(unhex(rightPad(sampling_threshold, 14, '0'))))), 1),
    INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX ix_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_user user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_receipt (batch, received_at) TYPE minmax GRANULARITY 1   -- what was received lately, whatever times its spans say
)
ENGINE = {{MergeTree}}
PARTITION BY toDate(event_time)
ORDER BY (project, toStartOfFiveMinutes(event_time), batch)
TTL toDateTime(event_time) + INTERVAL {{days:spans}} DAY
SETTINGS {{durable}}, ttl_only_drop_parts = 1, {{few_files}}, {{wide_merges}};

-- Prompts, answers, retrieved documents, tool arguments. Apart from the facts: shorter retention, own access rights,
-- and no merge of `spans` rewrites them. A span may have several rows (content that arrives later, or a log event for
-- each message: `row_kind`); the API merges them.
-- To rewrite text costs as much as to insert it, and its former copy stays on disk for a while: parts are merged ten or more
-- at a time, about once, and not beyond the size in which they may be kept in their thousands; such do not count as too many.
CREATE TABLE IF NOT EXISTS span_content {{on_cluster}}
(
    project           LowCardinality(String),
    trace_id          FixedString(16) CODEC(ZSTD(1)),
    span_id           FixedString(8) CODEC(ZSTD(1)),
    event_time        DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    content_system    String CODEC(ZSTD(1)),
    content_input     String CODEC(ZSTD(1)),
    content_output    String CODEC(ZSTD(1)),
    content_tools     String CODEC(ZSTD(1)),
    content_query     String CODEC(ZSTD(1)),
    content_documents String CODEC(ZSTD(1)),
    content_arguments String CODEC(ZSTD(1)),
    content_result    String CODEC(ZSTD(1)),
    collector_id      LowCardinality(String),
    batch             UInt64 CODEC(Delta(8), ZSTD(1)),
    row_kind          Enum8('span' = 0, 'content' = 1, 'message' = 2, 'evaluation' = 3),
    INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = {{MergeTree}}
PARTITION BY toDate(event_time)
ORDER BY (project, toStartOfFiveMinutes(event_time), batch)
TTL toDateTime(event_time) + INTERVAL {{days:content}} DAY
SETTINGS {{durable}}, ttl_only_drop_parts = 1, index_granularity_bytes = 67108864, {{few_files}}, {{wide_merges}},
    max_bytes_to_merge_at_max_space_in_pool = 268435456, max_avg_part_size_for_too_many_parts = 16777216;

-- Where a trace lies: looked up by id alone, answers with every project and day that has spans of it.
CREATE TABLE IF NOT EXISTS trace_index {{on_cluster}}
(
    trace_id     FixedString(16),
    project      LowCardinality(String),
    day          Date,
    start        SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    end          SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    spans        SimpleAggregateFunction(sum, Int64),
    errors       SimpleAggregateFunction(sum, Int64),
    calls        SimpleAggregateFunction(sum, Int64),
    unpriced_calls SimpleAggregateFunction(sum, Int64),
    input_tokens SimpleAggregateFunction(sum, Int64),
    output_tokens SimpleAggregateFunction(sum, Int64),
    cost         SimpleAggregateFunction(sum, Decimal(38, 12)),
    root_name    SimpleAggregateFunction(max, String),
    root_service SimpleAggregateFunction(max, String)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (trace_id, project, day)
TTL day + INTERVAL {{days:spans}} DAY
SETTINGS {{durable}}, index_granularity = 1024, {{few_files}}, {{wide_merges}};

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_mv {{on_cluster}} TO spans AS
SELECT
    project, trace_id, span_id, parent_span_id, event_time, start_unix_nano, end_unix_nano, duration_ns,
    anomalies, name, kind, status, status_code, status_message, flags, trace_state, service, service_version,
    environment, release, region, operation, is_model_call, provider, request_model, response_model,
    response_id, output_type, finish_reasons, error_type, server_address, agent_name, tool_name, tool_call_id,
    data_source, top_k, document_count, session_id, user_id, prompt_name, prompt_version, prompt_hash,
    temperature, top_p, seed, max_tokens, is_stream, usage_source, input_tokens, cache_read_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens,
    cache_write_1h_tokens, cache_read_audio_tokens, image_input_tokens, image_output_tokens, web_searches,
    file_searches, service_tier, cost,
    cost_status, price_id, reported_cost, reported_cost_source, ttft_ns, folded, attrs_string, attrs_int,
    attrs_double, attrs_bool, attrs_json, resource, resource_schema_url, scope_name, scope_version,
    scope_schema_url, scope_attributes, event_times, event_names, event_attributes, link_trace_ids,
    link_span_ids, link_attributes, dropped_attributes, dropped_events, dropped_links, has_content,
    received_at, collector_id, batch
FROM ingest
WHERE row_kind = 'span';   -- where all rows are spans, nothing is copied

CREATE MATERIALIZED VIEW IF NOT EXISTS span_content_mv {{on_cluster}} TO span_content AS
SELECT
    project, trace_id, span_id, event_time, content_system, content_input, content_output, content_tools,
    content_query, content_documents, content_arguments, content_result, collector_id, batch, row_kind
FROM ingest
WHERE has_content;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_index_mv {{on_cluster}} TO trace_index AS
SELECT
    s.trace_id AS trace_id,
    s.project AS project,
    toDate(s.event_time) AS day,
    min(s.event_time) AS start,
    max(s.event_time + toIntervalNanosecond(least(s.duration_ns, 31536000000000000))) AS end,   -- a year at most: DateTime64(9) ends in 2262
    toInt64(count()) AS spans,
    toInt64(countIf(s.status = 'error')) AS errors,
    toInt64(countIf(s.is_model_call)) AS calls,
    toInt64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls,
    toInt64(sumIf(s.input_tokens, s.is_model_call)) AS input_tokens,
    toInt64(sumIf(s.output_tokens, s.is_model_call)) AS output_tokens,
    sum(ifNull(s.cost, toDecimal128(0, 12))) AS cost,
    maxIf(s.name, s.parent_span_id = toFixedString('', 8)) AS root_name,
    maxIf(s.service, s.parent_span_id = toFixedString('', 8)) AS root_service
FROM ingest AS s
WHERE s.row_kind = 'span'
GROUP BY trace_id, project, day;
