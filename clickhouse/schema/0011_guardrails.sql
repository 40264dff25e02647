-- Guardrails: what each of their checks said, by minute.

CREATE TABLE IF NOT EXISTS guardrail_1m {{on_cluster}}
(
    project     LowCardinality(String),
    ts          DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    service     LowCardinality(String),
    environment LowCardinality(String),
    release     LowCardinality(String),
    guard       LowCardinality(String),
    check_name  LowCardinality(String),
    stage       LowCardinality(String),
    action      LowCardinality(String),
    error       LowCardinality(String),
    checks      SimpleAggregateFunction(sum, Int64),
    matches     SimpleAggregateFunction(sum, Int64),
    latency_ms_sketch AggregateFunction(quantilesBFloat16(0.5, 0.95, 0.99), Float32)
)
ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(ts)
ORDER BY (project, ts, service, environment, release, guard, check_name, stage, action, error)
TTL ts + INTERVAL 90 DAY
SETTINGS {{durable}};
