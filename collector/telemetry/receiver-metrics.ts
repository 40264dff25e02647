/** The receiver's counters; those that begin with otelcol_ carry the names of OpenTelemetry's collector, so that its dashboards fit. */
import type { ReceiverStats } from "../receive/receiver-stats.ts";
import type { MetricRow } from "./metric-row.ts";

/** The transport comes with the source. */
const labels = { receiver: "otlp" };

export const RECEIVER_METRICS: readonly MetricRow<ReceiverStats>[] = [
  {
    name: "otelcol_receiver_accepted_spans_total",
    help: "Spans acknowledged: they are in the synced log.",
    type: "counter",
    labels,
    value: (stats) => stats.acceptedSpans,
  },
  {
    name: "otelcol_receiver_refused_spans_total",
    help: "Spans read and answered 503; the sender still has them.",
    type: "counter",
    labels,
    value: (stats) => stats.refusedSpans,
  },
  {
    name: "otelcol_receiver_failed_spans_total",
    help: "Spans lost to an error of the collector's own (answered 500).",
    type: "counter",
    labels,
    value: (stats) => stats.failedSpans,
  },
  {
    name: "assay_receiver_rejected_spans_total",
    help: "Spans refused alone (bad ids, unknown enum names) in requests that were accepted.",
    type: "counter",
    labels,
    value: (stats) => stats.rejectedSpans,
  },
  {
    name: "otelcol_receiver_accepted_log_records_total",
    help: "GenAI events among log records, acknowledged: they are in the synced log.",
    type: "counter",
    labels,
    value: (stats) => stats.acceptedLogRecords,
  },
  {
    name: "otelcol_receiver_refused_log_records_total",
    help: "GenAI events among log records, read and answered 503; the sender still has them.",
    type: "counter",
    labels,
    value: (stats) => stats.refusedLogRecords,
  },
  {
    name: "otelcol_receiver_failed_log_records_total",
    help: "GenAI events among log records, lost to an error of the collector's own (answered 500).",
    type: "counter",
    labels,
    value: (stats) => stats.failedLogRecords,
  },
  {
    name: "assay_receiver_rejected_log_records_total",
    help: "Log records that are not kept and answered so: all that are no GenAI events, and events without what they are about.",
    type: "counter",
    labels,
    value: (stats) => stats.rejectedLogRecords,
  },
  {
    name: "assay_receiver_accepted_requests_total",
    help: "Requests answered 200.",
    type: "counter",
    labels,
    value: (stats) => stats.acceptedRequests,
  },
  {
    name: "assay_receiver_duplicate_requests_total",
    help: "Requests whose body was stored before: a sender tried again although the first try had arrived.",
    type: "counter",
    labels,
    value: (stats) => stats.duplicateRequests,
  },
  {
    name: "assay_receiver_refused_requests_total",
    help: "Requests not answered 200, by reason.",
    type: "counter",
    labels,
    by: "reason",
    value: (stats) => Object.entries(stats.refusedRequests),
  },
  {
    name: "assay_receiver_aborted_requests_total",
    help: "Requests whose client went away before the body was complete.",
    type: "counter",
    labels,
    value: (stats) => stats.abortedRequests,
  },
  {
    name: "assay_receiver_warned_requests_total",
    help: "Requests accepted with something to say about them in partial_success.",
    type: "counter",
    labels,
    value: (stats) => stats.warnedRequests,
  },
  {
    name: "assay_receiver_broken_connections_total",
    help: "Connections ended for what is not HTTP, or for a head that took too long.",
    type: "counter",
    labels,
    value: (stats) => stats.brokenConnections,
  },
  {
    name: "assay_receiver_dropped_connections_total",
    help: "Connections turned away for being too many.",
    type: "counter",
    labels,
    value: (stats) => stats.droppedConnections,
  },
  {
    name: "assay_receiver_received_bytes_total",
    help: "Bytes of bodies as sent.",
    type: "counter",
    labels,
    value: (stats) => stats.receivedBytes,
  },
  {
    name: "assay_receiver_inflated_bytes_total",
    help: "Bytes of gzip bodies after inflating.",
    type: "counter",
    labels,
    value: (stats) => stats.inflatedBytes,
  },
  {
    name: "assay_receiver_requests_in_flight",
    help: "Requests being read or waiting for the log.",
    type: "gauge",
    labels,
    value: (stats) => stats.requestsInFlight,
  },
];

/** The memory of bodies in flight is one for all transports. */
export const RECEIVER_MEMORY_METRICS: readonly MetricRow<ReceiverStats>[] = [
  {
    name: "assay_receiver_in_flight_bytes",
    help: "Memory held by requests in flight.",
    type: "gauge",
    value: (stats) => stats.bytesInFlight,
  },
  {
    name: "assay_receiver_in_flight_bytes_limit",
    help: "Memory that requests in flight may hold; beyond it they are answered 503.",
    type: "gauge",
    value: (stats) => stats.bytesInFlightCapacity,
  },
];
