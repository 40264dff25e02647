/** What was left out or replaced before anything was written. */
import type { RedactStats } from "../redact/stage.ts";
import type { SampleStats } from "../sample/stage.ts";
import type { MetricRow } from "./metric-row.ts";

export const SAMPLE_METRICS: readonly MetricRow<SampleStats>[] = [
  {
    name: "assay_sampled_out_spans_total",
    help: "Spans that were acknowledged and, as the sampling rules say, not kept; no part of the ledger.",
    type: "counter",
    value: (stats) => stats.sampledOutSpans,
  },
];

export const REDACT_METRICS: readonly MetricRow<RedactStats>[] = [
  {
    name: "assay_redactions_total",
    help: "Replacements before anything was written, by what was replaced.",
    type: "counter",
    by: "kind",
    value: (stats) => Object.entries(stats.redactions),
  },
];
