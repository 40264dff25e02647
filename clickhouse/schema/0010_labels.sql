-- People's labels are rows of `evaluations`: source `label`, role and purpose `human` and `label`, evaluator the reviewer;
-- inclusion_probability says how likely the record was judged and then drawn for people, where it was drawn (stratum not '').
-- Here is what labelling needs besides: who looks at what now, and the rules that a judge had.

-- A record that somebody looks at is nobody else's until `until`, unless it is to be labelled twice.
CREATE TABLE IF NOT EXISTS label_leases {{on_cluster}}
(
    metric    LowCardinality(String),
    trace_id  FixedString(16),
    span_id   FixedString(8),
    reviewer  String,
    leased_at DateTime64(3, 'UTC'),
    until     DateTime64(3, 'UTC')
)
ENGINE = {{MergeTree}}
ORDER BY (metric, trace_id, span_id, leased_at)
TTL toDateTime(leased_at) + INTERVAL 30 DAY
SETTINGS {{durable}};

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
