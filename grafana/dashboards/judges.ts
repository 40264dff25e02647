import { COUNT, EVALUATIONS, MEAN, NEWEST } from "../evaluations.ts";
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
          units: {
            failed: "percentunit",
            abstained: "percentunit",
            usd_a_thousand: "currencyUSD",
            p95_ms: "ms",
          },
          width: 24,
          sql: `${EVALUATIONS} SELECT name AS metric, evaluator AS judge, strategy, role, substring(judge_hash, 1, 8) AS hash, ${COUNT} AS scored,
  round(${MEAN}, 3) AS mean, countIf(status = 'failed') / count() AS failed, countIf(status = 'abstain') / count() AS abstained,
  toFloat64(sum(cost)) * 1000 / nullIf(countIf(cost IS NOT NULL), 0) AS usd_a_thousand, quantile(0.95)(latency_ms) AS p95_ms
FROM e WHERE source = 'judge' AND role != 'composite' GROUP BY metric, judge, strategy, role, judge_hash ORDER BY metric, scored DESC LIMIT 200`,
        },
      ],
    },
    {
      title: "Do they agree?",
      panels: [
        {
          kind: "table",
          title: "Judges against each other, and against people",
          description:
            "Of records that both judged: kappa (quadratic weights; 1 agrees, 0 is chance), and the second's mean offset from the first. Above 0.6 is usual for good judges.",
          unit: "short",
          width: 24,
          sql: `WITH e AS (
  SELECT project, trace_id, span_id, name, if(role = 'human' OR source = 'human', 'people', concat(evaluator, ' ', substring(judge_hash, 1, 8))) AS who, avg(assumeNotNull(norm)) AS score
  FROM (SELECT project, trace_id, span_id, name, role, source, evaluator, judge_hash, norm FROM assay.evaluations
    WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote}) AND status = 'ok' AND norm IS NOT NULL AND role != 'composite' ${NEWEST})
  GROUP BY project, trace_id, span_id, name, who
), records AS (
  SELECT name, groupArray((who, score)) AS scores FROM e GROUP BY project, trace_id, span_id, name HAVING length(scores) > 1
)
SELECT name AS metric, pair.1.1 AS first, pair.2.1 AS second, count() AS records, avg(pair.1.2) AS mean_first, avg(pair.2.2) AS mean_second,
  round(1 - avg(pow(pair.1.2 - pair.2.2, 2)) / nullIf(varPop(pair.1.2) + varPop(pair.2.2) + pow(mean_first - mean_second, 2), 0), 3) AS kappa,
  round(mean_second - mean_first, 3) AS offset, round(avg(abs(pair.2.2 - pair.1.2)), 3) AS mean_difference
FROM records ARRAY JOIN arrayFilter(one -> one.1.1 < one.2.1, arrayFlatten(arrayMap(a -> arrayMap(b -> (a, b), scores), scores))) AS pair
GROUP BY metric, first, second ORDER BY records DESC LIMIT 100`,
        },
        {
          kind: "timeseries",
          title: "Records that never change",
          description: "Mean score of the sentinels by judge: what moves here is the judge.",
          unit: "percentunit",
          min: 0,
          max: 1,
          sql: `SELECT $__timeInterval(evaluated_at) AS time, concat(name, ' ', substring(judge_hash, 1, 8)) AS judge, avg(assumeNotNull(norm)) AS mean
FROM (SELECT * FROM assay.evaluations WHERE evaluated_at >= $__fromTime AND evaluated_at <= $__toTime AND project IN (\${project:singlequote}) AND purpose = 'sentinel' AND status = 'ok' AND norm IS NOT NULL ${NEWEST})
GROUP BY time, judge ORDER BY time, judge`,
        },
        {
          kind: "timeseries",
          title: "Noise of a judge",
          description:
            "Standard deviation of one judge's score of one record, from records that it judged twice.",
          unit: "percentunit",
          sql: `SELECT $__timeInterval(at) AS time, judge, sqrt(avg(variance)) AS deviation FROM (
  SELECT concat(name, ' ', substring(judge_hash, 1, 8)) AS judge, min(evaluated_at) AS at, varSamp(assumeNotNull(norm)) AS variance
  FROM (SELECT * FROM assay.evaluations WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote}) AND judge_hash != '' AND status = 'ok' AND norm IS NOT NULL AND role != 'composite' ${NEWEST})
  GROUP BY project, trace_id, span_id, name, judge_hash HAVING count() > 1)
GROUP BY time, judge ORDER BY time, judge`,
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
