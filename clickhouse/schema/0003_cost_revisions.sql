-- Price corrections, as a journal that is written ahead.
--
-- `cost_revisions` says, span by span, what a cost was and what it becomes, and why. It is written first, a day at a
-- time (one insert, one part: all of a day or nothing). Then the same rows go through `cost_revisions_ingest` (engine
-- Null) under one deduplication token, and its views add the signed differences to everything that holds a cost; then
-- `spans` is changed, partition by partition. `cost_revision_steps` remembers what is done. A correction that was
-- killed at any point goes on from the journal, never from the spans, which may be half changed by then; the order is
-- in clickhouse/cost-revisions.ts.

CREATE TABLE IF NOT EXISTS cost_revisions {{on_cluster}}
(
    run             String CODEC(ZSTD(1)),                       -- id of the correction
    revised_at      DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    reason          LowCardinality(String),
    day             Date,                                        -- partition of the span in `spans`
    project         LowCardinality(String),
    trace_id        FixedString(16) CODEC(ZSTD(1)),
    span_id         FixedString(8) CODEC(ZSTD(1)),
    event_time      DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    service         LowCardinality(String),
    environment     LowCardinality(String),
    release         LowCardinality(String),
    region          LowCardinality(String),
    operation       LowCardinality(String),
    is_model_call   Bool,
    status          LowCardinality(String),
    provider        LowCardinality(String),
    request_model   LowCardinality(String),
    response_model  LowCardinality(String),
    user_id         String CODEC(ZSTD(1)),
    prompt_name     LowCardinality(String),
    prompt_version  LowCardinality(String),
    folded          UInt16 CODEC(T64, ZSTD(1)),
    old_cost        Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    old_cost_status LowCardinality(String),
    old_price_id    LowCardinality(String),
    new_cost        Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    new_cost_status LowCardinality(String),
    new_price_id    LowCardinality(String)
)
ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (run, day, trace_id, span_id)
TTL day + INTERVAL {{days:cost_revisions}} DAY
SETTINGS {{durable}};

