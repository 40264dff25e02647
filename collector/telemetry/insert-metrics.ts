/** What went from the log into ClickHouse. */
import type { InsertStats } from "../insert/inserter.ts";
import type { MetricRow } from "./metric-row.ts";

const exporter = { exporter: "clickhouse" };

export const INSERT_METRICS: readonly MetricRow<InsertStats>[] = [
  {
    name: "otelcol_exporter_sent_spans_total",
    help: "Spans inserted into ClickHouse.",
    type: "counter",
    labels: exporter,
    value: (stats) => stats.sentSpans,
  },
  {
    name: "otelcol_exporter_send_failed_spans_total",
    help: "Spans put aside as dead letters because they can never be inserted.",
    type: "counter",
    labels: exporter,
    value: (stats) => stats.deadLetterSpans,
  },
  {
    name: "assay_insert_batches_total",
    help: "Blocks inserted.",
    type: "counter",
    value: (stats) => stats.sentBatches,
  },
  {
    name: "assay_insert_failed_attempts_total",
    help: "Inserts that failed and were tried again, by error code.",
    type: "counter",
    by: "code",
    value: (stats) => stats.failedAttempts,
  },
  {
    name: "assay_insert_oldest_unsent_age_seconds",
    help: "Age of the oldest span that is being prepared for ClickHouse; how fresh the numbers are.",
    type: "gauge",
    value: (stats) => stats.oldestUnsentAgeMs / 1_000,
  },
  {
    name: "assay_insert_planned_blocks",
    help: "Blocks written to disk and not yet inserted.",
    type: "gauge",
    value: (stats) => stats.plannedBlocks,
  },
  {
    name: "assay_insert_planned_bytes",
    help: "Bytes of blocks not yet inserted.",
    type: "gauge",
    value: (stats) => stats.plannedBytes,
  },
  {
    name: "assay_insert_failed_writes_total",
    help: "Attempts to write a block, a plan or the cursor to disk that failed and were repeated. A disk that is full, as a rule.",
    type: "counter",
    value: (stats) => stats.failedWrites,
  },
  {
    name: "assay_insert_in_flight",
    help: "Inserts that run.",
    type: "gauge",
    value: (stats) => stats.inFlight,
  },
  {
    name: "assay_insert_kept_bytes",
    help: "Bytes of inserted blocks kept for reconciliation.",
    type: "gauge",
    value: (stats) => stats.keptBytes,
  },
  {
    name: "assay_insert_recovered_batches",
    help: "Batches that were in doubt at the last start, by what became of them.",
    type: "gauge",
    by: "outcome",
    value: (stats) => [
      ["replayed", stats.replayedBatches],
      ["restored", stats.restoredBatches],
      ["duplicate", stats.duplicateBatches],
      ["incomplete", stats.incompleteBatches],
      ["lost", stats.lostBatches],
    ],
  },
  {
    name: "assay_insert_dead_letter_requests_total",
    help: "Requests put aside because they can never be inserted.",
    type: "counter",
    value: (stats) => stats.deadLetterRecords,
  },
  {
    name: "assay_insert_blocked",
    help: "1 while inserting waits for a person; /healthz says why.",
    type: "gauge",
    value: (stats) => (stats.blocked === undefined ? 0 : 1),
  },
  {
    name: "assay_insert_last_seconds",
    help: "What the last insert took.",
    type: "gauge",
    value: (stats) => stats.lastInsertMs / 1_000,
  },
];
