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
SETTINGS {{durable}};

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

-- One row for each check that ran. Reads `spans`: give a project and a time range.
CREATE OR REPLACE VIEW v_guardrail_results {{on_cluster}} AS
SELECT
    r.project AS project,
    r.event_time AS event_time,
    lower(hex(r.trace_id)) AS trace_id,
    lower(hex(r.span_id)) AS span_id,
    r.service AS service,
    r.environment AS environment,
    r.release AS release,
    r.session_id AS session_id,
    r.user_id AS user_id,
    r.texts['assay.guardrail.name'] AS guard,
    r.texts['assay.guardrail.check'] AS check_name,
    r.texts['assay.guardrail.version'] AS version,
    r.texts['assay.guardrail.stage'] AS stage,
    r.texts['assay.guardrail.action'] AS action,
    r.texts['assay.guardrail.error'] AS error,
    r.texts['assay.guardrail.reason'] AS reason,
    arrayMap(one -> JSONExtractString(one, 'stringValue'),
        JSONExtractArrayRaw(r.texts['assay.guardrail.match_types'], 'values')) AS match_types,
    toUInt32OrZero(r.texts['assay.guardrail.match_count']) AS matches,
    toFloat64OrNull(r.texts['assay.guardrail.risk']) AS risk,
    toFloat64OrZero(r.texts['assay.guardrail.latency_ms']) AS latency_ms
FROM
(
    SELECT
        s.project, s.event_time, s.trace_id, s.span_id, s.service, s.environment, s.release, s.session_id, s.user_id,
        CAST(arrayMap(
            pair -> (JSONExtractString(pair, 'key'), coalesce(
                nullIf(JSONExtractString(pair, 'value', 'stringValue'), ''),
                nullIf(JSONExtractString(pair, 'value', 'intValue'), ''),
                nullIf(JSONExtractRaw(pair, 'value', 'doubleValue'), ''),
                nullIf(JSONExtractRaw(pair, 'value', 'arrayValue'), ''),
                '')),
            JSONExtractArrayRaw(event.2)), 'Map(String, String)') AS texts
    FROM spans AS s
    ARRAY JOIN arrayFilter(event -> event.1 = 'assay.guardrail.result', arrayZip(s.event_names, s.event_attributes)) AS event
    WHERE has(s.event_names, 'assay.guardrail.result')
) AS r;
