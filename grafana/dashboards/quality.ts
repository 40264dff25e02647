import { callsOf } from "../calls.ts";
import { COUNT, EVALUATIONS, HIGH, LOW, MEAN, SCORED } from "../evaluations.ts";
import { CHOSEN, type DashboardSpec } from "../panel.ts";

export const quality: DashboardSpec = {
  uid: "assay-quality",
  title: "Quality and cost over time",
  description: "How good the answers are and how sure that is, beside what they cost.",
  rows: [
    {
      title: "Now",
      panels: [
        {
          kind: "stat",
          title: "Weighted score",
          description:
            "Mean of the composite, 0 worst to 1 best, weighed by the chance that each record was judged.",
          unit: "percentunit",
          decimals: 1,
          sql: `${EVALUATIONS} SELECT ${MEAN} AS mean FROM e WHERE name = 'composite'`,
        },
        {
          kind: "stat",
          title: "Records scored",
          description: "Below thirty a mean says little.",
          unit: "short",
          sql: `${EVALUATIONS} SELECT ${COUNT} AS records FROM e WHERE name = 'composite'`,
        },
        {
          kind: "stat",
          title: "Judgements that failed",
          description: "They are no scores. Above a few percent the means above may mislead.",
          unit: "percentunit",
          decimals: 1,
          sql: `${EVALUATIONS} SELECT countIf(status = 'failed') / nullIf(countIf(status IN ('ok', 'failed', 'abstain')), 0) AS share FROM e WHERE role != 'composite'`,
        },
        {
          kind: "stat",
          title: "Pass rate",
          description:
            "Weighed share of records whose composite is in the upper half of its scale.",
          unit: "percentunit",
          decimals: 1,
          sql: `${EVALUATIONS} SELECT sumIf(1 / pi, ${SCORED} AND norm >= 0.5) / nullIf(sumIf(1 / pi, ${SCORED}), 0) AS share FROM e WHERE name = 'composite'`,
        },
        {
          kind: "stat",
          title: "Quality budget left",
          description:
            "Of the 5 % of answers that need not pass, over the range: 100 % is untouched, below 0 it is overspent.",
          unit: "percentunit",
          decimals: 0,
          sql: `${EVALUATIONS} SELECT 1 - sumIf(1 / pi, ${SCORED} AND norm < 0.5) / nullIf(sumIf(1 / pi, ${SCORED}), 0) / 0.05 AS left FROM e WHERE name = 'composite'`,
        },
        {
          kind: "stat",
          title: "Error budget left",
          description: "Of the 1 % of calls that may fail, over the range.",
          unit: "percentunit",
          decimals: 0,
          sql: `SELECT 1 - sum(r.errors) / nullIf(sum(r.calls), 0) / 0.01 AS left FROM ${callsOf("errors, calls")} AS r`,
        },
        {
          kind: "stat",
          title: "Spent",
          description: "On answers, without what judging them cost.",
          unit: "currencyUSD",
          sql: `SELECT toFloat64(sum(cost)) AS usd FROM ${callsOf("cost", "1")}`,
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "Weighted score, with its 95 % interval",
          description: "Where the band is wide there is little to go by.",
          unit: "percentunit",
          min: 0,
          max: 1,
          sql: `${EVALUATIONS} SELECT $__timeInterval(event_time) AS time, ${MEAN} AS mean, ${LOW} AS low, ${HIGH} AS high
FROM e WHERE name = 'composite' GROUP BY time HAVING ${COUNT} > 0 ORDER BY time`,
        },
        {
          kind: "timeseries",
          title: "By metric",
          description: "Each mean by itself.",
          unit: "percentunit",
          min: 0,
          max: 1,
          sql: `${EVALUATIONS} SELECT $__timeInterval(event_time) AS time, name AS metric, ${MEAN} AS mean
FROM e WHERE role != 'composite' GROUP BY time, metric HAVING ${COUNT} > 0 ORDER BY time, metric`,
        },
        {
          kind: "timeseries",
          title: "Cost of a good answer",
          description:
            "What was spent over the share of answers that scored at least 0.75, estimated.",
          unit: "currencyUSD",
          sql: `${EVALUATIONS}, good AS (
  SELECT toStartOfHour(event_time) AS hour, sumIf(1 / pi, ${SCORED} AND norm >= 0.75) AS answers FROM e WHERE name = 'composite' GROUP BY hour
)
SELECT $__timeInterval(c.ts) AS time, toFloat64(sum(c.usd)) / nullIf(sum(good.answers), 0) AS usd
FROM (SELECT ts, sum(cost) AS usd FROM assay.llm_1h WHERE ${CHOSEN} GROUP BY ts) AS c INNER JOIN good ON good.hour = c.ts
GROUP BY time ORDER BY time`,
        },
        {
          kind: "timeseries",
          title: "Records with a reference",
          description: "A change here changes what the score means.",
          unit: "percentunit",
          min: 0,
          max: 1,
          sql: `${EVALUATIONS} SELECT $__timeInterval(event_time) AS time, countIf(reference != '') / count() AS share
FROM e WHERE name = 'composite' GROUP BY time ORDER BY time`,
        },
      ],
    },
    {
      title: "Where, and which",
      panels: [
        {
          kind: "table",
          title: "By model and release",
          description: "Weighed means with their intervals.",
          unit: "short",
          sql: `${EVALUATIONS} SELECT project, model, release, round(${MEAN}, 3) AS mean, round(${LOW}, 3) AS low, round(${HIGH}, 3) AS high, ${COUNT} AS scored
FROM e WHERE name = 'composite' GROUP BY project, model, release HAVING scored > 0 ORDER BY scored DESC, project, model, release LIMIT 100`,
        },
        {
          kind: "table",
          title: "The worst answers",
          description: "With the judge's reasons; the id leads to the trace.",
          unit: "short",
          traceColumn: "trace",
          sql: `${EVALUATIONS} SELECT event_time AS time, name AS metric, round(assumeNotNull(norm), 2) AS score, explanation, model, lower(hex(trace_id)) AS trace
FROM e WHERE ${SCORED} AND role != 'composite' ORDER BY norm, event_time DESC, metric LIMIT 50`,
        },
      ],
    },
  ],
};