CREATE TABLE IF NOT EXISTS cost_revision_steps {{on_cluster}}
(
    run  String,
    day  Date,
    step LowCardinality(String),              -- counted (the rollups have the differences) | applied (the spans changed)
    at   DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {{MergeTree}}
ORDER BY (run, day, step)
SETTINGS {{durable}};

CREATE TABLE IF NOT EXISTS cost_revisions_ingest {{on_cluster}} AS cost_revisions
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_1m_revisions_mv {{on_cluster}} TO llm_1m AS
SELECT
    if(bitTest(r.folded, 0), 'other', r.project) AS project,
    toStartOfMinute(toDateTime(r.event_time, 'UTC')) AS ts,
    if(bitTest(r.folded, 1), 'other', r.service) AS service,
    if(bitTest(r.folded, 2), 'other', r.environment) AS environment,
    if(bitTest(r.folded, 3), 'other', r.provider) AS provider,
    if(bitTest(r.folded, 4), 'other', r.request_model) AS request_model,
    if(bitTest(r.folded, 5), 'other', r.response_model) AS response_model,
    if(bitTest(r.folded, 6), 'other', r.operation) AS operation,
    r.is_model_call AS is_model_call,
    r.status AS status,
    sum(ifNull(r.new_cost, toDecimal128(0, 12))) - sum(ifNull(r.old_cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(r.is_model_call AND r.new_cost IS NULL)) - toInt64(countIf(r.is_model_call AND r.old_cost IS NULL)) AS unpriced_calls
FROM cost_revisions_ingest AS r
WHERE r.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_1h_revisions_mv {{on_cluster}} TO llm_1h AS
SELECT
    if(bitTest(r.folded, 0), 'other', r.project) AS project,
    toStartOfHour(toDateTime(r.event_time, 'UTC')) AS ts,
    if(bitTest(r.folded, 1), 'other', r.service) AS service,
    if(bitTest(r.folded, 2), 'other', r.environment) AS environment,
    if(bitTest(r.folded, 3), 'other', r.provider) AS provider,
    if(bitTest(r.folded, 4), 'other', r.request_model) AS request_model,
    if(bitTest(r.folded, 5), 'other', r.response_model) AS response_model,
    if(bitTest(r.folded, 6), 'other', r.operation) AS operation,
    r.is_model_call AS is_model_call,
    r.status AS status,
    sum(ifNull(r.new_cost, toDecimal128(0, 12))) - sum(ifNull(r.old_cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(r.is_model_call AND r.new_cost IS NULL)) - toInt64(countIf(r.is_model_call AND r.old_cost IS NULL)) AS unpriced_calls
FROM cost_revisions_ingest AS r
WHERE r.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_1d_revisions_mv {{on_cluster}} TO llm_1d AS
SELECT
    if(bitTest(r.folded, 0), 'other', r.project) AS project,
    toStartOfDay(toDateTime(r.event_time, 'UTC')) AS ts,
    if(bitTest(r.folded, 1), 'other', r.service) AS service,
    if(bitTest(r.folded, 2), 'other', r.environment) AS environment,
    if(bitTest(r.folded, 3), 'other', r.provider) AS provider,
    if(bitTest(r.folded, 4), 'other', r.request_model) AS request_model,
    if(bitTest(r.folded, 5), 'other', r.response_model) AS response_model,
    if(bitTest(r.folded, 6), 'other', r.operation) AS operation,
    r.is_model_call AS is_model_call,
    r.status AS status,
    sum(ifNull(r.new_cost, toDecimal128(0, 12))) - sum(ifNull(r.old_cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(r.is_model_call AND r.new_cost IS NULL)) - toInt64(countIf(r.is_model_call AND r.old_cost IS NULL)) AS unpriced_calls
FROM cost_revisions_ingest AS r
WHERE r.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;

CREATE MATERIALIZED VIEW IF NOT EXISTS cost_by_user_1d_revisions_mv {{on_cluster}} TO cost_by_user_1d AS
SELECT
    if(bitTest(r.folded, 0), 'other', r.project) AS project,
    r.day AS day,
    if(bitTest(r.folded, 11), 'other', r.user_id) AS user_id,
    if(bitTest(r.folded, 3), 'other', r.provider) AS provider,
    if(bitTest(r.folded, 4), 'other', r.request_model) AS request_model,
    sum(ifNull(r.new_cost, toDecimal128(0, 12))) - sum(ifNull(r.old_cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(r.is_model_call AND r.new_cost IS NULL)) - toInt64(countIf(r.is_model_call AND r.old_cost IS NULL)) AS unpriced_calls
FROM cost_revisions_ingest AS r
WHERE r.operation != ''
GROUP BY project, day, user_id, provider, request_model;

-- The times are given because missing ones would count as the day's beginning.
CREATE MATERIALIZED VIEW IF NOT EXISTS cost_by_release_1d_revisions_mv {{on_cluster}} TO cost_by_release_1d AS
SELECT
    if(bitTest(r.folded, 0), 'other', r.project) AS project,
    r.day AS day,
    if(bitTest(r.folded, 7), 'other', r.release) AS release,
    if(bitTest(r.folded, 9), 'other', r.prompt_name) AS prompt_name,
    if(bitTest(r.folded, 10), 'other', r.prompt_version) AS prompt_version,
    if(bitTest(r.folded, 8), 'other', r.region) AS region,
    if(bitTest(r.folded, 1), 'other', r.service) AS service,
    if(bitTest(r.folded, 2), 'other', r.environment) AS environment,
    if(bitTest(r.folded, 3), 'other', r.provider) AS provider,
    if(bitTest(r.folded, 4), 'other', r.request_model) AS request_model,
    if(bitTest(r.folded, 5), 'other', r.response_model) AS response_model,
    if(bitTest(r.folded, 6), 'other', r.operation) AS operation,
    sum(ifNull(r.new_cost, toDecimal128(0, 12))) - sum(ifNull(r.old_cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(r.is_model_call AND r.new_cost IS NULL)) - toInt64(countIf(r.is_model_call AND r.old_cost IS NULL)) AS unpriced_calls,
    min(toDateTime(r.event_time, 'UTC')) AS first_seen,
    max(toDateTime(r.event_time, 'UTC')) AS last_seen
FROM cost_revisions_ingest AS r
WHERE r.operation != ''
GROUP BY project, day, release, prompt_name, prompt_version, region, service, environment, provider, request_model, response_model, operation;

-- `start` and `end` are given because a missing one would count as 1970; a span's start moves neither.
CREATE MATERIALIZED VIEW IF NOT EXISTS trace_index_revisions_mv {{on_cluster}} TO trace_index AS
SELECT
    r.trace_id AS trace_id,
    r.project AS project,
    r.day AS day,
    min(r.event_time) AS start,
    max(r.event_time) AS end,
    sum(ifNull(r.new_cost, toDecimal128(0, 12))) - sum(ifNull(r.old_cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(r.is_model_call AND r.new_cost IS NULL)) - toInt64(countIf(r.is_model_call AND r.old_cost IS NULL)) AS unpriced_calls
FROM cost_revisions_ingest AS r
GROUP BY trace_id, project, day;
