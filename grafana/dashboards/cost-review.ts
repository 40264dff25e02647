import { CHOSEN, type DashboardSpec } from "../panel.ts";

const USD = "currencyUSD";

export const costReview: DashboardSpec = {
  uid: "assay-cost",
  title: "LLM cost review",
  description: "What model calls cost, for whom and for what, and what is not known.",
  from: "now-30d",
  rows: [
    {
      title: "Overall",
      panels: [
        {
          kind: "stat",
          title: "Spent in the range",
          description: "Exact cost of the calls whose price is known.",
          unit: USD,
          sql: `SELECT toFloat64(sum(cost)) AS usd FROM assay.llm_1h WHERE ${CHOSEN}`,
        },
        {
          kind: "stat",
          title: "This month, at this rate",
          description:
            "What was spent since the first of the month, and as much a day until its end.",
          unit: USD,
          sql: `SELECT toFloat64(sum(cost)) * dateDiff('second', toStartOfMonth(now()), toStartOfMonth(now()) + INTERVAL 1 MONTH)
  / greatest(1, dateDiff('second', toStartOfMonth(now()), now())) AS usd
FROM assay.llm_1d WHERE ts >= toStartOfMonth(now()) AND project IN (\${project:singlequote})`,
        },
        {
          kind: "stat",
          title: "A call",
          description: "Mean cost of a call whose price is known.",
          unit: USD,
          decimals: 5,
          sql: `SELECT toFloat64(sum(cost)) / nullIf(sum(calls) - sum(unpriced_calls), 0) AS usd FROM assay.llm_1h WHERE ${CHOSEN}`,
        },
        {
          kind: "stat",
          title: "Calls without a price",
          description: "They are missing from every cost here: add their prices.",
          unit: "short",
          sql: `SELECT sum(unpriced_calls) AS calls FROM assay.llm_1h WHERE ${CHOSEN}`,
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "Cost by model",
          description: "Stacked; the sum is what was spent.",
          unit: USD,
          stacked: true,
          sql: `SELECT $__timeInterval(ts) AS time, if(response_model = '', request_model, response_model) AS model, toFloat64(sum(cost)) AS usd
FROM assay.llm_1h WHERE ${CHOSEN} AND is_model_call GROUP BY time, model ORDER BY time, model`,
        },
        {
          kind: "timeseries",
          title: "Cost by project",
          description: "Stacked; the sum is what was spent.",
          unit: USD,
          stacked: true,
          sql: `SELECT $__timeInterval(ts) AS time, project, toFloat64(sum(cost)) AS usd
FROM assay.llm_1h WHERE ${CHOSEN} GROUP BY time, project ORDER BY time, project`,
        },
        {
          kind: "timeseries",
          title: "Input read from a cache",
          description: "Share of input tokens that a provider's cache held: they cost a fraction.",
          unit: "percentunit",
          sql: `SELECT $__timeInterval(ts) AS time, sum(cache_read_tokens) / nullIf(sum(input_tokens), 0) AS share
FROM assay.llm_1h WHERE ${CHOSEN} AND is_model_call GROUP BY time ORDER BY time`,
        },
        {
          kind: "timeseries",
          title: "Tokens a call",
          description: "When this grows, cost does, with no more calls.",
          unit: "short",
          sql: `SELECT $__timeInterval(ts) AS time, sum(input_tokens) / nullIf(sum(calls), 0) AS input, sum(output_tokens) / nullIf(sum(calls), 0) AS output
FROM assay.llm_1h WHERE ${CHOSEN} AND is_model_call GROUP BY time ORDER BY time`,
        },
      ],
    },
    {
      title: "Who and what",
      panels: [
        {
          kind: "table",
          title: "By project and model",
          description: "The dearest first.",
          unit: "short",
          sql: `SELECT project, provider, if(response_model = '', request_model, response_model) AS model, sum(calls) AS calls,
  sum(errors) AS errors, sum(unpriced_calls) AS unpriced, sum(input_tokens + output_tokens) AS tokens, toFloat64(sum(cost)) AS usd
FROM assay.llm_1h WHERE ${CHOSEN} AND is_model_call GROUP BY project, provider, model ORDER BY usd DESC LIMIT 100`,
        },
        {
          kind: "table",
          title: "By user",
          description: "The dearest hundred users of the range, by whole days.",
          unit: "short",
          sql: `SELECT project, user_id, sum(calls) AS calls, toFloat64(sum(cost)) AS usd FROM assay.cost_by_user_1d
WHERE day >= toDate($__fromTime) AND day <= toDate($__toTime) AND project IN (\${project:singlequote}) AND user_id != ''
GROUP BY project, user_id ORDER BY usd DESC LIMIT 100`,
        },
        {
          kind: "table",
          title: "By release and prompt version",
          description: "By whole days: did a release make answers dearer?",
          unit: "short",
          width: 24,
          sql: `SELECT project, release, prompt_name, prompt_version, sum(r.calls) AS calls, toFloat64(sum(r.cost)) AS usd,
  toFloat64(sum(r.cost)) / nullIf(sum(r.calls) - sum(r.unpriced_calls), 0) AS usd_a_call
FROM assay.cost_by_release_1d AS r
WHERE day >= toDate($__fromTime) AND day <= toDate($__toTime) AND project IN (\${project:singlequote})
GROUP BY project, release, prompt_name, prompt_version HAVING calls > 0 ORDER BY usd DESC LIMIT 100`,
        },
      ],
    },
  ],
};
