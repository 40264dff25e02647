-- What dashboards and checks ask beyond calls, tokens and cost: how spans ended, since when a release or a model is seen, the
-- collector's own figures, and who was told of what.
--
-- `outcomes_*` have a row for each thing that can be said of how a span ended; a span may have several or none:
--   error      detail: its error.type (the HTTP status, or a class)
--   finish     detail: a finish reason of a model call
--   empty      a model call that was answered, without a token of output
--   documents  detail: none | some, of a retrieval
-- Only spans that have one cost anything here. Dimensions over the limit show as `other`, as in 0002.

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
SETTINGS {{durable}};

CREATE MATERIALIZED VIEW IF NOT EXISTS outcomes_1m_mv {{on_cluster}} TO outcomes_1m AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toStartOfMinute(toDateTime(s.event_time, 'UTC')) AS ts,
    if(bitTest(s.folded, 1), 'other', s.service) AS service,
    if(bitTest(s.folded, 2), 'other', s.environment) AS environment,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    if(bitTest(s.folded, 6), 'other', s.operation) AS operation,
    found.1 AS outcome,
    found.2 AS detail,
    toInt64(count()) AS spans
FROM ingest AS s
ARRAY JOIN arrayConcat(
    if(s.status = 'error', [('error', toString(s.error_type))], []),
    if(s.is_model_call, arrayMap(reason -> ('finish', toString(reason)), s.finish_reasons), []),
    if(s.is_model_call AND s.status = 'ok' AND s.output_tokens = 0 AND s.input_tokens > 0 AND s.operation != 'embeddings', [('empty', '')], []),
    if(s.operation = 'retrieval', [('documents', if(s.document_count = 0, 'none', 'some'))], [])) AS found
WHERE s.operation != '' AND (s.status = 'error' OR s.is_model_call OR s.operation = 'retrieval')
GROUP BY project, ts, service, environment, provider, request_model, operation, outcome, detail;

CREATE TABLE IF NOT EXISTS outcomes_1h {{on_cluster}} AS outcomes_1m
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(ts)
ORDER BY (project, ts, service, environment, provider, request_model, operation, outcome, detail)
TTL ts + INTERVAL {{days:llm_1h}} DAY
SETTINGS {{durable}};

CREATE MATERIALIZED VIEW IF NOT EXISTS outcomes_1h_mv {{on_cluster}} TO outcomes_1h AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toStartOfHour(toDateTime(s.event_time, 'UTC')) AS ts,
    if(bitTest(s.folded, 1), 'other', s.service) AS service,
    if(bitTest(s.folded, 2), 'other', s.environment) AS environment,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    if(bitTest(s.folded, 6), 'other', s.operation) AS operation,
    found.1 AS outcome,
    found.2 AS detail,
    toInt64(count()) AS spans
FROM ingest AS s
ARRAY JOIN arrayConcat(
    if(s.status = 'error', [('error', toString(s.error_type))], []),
    if(s.is_model_call, arrayMap(reason -> ('finish', toString(reason)), s.finish_reasons), []),
    if(s.is_model_call AND s.status = 'ok' AND s.output_tokens = 0 AND s.input_tokens > 0 AND s.operation != 'embeddings', [('empty', '')], []),
    if(s.operation = 'retrieval', [('documents', if(s.document_count = 0, 'none', 'some'))], [])) AS found
WHERE s.operation != '' AND (s.status = 'error' OR s.is_model_call OR s.operation = 'retrieval')
GROUP BY project, ts, service, environment, provider, request_model, operation, outcome, detail;

