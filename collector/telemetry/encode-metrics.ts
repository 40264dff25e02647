/** What the encoder had to do to spans. */
import type { MetricRow } from "./metric-row.ts";

export interface EncodeStats {
  /** Label values over the cardinality limit, stored on the span and counted as "other" in the rollups. */
  foldedValues: number;
  /** Model calls whose cost is unknown because the price book has no price for them. */
  unpricedSpans: number;
  /** Spans of other instrumentations: given our names, or left as they came because that failed. */
  foreignSpans: Readonly<{ translated: number; failed: number }>;
}

export const ENCODE_METRICS: readonly MetricRow<EncodeStats>[] = [
  {
    name: "assay_encode_folded_values_total",
    help: 'Values over the cardinality limit, counted as "other" in the rollups.',
    type: "counter",
    value: (stats) => stats.foldedValues,
  },
  {
    name: "assay_encode_unpriced_spans_total",
    help: "Model calls that the price book has no price for; their cost is null.",
    type: "counter",
    value: (stats) => stats.unpricedSpans,
  },
  {
    name: "assay_dialect_spans_total",
    help: "Spans of other instrumentations: translated, or stored as they came because translating failed.",
    type: "counter",
    by: "outcome",
    value: (stats) => Object.entries(stats.foreignSpans),
  },
];
