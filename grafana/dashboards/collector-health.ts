import type { DashboardSpec } from "../panel.ts";

/** The collector's own figures of the range (docs/decisions/0010). */
const OF = (name: string): string =>
  `assay.collector_metrics WHERE $__timeFilter(ts) AND collector_id IN (\${collector:singlequote}) AND ${name}`;
const named = (...names: string[]): string =>
  names.length === 1
    ? `name = '${names[0]}'`
    : `name IN (${names.map((one) => `'${one}'`).join(", ")})`;
/** The newest of a gauge, over all collectors. */
const newest = (name: string, combine = "sum"): string =>
  `SELECT ${combine}(value) AS value FROM (SELECT argMax(value, ts) AS value FROM ${OF(named(name))} GROUP BY collector_id, labels)`;
const STEP = "$__timeInterval(ts) AS time";

export const collectorHealth: DashboardSpec = {
  uid: "assay-collector",
  title: "Collector health",
  description:
    "Is everything that was sent stored? From the collectors' own figures, written to ClickHouse each minute.",
  from: "now-24h",
  deploys: false,
  variables: [
    {
      name: "collector",
      label: "Collector",
      sql: "SELECT DISTINCT collector_id FROM assay.collector_metrics WHERE name = 'otelcol_process_uptime' AND ts >= $__fromTime AND ts <= $__toTime ORDER BY collector_id",
    },
  ],
  rows: [
    {
      title: "Now",
      panels: [
        {
          kind: "stat",
          title: "Accepted spans in the range",
          description: "Acknowledged, and so in the synced log.",
          unit: "short",
          sql: `SELECT sum(increase) AS spans FROM ${OF(named("otelcol_receiver_accepted_spans_total"))}`,
        },
        {
          kind: "stat",
          title: "Spans that are nowhere",
          description:
            "The ledger's residual: accepted and neither stored, waiting, expired nor put aside. Anything but 0: look at once.",
          unit: "short",
          sql: newest("assay_ledger_residual_spans"),
        },
        {
          kind: "stat",
          title: "Outage runway",
          description:
            "How long the log could go on without ClickHouse, at the rate of late; the shortest of the collectors.",
          unit: "s",
          sql: newest("assay_outage_runway_seconds", "min"),
        },
        {
          kind: "stat",
          title: "Age of what is not stored yet",
          description:
            "Of the oldest span that is on its way to ClickHouse: how fresh the numbers are.",
          unit: "s",
          sql: newest("assay_insert_oldest_unsent_age_seconds", "max"),
        },
      ],
    },
    {
      title: "In",
      panels: [
        {
          kind: "timeseries",
          title: "Spans accepted, refused and failed",
          description:
            "Refused ones are still with their sender, which tries again; failed ones are lost.",
          unit: "short",
          sql: `SELECT ${STEP}, extract(name, 'receiver_([a-z]+)_spans') AS what, sum(increase) AS spans
FROM ${OF("name IN ('otelcol_receiver_accepted_spans_total', 'otelcol_receiver_refused_spans_total', 'otelcol_receiver_failed_spans_total', 'assay_receiver_rejected_spans_total')")} GROUP BY time, name ORDER BY time, name`,
        },
        {
          kind: "timeseries",
          title: "Requests not answered with success",
          description: "By reason. Malformed ones are the sender's, a full log is ours.",
          unit: "short",
          stacked: true,
          sql: `SELECT ${STEP}, labels['reason'] AS reason, sum(increase) AS requests FROM ${OF(named("assay_receiver_refused_requests_total"))} GROUP BY time, reason ORDER BY time, reason`,
        },
        {
          kind: "timeseries",
          title: "Queue in use",
          description:
            "Bytes of the write-ahead log of what it may hold. Full: requests are answered 503.",
          unit: "percentunit",
          min: 0,
          max: 1,
          sql: `SELECT ${STEP}, collector_id AS collector, maxIf(value, name = 'otelcol_exporter_queue_size') / nullIf(maxIf(value, name = 'otelcol_exporter_queue_capacity'), 0) AS share
FROM ${OF(named("otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity"))} GROUP BY time, collector ORDER BY time, collector`,
        },
        {
          kind: "timeseries",
          title: "Sync of the log, mean and slowest",
          description: "Every acknowledgement waits for one.",
          unit: "s",
          sql: `SELECT ${STEP}, sumIf(increase, name = 'assay_log_sync_seconds_sum') / nullIf(sumIf(increase, name = 'assay_log_sync_seconds_count'), 0) AS mean, maxIf(value, name = 'assay_log_sync_seconds_max') AS slowest_since_start
FROM ${OF(named("assay_log_sync_seconds_sum", "assay_log_sync_seconds_count", "assay_log_sync_seconds_max"))} GROUP BY time ORDER BY time`,
        },
      ],
    },
    {
      title: "Out",
      panels: [
        {
          kind: "timeseries",
          title: "Spans stored, and put aside",
          description: "Dead letters can never be inserted; `assay dead-letters` shows them.",
          unit: "short",
          sql: `SELECT ${STEP}, if(name = 'otelcol_exporter_sent_spans_total', 'stored', 'dead letters') AS what, sum(increase) AS spans
FROM ${OF(named("otelcol_exporter_sent_spans_total", "otelcol_exporter_send_failed_spans_total"))} GROUP BY time, what ORDER BY time, what`,
        },
        {
          kind: "timeseries",
          title: "Inserts that failed and were tried again",
          description: "By ClickHouse's error code.",
          unit: "short",
          stacked: true,
          sql: `SELECT ${STEP}, labels['code'] AS code, sum(increase) AS attempts FROM ${OF(named("assay_insert_failed_attempts_total"))} GROUP BY time, code ORDER BY time, code`,
        },
        {
          kind: "timeseries",
          title: "Ingest lag",
          description: "Age of the oldest span that is on its way to ClickHouse.",
          unit: "s",
          sql: `SELECT ${STEP}, collector_id AS collector, max(value) AS seconds FROM ${OF(named("assay_insert_oldest_unsent_age_seconds"))} GROUP BY time, collector ORDER BY time, collector`,
        },
        {
          kind: "timeseries",
          title: "Canary",
          description:
            "Seconds from sending a span to finding it in ClickHouse, and how many in a row were missed. Nothing without ASSAY_CANARY=on.",
          unit: "s",
          units: { missed: "short" },
          sql: `SELECT ${STEP}, maxIf(value, name = 'assay_canary_seconds') AS seconds, maxIf(value, name = 'assay_canary_misses') AS missed FROM ${OF(named("assay_canary_seconds", "assay_canary_misses"))} GROUP BY time ORDER BY time`,
        },
        {
          kind: "timeseries",
          title: "Forwarding: spans that wait",
          description: "By destination; each has its own place in the log.",
          unit: "short",
          sql: `SELECT ${STEP}, labels['destination'] AS destination, max(value) AS spans FROM ${OF(named("assay_forward_pending_spans"))} GROUP BY time, destination ORDER BY time, destination`,
        },
      ],
    },
    {
      title: "Process and store",
      panels: [
        {
          kind: "timeseries",
          title: "Memory",
          description: "Resident, of each collector.",
          unit: "bytes",
          sql: `SELECT ${STEP}, collector_id AS collector, max(value) AS rss FROM ${OF(named("otelcol_process_memory_rss"))} GROUP BY time, collector ORDER BY time, collector`,
        },
        {
          kind: "timeseries",
          title: "Disk",
          description: "Free on the disk of each collector's data folder.",
          unit: "bytes",
          sql: `SELECT ${STEP}, collector_id AS collector, min(value) AS free FROM ${OF(named("assay_disk_free_bytes"))} GROUP BY time, collector ORDER BY time, collector`,
        },
        {
          kind: "timeseries",
          title: "CPU",
          description: "Cores in use, of each collector.",
          unit: "short",
          sql: `SELECT ${STEP}, collector_id AS collector, sum(increase) / greatest(60, dateDiff('second', min(ts), max(ts)) + 60) AS cores FROM ${OF(named("otelcol_process_cpu_seconds"))} GROUP BY time, collector ORDER BY time, collector`,
        },
        {
          kind: "timeseries",
          title: "Event loop lag, 99 of 100",
          description: "Above a fifth of a second everything the collector does is late.",
          unit: "s",
          sql: `SELECT ${STEP}, collector_id AS collector, max(value) AS seconds FROM ${OF(named("nodejs_eventloop_lag_p99_seconds"))} GROUP BY time, collector ORDER BY time, collector`,
        },
        {
          kind: "table",
          title: "Store by table",
          description: "What is on disk, and for how long it is kept.",
          unit: "short",
          units: { bytes: "bytes" },
          sql: `SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts, min(min_date) AS oldest
FROM system.parts WHERE active AND database = 'assay' GROUP BY table HAVING rows > 0 ORDER BY bytes DESC, table LIMIT 50`,
        },
        {
          kind: "timeseries",
          title: "Calls without a price, and values folded",
          description:
            "Costs that are not known, and label values beyond the limit that rollups show as other.",
          unit: "short",
          sql: `SELECT ${STEP}, if(name = 'assay_encode_unpriced_spans_total', 'without a price', 'folded') AS what, sum(increase) AS count
FROM ${OF(named("assay_encode_unpriced_spans_total", "assay_encode_folded_values_total"))} GROUP BY time, what ORDER BY time, what`,
        },
        {
          kind: "timeseries",
          title: "Judging lag, and checks behind",
          description:
            "How long ago the traces settled that are being judged; how far the checks are behind.",
          unit: "s",
          sql: `SELECT ${STEP}, if(name = 'assay_judge_lag_seconds', 'judging', 'checks') AS what, max(value) AS seconds
FROM ${OF(named("assay_judge_lag_seconds", "assay_checks_lag_seconds"))} GROUP BY time, what ORDER BY time, what`,
        },
      ],
    },
  ],
};
