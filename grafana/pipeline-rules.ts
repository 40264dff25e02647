/**
 * Rules on the pipeline itself, from the collectors' own figures (collector_metrics, each minute). Where ClickHouse is away they
 * cannot speak: prometheus-rules.ts says the same over /metrics, and the collector's dead-man's switch needs neither.
 */
import { ODD_TIMES } from "@assay/collector/anomalies";
import type { Rule } from "./rules.ts";

const FIGURES = "assay.collector_metrics WHERE $__timeFilter(ts)";
const named = (name: string): string => `${FIGURES} AND name = '${name}'`;

/** The newest of a gauge by collector. */
function newest(name: string, value = "argMax(value, ts)"): string {
  return `SELECT collector_id AS collector, ${value} AS value FROM ${named(name)} GROUP BY collector`;
}

/** What a counter went up by, of each collector. */
function increase(name: string): string {
  return `SELECT collector_id AS collector, sum(increase) AS value FROM ${named(name)} GROUP BY collector`;
}

/**
 * Bad requests of all, over a long and a short window, as burn of a 99.9 % objective: the smaller of both. With too few requests
 * in the short window for one to tell, there is no row.
 */
function ingestBurn(long: number, short: number, burn: number): string {
  const BAD =
    "name = 'assay_receiver_refused_requests_total' AND labels['reason'] IN ('overload', 'memory', 'failed')";
  const over = (seconds: number, what: string): string =>
    `sumIf(increase, ts > $__toTime - ${seconds} AND ${what})`;
  const all = (seconds: number): string =>
    over(seconds, `(name = 'assay_receiver_accepted_requests_total' OR (${BAD}))`);
  const share = (seconds: number): string =>
    `${over(seconds, BAD)} / nullIf(${all(seconds)}, 0) / 0.001`;
  return `SELECT collector_id AS collector, least(${share(long)}, ${share(short)}) AS value FROM ${FIGURES}
AND name IN ('assay_receiver_accepted_requests_total', 'assay_receiver_refused_requests_total') GROUP BY collector HAVING ${all(short)} >= ${Math.ceil(1 / (burn * 0.001))}`;
}

/**
 * Hours of `within` that are missing until the disk is full, at the pace of the last six: above 0 it will be. Only where less than a
 * fifth is free, so that one large file on a large disk is nothing.
 */
function diskFull(within: number): string {
  return `SELECT collector, if(free / size < 0.2 AND slope < 0, greatest(0, ${within} + free / slope / 3600), 0) AS value FROM (
  SELECT collector_id AS collector, simpleLinearRegressionIf(toUnixTimestamp(ts), value, name = 'assay_disk_free_bytes').1 AS slope,
    argMaxIf(value, ts, name = 'assay_disk_free_bytes') AS free, argMaxIf(value, ts, name = 'assay_disk_size_bytes') AS size
  FROM ${FIGURES} AND name IN ('assay_disk_free_bytes', 'assay_disk_size_bytes') GROUP BY collector HAVING countIf(name = 'assay_disk_free_bytes') >= 30)`;
}

/** Days of `within` that are missing until a certificate expires. */
function certificateExpires(within: number): string {
  return `SELECT collector_id AS collector, labels['certificate'] AS certificate, ${within} - (argMax(value, ts) - toUnixTimestamp($__toTime)) / 86400 AS value
FROM ${named("assay_certificate_expiry_timestamp_seconds")} GROUP BY collector, certificate`;
}

const HEALTH = "assay-collector";
const common = { for: "0s", seconds: 600, dashboard: HEALTH } as const;

