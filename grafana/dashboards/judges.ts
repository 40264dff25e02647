import { COUNT, EVALUATIONS, MEAN } from "../evaluations.ts";
import type { DashboardSpec } from "../panel.ts";

export const judges: DashboardSpec = {
  uid: "assay-judges",
  title: "Judges and strategies",
  description:
    "Can the scores be trusted? What they cost, how often judges fail, and which judge gave them.",
  rows: [
    {
      title: "Each judge",
      panels: [
        {
          kind: "table",
          title: "Judges",
          description: "A hash is one way to judge: scores of two hashes are two series.",
          unit: "short",
          width: 24,
          sql: `${EVALUATIONS} SELECT name AS metric, evaluator AS judge, strategy, role, substring(judge_hash, 1, 8) AS hash, ${COUNT} AS scored,
  round(${MEAN}, 3) AS mean, countIf(status = 'failed') / count() AS failed, countIf(status = 'abstain') / count() AS abstained,
  toFloat64(sum(cost)) * 1000 / nullIf(countIf(cost IS NOT NULL), 0) AS usd_a_thousand, quantile(0.95)(latency_ms) AS p95_ms
FROM e WHERE source = 'judge' AND role != 'composite' GROUP BY metric, judge, strategy, role, judge_hash ORDER BY metric, scored DESC LIMIT 200`,
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "Judgements by what became of them",
          description: "Only those that are ok are scores.",
          unit: "short",
          stacked: true,
          sql: `${EVALUATIONS} SELECT $__timeInterval(evaluated_at) AS time, status, count() AS judgements
FROM e WHERE source = 'judge' AND role != 'composite' GROUP BY time, status ORDER BY time, status`,
        },
        {
          kind: "timeseries",
          title: "Failures by reason",
          description: "See docs/judging.md for what each means.",
          unit: "short",
          stacked: true,
          sql: `${EVALUATIONS} SELECT $__timeInterval(evaluated_at) AS time, error_type AS reason, count() AS failures
FROM e WHERE source = 'judge' AND status = 'failed' GROUP BY time, reason ORDER BY time, reason`,
        },
        {
          kind: "timeseries",
          title: "What judging costs",
          description: "Of the judges whose price is known.",
          unit: "currencyUSD",
          stacked: true,
          sql: `${EVALUATIONS} SELECT $__timeInterval(evaluated_at) AS time, evaluator AS judge, toFloat64(sum(cost)) AS usd
FROM e WHERE source = 'judge' AND cost IS NOT NULL GROUP BY time, judge ORDER BY time, judge`,
        },
        {
          kind: "timeseries",
          title: "Share of the traffic that is judged",
          description: "By stratum: of all records that could be judged.",
          unit: "percentunit",
          sql: `SELECT $__timeInterval(hour) AS time, stratum, sumIf(records, reason = 'chosen') / nullIf(sum(records), 0) AS share
FROM assay.traffic_1h WHERE $__timeFilter(hour) AND project IN (\${project:singlequote}) AND reason IN ('chosen', 'not_chosen')
GROUP BY time, stratum ORDER BY time, stratum`,
        },
      ],
    },
  ],
};