-- Releases, prompt versions and answering models by when they were seen first: deployments, for what draws or watches them.
CREATE TABLE IF NOT EXISTS sightings {{on_cluster}}
(
    project     LowCardinality(String),
    kind        LowCardinality(String),   -- release | prompt | model
    service     LowCardinality(String),
    environment LowCardinality(String),
    value       String,                   -- a prompt's: its name and version
    day         Date,                     -- of the sighting: retention goes by it
    first_seen  SimpleAggregateFunction(min, DateTime('UTC')),
    last_seen   SimpleAggregateFunction(max, DateTime('UTC')),
    spans       SimpleAggregateFunction(sum, Int64)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYear(day)
ORDER BY (project, kind, service, environment, value, day)
TTL day + INTERVAL {{days:llm_1d}} DAY
SETTINGS {{durable}};

CREATE MATERIALIZED VIEW IF NOT EXISTS sightings_mv {{on_cluster}} TO sightings AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    found.1 AS kind,
    if(bitTest(s.folded, 1), 'other', s.service) AS service,
    if(bitTest(s.folded, 2), 'other', s.environment) AS environment,
    found.2 AS value,
    toDate(s.event_time) AS day,
    min(toDateTime(s.event_time, 'UTC')) AS first_seen,
    max(toDateTime(s.event_time, 'UTC')) AS last_seen,
    toInt64(count()) AS spans
FROM ingest AS s
ARRAY JOIN arrayFilter(one -> one.2 != '', [
        ('release', if(bitTest(s.folded, 7), 'other', toString(s.release))),
        ('prompt', if(s.prompt_version = '', '', if(bitTest(s.folded, 9) OR bitTest(s.folded, 10), 'other', concat(toString(s.prompt_name), ' ', toString(s.prompt_version))))),
        ('model', if(bitTest(s.folded, 5), 'other', toString(s.response_model)))]) AS found
WHERE s.operation != ''
GROUP BY project, kind, service, environment, value, day;

-- Answers to one prompt, by hashes: does the same request get the same answer? Of model
-- calls that ask for it (temperature 0, or a seed) and whose prompt and answer came along;
-- made anew from spans and span_content, for as long as those are kept.
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
SETTINGS {{durable}};

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

-- How dear single calls are. What a sketch took in cannot be taken back: it has the costs as they were when the calls came, and
-- corrections of prices (0003) do not change it.
CREATE TABLE IF NOT EXISTS call_costs_1h {{on_cluster}}
(
    project       LowCardinality(String),
    ts            DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    provider      LowCardinality(String),
    request_model LowCardinality(String),
    calls         SimpleAggregateFunction(sum, Int64),
    usd_sketch    AggregateFunction(quantilesBFloat16(0.5, 0.95, 0.99), Float32)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(ts)
ORDER BY (project, ts, provider, request_model)
TTL ts + INTERVAL {{days:llm_1h}} DAY
SETTINGS {{durable}};

CREATE MATERIALIZED VIEW IF NOT EXISTS call_costs_1h_mv {{on_cluster}} TO call_costs_1h AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toStartOfHour(toDateTime(s.event_time, 'UTC')) AS ts,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    toInt64(count()) AS calls,
    quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32(assumeNotNull(s.cost))) AS usd_sketch
FROM ingest AS s
WHERE s.is_model_call AND s.cost IS NOT NULL
GROUP BY project, ts, provider, request_model;

-- The collector's /metrics, as it was each minute.
CREATE TABLE IF NOT EXISTS collector_metrics {{on_cluster}}
(
    name         LowCardinality(String),
    collector_id LowCardinality(String),
    ts           DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    labels       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    value        Float64 CODEC(ZSTD(1)),
    increase     Float64 CODEC(ZSTD(1))        -- of a counter: since the minute before; 0 of a gauge, and at a start
)
ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(ts)
ORDER BY (name, ts, collector_id)
TTL ts + INTERVAL {{days:collector_metrics}} DAY
SETTINGS {{durable}};

-- What became of incidents: the journal of those who tell people, and of people who acknowledge. The newest row that has
-- `incident` is how it stands.
CREATE TABLE IF NOT EXISTS incidents {{on_cluster}}
(
    incident_id LowCardinality(String),
    at          DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    project     LowCardinality(String),
    subject     LowCardinality(String),
    event       LowCardinality(String),   -- open | again | resolved: people were told; acknowledge: somebody asked for it; acknowledged: they were told
    severity    LowCardinality(String),   -- page | ticket
    title       String CODEC(ZSTD(1)),
    by          String CODEC(ZSTD(1)),    -- who acknowledged it, in their own words
    incident    String CODEC(ZSTD(1))     -- JSON: for the collector alone
)
ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(at)
ORDER BY (incident_id, at)
TTL toDateTime(at) + INTERVAL {{days:check_results}} DAY
SETTINGS {{durable}};

-- Who does what only one of several collectors may do: collector/checks/lease.ts.
CREATE TABLE IF NOT EXISTS leases {{on_cluster}}
(
    name       LowCardinality(String),
    holder     LowCardinality(String),
    since      DateTime64(3, 'UTC'),    -- without a gap
    renewed_at DateTime64(3, 'UTC'),
    until      DateTime64(3, 'UTC')
)
ENGINE = {{MergeTree}}
ORDER BY (name, renewed_at)
TTL toDateTime(until) + INTERVAL 1 DAY
SETTINGS {{durable}};
