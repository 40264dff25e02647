-- How good an answer was, by whoever said so: one row per score. Today they come as log events
-- (`gen_ai.evaluation.result`, source `otlp`); judges and people write theirs beside them under a source of their own.
--
-- Read over time by project and name, and by trace. Two rows with one `evaluation_id` are the same evaluation (it came
-- through two collectors, or was made again after a crash): readers take the newest (`LIMIT 1 BY`).

CREATE TABLE IF NOT EXISTS evaluations {{on_cluster}}
(
    project        LowCardinality(String),
    name           LowCardinality(String),                        -- gen_ai.evaluation.name: the metric
    event_time     DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)), -- what it counts for: the record's time
    evaluated_at   DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)), -- when it was made: the time it was observed
    evaluation_id  FixedString(16) CODEC(ZSTD(1)),
    trace_id       FixedString(16) CODEC(ZSTD(1)),                -- zero bytes: it names a response only, or nothing
    span_id        FixedString(8) CODEC(ZSTD(1)),                 -- zero bytes: of the whole trace
    response_id    String CODEC(ZSTD(1)),                         -- gen_ai.response.id
    session_id     String CODEC(ZSTD(1)),                         -- gen_ai.conversation.id
    user_id        String CODEC(ZSTD(1)),
    service        LowCardinality(String),                        -- of whoever sent it, as are environment and release
    environment    LowCardinality(String),
    release        LowCardinality(String),
    source         LowCardinality(String),                        -- otlp
    evaluator      LowCardinality(String),                        -- gen_ai.evaluator.name, else the scope's name
    score          Nullable(Float64) CODEC(ZSTD(1)),              -- gen_ai.evaluation.score.value, as sent; null: none given
    label          LowCardinality(String),                        -- gen_ai.evaluation.score.label
    explanation    String CODEC(ZSTD(1)),
    error_type     LowCardinality(String),                        -- why there is no score
    attributes     Map(LowCardinality(String), String) CODEC(ZSTD(1)), -- all others; values that are no text as JSON
    received_at    DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    collector_id   LowCardinality(String),
    batch          UInt64 CODEC(Delta(8), ZSTD(1)),
    INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX ix_response response_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_batch batch TYPE minmax GRANULARITY 1
)
ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(event_time)
ORDER BY (project, name, event_time, evaluation_id)
TTL toDateTime(event_time) + INTERVAL {{days:evaluations}} DAY
SETTINGS {{durable}}, {{few_files}}, {{wide_merges}};

CREATE MATERIALIZED VIEW IF NOT EXISTS evaluations_mv {{on_cluster}} TO evaluations AS
SELECT
    s.project AS project,
    s.name AS name,
    s.event_time AS event_time,
    if(s.end_unix_nano = 0, s.event_time, fromUnixTimestamp64Nano(toInt64(least(s.end_unix_nano, 9223372036854775807)), 'UTC')) AS evaluated_at,
    -- Of everything that was said and of nothing that depends on the way it came.
    sipHash128(s.project, s.service, s.name, s.start_unix_nano, s.trace_id, s.span_id, s.response_id, s.session_id, s.error_type,
        mapKeys(s.attrs_double), mapValues(s.attrs_double), mapKeys(s.attrs_string), mapValues(s.attrs_string)) AS evaluation_id,
    s.trace_id AS trace_id,
    s.span_id AS span_id,
    s.response_id AS response_id,
    s.session_id AS session_id,
    s.user_id AS user_id,
    s.service AS service,
    s.environment AS environment,
    s.release AS release,
    'otlp' AS source,
    if(s.attrs_string['gen_ai.evaluator.name'] = '', toString(s.scope_name), s.attrs_string['gen_ai.evaluator.name']) AS evaluator,
    if(mapContains(s.attrs_double, 'gen_ai.evaluation.score.value'), s.attrs_double['gen_ai.evaluation.score.value'], NULL) AS score,
    s.attrs_string['gen_ai.evaluation.score.label'] AS label,
    s.attrs_string['gen_ai.evaluation.explanation'] AS explanation,
    s.error_type AS error_type,
    mapFilter((k, v) -> k NOT IN ('gen_ai.evaluator.name', 'gen_ai.evaluation.score.label', 'gen_ai.evaluation.explanation'), s.attrs_string) AS attributes,
    s.received_at AS received_at,
    s.collector_id AS collector_id,
    s.batch AS batch
FROM ingest AS s
WHERE s.row_kind = 'evaluation';

CREATE OR REPLACE VIEW v_evaluations {{on_cluster}} AS
SELECT
    e.project AS project,
    e.name AS name,
    e.event_time AS event_time,
    lower(hex(e.evaluation_id)) AS evaluation_id,
    if(e.trace_id = toFixedString('', 16), '', lower(hex(e.trace_id))) AS trace_id,
    if(e.span_id = toFixedString('', 8), '', lower(hex(e.span_id))) AS span_id,
    e.* EXCEPT (project, name, event_time, evaluation_id, trace_id, span_id)
FROM evaluations AS e;
