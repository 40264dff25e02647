-- What judges look at, what they decided not to look at, and what is known about the judges themselves.
--
-- Decisions on records are made where the records lie: one INSERT … SELECT for each window of settled traces. Traffic is
-- counted from the decisions, and each window keeps what became of its records, with those that a judge is to see.

-- Of every record that settled while a judge was at work: whether it was to be judged, by which rule, with which
-- probability. The answer to "why was this not judged?"; the decision itself follows from the trace's id and the probability.
CREATE TABLE IF NOT EXISTS judge_decisions {{on_cluster}}
(
    trace_id    FixedString(16),
    span_id     FixedString(8) CODEC(ZSTD(1)),                    -- whose answer is the record's
    project     LowCardinality(String),
    event_time  DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    decided_at  DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    rule        LowCardinality(String),                           -- the stratum
    reason      LowCardinality(String),                           -- chosen | not_chosen | no_content | own | no_profile
    configured  Float64 CODEC(ZSTD(1)),                           -- the rule's probability
    probability Float64 CODEC(ZSTD(1)),                           -- after the budget
    environment LowCardinality(String),
    release     LowCardinality(String),
    model       LowCardinality(String),                           -- that answered
    weight      Float64 DEFAULT 1 CODEC(ZSTD(1)),                 -- 1 / trace_probability
    decided_in  LowCardinality(String)                            -- in which a collector decided; '' for a backfill
)
ENGINE = {{MergeTree}}
PARTITION BY toMonday(event_time)
ORDER BY trace_id
TTL event_time + INTERVAL {{days:judge_decisions}} DAY
SETTINGS {{durable}};

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

CREATE MATERIALIZED VIEW IF NOT EXISTS traffic_1h_mv {{on_cluster}} TO traffic_1h AS
SELECT
    project,
    toStartOfHour(event_time) AS hour,
    environment,
    release,
    model,
    rule AS stratum,
    rule,
    reason,
    toInt64(count()) AS records,
    sum(d.weight) AS weight
FROM judge_decisions AS d
WHERE reason NOT IN ('own', 'no_profile')
GROUP BY project, hour, environment, release, model, rule, reason;

CREATE TABLE IF NOT EXISTS judge_windows {{on_cluster}}
(
    decided_in String,
    decided_at DateTime('UTC'),
    reason     LowCardinality(String),
    records    UInt64,
    chosen     Array(Tuple(trace_id FixedString(16), span_id FixedString(8), rule String, probability Float64)) CODEC(ZSTD(1))
)
ENGINE = {{MergeTree}}
ORDER BY decided_in
TTL decided_at + INTERVAL {{days:judge_decisions}} DAY
SETTINGS {{durable}};

CREATE MATERIALIZED VIEW IF NOT EXISTS judge_windows_mv {{on_cluster}} TO judge_windows AS
SELECT
    decided_in,
    max(decided_at) AS decided_at,
    reason,
    count() AS records,
    groupArrayIf((trace_id, span_id, toString(rule), probability), reason = 'chosen') AS chosen
FROM judge_decisions
WHERE decided_in != ''
GROUP BY decided_in, reason;

-- What a judge's hash stands for. Written when a judge begins to judge; rows of one hash and metric say the same.
CREATE TABLE IF NOT EXISTS judge_definitions {{on_cluster}}
(
    judge_hash   LowCardinality(String),
    metric       LowCardinality(String),
    described_at DateTime64(3, 'UTC'),
    version      UInt16,                   -- of the metric
    definition   String,
    scores       Array(String),            -- what 1, 2, 3 … mean; none where it is not judged by scores
    model        LowCardinality(String),
    role         LowCardinality(String),
    strategy     LowCardinality(String)
)
ENGINE = {{MergeTree}}
ORDER BY (metric, judge_hash, described_at)
SETTINGS {{durable}};

-- How far attacks sway a judge: what `assay judge attack --store` measured. The newest of a judge counts (docs/labels.md).
CREATE TABLE IF NOT EXISTS judge_attacks {{on_cluster}}
(
    judge_hash LowCardinality(String),
    metric     LowCardinality(String),
    tried_at   DateTime64(3, 'UTC'),
    attacks    UInt32,                                   -- records with an attack in them that have a score, as they have without
    shift      Nullable(Float64),                        -- mean of the norms gained; null: none has a score
    success    Nullable(Float64),                        -- share that gained half the scale or more
    families   Map(LowCardinality(String), Float64)      -- shift by kind of attack
)
ENGINE = {{MergeTree}}
ORDER BY (metric, judge_hash, tried_at)
TTL toDateTime(tried_at) + INTERVAL {{days:evaluations}} DAY
SETTINGS {{durable}};

-- Answers to canaries: the same requests, sent again and again on a schedule. What they are judged by is in evaluations,
-- with the purpose `canary`.
CREATE TABLE IF NOT EXISTS canary_answers {{on_cluster}}
(
    project       LowCardinality(String),
    target        LowCardinality(String),                         -- provider/model of the configuration
    canary        LowCardinality(String),                         -- its name
    request_hash  FixedString(32) CODEC(ZSTD(1)),                 -- hex of everything that was asked, parameters included
    round         DateTime('UTC') CODEC(ZSTD(1)),                 -- when it was due
    run           UInt8 CODEC(ZSTD(1)),                           -- 0, 1 … of the round
    asked_at      DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    status        LowCardinality(String),                         -- ok, else why there is no answer
    answer        String CODEC(ZSTD(1)),
    matches       Nullable(Bool) CODEC(ZSTD(1)),                  -- the pinned answer, case and white space aside; null: none is pinned
    served_model  LowCardinality(String),
    fingerprint   LowCardinality(String),
    input_tokens  UInt32 CODEC(ZSTD(1)),
    output_tokens UInt32 CODEC(ZSTD(1)),
    cost          Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),       -- USD; null: not known
    latency_ms    UInt32 CODEC(ZSTD(1))
)
ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(round)
ORDER BY (project, target, canary, round, run)
TTL round + INTERVAL {{days:evaluations}} DAY
SETTINGS {{durable}};
