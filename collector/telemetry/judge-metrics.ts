/** What the judge did, what it costs, and why it waits. */
import type { JudgeStats } from "../judge/worker.ts";
import type { MetricRow } from "./metric-row.ts";

export const JUDGE_METRICS: readonly MetricRow<JudgeStats>[] = [
  {
    name: "assay_judge_records_total",
    help: "Traces with a model's answer that settled, by whether they were chosen to be judged.",
    type: "counter",
    by: "reason",
    value: (stats) => stats.records,
  },
  {
    name: "assay_judge_judgements_total",
    help: "Judgements by what became of them; only those that are ok are scores.",
    type: "counter",
    by: "status",
    value: (stats) => stats.judgements,
  },
  {
    name: "assay_judge_failures_total",
    help: "Judgements that failed, by reason.",
    type: "counter",
    by: "reason",
    value: (stats) => stats.failures,
  },
  {
    name: "assay_judge_composites_total",
    help: "Weighted scores of records.",
    type: "counter",
    value: (stats) => stats.composites,
  },
  {
    name: "assay_judge_spent_usd",
    help: "What judging has cost today (UTC), as far as prices are known.",
    type: "gauge",
    value: (stats) => stats.budget.spentUsd,
  },
  {
    name: "assay_judge_probability_factor",
    help: "What the budget multiplies sampling probabilities by; 1 is as configured.",
    type: "gauge",
    value: (stats) => stats.budget.factor,
  },
  {
    name: "assay_judge_lag_seconds",
    help: "How long ago the traces settled that are being judged.",
    type: "gauge",
    value: (stats) => stats.lagMs / 1_000,
  },
  {
    name: "assay_judge_calls_in_flight",
    help: "Calls under way, by provider.",
    type: "gauge",
    by: "provider",
    value: (stats) => stats.providers.map(({ name, gate }) => [name, gate.inFlight] as const),
  },
  {
    name: "assay_judge_provider_closed",
    help: "1: the provider is away or wants a person, and is asked now and then only.",
    type: "gauge",
    by: "provider",
    value: (stats) =>
      stats.providers.map(({ name, gate }) => [name, gate.closed === undefined ? 0 : 1] as const),
  },
];
