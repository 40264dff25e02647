-- Decisions on records are made where the records lie: one INSERT … SELECT for each window of settled traces. Traffic is
-- counted from the decisions, and each window keeps what became of its records, with those that a judge is to see.

ALTER TABLE judge_decisions {{on_cluster}}
    ADD COLUMN IF NOT EXISTS environment LowCardinality(String),
    ADD COLUMN IF NOT EXISTS release LowCardinality(String),
    ADD COLUMN IF NOT EXISTS model LowCardinality(String),                -- that answered
    ADD COLUMN IF NOT EXISTS weight Float64 DEFAULT 1 CODEC(ZSTD(1)),     -- 1 / trace_probability
    ADD COLUMN IF NOT EXISTS decided_in LowCardinality(String);             -- in which a collector decided; '' for a backfill

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

-- What was received lately is found without reading what is older, whatever times its spans say.
ALTER TABLE spans {{on_cluster}} DROP INDEX IF EXISTS ix_batch;

ALTER TABLE spans {{on_cluster}} ADD INDEX IF NOT EXISTS ix_receipt (batch, received_at) TYPE minmax GRANULARITY 1;

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
