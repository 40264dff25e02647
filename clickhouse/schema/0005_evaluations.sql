-- How good an answer was, by whoever said so: one row per score. Some come as log events (`gen_ai.evaluation.result`, source
-- `otlp`, or `judge` where another Assay sent them on); judges and people write theirs beside them under sources of their own.
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
    source         LowCardinality(String),                        -- otlp | judge | label | …
    evaluator      LowCardinality(String),                        -- gen_ai.evaluator.name, else the scope's name
    score          Nullable(Float64) CODEC(ZSTD(1)),              -- gen_ai.evaluation.score.value, as sent; null: none given
    label          LowCardinality(String),                        -- gen_ai.evaluation.score.label
    explanation    String CODEC(ZSTD(1)),
    error_type     LowCardinality(String),                        -- why there is no score
    attributes     Map(LowCardinality(String), String) CODEC(ZSTD(1)), -- all others; values that are no text as JSON
    received_at    DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    collector_id   LowCardinality(String),
    batch          UInt64 CODEC(Delta(8), ZSTD(1)),
    -- What a judge's score says besides the score: how the record was chosen, by whom and how it was judged, at what cost.
    -- Every mean over `norm` is weighted by 1 / inclusion_probability; rows whose status is not `ok` are never a score.
    -- Scores that came as log events have the defaults: certain to be included, of no stratum, of no judge.
    status                LowCardinality(String) DEFAULT if(error_type != '', 'failed', if(score IS NULL AND label = '', 'not_applicable', 'ok')), -- ok | abstain | not_applicable | failed (why: error_type)
    norm                  Nullable(Float64) CODEC(ZSTD(1)),                  -- 0 worst to 1 best, from score or score_expected; null: no scale is known
    score_expected        Nullable(Float64) CODEC(ZSTD(1)),                  -- mean over the judge's own probabilities or samples, on the raw scale
    entropy               Nullable(Float32) CODEC(ZSTD(1)),                  -- of the score's probabilities, in bits
    mass                  Nullable(Float32) CODEC(ZSTD(1)),                  -- probability that lay on scores at all
    metric_version        UInt16 CODEC(ZSTD(1)),
    role                  LowCardinality(String),                            -- cheap | strong | human | ensemble | heuristic | composite
    purpose               LowCardinality(String),                            -- traffic | audit | retest | canary | sentinel | shadow | experiment; '' as traffic
    judge_hash            LowCardinality(String),                            -- 32 hex: everything that decides how it judges; for composites of the weights
    strategy              LowCardinality(String),
    sample_index          UInt8 CODEC(ZSTD(1)),
    trace_probability     Float64 DEFAULT 1 CODEC(ZSTD(1)),                  -- that the span was kept upstream
    judge_probability     Float64 DEFAULT 1 CODEC(ZSTD(1)),                  -- that a kept record was judged
    inclusion_probability Float64 ALIAS trace_probability * judge_probability,
    stratum               LowCardinality(String),
    coverage              Float32 DEFAULT 1 CODEC(ZSTD(1)),                  -- of a composite: share of the weight whose parts were there
    experiment            LowCardinality(String),
    run                   LowCardinality(String),
    -- of the record that was judged
    provider              LowCardinality(String),
    model                 LowCardinality(String),                            -- that answered
    prompt_version        LowCardinality(String),
    prompt_hash           String CODEC(ZSTD(1)),                             -- 32 hex
    reference             LowCardinality(String),                            -- where the reference answer came from: span | golden | canary; '' none
    -- of the judging
    judge_requested_model LowCardinality(String),
    judge_model           LowCardinality(String),                            -- that the provider says it was
    judge_fingerprint     LowCardinality(String),
    temperature           Nullable(Float32) CODEC(ZSTD(1)),
    attempts              UInt8 CODEC(ZSTD(1)),
    repaired              Bool,
    cache_hit             Bool,
    input_tokens          UInt32 CODEC(ZSTD(1)),
    output_tokens         UInt32 CODEC(ZSTD(1)),
    cost                  Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),          -- USD, of the judge's own calls; null: not known
    price_id              LowCardinality(String),
    latency_ms            UInt32 CODEC(ZSTD(1)),
    injection_suspected   Bool,
    same_family           Bool,                                              -- judge and judged are models of one family
    evidence              String CODEC(ZSTD(3)),                             -- JSON: claims, quotes, parts of a composite
    INDEX ix_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX ix_response response_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_batch batch TYPE minmax GRANULARITY 1
)
ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(event_time)
ORDER BY (project, name, event_time, evaluation_id)
TTL toDateTime(event_time) + INTERVAL {{days:evaluations}} DAY
SETTINGS {{durable}}, {{few_files}}, {{wide_merges}};

