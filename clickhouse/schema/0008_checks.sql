-- What the checks found: one row for each check, series and tick, written by the one collector that evaluates checks.
--
-- A row is the whole verdict and what the next tick needs to go on (`detector`), so that one insert is both: after a crash
-- the checks resume from the newest row of each series. A check without any series writes one row with no project, so that
-- a check that is not evaluated any more can be told from one that finds nothing.

CREATE TABLE IF NOT EXISTS check_results {{on_cluster}}
(
    check_name   LowCardinality(String),
    project      LowCardinality(String),                       -- '' for checks over all projects
    series       LowCardinality(String),                       -- `model=gpt-4o,service=web`: the labels but project; '' has none
    event_time   DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),  -- the tick: end of the newest window that was looked at
    evaluated_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    labels       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    subject      LowCardinality(String),                       -- errors | quality | cost | tokens | latency | traffic | judge
    measure      LowCardinality(String),                       -- what estimate, low, high, baseline and threshold are
    unit         LowCardinality(String),                       -- ratio | score | usd | usd/h | usd/month | tokens/h | ms | calls
    severity     LowCardinality(String),                       -- page | ticket | info: what it is while it fires
    state        LowCardinality(String),                       -- ok | warn | firing | no_data | muted | too_few
    since        Nullable(DateTime('UTC')) CODEC(ZSTD(1)),     -- of warn, firing and muted: when it got bad, in event time
    estimate     Nullable(Float64) CODEC(ZSTD(1)),
    low          Nullable(Float64) CODEC(ZSTD(1)),             -- 95 % interval of the estimate, where there is one
    high         Nullable(Float64) CODEC(ZSTD(1)),
    baseline     Nullable(Float64) CODEC(ZSTD(1)),             -- what it is compared with
    threshold    Nullable(Float64) CODEC(ZSTD(1)),             -- estimate beyond which it is bad
    n            UInt64 CODEC(T64, ZSTD(1)),                   -- records in the newest window
    effective_n  Float64 CODEC(ZSTD(1)),                       -- after weights; n where there are none
    test         LowCardinality(String),                       -- burn-rate | e-detector | seasonal | threshold | silence | release | budget | drift
    statistic    Nullable(Float64) CODEC(ZSTD(1)),             -- of the test; fires at statistic_limit and above
    statistic_limit Nullable(Float64) CODEC(ZSTD(1)),
    detectable   Nullable(Float64) CODEC(ZSTD(1)),             -- smallest change of the estimate that n can show (80 % power)
    reason       String CODEC(ZSTD(1)),                        -- one sentence
    moved_by     String CODEC(ZSTD(1)),                        -- JSON, while firing: {dimension, rate, mix, segments: [{value, before, now, contribution}]}; '' none
    worst_traces Array(String) CODEC(ZSTD(1)),                 -- while firing: up to five, 32 hex
    detector     String CODEC(ZSTD(1)),                        -- JSON: what the next tick goes on from; for the checks alone
    INDEX ix_time event_time TYPE minmax GRANULARITY 1
)
ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(event_time)
ORDER BY (check_name, project, series, event_time)
TTL event_time + INTERVAL {{days:check_results}} DAY
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
SETTINGS {{durable}}, {{few_files}}, {{wide_merges}};

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
SETTINGS {{durable}}, {{few_files}}, {{wide_merges}};

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
SETTINGS {{durable}}, {{few_files}}, {{wide_merges}};
