/** What the judge did, what it costs, and why it waits. */
import type { JudgeStageStats } from "../judge/stage.ts";
import type { MetricRow } from "./metric-row.ts";

export const JUDGE_METRICS: readonly MetricRow<JudgeStageStats>[] = [
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
    name: "assay_judge_cache_hits_total",
    help: "Judgements of texts that were judged before, without a call.",
    type: "counter",
    value: (stats) => stats.cacheHits,
  },
  {
    name: "assay_judge_escalated_total",
    help: "Records that the strong judge saw because the first was in doubt.",
    type: "counter",
    value: (stats) => stats.escalated,
  },
  {
    name: "assay_judge_config_reloads_total",
    help: "Changes of the configuration's files, by whether they were taken up or refused for their problems.",
    type: "counter",
    by: "result",
    value: (stats) => Object.entries(stats.reloads),
  },
  {
    name: "assay_judge_spent_usd",
    help: "What judging has cost today (UTC), as far as prices are known.",
    type: "gauge",
    value: (stats) => stats.budget.spentUsd,
  },
  {
    name: "assay_judge_spent_month_usd",
    help: "What judging has cost this month (UTC), as far as prices are known.",
    type: "gauge",
    value: (stats) => stats.budget.monthUsd,
  },
  {
    name: "assay_judge_probability_factor",
    help: "What the budget multiplies sampling probabilities by, but for strata with a reserve; 1 is as configured.",
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
    name: "assay_judge_canary_answers_total",
    help: "Answers to canaries by what became of them: ok, or why there is none.",
    type: "counter",
    by: "status",
    value: (stats) => stats.canaries?.answers ?? [],
  },
  {
    name: "assay_judge_canary_spent_usd",
    help: "What canaries and sentinels have cost today (UTC); not part of assay_judge_spent_usd.",
    type: "gauge",
    value: (stats) => stats.canaries?.budget.spentUsd ?? 0,
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
