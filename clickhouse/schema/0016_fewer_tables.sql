-- Fewer tables: another part to write, sync and merge with each insert costs more than the rows in it (docs/ingest-cost.md).
--
-- * `outcomes_1h` goes: `outcomes_1m` has the same by minute, and is kept as long now.
-- * `call_costs_1h` becomes a column of `llm_1h`; calls from before this migration have no share in it.
-- * `sightings` becomes a view of `cost_by_release_1d`, which has the same releases, prompt versions and models by day and now
--   knows the first and last moment of each. Of days before this migration it knows the day only.
--
-- Views that fill tables are made anew (0014 says why). Nobody may insert meanwhile: stop all collectors but one.

DROP VIEW IF EXISTS outcomes_1h_mv {{on_cluster}};

DROP TABLE IF EXISTS outcomes_1h {{on_cluster}};

-- How dear single calls are. What a sketch took in cannot be taken back: it has the costs as they were when the calls came, and
-- corrections of prices (0003) do not change it.
ALTER TABLE llm_1h {{on_cluster}}
    ADD COLUMN IF NOT EXISTS call_usd_sketch AggregateFunction(quantilesBFloat16If(0.5, 0.95, 0.99), Float32, UInt8);

DROP VIEW IF EXISTS call_costs_1h_mv {{on_cluster}};

DROP TABLE IF EXISTS call_costs_1h {{on_cluster}};

DROP VIEW IF EXISTS llm_1h_mv {{on_cluster}};

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
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32(s.ttft_ns / 1e6), toUInt8(s.ttft_ns > 0)) AS ttft_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32(ifNull(s.cost, 0)), toUInt8(s.is_model_call AND s.cost IS NOT NULL)) AS call_usd_sketch
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;

ALTER TABLE cost_by_release_1d {{on_cluster}}
    ADD COLUMN IF NOT EXISTS first_seen SimpleAggregateFunction(min, DateTime('UTC')) DEFAULT toDateTime(day, 'UTC'),
    ADD COLUMN IF NOT EXISTS last_seen  SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT toDateTime(day, 'UTC');

DROP VIEW IF EXISTS cost_by_release_1d_mv {{on_cluster}};

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

-- The times are given because missing ones would count as the day's beginning.
DROP VIEW IF EXISTS cost_by_release_1d_revisions_mv {{on_cluster}};

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

DROP VIEW IF EXISTS sightings_mv {{on_cluster}};

DROP TABLE IF EXISTS sightings {{on_cluster}};

-- Releases, prompt versions and answering models by when they were seen first: deployments, for what draws or watches them.
CREATE OR REPLACE VIEW sightings {{on_cluster}} AS
SELECT
    r.project AS project,
    found.1 AS kind,                      -- release | prompt | model
    r.service AS service,
    r.environment AS environment,
    found.2 AS value,                     -- a prompt's: its name and version
    r.day AS day,
    min(r.first_seen) AS first_seen,
    max(r.last_seen) AS last_seen,
    sum(r.spans) AS spans
FROM cost_by_release_1d AS r
ARRAY JOIN arrayFilter(one -> one.2 != '', [
        ('release', toString(r.release)),
        ('prompt', if(r.prompt_version = '', '', if(r.prompt_name = 'other' OR r.prompt_version = 'other', 'other', concat(toString(r.prompt_name), ' ', toString(r.prompt_version))))),
        ('model', toString(r.response_model))]) AS found
GROUP BY project, kind, service, environment, value, day;

-- Ten parts or more at a time, as the other tables do it: a merge of a few small ones costs as much as an insert.
ALTER TABLE llm_1m {{on_cluster}} MODIFY SETTING {{wide_merges}};

ALTER TABLE llm_1h {{on_cluster}} MODIFY SETTING {{wide_merges}};

ALTER TABLE llm_1d {{on_cluster}} MODIFY SETTING {{wide_merges}};

ALTER TABLE cost_by_user_1d {{on_cluster}} MODIFY SETTING {{wide_merges}};

ALTER TABLE cost_by_release_1d {{on_cluster}} MODIFY SETTING {{wide_merges}};

ALTER TABLE guardrail_1m {{on_cluster}} MODIFY SETTING {{wide_merges}};
