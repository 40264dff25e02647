/** The write-ahead log is what OpenTelemetry's collector calls the exporter's queue; its size is in bytes. */
import type { LogStats } from "../log/log.ts";
import type { MetricRow } from "./metric-row.ts";

const exporter = { exporter: "clickhouse" };

export const LOG_METRICS: readonly MetricRow<LogStats>[] = [
  {
    name: "otelcol_exporter_queue_size",
    help: "Bytes of the write-ahead log.",
    type: "gauge",
    labels: exporter,
    value: (stats) => stats.bytes,
  },
  {
    name: "otelcol_exporter_queue_capacity",
    help: "Bytes that the write-ahead log may have; when it is full, requests are answered 503.",
    type: "gauge",
    labels: exporter,
    value: (stats) => stats.maxBytes,
  },
  {
    name: "assay_log_appended_requests_total",
    help: "Requests written to the log and synced.",
    type: "counter",
    value: (stats) => stats.appendedRecords,
  },
  {
    name: "assay_log_appended_spans_total",
    help: "Spans written to the log and synced.",
    type: "counter",
    value: (stats) => stats.appendedSpans,
  },
  {
    name: "assay_log_duplicate_requests_total",
    help: "Requests not written because an equal body was.",
    type: "counter",
    value: (stats) => stats.duplicateRequests,
  },
  {
    name: "assay_log_refused_requests_total",
    help: "Requests refused for want of room.",
    type: "counter",
    value: (stats) => stats.refusedRequests,
  },
  {
    name: "assay_log_pending_requests",
    help: "Requests in the log that are not in ClickHouse yet.",
    type: "gauge",
    value: (stats) => stats.pendingRecords,
  },
  {
    name: "assay_log_pending_spans",
    help: "Spans in the log that are not in ClickHouse yet.",
    type: "gauge",
    value: (stats) => stats.pendingSpans,
  },
  {
    name: "assay_log_kept_bytes",
    help: "Bytes of segments that only forwarding still needs; not part of the queue's size.",
    type: "gauge",
    value: (stats) => stats.keptBytes,
  },
  {
    name: "assay_log_segments",
    help: "Files of the log.",
    type: "gauge",
    value: (stats) => stats.segments,
  },
  {
    name: "assay_log_waiting_requests",
    help: "Requests that wait for their sync.",
    type: "gauge",
    value: (stats) => stats.waitingRequests,
  },
  {
    name: "assay_log_sync_seconds_max",
    help: "The slowest sync since start.",
    type: "gauge",
    value: (stats) => stats.syncMsMax / 1_000,
  },
  {
    name: "assay_log_torn_bytes",
    help: "Bytes cut off at the last start: a write that was never acknowledged.",
    type: "gauge",
    value: (stats) => stats.tornBytes,
  },
  {
    name: "assay_log_quarantined_bytes",
    help: "Damaged bytes put aside at the last start. Anything but 0: look at the disk.",
    type: "gauge",
    value: (stats) => stats.quarantinedBytes,
  },
  {
    name: "assay_log_missing_requests",
    help: "Acknowledged requests that the last start did not find. Anything but 0 is lost data.",
    type: "gauge",
    value: (stats) => stats.missingRecords,
  },
  {
    name: "assay_log_failed",
    help: "1 after a sync failed: nothing is accepted until a restart.",
    type: "gauge",
    value: (stats) => (stats.failed === undefined ? 0 : 1),
  },
];
