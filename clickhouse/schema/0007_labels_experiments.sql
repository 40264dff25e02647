-- People's labels are rows of `evaluations`: source `label`, role and purpose `human` and `label`, evaluator the reviewer;
-- inclusion_probability says how likely the record was judged and then drawn for people, where it was drawn (stratum not '').
-- Here is who looks at what now.

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
TTL toDateTime(leased_at) + INTERVAL {{days:label_leases}} DAY
SETTINGS {{durable}};

-- Experiments: one dataset answered in several ways. Scores are rows of `evaluations` (purpose `experiment`, with experiment and
-- run); an item has the same trace_id in every run, a hash of its id. A run has a row when it begins and one when it is done:
-- readers take the newer.
CREATE TABLE IF NOT EXISTS experiment_runs {{on_cluster}}
(
    experiment     LowCardinality(String),
    run            LowCardinality(String),
    started_at     DateTime64(3, 'UTC'),
    finished_at    Nullable(DateTime64(3, 'UTC')),
    settings_hash  String,                      -- of all that decides the answers and scores: a run that was cut short goes on only with the same
    dataset        String,                      -- a file's name, or what was asked of traffic
    dataset_hash   String,                      -- of the items, without answers
    items          UInt32,
    failed         UInt32,                      -- items without an answer
    provider       LowCardinality(String),      -- '' and no model: the answers were given
    model          LowCardinality(String),
    prompt_version LowCardinality(String),
    prompt_hash    String,
    parameters     String,                      -- JSON
    judges         String,                      -- JSON: [{metric, role, model, hash, strategy}]
    INDEX ix_time started_at TYPE minmax GRANULARITY 1
)
ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(started_at)
ORDER BY (experiment, run, started_at)
TTL toDateTime(started_at) + INTERVAL {{days:evaluations}} DAY
SETTINGS {{durable}};

CREATE TABLE IF NOT EXISTS experiment_outputs {{on_cluster}}
(
    experiment    LowCardinality(String),
    run           LowCardinality(String),
    item          String,
    trace_id      String,                       -- as in evaluations: 32 hex
    created_at    DateTime64(3, 'UTC'),
    question      String CODEC(ZSTD(3)),
    answer        String CODEC(ZSTD(3)),
    reference     String CODEC(ZSTD(3)),
    source_trace  String,                       -- 32 hex: where traffic had it; '' it came from a file
    error         String CODEC(ZSTD(1)),        -- why there is no answer
    input_tokens  UInt32,
    output_tokens UInt32,
    cost          Nullable(Decimal(38, 12)),    -- USD, of the answer; null: not known
    latency_ms    UInt32
)
ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(created_at)
ORDER BY (experiment, run, item)
TTL toDateTime(created_at) + INTERVAL {{days:evaluations}} DAY
SETTINGS {{durable}};
