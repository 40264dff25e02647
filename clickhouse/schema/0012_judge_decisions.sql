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
    probability Float64 CODEC(ZSTD(1))                            -- after the budget
)
ENGINE = {{MergeTree}}
PARTITION BY toMonday(event_time)
ORDER BY trace_id
TTL event_time + INTERVAL {{days:judge_decisions}} DAY
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
