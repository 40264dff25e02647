-- Rollups: GenAI spans by minute, hour and day, and two daily cost tables.
--
-- Each is fed from `ingest` by a view of its own and holds nothing that `spans` does not, so it can be rebuilt from
-- there. Counters are signed: a price correction (0003) takes back what was counted. A dimension whose bit is set in
-- `folded` shows as `other`; the bits, from 0: project, service, environment, provider, request_model,
-- response_model, operation, release, region, prompt_name, prompt_version, user_id.
--
-- The views' aliases hide the columns that they are made of: always write `s.` in front of a column of the source.

CREATE TABLE IF NOT EXISTS llm_1m {{on_cluster}}
(
    project            LowCardinality(String),
    ts                 DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    service            LowCardinality(String),
    environment        LowCardinality(String),
    provider           LowCardinality(String),
    request_model      LowCardinality(String),
    response_model     LowCardinality(String),
    operation          LowCardinality(String),
    is_model_call      Bool,
    status             LowCardinality(String),
    calls              SimpleAggregateFunction(sum, Int64),   -- spans with is_model_call
    spans              SimpleAggregateFunction(sum, Int64),   -- all GenAI spans: retrievals, tools and agents too
    errors             SimpleAggregateFunction(sum, Int64),
    input_tokens       SimpleAggregateFunction(sum, Int64),
    cache_read_tokens  SimpleAggregateFunction(sum, Int64),
    cache_write_tokens SimpleAggregateFunction(sum, Int64),
    output_tokens      SimpleAggregateFunction(sum, Int64),
    reasoning_tokens   SimpleAggregateFunction(sum, Int64),
    audio_input_tokens SimpleAggregateFunction(sum, Int64),
    audio_output_tokens SimpleAggregateFunction(sum, Int64),
    cost               SimpleAggregateFunction(sum, Decimal(38, 12)),   -- USD, of the priced calls
    unpriced_calls     SimpleAggregateFunction(sum, Int64),
    estimated_calls    SimpleAggregateFunction(sum, Int64),   -- usage not reported but estimated
    duration_ns        SimpleAggregateFunction(sum, Int64),
    ttft_calls         SimpleAggregateFunction(sum, Int64),   -- calls whose time to first token is known
    ttft_ns            SimpleAggregateFunction(sum, Int64),
    duration_ms_sketch AggregateFunction(quantilesBFloat16(0.5, 0.95, 0.99), Float32),
    ttft_ms_sketch     AggregateFunction(quantilesBFloat16If(0.5, 0.95, 0.99), Float32, UInt8)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(ts)
ORDER BY (project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status)
TTL ts + INTERVAL {{days:llm_1m}} DAY
SETTINGS {{durable}};

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_1m_mv {{on_cluster}} TO llm_1m AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toStartOfMinute(toDateTime(s.event_time, 'UTC')) AS ts,
    if(bitTest(s.folded, 1), 'other', s.service) AS service,
    if(bitTest(s.folded, 2), 'other', s.environment) AS environment,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    if(bitTest(s.folded, 5), 'other', s.response_model) AS response_model,
    if(bitTest(s.folded, 6), 'other', s.operation) AS operation,
    s.is_model_call AS is_model_call,
    s.status AS status,
    toInt64(countIf(s.is_model_call)) AS calls,
    toInt64(count()) AS spans,
    toInt64(countIf(s.status = 'error')) AS errors,
    toInt64(sumIf(s.input_tokens, s.is_model_call)) AS input_tokens,
    toInt64(sumIf(s.cache_read_tokens, s.is_model_call)) AS cache_read_tokens,
    toInt64(sumIf(s.cache_write_tokens, s.is_model_call)) AS cache_write_tokens,
    toInt64(sumIf(s.output_tokens, s.is_model_call)) AS output_tokens,
    toInt64(sumIf(s.reasoning_tokens, s.is_model_call)) AS reasoning_tokens,
    toInt64(sumIf(s.audio_input_tokens, s.is_model_call)) AS audio_input_tokens,
    toInt64(sumIf(s.audio_output_tokens, s.is_model_call)) AS audio_output_tokens,
    sum(ifNull(s.cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls,
    toInt64(countIf(s.is_model_call AND s.usage_source = 'estimated')) AS estimated_calls,
    toInt64(sum(s.duration_ns)) AS duration_ns,
    toInt64(countIf(s.ttft_ns > 0)) AS ttft_calls,
    toInt64(sum(s.ttft_ns)) AS ttft_ns,
    quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32(s.duration_ns / 1e6)) AS duration_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32(s.ttft_ns / 1e6), toUInt8(s.ttft_ns > 0)) AS ttft_ms_sketch
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;

-- A sketch takes as long to read as to merge, and all of a granule are read: so granules are small where sketches are large.
CREATE TABLE IF NOT EXISTS llm_1h {{on_cluster}} AS llm_1m
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(ts)
ORDER BY (project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status)
TTL ts + INTERVAL {{days:llm_1h}} DAY
SETTINGS {{durable}}, index_granularity = 256;

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_1h_mv {{on_cluster}} TO llm_1h AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toStartOfHour(toDateTime(s.event_time, 'UTC')) AS ts,
    if(bitTest(s.folded, 1), 'other', s.service) AS service,
    if(bitTest(s.folded, 2), 'other', s.environment) AS environment,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    if(bitTest(s.folded, 5), 'other', s.response_model) AS response_model,
    if(bitTest(s.folded, 6), 'other', s.operation) AS operation,
    s.is_model_call AS is_model_call,
    s.status AS status,
    toInt64(countIf(s.is_model_call)) AS calls,
    toInt64(count()) AS spans,
    toInt64(countIf(s.status = 'error')) AS errors,
    toInt64(sumIf(s.input_tokens, s.is_model_call)) AS input_tokens,
    toInt64(sumIf(s.cache_read_tokens, s.is_model_call)) AS cache_read_tokens,
    toInt64(sumIf(s.cache_write_tokens, s.is_model_call)) AS cache_write_tokens,
    toInt64(sumIf(s.output_tokens, s.is_model_call)) AS output_tokens,
    toInt64(sumIf(s.reasoning_tokens, s.is_model_call)) AS reasoning_tokens,
    toInt64(sumIf(s.audio_input_tokens, s.is_model_call)) AS audio_input_tokens,
    toInt64(sumIf(s.audio_output_tokens, s.is_model_call)) AS audio_output_tokens,
    sum(ifNull(s.cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls,
    toInt64(countIf(s.is_model_call AND s.usage_source = 'estimated')) AS estimated_calls,
    toInt64(sum(s.duration_ns)) AS duration_ns,
    toInt64(countIf(s.ttft_ns > 0)) AS ttft_calls,
    toInt64(sum(s.ttft_ns)) AS ttft_ns,
    quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32(s.duration_ns / 1e6)) AS duration_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32(s.ttft_ns / 1e6), toUInt8(s.ttft_ns > 0)) AS ttft_ms_sketch
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;

CREATE TABLE IF NOT EXISTS llm_1d {{on_cluster}} AS llm_1m
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYear(ts)
ORDER BY (project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status)
TTL ts + INTERVAL {{days:llm_1d}} DAY
SETTINGS {{durable}}, index_granularity = 256;

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_1d_mv {{on_cluster}} TO llm_1d AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toStartOfDay(toDateTime(s.event_time, 'UTC')) AS ts,
    if(bitTest(s.folded, 1), 'other', s.service) AS service,
    if(bitTest(s.folded, 2), 'other', s.environment) AS environment,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    if(bitTest(s.folded, 5), 'other', s.response_model) AS response_model,
    if(bitTest(s.folded, 6), 'other', s.operation) AS operation,
    s.is_model_call AS is_model_call,
    s.status AS status,
    toInt64(countIf(s.is_model_call)) AS calls,
    toInt64(count()) AS spans,
    toInt64(countIf(s.status = 'error')) AS errors,
    toInt64(sumIf(s.input_tokens, s.is_model_call)) AS input_tokens,
    toInt64(sumIf(s.cache_read_tokens, s.is_model_call)) AS cache_read_tokens,
    toInt64(sumIf(s.cache_write_tokens, s.is_model_call)) AS cache_write_tokens,
    toInt64(sumIf(s.output_tokens, s.is_model_call)) AS output_tokens,
    toInt64(sumIf(s.reasoning_tokens, s.is_model_call)) AS reasoning_tokens,
    toInt64(sumIf(s.audio_input_tokens, s.is_model_call)) AS audio_input_tokens,
    toInt64(sumIf(s.audio_output_tokens, s.is_model_call)) AS audio_output_tokens,
    sum(ifNull(s.cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls,
    toInt64(countIf(s.is_model_call AND s.usage_source = 'estimated')) AS estimated_calls,
    toInt64(sum(s.duration_ns)) AS duration_ns,
    toInt64(countIf(s.ttft_ns > 0)) AS ttft_calls,
    toInt64(sum(s.ttft_ns)) AS ttft_ns,
    quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32(s.duration_ns / 1e6)) AS duration_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32(s.ttft_ns / 1e6), toUInt8(s.ttft_ns > 0)) AS ttft_ms_sketch
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;

CREATE TABLE IF NOT EXISTS cost_by_user_1d {{on_cluster}}
(
    project            LowCardinality(String),
    day                Date CODEC(DoubleDelta, ZSTD(1)),
    user_id            String CODEC(ZSTD(1)),
    provider           LowCardinality(String),
    request_model      LowCardinality(String),
    calls              SimpleAggregateFunction(sum, Int64),   -- spans with is_model_call
    spans              SimpleAggregateFunction(sum, Int64),   -- all GenAI spans: retrievals, tools and agents too
    errors             SimpleAggregateFunction(sum, Int64),
    input_tokens       SimpleAggregateFunction(sum, Int64),
    cache_read_tokens  SimpleAggregateFunction(sum, Int64),
    cache_write_tokens SimpleAggregateFunction(sum, Int64),
    output_tokens      SimpleAggregateFunction(sum, Int64),
    reasoning_tokens   SimpleAggregateFunction(sum, Int64),
    audio_input_tokens SimpleAggregateFunction(sum, Int64),
    audio_output_tokens SimpleAggregateFunction(sum, Int64),
    cost               SimpleAggregateFunction(sum, Decimal(38, 12)),   -- USD, of the priced calls
    unpriced_calls     SimpleAggregateFunction(sum, Int64)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYear(day)
ORDER BY (project, day, user_id, provider, request_model)
TTL day + INTERVAL {{days:cost_by_user_1d}} DAY
SETTINGS {{durable}};

CREATE MATERIALIZED VIEW IF NOT EXISTS cost_by_user_1d_mv {{on_cluster}} TO cost_by_user_1d AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toDate(s.event_time) AS day,
    if(bitTest(s.folded, 11), 'other', s.user_id) AS user_id,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    toInt64(countIf(s.is_model_call)) AS calls,
    toInt64(count()) AS spans,
    toInt64(countIf(s.status = 'error')) AS errors,
    toInt64(sumIf(s.input_tokens, s.is_model_call)) AS input_tokens,
    toInt64(sumIf(s.cache_read_tokens, s.is_model_call)) AS cache_read_tokens,
    toInt64(sumIf(s.cache_write_tokens, s.is_model_call)) AS cache_write_tokens,
    toInt64(sumIf(s.output_tokens, s.is_model_call)) AS output_tokens,
    toInt64(sumIf(s.reasoning_tokens, s.is_model_call)) AS reasoning_tokens,
    toInt64(sumIf(s.audio_input_tokens, s.is_model_call)) AS audio_input_tokens,
    toInt64(sumIf(s.audio_output_tokens, s.is_model_call)) AS audio_output_tokens,
    sum(ifNull(s.cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, day, user_id, provider, request_model;

CREATE TABLE IF NOT EXISTS cost_by_release_1d {{on_cluster}}
(
    project            LowCardinality(String),
    day                Date CODEC(DoubleDelta, ZSTD(1)),
    release            LowCardinality(String),
    prompt_name        LowCardinality(String),
    prompt_version     LowCardinality(String),
    region             LowCardinality(String),
    service            LowCardinality(String),
    environment        LowCardinality(String),
    provider           LowCardinality(String),
    request_model      LowCardinality(String),
    response_model     LowCardinality(String),
    operation          LowCardinality(String),
    calls              SimpleAggregateFunction(sum, Int64),   -- spans with is_model_call
    spans              SimpleAggregateFunction(sum, Int64),   -- all GenAI spans: retrievals, tools and agents too
    errors             SimpleAggregateFunction(sum, Int64),
    input_tokens       SimpleAggregateFunction(sum, Int64),
    cache_read_tokens  SimpleAggregateFunction(sum, Int64),
    cache_write_tokens SimpleAggregateFunction(sum, Int64),
    output_tokens      SimpleAggregateFunction(sum, Int64),
    reasoning_tokens   SimpleAggregateFunction(sum, Int64),
    audio_input_tokens SimpleAggregateFunction(sum, Int64),
    audio_output_tokens SimpleAggregateFunction(sum, Int64),
    cost               SimpleAggregateFunction(sum, Decimal(38, 12)),   -- USD, of the priced calls
    unpriced_calls     SimpleAggregateFunction(sum, Int64)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYear(day)
ORDER BY (project, day, release, prompt_name, prompt_version, region, service, environment, provider, request_model, response_model, operation)
TTL day + INTERVAL {{days:cost_by_release_1d}} DAY
SETTINGS {{durable}};

CREATE MATERIALIZED VIEW IF NOT EXISTS cost_by_release_1d_mv {{on_cluster}} TO cost_by_release_1d AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toDate(s.event_time) AS day,
    if(bitTest(s.folded, 7), 'other', s.release) AS release,
    if(bitTest(s.folded, 9), 'other', s.prompt_name) AS prompt_name,
    if(bitTest(s.folded, 10), 'other', s.prompt_version) AS prompt_version,
    if(bitTest(s.folded, 8), 'other', s.region) AS region,
    if(bitTest(s.folded, 1), 'other', s.service) AS service,
    if(bitTest(s.folded, 2), 'other', s.environment) AS environment,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    if(bitTest(s.folded, 5), 'other', s.response_model) AS response_model,
    if(bitTest(s.folded, 6), 'other', s.operation) AS operation,
    toInt64(countIf(s.is_model_call)) AS calls,
    toInt64(count()) AS spans,
    toInt64(countIf(s.status = 'error')) AS errors,
    toInt64(sumIf(s.input_tokens, s.is_model_call)) AS input_tokens,
    toInt64(sumIf(s.cache_read_tokens, s.is_model_call)) AS cache_read_tokens,
    toInt64(sumIf(s.cache_write_tokens, s.is_model_call)) AS cache_write_tokens,
    toInt64(sumIf(s.output_tokens, s.is_model_call)) AS output_tokens,
    toInt64(sumIf(s.reasoning_tokens, s.is_model_call)) AS reasoning_tokens,
    toInt64(sumIf(s.audio_input_tokens, s.is_model_call)) AS audio_input_tokens,
    toInt64(sumIf(s.audio_output_tokens, s.is_model_call)) AS audio_output_tokens,
    sum(ifNull(s.cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, day, release, prompt_name, prompt_version, region, service, environment, provider, request_model, response_model, operation;