-- A score that another Assay's judge sent on (`assay.evaluation.source` is `judge`) is a judge's score here too: with its place
-- on the scale, who judged, and how likely the record was to be judged, so that means are weighted as they are there.
CREATE MATERIALIZED VIEW IF NOT EXISTS evaluations_mv {{on_cluster}} TO evaluations AS
WITH
    s.attrs_string['assay.evaluation.source'] = 'judge' AS is_judge,
    s.attrs_string['assay.evaluation.status'] AS sent_status,
    toFloat64OrNull(s.attrs_string['assay.evaluation.norm']) AS sent_norm,
    toFloat64OrZero(s.attrs_string['assay.evaluation.trace_probability']) AS kept,
    toFloat64OrZero(s.attrs_string['assay.evaluation.judge_probability']) AS judged
SELECT
    s.project AS project,
    s.name AS name,
    s.event_time AS event_time,
    if(s.end_unix_nano = 0, s.event_time, fromUnixTimestamp64Nano(toInt64(least(s.end_unix_nano, 9223372036854775807)), 'UTC')) AS evaluated_at,
    -- Of everything that was said and of nothing that depends on the way it came. A judge's has an id of its own, which is kept
    -- when its probability is corrected; hashed, it cannot be that of a score that was made here.
    if(is_judge AND s.attrs_string['assay.evaluation.id'] != '',
        sipHash128(s.project, s.attrs_string['assay.evaluation.id']),
        sipHash128(s.project, s.service, s.name, s.start_unix_nano, s.trace_id, s.span_id, s.response_id, s.session_id, s.error_type,
            mapKeys(s.attrs_double), mapValues(s.attrs_double), mapKeys(s.attrs_string), mapValues(s.attrs_string))) AS evaluation_id,
    s.trace_id AS trace_id,
    s.span_id AS span_id,
    s.response_id AS response_id,
    s.session_id AS session_id,
    s.user_id AS user_id,
    s.service AS service,
    s.environment AS environment,
    s.release AS release,
    if(is_judge, 'judge', 'otlp') AS source,
    if(s.attrs_string['gen_ai.evaluator.name'] = '', toString(s.scope_name), s.attrs_string['gen_ai.evaluator.name']) AS evaluator,
    if(mapContains(s.attrs_double, 'gen_ai.evaluation.score.value'), s.attrs_double['gen_ai.evaluation.score.value'], NULL) AS score,
    s.attrs_string['gen_ai.evaluation.score.label'] AS label,
    s.attrs_string['gen_ai.evaluation.explanation'] AS explanation,
    s.error_type AS error_type,
    multiIf(
        is_judge AND sent_status IN ('ok', 'abstain', 'not_applicable', 'failed'), sent_status,
        s.error_type != '', 'failed',
        score IS NULL AND label = '', 'not_applicable',
        'ok') AS status,
    if(is_judge AND sent_norm BETWEEN 0 AND 1, sent_norm, NULL) AS norm,
    if(is_judge, toUInt16OrZero(s.attrs_string['assay.evaluation.metric_version']), 0) AS metric_version,
    if(is_judge, s.attrs_string['assay.evaluation.role'], '') AS role,
    if(is_judge, s.attrs_string['assay.evaluation.purpose'], '') AS purpose,
    if(is_judge, s.attrs_string['assay.evaluation.judge_hash'], '') AS judge_hash,
    if(is_judge, s.attrs_string['assay.evaluation.strategy'], '') AS strategy,
    if(is_judge AND kept > 0 AND kept <= 1, kept, 1) AS trace_probability,
    if(is_judge AND judged > 0 AND judged <= 1, judged, 1) AS judge_probability,
    if(is_judge, s.attrs_string['assay.evaluation.stratum'], '') AS stratum,
    if(is_judge, s.attrs_string['assay.evaluation.provider'], '') AS provider,
    if(is_judge, s.attrs_string['assay.evaluation.model'], '') AS model,
    if(is_judge, s.attrs_string['assay.evaluation.prompt_version'], '') AS prompt_version,
    if(is_judge, s.attrs_string['assay.evaluation.judge_model'], '') AS judge_model,
    if(is_judge, toUInt32OrZero(s.attrs_string['assay.evaluation.input_tokens']), 0) AS input_tokens,
    if(is_judge, toUInt32OrZero(s.attrs_string['assay.evaluation.output_tokens']), 0) AS output_tokens,
    if(is_judge, toDecimal128OrNull(s.attrs_string['assay.evaluation.cost'], 12), NULL) AS cost,
    if(is_judge, toUInt32OrZero(s.attrs_string['assay.evaluation.latency_ms']), 0) AS latency_ms,
    mapFilter((k, v) -> k NOT IN ('gen_ai.evaluator.name', 'gen_ai.evaluation.score.label', 'gen_ai.evaluation.explanation')
        AND NOT (is_judge AND startsWith(k, 'assay.evaluation.')), s.attrs_string) AS attributes,
    s.received_at AS received_at,
    s.collector_id AS collector_id,
    s.batch AS batch
FROM ingest AS s
WHERE s.row_kind = 'evaluation';
