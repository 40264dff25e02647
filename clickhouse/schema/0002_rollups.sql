-- Rollups: GenAI spans by minute, hour and day, two daily cost tables, how spans ended, answers, and what guards found.
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
SETTINGS {{durable}}, {{wide_merges}};

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

-- Percentiles over weeks merge thousands of sketches, and a merge costs what the sketches hold: one number for each of 128 values in
-- every doubling of the latency. By hour and day 32 are enough: a latency is rounded to five bits behind its first, which is within
-- 1.6 %, and a sketch is a third or a fourth as large. 131072 is half of the last bit that is kept, 4294705152 (0xFFFC0000) keeps
-- sign, exponent and five bits.
--
-- A sketch takes as long to read as to merge, and all of a granule are read: so granules are small here.
CREATE TABLE IF NOT EXISTS llm_1h {{on_cluster}} AS llm_1m
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(ts)
ORDER BY (project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status)
TTL ts + INTERVAL {{days:llm_1h}} DAY
SETTINGS {{durable}}, {{wide_merges}}, index_granularity = 256;

-- `call_usd_sketch` is how dear single calls are. What a sketch took in cannot be taken back: it has the costs as they were when the
-- calls came, and corrections of prices (0003) do not change it.
ALTER TABLE llm_1h {{on_cluster}}
    ADD COLUMN IF NOT EXISTS call_usd_sketch AggregateFunction(quantilesBFloat16If(0.5, 0.95, 0.99), Float32, UInt8);

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
    quantilesBFloat16State(0.5, 0.95, 0.99)(reinterpretAsFloat32(toUInt32(bitAnd(reinterpretAsUInt32(toFloat32(s.duration_ns / 1e6)) + 131072, 4294705152)))) AS duration_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(reinterpretAsFloat32(toUInt32(bitAnd(reinterpretAsUInt32(toFloat32(s.ttft_ns / 1e6)) + 131072, 4294705152))), toUInt8(s.ttft_ns > 0)) AS ttft_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32(ifNull(s.cost, 0)), toUInt8(s.is_model_call AND s.cost IS NOT NULL)) AS call_usd_sketch
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;

CREATE TABLE IF NOT EXISTS llm_1d {{on_cluster}} AS llm_1m
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYear(ts)
ORDER BY (project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status)
TTL ts + INTERVAL {{days:llm_1d}} DAY
SETTINGS {{durable}}, {{wide_merges}}, index_granularity = 256;

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
    quantilesBFloat16State(0.5, 0.95, 0.99)(reinterpretAsFloat32(toUInt32(bitAnd(reinterpretAsUInt32(toFloat32(s.duration_ns / 1e6)) + 131072, 4294705152)))) AS duration_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(reinterpretAsFloat32(toUInt32(bitAnd(reinterpretAsUInt32(toFloat32(s.ttft_ns / 1e6)) + 131072, 4294705152))), toUInt8(s.ttft_ns > 0)) AS ttft_ms_sketch
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
SETTINGS {{durable}}, {{wide_merges}};

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
    unpriced_calls     SimpleAggregateFunction(sum, Int64),
    first_seen         SimpleAggregateFunction(min, DateTime('UTC')) DEFAULT toDateTime(day, 'UTC'),
    last_seen          SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT toDateTime(day, 'UTC')
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYear(day)
ORDER BY (project, day, release, prompt_name, prompt_version, region, service, environment, provider, request_model, response_model, operation)
TTL day + INTERVAL {{days:cost_by_release_1d}} DAY
SETTINGS {{durable}}, {{wide_merges}};

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
    toInt64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls,
    min(toDateTime(s.event_time, 'UTC')) AS first_seen,
    max(toDateTime(s.event_time, 'UTC')) AS last_seen
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, day, release, prompt_name, prompt_version, region, service, environment, provider, request_model, response_model, operation;

