/** What the encoder had to do to spans. */
import type { MetricRow } from "./metric-row.ts";

export interface EncodeStats {
  /** Label values over the cardinality limit, stored on the span and counted as "other" in the rollups. */
  foldedValues: number;
  /** Model calls whose cost is unknown because the price book has no price for them. */
  unpricedSpans: number;
  /** Model calls by how their cost came about. */
  costs: Readonly<Record<string, number>>;
  /** `YYYY-MM-DD` (UTC): how old the list of prices is. */
  pricesPublishedOn: string;
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
    name: "assay_encode_costs_total",
    help: "Model calls by how their cost came about: priced, estimated (usage not reported), free, reported (the sender's own), unpriced.",
    type: "counter",
    by: "status",
    value: (stats) => Object.entries(stats.costs),
  },
  {
    name: "assay_price_data_age_seconds",
    help: "Time since the list of prices was published: a price that changed since then is not in it.",
    type: "gauge",
    value: (stats) => (Date.now() - Date.parse(stats.pricesPublishedOn)) / 1000,
  },
  {
    name: "assay_dialect_spans_total",
    help: "Spans of other instrumentations: translated, or stored as they came because translating failed.",
    type: "counter",
    by: "outcome",
    value: (stats) => Object.entries(stats.foreignSpans),
  },
];
