/** Whether checks are evaluated, what they found, and whether people were told. */
import type { EvaluatorStats } from "../checks/evaluator.ts";
import type { NotifierStats } from "../checks/notify/notifier.ts";
import type { MetricRow } from "./metric-row.ts";

export const CHECKS_METRICS: readonly MetricRow<EvaluatorStats>[] = [
  {
    name: "assay_checks_ticks_total",
    help: "Times that a check was evaluated.",
    type: "counter",
    value: (stats) => stats.ticks,
  },
  {
    name: "assay_checks_failed_ticks_total",
    help: "Times that a check could not be evaluated, or its result not be written; it is tried again.",
    type: "counter",
    value: (stats) => stats.failedTicks,
  },
  {
    name: "assay_checks_skipped_ticks_total",
    help: "Ticks that were too old to be caught up with.",
    type: "counter",
    value: (stats) => stats.skippedTicks,
  },
  {
    name: "assay_checks_series",
    help: "Series by what their newest result says.",
    type: "gauge",
    by: "state",
    value: (stats) => stats.series,
  },
  {
    name: "assay_checks_lag_seconds",
    help: "How far the check that is furthest behind is behind.",
    type: "gauge",
    value: (stats) => stats.lagSeconds,
  },
];

export const NOTIFY_METRICS: readonly MetricRow<NotifierStats>[] = [
  {
    name: "assay_notify_open_incidents",
    help: "Incidents that are not over.",
    type: "gauge",
    value: (stats) => stats.openIncidents,
  },
  {
    name: "assay_notify_queue_size",
    help: "Messages that wait to be taken by their receiver.",
    type: "gauge",
    value: (stats) => stats.waiting,
  },
  {
    name: "assay_notify_sent_total",
    help: "Messages taken by their receiver.",
    type: "counter",
    by: "channel",
    value: (stats) => stats.sent,
  },
  {
    name: "assay_notify_failed_attempts_total",
    help: "Attempts that failed.",
    type: "counter",
    by: "channel",
    value: (stats) => stats.failedAttempts,
  },
  {
    name: "assay_notify_dropped_total",
    help: "Messages that nobody got.",
    type: "counter",
    by: "channel",
    value: (stats) => stats.dropped,
  },
];