export const PIPELINE_RULES: readonly Rule[] = [
  {
    ...common,
    uid: "assay-checks-stale",
    title: "Checks are not evaluated",
    summary: "No check has been evaluated for {{ $values.A.Value }} seconds: nothing would page.",
    severity: "page",
    runbook: "checks-stale",
    // Three ticks of those that are evaluated each minute, and the two minutes that they wait for late spans.
    sql: `SELECT dateDiff('second', max(event_time), $__toTime) AS value FROM assay.check_results
WHERE event_time >= $__toTime - INTERVAL 2 DAY AND event_time <= $__toTime HAVING count() > 0`,
    above: 300,
    until: 240,
    for: "1m",
    seconds: 3_600,
    dashboard: "assay-checks",
    panel: "Evaluated last",
  },
  {
    ...common,
    uid: "assay-ingest-lag",
    title: "Spans arrive late",
    summary:
      "{{ $labels.collector }}: spans wait for {{ $values.A.Value }} seconds until they are stored.",
    severity: "page",
    runbook: "ingest-lag",
    sql: newest("assay_insert_oldest_unsent_age_seconds", "min(value)"),
    above: 120,
    until: 60,
    seconds: 300,
    panel: "Ingest lag",
  },
  {
    ...common,
    uid: "assay-no-spans",
    title: "Nothing is accepted any more",
    summary: "No collector has accepted a span for ten minutes, after an hour with traffic.",
    severity: "page",
    runbook: "no-spans",
    sql: `SELECT if(sumIf(increase, ts > $__toTime - 600) > 0, 0, sum(increase)) AS value FROM ${named("otelcol_receiver_accepted_spans_total")}`,
    above: 1_000,
    seconds: 4_200,
    panel: "Spans accepted, refused and failed",
  },
  {
    ...common,
    uid: "assay-canary-failing",
    title: "Canaries do not come through",
    summary:
      "{{ $labels.collector }}: {{ $values.A.Value }} canaries in a row were sent and not found in ClickHouse.",
    severity: "page",
    runbook: "canary-failing",
    sql: newest("assay_canary_misses"),
    above: 2,
    until: 1,
    seconds: 300,
    panel: "Canary",
  },
  {
    ...common,
    uid: "assay-ledger-mismatch",
    title: "Accepted spans are nowhere",
    summary:
      "{{ $labels.collector }}: {{ $values.A.Value }} accepted spans are neither stored nor waiting.",
    severity: "page",
    runbook: "ledger-mismatch",
    // Not 0 at every count of five minutes: one that falls together with an insert may be.
    sql: newest("assay_ledger_residual_spans", "if(count() >= 4, min(abs(value)), 0)"),
    above: 0,
    seconds: 300,
    panel: "Spans that are nowhere",
  },
  {
    ...common,
    uid: "assay-ingest-budget-fast",
    title: "Requests are refused, fast",
    summary:
      "{{ $labels.collector }}: so many requests are refused for want of room that the month's budget is gone within two days.",
    severity: "page",
    runbook: "ingest-budget",
    sql: ingestBurn(3_600, 300, 14.4),
    above: 14.4,
    seconds: 3_600,
    panel: "Requests not answered with success",
  },
  {
    ...common,
    uid: "assay-ingest-budget-slow",
    title: "Requests are refused, slowly",
    summary:
      "{{ $labels.collector }}: so many requests are refused for want of room that the month's budget is gone within five days.",
    severity: "ticket",
    runbook: "ingest-budget",
    sql: ingestBurn(21_600, 1_800, 6),
    above: 6,
    seconds: 21_600,
    panel: "Requests not answered with success",
  },
  {
    ...common,
    uid: "assay-spans-refused",
    title: "Spans are refused or lost",
    summary:
      "{{ $labels.collector }}: {{ $values.A.Value }} of the spans of ten minutes were refused or failed.",
    severity: "ticket",
    runbook: "spans-refused",
    sql: `SELECT collector_id AS collector, sumIf(increase, name != 'otelcol_receiver_accepted_spans_total') / sum(increase) AS value
FROM ${FIGURES} AND name IN ('otelcol_receiver_accepted_spans_total', 'otelcol_receiver_refused_spans_total', 'otelcol_receiver_failed_spans_total')
GROUP BY collector HAVING sum(increase) >= 100`,
    above: 0.05,
    until: 0.01,
    panel: "Spans accepted, refused and failed",
  },
  {
    ...common,
    uid: "assay-queue-full",
    title: "The queue is almost full",
    summary:
      "{{ $labels.collector }}: the log is {{ $values.A.Value }} full; at 1 requests are refused.",
    severity: "page",
    runbook: "queue-full",
    sql: `SELECT collector_id AS collector, argMaxIf(value, ts, name = 'otelcol_exporter_queue_size') / nullIf(argMaxIf(value, ts, name = 'otelcol_exporter_queue_capacity'), 0) AS value
FROM ${FIGURES} AND name IN ('otelcol_exporter_queue_size', 'otelcol_exporter_queue_capacity') GROUP BY collector`,
    above: 0.8,
    until: 0.6,
    panel: "Queue in use",
  },
  {
    ...common,
    uid: "assay-runway-short",
    title: "Outage runway is short",
    summary: "{{ $labels.collector }}: without ClickHouse the log would be full within the hour.",
    severity: "ticket",
    runbook: "runway-short",
    sql: newest("assay_outage_runway_seconds", "3600 - max(value)"),
    above: 0,
    seconds: 300,
    panel: "Outage runway",
  },
  {
    ...common,
    uid: "assay-runway-gone",
    title: "Outage runway is almost gone",
    summary:
      "{{ $labels.collector }}: without ClickHouse the log would be full within a quarter of an hour.",
    severity: "page",
    runbook: "runway-short",
    sql: newest("assay_outage_runway_seconds", "900 - max(value)"),
    above: 0,
    seconds: 300,
    panel: "Outage runway",
  },
  {
    ...common,
    uid: "assay-dead-letters",
    title: "Spans were put aside",
    summary:
      "{{ $labels.collector }}: {{ $values.A.Value }} spans can never be inserted and were put aside.",
    severity: "ticket",
    runbook: "dead-letters",
    sql: increase("otelcol_exporter_send_failed_spans_total"),
    above: 0,
    panel: "Spans stored, and put aside",
  },
  {
    ...common,
    uid: "assay-insert-blocked",
    title: "Inserting waits for a person",
    summary:
      "{{ $labels.collector }} inserts nothing until somebody mends what its /healthz names.",
    severity: "page",
    runbook: "insert-blocked",
    sql: newest("assay_insert_blocked"),
    above: 0,
    panel: "Spans stored, and put aside",
  },
  {
    ...common,
    uid: "assay-insert-failing",
    title: "Inserts fail",
    summary:
      "{{ $labels.collector }}: {{ $values.A.Value }} inserts failed and were tried again within ten minutes.",
    severity: "ticket",
    runbook: "insert-failing",
    sql: increase("assay_insert_failed_attempts_total"),
    above: 20,
    until: 1,
    panel: "Inserts that failed and were tried again",
  },
  {
    ...common,
    uid: "assay-sync-slow",
    title: "Syncs of the log are slow",
    summary:
      "{{ $labels.collector }}: a sync takes {{ $values.A.Value }} seconds in the mean; every acknowledgement waits for one.",
    severity: "ticket",
    runbook: "sync-slow",
    sql: `SELECT collector_id AS collector, sumIf(increase, name = 'assay_log_sync_seconds_sum') / sumIf(increase, name = 'assay_log_sync_seconds_count') AS value
FROM ${FIGURES} AND name IN ('assay_log_sync_seconds_sum', 'assay_log_sync_seconds_count') GROUP BY collector HAVING sumIf(increase, name = 'assay_log_sync_seconds_count') >= 30`,
    above: 0.5,
    until: 0.25,
    panel: "Sync of the log, mean and slowest",
  },
  {
    ...common,
    uid: "assay-sync-failed",
    title: "The log takes nothing any more",
    summary:
      "{{ $labels.collector }}: a sync of the log failed; it accepts nothing until it is started again.",
    severity: "page",
    runbook: "sync-failed",
    sql: newest("assay_log_failed", "max(value)"),
    above: 0,
    panel: "Sync of the log, mean and slowest",
  },
  {
    ...common,
    uid: "assay-lost-requests",
    title: "The log lost acknowledged requests",
    summary:
      "{{ $labels.collector }}: {{ $values.A.Value }} acknowledged requests were not found, or are damaged, at the last start.",
    severity: "page",
    runbook: "lost-requests",
    sql: `SELECT collector_id AS collector, max(value) AS value FROM ${FIGURES} AND name IN ('assay_log_missing_requests', 'assay_log_quarantined_bytes') GROUP BY collector`,
    above: 0,
    panel: "Spans that are nowhere",
  },
  {
    ...common,
    uid: "assay-too-many-parts",
    title: "Too many parts",
    summary:
      "{{ $labels.table }} has {{ $values.A.Value }} parts in one partition: merges do not keep up.",
    severity: "ticket",
    runbook: "too-many-parts",
    sql: `SELECT table, toFloat64(max(parts)) AS value FROM (SELECT table, partition_id, count() AS parts FROM system.parts WHERE active AND database = 'assay' AND table != 'span_content' GROUP BY table, partition_id) GROUP BY table`,
    above: 300,
    until: 200,
    panel: "Store by table",
  },
  {
    ...common,
    uid: "assay-engine-restarts",
    title: "The embedded engine restarts again and again",
    summary:
      "{{ $labels.collector }}: the engine was started again {{ $values.A.Value }} times within a quarter of an hour.",
    severity: "page",
    runbook: "engine-restarts",
    sql: increase("assay_engine_restarts_total"),
    above: 3,
    seconds: 900,
    panel: "Inserts that failed and were tried again",
  },
  {
    ...common,
    uid: "assay-event-loop-lag",
    title: "The collector is too busy",
    summary: "{{ $labels.collector }}: its event loop is {{ $values.A.Value }} seconds late.",
    severity: "ticket",
    runbook: "event-loop-lag",
    sql: newest("nodejs_eventloop_lag_p99_seconds", "min(value)"),
    above: 0.2,
    until: 0.1,
    panel: "Event loop lag, 99 of 100",
  },
  {
    ...common,
    uid: "assay-memory-high",
    title: "The collector is near its memory limit",
    summary:
      "{{ $labels.collector }}: {{ $values.A.Value }} of its memory, or of its JavaScript heap, is in use.",
    severity: "ticket",
    runbook: "memory-high",
    sql: `SELECT collector, min(used) AS value FROM (
  SELECT collector_id AS collector, ts, greatest(sumIf(value, name = 'otelcol_process_memory_rss') / sumIf(value, name = 'assay_process_memory_limit_bytes'),
    sumIf(value, name = 'otelcol_process_runtime_heap_alloc_bytes') / sumIf(value, name = 'assay_process_heap_limit_bytes')) AS used
  FROM ${FIGURES} AND name IN ('otelcol_process_memory_rss', 'assay_process_memory_limit_bytes', 'otelcol_process_runtime_heap_alloc_bytes', 'assay_process_heap_limit_bytes')
  GROUP BY collector, ts HAVING isFinite(used)) GROUP BY collector HAVING count() >= 5`,
    above: 0.9,
    until: 0.8,
    panel: "Memory",
  },
  {
    ...common,
    uid: "assay-disk-filling",
    title: "The disk will be full within a day",
    summary: "{{ $labels.collector }}: at the pace of late its disk is full within a day.",
    severity: "ticket",
    runbook: "disk-full",
    sql: diskFull(24),
    above: 0,
    for: "30m",
    seconds: 21_600,
    panel: "Disk",
  },
  {
    ...common,
    uid: "assay-disk-full",
    title: "The disk is almost full",
    summary: "{{ $labels.collector }}: at the pace of late its disk is full within four hours.",
    severity: "page",
    runbook: "disk-full",
    sql: diskFull(4),
    above: 0,
    for: "5m",
    seconds: 21_600,
    panel: "Disk",
  },
  {
    ...common,
    uid: "assay-certificate-expiring",
    title: "A certificate expires within two weeks",
    summary:
      "{{ $labels.collector }}: the certificate to {{ $labels.certificate }} expires within two weeks.",
    severity: "ticket",
    runbook: "certificate-expiring",
    sql: certificateExpires(14),
    above: 0,
    panel: "Forwarding: spans that wait",
  },
  {
    ...common,
    uid: "assay-certificate-expires",
    title: "A certificate expires within three days",
    summary:
      "{{ $labels.collector }}: the certificate to {{ $labels.certificate }} expires within three days.",
    severity: "page",
    runbook: "certificate-expiring",
    sql: certificateExpires(3),
    above: 0,
    panel: "Forwarding: spans that wait",
  },
  {
    ...common,
    uid: "assay-forward-lag",
    title: "Forwarding is behind",
    summary:
      "{{ $labels.destination }}: {{ $values.A.Value }} spans wait, and none was sent for ten minutes.",
    severity: "ticket",
    runbook: "forward-lag",
    sql: `SELECT collector_id AS collector, labels['destination'] AS destination, minIf(value, name = 'assay_forward_pending_spans') * (sumIf(increase, name = 'assay_forward_sent_spans_total') = 0) AS value
FROM ${FIGURES} AND name IN ('assay_forward_pending_spans', 'assay_forward_sent_spans_total') GROUP BY collector, destination`,
    above: 0,
    panel: "Forwarding: spans that wait",
  },
  {
    ...common,
    uid: "assay-duplicates",
    title: "Many spans come twice",
    summary: "{{ $labels.collector }}: {{ $values.A.Value }} of the requests had come before.",
    severity: "info",
    runbook: "duplicates",
    sql: `SELECT collector_id AS collector, sumIf(increase, name = 'assay_receiver_duplicate_requests_total') / sum(increase) AS value
FROM ${FIGURES} AND name IN ('assay_receiver_duplicate_requests_total', 'assay_receiver_accepted_requests_total') GROUP BY collector HAVING sum(increase) >= 100`,
    above: 0.1,
    seconds: 1_800,
    panel: "Requests not answered with success",
  },
  {
    ...common,
    uid: "assay-clock-skew",
    title: "Clocks of a service are wrong",
    summary:
      "{{ $labels.project }} {{ $labels.service }}: {{ $values.A.Value }} of the spans have times that are not believable.",
    severity: "info",
    runbook: "clock-skew",
    sql: `SELECT project, service, countIf(bitAnd(anomalies, ${ODD_TIMES}) != 0) / count() AS value FROM assay.spans WHERE $__timeFilter(event_time) GROUP BY project, service HAVING count() >= 100`,
    above: 0.01,
    seconds: 900,
    panel: "Spans accepted, refused and failed",
  },
  {
    ...common,
    uid: "assay-judge-budget",
    title: "The judge's budget is used up",
    summary:
      "{{ $labels.collector }}: the budget lets only a part of what should be judged be judged.",
    severity: "ticket",
    runbook: "judge-budget",
    sql: newest("assay_judge_probability_factor", "1 - min(value)"),
    above: 0.5,
    until: 0.1,
    dashboard: "assay-judges",
    panel: "Share of the traffic that is judged",
  },
  {
    ...common,
    uid: "assay-notify-dropped",
    title: "Messages reached nobody",
    summary:
      "{{ $labels.collector }}: {{ $values.A.Value }} messages of the collector's notifier were refused or given up.",
    severity: "page",
    runbook: "notify-dropped",
    sql: increase("assay_notify_dropped_total"),
    above: 0,
    dashboard: "assay-checks",
    panel: "What people were told of",
  },
];
