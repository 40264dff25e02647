-- What a judge's score says besides the score: how the record was chosen, by whom and how it was judged, at what cost.
-- Every mean over `norm` is weighted by 1 / inclusion_probability; rows whose status is not `ok` are never a score.
-- Scores that came as log events have the defaults: certain to be included, of no stratum, of no judge.

ALTER TABLE evaluations {{on_cluster}}
    ADD COLUMN IF NOT EXISTS status LowCardinality(String) DEFAULT if(error_type != '', 'failed', if(score IS NULL AND label = '', 'not_applicable', 'ok')), -- ok | abstain | not_applicable | failed (why: error_type)
    ADD COLUMN IF NOT EXISTS norm Nullable(Float64) CODEC(ZSTD(1)),              -- 0 worst to 1 best, from score or score_expected; null: no scale is known
    ADD COLUMN IF NOT EXISTS score_expected Nullable(Float64) CODEC(ZSTD(1)),    -- mean over the judge's own probabilities or samples, on the raw scale
    ADD COLUMN IF NOT EXISTS entropy Nullable(Float32) CODEC(ZSTD(1)),           -- of the score's probabilities, in bits
    ADD COLUMN IF NOT EXISTS mass Nullable(Float32) CODEC(ZSTD(1)),              -- probability that lay on scores at all
    ADD COLUMN IF NOT EXISTS metric_version UInt16 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS role LowCardinality(String),                        -- cheap | strong | human | ensemble | heuristic | composite
    ADD COLUMN IF NOT EXISTS purpose LowCardinality(String),                     -- traffic | audit | retest | canary | sentinel | shadow | experiment; '' as traffic
    ADD COLUMN IF NOT EXISTS judge_hash LowCardinality(String),                  -- 32 hex: everything that decides how it judges; for composites of the weights
    ADD COLUMN IF NOT EXISTS strategy LowCardinality(String),
    ADD COLUMN IF NOT EXISTS sample_index UInt8 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS trace_probability Float64 DEFAULT 1 CODEC(ZSTD(1)), -- that the span was kept upstream
    ADD COLUMN IF NOT EXISTS judge_probability Float64 DEFAULT 1 CODEC(ZSTD(1)), -- that a kept record was judged
    ADD COLUMN IF NOT EXISTS inclusion_probability Float64 ALIAS trace_probability * judge_probability,
    ADD COLUMN IF NOT EXISTS stratum LowCardinality(String),
    ADD COLUMN IF NOT EXISTS coverage Float32 DEFAULT 1 CODEC(ZSTD(1)),          -- of a composite: share of the weight whose parts were there
    ADD COLUMN IF NOT EXISTS experiment LowCardinality(String),
    ADD COLUMN IF NOT EXISTS run LowCardinality(String),
    -- of the record that was judged
    ADD COLUMN IF NOT EXISTS provider LowCardinality(String),
    ADD COLUMN IF NOT EXISTS model LowCardinality(String),                       -- that answered
    ADD COLUMN IF NOT EXISTS prompt_version LowCardinality(String),
    ADD COLUMN IF NOT EXISTS prompt_hash String CODEC(ZSTD(1)),                  -- 32 hex
    ADD COLUMN IF NOT EXISTS reference LowCardinality(String),                   -- where the reference answer came from: span | golden | canary; '' none
    -- of the judging
    ADD COLUMN IF NOT EXISTS judge_requested_model LowCardinality(String),
    ADD COLUMN IF NOT EXISTS judge_model LowCardinality(String),                 -- that the provider says it was
    ADD COLUMN IF NOT EXISTS judge_fingerprint LowCardinality(String),
    ADD COLUMN IF NOT EXISTS temperature Nullable(Float32) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS attempts UInt8 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS repaired Bool,
    ADD COLUMN IF NOT EXISTS cache_hit Bool,
    ADD COLUMN IF NOT EXISTS input_tokens UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS output_tokens UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS cost Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),      -- USD, of the judge's own calls; null: not known
    ADD COLUMN IF NOT EXISTS price_id LowCardinality(String),
    ADD COLUMN IF NOT EXISTS latency_ms UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS injection_suspected Bool,
    ADD COLUMN IF NOT EXISTS same_family Bool,                                   -- judge and judged are models of one family
    ADD COLUMN IF NOT EXISTS evidence String CODEC(ZSTD(3));                     -- JSON: claims, quotes, parts of a composite

CREATE OR REPLACE VIEW v_evaluations {{on_cluster}} AS
SELECT
    e.project AS project,
    e.name AS name,
    e.event_time AS event_time,
    lower(hex(e.evaluation_id)) AS evaluation_id,
    if(e.trace_id = toFixedString('', 16), '', lower(hex(e.trace_id))) AS trace_id,
    if(e.span_id = toFixedString('', 8), '', lower(hex(e.span_id))) AS span_id,
    e.inclusion_probability AS inclusion_probability,
    e.* EXCEPT (project, name, event_time, evaluation_id, trace_id, span_id)
FROM evaluations AS e;

-- All traffic that could have been judged, counted as records settle: what the sampled scores stand for. Counted once,
-- whether a record is judged or not; `reason` says what became of those that were not.
CREATE TABLE IF NOT EXISTS traffic_1h {{on_cluster}}
(
    project     LowCardinality(String),
    hour        DateTime('UTC'),
    environment LowCardinality(String),
    release     LowCardinality(String),
    model       LowCardinality(String),
    stratum     LowCardinality(String),
    rule        LowCardinality(String),     -- the sampling rule that decided
    reason      LowCardinality(String),     -- chosen | not_chosen | no_content | filtered | dropped
    records     SimpleAggregateFunction(sum, Int64),
    weight      SimpleAggregateFunction(sum, Float64)                     -- sum of 1 / trace_probability
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(hour)
ORDER BY (project, hour, environment, release, model, stratum, rule, reason)
TTL hour + INTERVAL {{days:evaluations}} DAY
SETTINGS {{durable}};