-- `outcomes_1m` has a row for each thing that can be said of how a span ended; a span may have several or none:
--   error      detail: its error.type (the HTTP status, or a class)
--   finish     detail: a finish reason of a model call
--   empty      a model call that was answered, without a token of output
--   documents  detail: none | some, of a retrieval
-- The view counts spans that are alike first and takes them apart after that: an ARRAY JOIN over every row costs five times as much.
CREATE TABLE IF NOT EXISTS outcomes_1m {{on_cluster}}
(
    project       LowCardinality(String),
    ts            DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    service       LowCardinality(String),
    environment   LowCardinality(String),
    provider      LowCardinality(String),
    request_model LowCardinality(String),
    operation     LowCardinality(String),
    outcome       LowCardinality(String),
    detail        LowCardinality(String),
    spans         SimpleAggregateFunction(sum, Int64)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(ts)
ORDER BY (project, ts, service, environment, provider, request_model, operation, outcome, detail)
TTL ts + INTERVAL {{days:llm_1m}} DAY
SETTINGS {{durable}}, {{few_files}}, {{wide_merges}};

CREATE MATERIALIZED VIEW IF NOT EXISTS outcomes_1m_mv {{on_cluster}} TO outcomes_1m AS
SELECT
    if(bitTest(folded, 0), 'other', project) AS project,
    moment AS ts,
    if(bitTest(folded, 1), 'other', service) AS service,
    if(bitTest(folded, 2), 'other', environment) AS environment,
    if(bitTest(folded, 3), 'other', provider) AS provider,
    if(bitTest(folded, 4), 'other', request_model) AS request_model,
    if(bitTest(folded, 6), 'other', operation) AS operation,
    found.1 AS outcome,
    found.2 AS detail,
    toInt64(sum(counted)) AS spans
FROM
(
    SELECT s.project, toStartOfMinute(toDateTime(s.event_time, 'UTC')) AS moment, s.service, s.environment, s.provider, s.request_model, s.operation, s.folded,
        s.status, s.error_type, s.is_model_call, s.finish_reasons,
        s.output_tokens = 0 AND s.input_tokens > 0 AS is_empty, s.document_count = 0 AS is_without_documents, count() AS counted
    FROM ingest AS s
    WHERE s.operation != ''
    GROUP BY s.project, moment, s.service, s.environment, s.provider, s.request_model, s.operation, s.folded,
        s.status, s.error_type, s.is_model_call, s.finish_reasons, is_empty, is_without_documents
)
ARRAY JOIN arrayConcat(
    if(status = 'error', [('error', toString(error_type))], []),
    if(is_model_call, arrayMap(reason -> ('finish', toString(reason)), finish_reasons), []),
    if(is_model_call AND status = 'ok' AND is_empty AND operation != 'embeddings', [('empty', '')], []),
    if(operation = 'retrieval', [('documents', if(is_without_documents, 'none', 'some'))], [])) AS found
GROUP BY project, ts, service, environment, provider, request_model, operation, outcome, detail;

-- Answers to one prompt, by hashes: does the same request get the same answer? Of model calls that ask for it (temperature 0, or a
-- seed) and whose prompt and answer came along; made anew from spans and span_content, for as long as those are kept.
CREATE TABLE IF NOT EXISTS answers_1d {{on_cluster}}
(
    project LowCardinality(String),
    day     Date,
    model   LowCardinality(String),   -- that answered
    prompt  UInt64,                   -- hash of prompt_hash
    answer  UInt64 CODEC(ZSTD(1)),    -- hash of the answer's text
    calls   SimpleAggregateFunction(sum, Int64)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (project, day, model, prompt, answer)
TTL day + INTERVAL {{days:content}} DAY
SETTINGS {{durable}}, {{few_files}}, {{wide_merges}};

CREATE MATERIALIZED VIEW IF NOT EXISTS answers_1d_mv {{on_cluster}} TO answers_1d AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toDate(s.event_time) AS day,
    if(bitTest(s.folded, 5), 'other', if(s.response_model = '', s.request_model, s.response_model)) AS model,
    cityHash64(s.prompt_hash) AS prompt,
    cityHash64(s.content_output) AS answer,
    toInt64(count()) AS calls
FROM ingest AS s
WHERE s.row_kind = 'span' AND s.is_model_call AND s.prompt_hash != '' AND s.content_output != ''
    AND (s.temperature = 0 OR s.seed IS NOT NULL)
GROUP BY project, day, model, prompt, answer;

-- What guards found: how often each check ran and what came of it, by minute, and the single results.
--
-- A guard's span has one event `assay.guardrail.result` for each check that ran (instrumentation/conventions.ts). Nothing
-- is stored twice: the counts come from those events, and the single results are read from `spans`.
--
-- Names of guards and checks come from services; a long one is cut, so that it cannot be content.
CREATE TABLE IF NOT EXISTS guardrail_1m {{on_cluster}}
(
    project           LowCardinality(String),
    ts                DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    service           LowCardinality(String),
    environment       LowCardinality(String),
    release           LowCardinality(String),
    guard             LowCardinality(String),
    check_name        LowCardinality(String),                  -- pii, secrets, prompt_injection, …
    stage             LowCardinality(String),                  -- input | prompt | context | tool_call | tool_result | output
    action            LowCardinality(String),                  -- pass | warn | redact | block | fallback
    error             LowCardinality(String),                  -- why the check itself failed; '' it did not
    checks            SimpleAggregateFunction(sum, Int64),     -- times it ran
    matches           SimpleAggregateFunction(sum, Int64),     -- places that were found
    latency_ms_sketch AggregateFunction(quantilesBFloat16(0.5, 0.95, 0.99), Float32)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(ts)
ORDER BY (project, ts, service, environment, release, guard, check_name, stage, action, error)
TTL ts + INTERVAL {{days:guardrail_1m}} DAY
SETTINGS {{durable}}, {{wide_merges}};

CREATE MATERIALIZED VIEW IF NOT EXISTS guardrail_1m_mv {{on_cluster}} TO guardrail_1m AS
SELECT
    if(bitTest(r.folded, 0), 'other', r.project) AS project,
    toStartOfMinute(toDateTime(r.event_time, 'UTC')) AS ts,
    if(bitTest(r.folded, 1), 'other', r.service) AS service,
    if(bitTest(r.folded, 2), 'other', r.environment) AS environment,
    if(bitTest(r.folded, 7), 'other', r.release) AS release,
    left(r.texts['assay.guardrail.name'], 64) AS guard,
    left(r.texts['assay.guardrail.check'], 64) AS check_name,
    left(r.texts['assay.guardrail.stage'], 64) AS stage,
    left(r.texts['assay.guardrail.action'], 64) AS action,
    left(r.texts['assay.guardrail.error'], 64) AS error,
    toInt64(count()) AS checks,
    sum(toInt64OrZero(r.texts['assay.guardrail.match_count'])) AS matches,
    quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32OrZero(r.texts['assay.guardrail.latency_ms'])) AS latency_ms_sketch
FROM
(
    SELECT
        s.project, s.event_time, s.service, s.environment, s.release, s.folded,
        -- Key and value of each attribute, as OTLP's JSON has them; of the values only those of one word.
        CAST(arrayMap(
            pair -> (JSONExtractString(pair, 'key'), coalesce(
                nullIf(JSONExtractString(pair, 'value', 'stringValue'), ''),
                nullIf(JSONExtractString(pair, 'value', 'intValue'), ''),
                nullIf(JSONExtractRaw(pair, 'value', 'doubleValue'), ''),
                '')),
            JSONExtractArrayRaw(event.2)), 'Map(String, String)') AS texts
    FROM ingest AS s
    ARRAY JOIN arrayFilter(event -> event.1 = 'assay.guardrail.result', arrayZip(s.event_names, s.event_attributes)) AS event
    WHERE has(s.event_names, 'assay.guardrail.result')
) AS r
GROUP BY project, ts, service, environment, release, guard, check_name, stage, action, error;
