/** What became of spans at each destination. */
import type { ForwardStats } from "../forward/forwarder.ts";
import type { OwnRequestsStats } from "../forward/own-requests.ts";
import type { MetricRow } from "./metric-row.ts";

export const FORWARD_METRICS: readonly MetricRow<ForwardStats>[] = [
  {
    name: "assay_forward_sent_spans_total",
    help: "Spans in requests that the destination answered with success.",
    type: "counter",
    value: (stats) => stats.sentSpans,
  },
  {
    name: "assay_forward_sent_requests_total",
    help: "Requests that the destination answered with success.",
    type: "counter",
    value: (stats) => stats.sentRequests,
  },
  {
    name: "assay_forward_rejected_spans_total",
    help: "Of the sent spans, those that the destination said it did not take (partial success).",
    type: "counter",
    value: (stats) => stats.rejectedSpans,
  },
  {
    name: "assay_forward_dropped_spans_total",
    help: "Spans that the destination refused for good, by its code; they are not sent again.",
    type: "counter",
    by: "code",
    value: (stats) => stats.droppedSpans,
  },
  {
    name: "assay_forward_filtered_spans_total",
    help: "Spans that the destination's filter leaves out.",
    type: "counter",
    value: (stats) => stats.filteredSpans,
  },
  {
    name: "assay_forward_retries_total",
    help: "Attempts that ended with a reason to try again, by code.",
    type: "counter",
    by: "code",
    value: (stats) => stats.retries,
  },
  {
    name: "assay_forward_in_flight",
    help: "Requests under way.",
    type: "gauge",
    value: (stats) => stats.inFlight,
  },
  {
    name: "assay_forward_pending_requests",
    help: "Requests in the log that the destination has not got yet.",
    type: "gauge",
    value: (stats) => stats.pendingRecords,
  },
  {
    name: "assay_forward_pending_spans",
    help: "Spans in the log that the destination has not got yet.",
    type: "gauge",
    value: (stats) => stats.pendingSpans,
  },
  {
    name: "assay_forward_kept_bytes",
    help: "Bytes of the log that are kept for the destination alone.",
    type: "gauge",
    value: (stats) => stats.keptBytes,
  },
  {
    name: "assay_forward_given_up_spans_total",
    help: "Spans that were not sent because the destination fell too far behind.",
    type: "counter",
    value: (stats) => stats.givenUpSpans,
  },
];

/** Scores of the collector's own judges, sent as events. */
export const OWN_REQUESTS_METRICS: readonly MetricRow<OwnRequestsStats>[] = [
  {
    name: "assay_forward_scores_sent_total",
    help: "Scores of the judges that the destination took.",
    type: "counter",
    value: (stats) => stats.sent,
  },
  {
    name: "assay_forward_scores_dropped_total",
    help: "Scores of the judges that were not sent: refused for good, or no room to wait. They are stored.",
    type: "counter",
    value: (stats) => stats.dropped,
  },
  {
    name: "assay_forward_scores_filtered_total",
    help: "Scores of the judges that the destination's filter leaves out.",
    type: "counter",
    value: (stats) => stats.filtered,
  },
];
