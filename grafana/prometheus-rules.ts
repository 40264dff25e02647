/**
 * The rules of the pipeline for Prometheus, over the collector's /metrics: for those who scrape it, and for when ClickHouse itself is
 * away. What checks find about quality, cost and latency is not in /metrics beyond how many series fire.
 */
interface PrometheusRule {
  alert: string;
  expr: string;
  for?: string;
  severity: "page" | "ticket" | "info" | "none";
  summary: string;
  runbook: string;
}

const ACCEPTED = "assay_receiver_accepted_requests_total";
const OURS = 'assay_receiver_refused_requests_total{reason=~"overload|memory|failed"}';

/** Requests that we could not take, of all, as burn of 99.9 %. */
function burn(window: string): string {
  return `sum by (job) (rate(${OURS}[${window}])) / (sum by (job) (rate(${ACCEPTED}[${window}])) + sum by (job) (rate(${OURS}[${window}])))`;
}

function burning(times: number, long: string, short: string): string {
  const limit = Number((times * 0.001).toPrecision(3));
  return `(${burn(long)}) > ${limit} and (${burn(short)}) > ${limit}`;
}

export const PROMETHEUS_RULES: readonly PrometheusRule[] = [
  { alert: "AssayWatchdog", expr: "vector(1)", severity: "none", summary: "Fires always: what pages when this stops is outside.", runbook: "watchdog" },
  { alert: "AssayCollectorAbsent", expr: "absent(otelcol_process_uptime) == 1", for: "5m", severity: "page", summary: "No collector is scraped.", runbook: "no-spans" },
  { alert: "AssayCanaryFailing", expr: "assay_canary_misses > 2", severity: "page", summary: "{{ $value }} canaries in a row were sent and not found in ClickHouse.", runbook: "canary-failing" },
  { alert: "AssayLedgerMismatch", expr: "min_over_time(abs(assay_ledger_residual_spans)[5m:1m]) > 0", for: "5m", severity: "page", summary: "{{ $value }} accepted spans are neither stored nor waiting.", runbook: "ledger-mismatch" },
  { alert: "AssayIngestBudgetFast", expr: burning(14.4, "1h", "5m"), severity: "page", summary: "Requests are refused so fast that the month's budget is gone within two days.", runbook: "ingest-budget" },
  { alert: "AssayIngestBudgetSlow", expr: burning(6, "6h", "30m"), severity: "ticket", summary: "Requests are refused so fast that the month's budget is gone within five days.", runbook: "ingest-budget" },
  { alert: "AssayRunwayShort", expr: "max_over_time(assay_outage_runway_seconds[5m]) < 3600", for: "5m", severity: "ticket", summary: "Without ClickHouse the log would be full in {{ $value }} seconds.", runbook: "runway-short" },
  { alert: "AssayRunwayGone", expr: "max_over_time(assay_outage_runway_seconds[5m]) < 900", for: "5m", severity: "page", summary: "Without ClickHouse the log would be full in {{ $value }} seconds.", runbook: "runway-short" },
  { alert: "AssayQueueFull", expr: "otelcol_exporter_queue_size / otelcol_exporter_queue_capacity > 0.8", for: "5m", severity: "page", summary: "The log is {{ $value }} full; at 1 requests are refused.", runbook: "queue-full" },
  { alert: "AssayIngestLag", expr: "min_over_time(assay_insert_oldest_unsent_age_seconds[5m]) > 120", severity: "page", summary: "Spans wait for {{ $value }} seconds until they are stored.", runbook: "ingest-lag" },
  { alert: "AssayNoSpans", expr: "sum by (job) (increase(otelcol_receiver_accepted_spans_total[10m])) == 0 and sum by (job) (increase(otelcol_receiver_accepted_spans_total[1h] offset 10m)) > 1000", severity: "page", summary: "No span was accepted for ten minutes, after an hour with traffic.", runbook: "no-spans" },
  { alert: "AssayEngineDown", expr: "max_over_time(assay_engine_up[2m]) == 0", for: "2m", severity: "page", summary: "ClickHouse does not answer; the log takes spans meanwhile.", runbook: "engine-restarts" },
  { alert: "AssayEngineRestarts", expr: "increase(assay_engine_restarts_total[15m]) > 3", severity: "page", summary: "The embedded engine was started again {{ $value }} times.", runbook: "engine-restarts" },
  { alert: "AssayInsertBlocked", expr: "assay_insert_blocked == 1", for: "1m", severity: "page", summary: "Inserting waits for a person; /healthz says why.", runbook: "insert-blocked" },
  { alert: "AssayInsertFailing", expr: "sum by (instance) (increase(assay_insert_failed_attempts_total[10m])) > 20", severity: "ticket", summary: "{{ $value }} inserts failed and were tried again.", runbook: "insert-failing" },
  { alert: "AssayDeadLetters", expr: "increase(otelcol_exporter_send_failed_spans_total[10m]) > 0", severity: "ticket", summary: "{{ $value }} spans can never be inserted and were put aside.", runbook: "dead-letters" },
  { alert: "AssaySpansRefused", expr: "sum by (instance) (rate(otelcol_receiver_refused_spans_total[10m]) + rate(otelcol_receiver_failed_spans_total[10m])) / sum by (instance) (rate(otelcol_receiver_accepted_spans_total[10m]) + rate(otelcol_receiver_refused_spans_total[10m]) + rate(otelcol_receiver_failed_spans_total[10m])) > 0.05", for: "10m", severity: "ticket", summary: "{{ $value }} of the spans are refused or fail.", runbook: "spans-refused" },
  { alert: "AssaySyncSlow", expr: "histogram_quantile(0.99, rate(assay_log_sync_seconds_bucket[10m])) > 1", for: "10m", severity: "ticket", summary: "One of a hundred syncs of the log takes {{ $value }} seconds.", runbook: "sync-slow" },
  { alert: "AssaySyncFailed", expr: "assay_log_failed == 1", severity: "page", summary: "A sync of the log failed: nothing is accepted until a restart.", runbook: "sync-failed" },
  { alert: "AssayLostRequests", expr: "assay_log_missing_requests > 0 or assay_log_quarantined_bytes > 0", severity: "page", summary: "Acknowledged requests were not found, or are damaged, at the last start.", runbook: "lost-requests" },
  { alert: "AssayEventLoopLag", expr: "min_over_time(nodejs_eventloop_lag_p99_seconds[10m]) > 0.2", severity: "ticket", summary: "The collector's event loop is {{ $value }} seconds late.", runbook: "event-loop-lag" },
  { alert: "AssayMemoryHigh", expr: "min_over_time(otelcol_process_memory_rss[10m]) / assay_process_memory_limit_bytes > 0.9 or min_over_time(otelcol_process_runtime_heap_alloc_bytes[10m]) / assay_process_heap_limit_bytes > 0.9", severity: "ticket", summary: "{{ $value }} of the collector's memory, or of its JavaScript heap, is in use.", runbook: "memory-high" },
  { alert: "AssayDiskFilling", expr: "predict_linear(assay_disk_free_bytes[6h], 86400) < 0 and assay_disk_free_bytes / assay_disk_size_bytes < 0.2", for: "30m", severity: "ticket", summary: "At the pace of late the collector's disk is full within a day.", runbook: "disk-full" },
  { alert: "AssayDiskFull", expr: "predict_linear(assay_disk_free_bytes[6h], 14400) < 0 and assay_disk_free_bytes / assay_disk_size_bytes < 0.2", for: "5m", severity: "page", summary: "At the pace of late the collector's disk is full within four hours.", runbook: "disk-full" },
  { alert: "AssayCertificateExpiring", expr: "assay_certificate_expiry_timestamp_seconds - time() < 14 * 86400", for: "1h", severity: "ticket", summary: "{{ $labels.certificate }}: the certificate expires in {{ $value }} seconds.", runbook: "certificate-expiring" },
  { alert: "AssayCertificateExpires", expr: "assay_certificate_expiry_timestamp_seconds - time() < 3 * 86400", for: "1h", severity: "page", summary: "{{ $labels.certificate }}: the certificate expires in {{ $value }} seconds.", runbook: "certificate-expiring" },
  { alert: "AssayForwardLag", expr: "min_over_time(assay_forward_pending_spans[10m]) > 0 and increase(assay_forward_sent_spans_total[10m]) == 0", severity: "ticket", summary: "{{ $labels.destination }}: {{ $value }} spans wait and none is sent.", runbook: "forward-lag" },
  { alert: "AssayDuplicates", expr: "rate(assay_receiver_duplicate_requests_total[30m]) / (rate(assay_receiver_duplicate_requests_total[30m]) + rate(assay_receiver_accepted_requests_total[30m])) > 0.1", for: "30m", severity: "info", summary: "{{ $value }} of the requests had come before.", runbook: "duplicates" },
  { alert: "AssayChecksStale", expr: "min_over_time(assay_checks_lag_seconds[5m]) > 180", for: "2m", severity: "page", summary: "Checks are {{ $value }} seconds behind: nothing would page.", runbook: "checks-stale" },
  { alert: "AssayNotifyDropped", expr: "increase(assay_notify_dropped_total[10m]) > 0", severity: "page", summary: "{{ $value }} messages of the collector reached nobody.", runbook: "notify-dropped" },
  { alert: "AssayJudgeBudget", expr: "max_over_time(assay_judge_probability_factor[10m]) < 0.5", severity: "ticket", summary: "The budget lets only {{ $value }} of what should be judged be judged.", runbook: "judge-budget" },
]; // prettier-ignore

export function prometheusFile(page: string): object {
  return {
    groups: [
      {
        name: "assay",
        interval: "1m",
        rules: PROMETHEUS_RULES.map(
          ({ alert, expr, for: patience, severity, summary, runbook }) => ({
            alert,
            expr,
            ...(patience !== undefined && { for: patience }),
            ...(severity !== "none" && { keep_firing_for: "5m" }),
            labels: { severity },
            annotations: { summary, runbook_url: `${page}/runbooks/${runbook}` },
          }),
        ),
      },
    ],
  };
}
