/** Panels that the cost of everything and the cost of one project share. */
import { callsOf } from "../calls.ts";
import { CHOSEN, type PanelSpec } from "../panel.ts";

export const USD = "currencyUSD";
const STEP = "$__timeInterval(ts) AS time";
const MODEL = "if(response_model = '', request_model, response_model)";
const DAYS =
  "day >= toDate($__fromTime) AND day <= toDate($__toTime) AND project IN (${project:singlequote})";
const MONTH = "toStartOfMonth($__toTime)";
const OF_MONTH = `assay.llm_1h WHERE ts >= ${MONTH} AND ts <= $__toTime AND project IN (\${project:singlequote})`;
/** Cost of the day that ends now, and of the same day a week ago. */
const day = (ago: number): string =>
  `SELECT sum(cost) FROM assay.llm_1h WHERE ts > $__toTime - INTERVAL ${ago + 1} DAY AND ts <= $__toTime - INTERVAL ${ago} DAY AND project IN (\${project:singlequote})`;

export const SPENT: readonly PanelSpec[] = [
  {
    kind: "stat",
    title: "Spent in the range",
    description: "Exact cost of the calls whose price is known.",
    unit: USD,
    sql: `SELECT toFloat64(sum(cost)) AS usd FROM ${callsOf("cost", "1")}`,
  },
  {
    kind: "stat",
    title: "Spent today",
    description: "Of the range's last day (UTC).",
    unit: USD,
    sql: `SELECT toFloat64(sum(cost)) AS usd FROM assay.llm_1h WHERE ts >= toStartOfDay($__toTime) AND ts <= $__toTime AND project IN (\${project:singlequote})`,
  },
  {
    kind: "stat",
    title: "This month so far",
    description: "Of the range's last month (UTC).",
    unit: USD,
    sql: `SELECT toFloat64(sum(cost)) AS usd FROM ${OF_MONTH}`,
  },
  {
    kind: "stat",
    title: "This month, at this rate",
    description: "What was spent since the first of the month, and as much a day until its end.",
    unit: USD,
    sql: `SELECT toFloat64(sum(cost)) * dateDiff('second', ${MONTH}, ${MONTH} + INTERVAL 1 MONTH)
  / greatest(1, dateDiff('second', ${MONTH}, $__toTime)) AS usd FROM ${OF_MONTH}`,
  },
  {
    kind: "stat",
    title: "Against a week ago",
    description: "The last 24 hours to the same 24 hours a week earlier: 100 % is the same.",
    unit: "percentunit",
    decimals: 0,
    sql: `SELECT toFloat64((${day(0)})) / nullIf(toFloat64((${day(7)})), 0) AS ratio`,
  },
  {
    kind: "stat",
    title: "A call",
    description: "Mean cost of a call whose price is known.",
    unit: USD,
    decimals: 5,
    sql: `SELECT toFloat64(sum(r.cost)) / nullIf(sum(r.calls) - sum(r.unpriced_calls), 0) AS usd FROM ${callsOf("cost, calls, unpriced_calls")} AS r`,
  },
  {
    kind: "stat",
    title: "Calls that failed cost",
    description: "What was paid for calls that gave no answer.",
    unit: USD,
    sql: `SELECT toFloat64(sum(cost)) AS usd FROM ${callsOf("cost", "is_model_call AND status = 'error'")}`,
  },
  {
    kind: "stat",
    title: "Calls without a price",
    description: "They are missing from every cost here: add their prices.",
    unit: "short",
    sql: `SELECT sum(unpriced_calls) AS calls FROM ${callsOf("unpriced_calls")}`,
  },
];

export const COST_OVER_TIME: readonly PanelSpec[] = [
  {
    kind: "timeseries",
    title: "Cost by model",
    description: "Stacked; the sum is what was spent.",
    unit: USD,
    stacked: true,
    sql: `SELECT ${STEP}, ${MODEL} AS model, toFloat64(sum(cost)) AS usd FROM ${callsOf("ts, request_model, response_model, cost")} GROUP BY time, model ORDER BY time, model`,
  },
  {
    kind: "timeseries",
    title: "Cost of a call, P50 and P95",
    description:
      "Of single calls, as they were priced when they came. The dear ones are long contexts, as a rule.",
    unit: USD,
    decimals: 5,
    sql: `SELECT ${STEP}, quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(call_usd_sketch)[1] AS p50, quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(call_usd_sketch)[2] AS p95
FROM assay.llm_1h WHERE ${CHOSEN} AND is_model_call GROUP BY time ORDER BY time`,
  },
  {
    kind: "timeseries",
    title: "Saved by caches",
    description:
      "What input read from providers' caches would have cost more without them, at the newest prices of the models.",
    unit: USD,
    sql: `WITH prices AS (
  SELECT provider, model, argMax(JSONExtractFloat(rates, 1, 'picoUsd', 'input') - JSONExtractFloat(rates, 1, 'picoUsd', 'cacheRead'), valid_from) / 1e12 AS saved
  FROM (SELECT price_id, anyLast(provider) AS provider, anyLast(model) AS model, anyLast(rates) AS rates, anyLast(valid_from) AS valid_from FROM assay.price_book GROUP BY price_id)
  GROUP BY provider, model
), cached AS (
  SELECT ${STEP}, provider, ${MODEL} AS model, sum(cache_read_tokens) AS tokens FROM ${callsOf("ts, provider, request_model, response_model, cache_read_tokens")}
  GROUP BY time, provider, model
)
SELECT time, sum(tokens * greatest(0, ifNull(saved, 0))) AS usd FROM cached LEFT JOIN prices ON prices.provider = cached.provider AND prices.model = cached.model
GROUP BY time ORDER BY time`,
  },
  {
    kind: "timeseries",
    title: "Input read from a cache",
    description: "Share of input tokens that a provider's cache held: they cost a fraction.",
    unit: "percentunit",
    sql: `SELECT ${STEP}, sum(r.cache_read_tokens) / nullIf(sum(r.input_tokens), 0) AS share FROM ${callsOf("ts, cache_read_tokens, input_tokens")} AS r GROUP BY time ORDER BY time`,
  },
  {
    kind: "timeseries",
    title: "Tokens a call",
    description: "When this grows, cost does, with no more calls.",
    unit: "short",
    sql: `SELECT ${STEP}, sum(r.input_tokens) / nullIf(sum(r.calls), 0) AS input, sum(r.output_tokens) / nullIf(sum(r.calls), 0) AS output FROM ${callsOf("ts, input_tokens, output_tokens, calls")} AS r GROUP BY time ORDER BY time`,
  },
];

export const BY_USER: PanelSpec = {
  kind: "table",
  title: "By user",
  description: "The dearest hundred users of the range, by whole days.",
  unit: "short",
  units: { usd: USD },
  sql: `SELECT project, user_id, sum(calls) AS calls, toFloat64(sum(cost)) AS usd FROM assay.cost_by_user_1d
WHERE ${DAYS} AND user_id != '' GROUP BY project, user_id ORDER BY usd DESC, project, user_id LIMIT 100`,
};

export const BY_PROMPT: PanelSpec = {
  kind: "table",
  title: "By release and prompt version",
  description: "By whole days: did a release make answers dearer?",
  unit: "short",
  units: { usd: USD, usd_a_call: USD },
  width: 24,
  sql: `SELECT project, release, prompt_name, prompt_version, sum(r.calls) AS calls, toFloat64(sum(r.cost)) AS usd,
  toFloat64(sum(r.cost)) / nullIf(sum(r.calls) - sum(r.unpriced_calls), 0) AS usd_a_call
FROM assay.cost_by_release_1d AS r WHERE ${DAYS}
GROUP BY project, release, prompt_name, prompt_version HAVING calls > 0 ORDER BY usd DESC, project, release, prompt_name, prompt_version LIMIT 100`,
};

/** @param by columns of llm_1h */
export function costBy(title: string, description: string, by: string, columns: string): PanelSpec {
  return {
    kind: "table",
    title,
    description,
    unit: "short",
    units: { usd: USD, usd_a_call: USD },
    sql: `SELECT ${by}, sum(r.calls) AS calls, sum(r.errors) AS errors, sum(r.unpriced_calls) AS unpriced, sum(r.input_tokens + r.output_tokens) AS tokens,
  toFloat64(sum(r.cost)) AS usd, usd / nullIf(calls - unpriced, 0) AS usd_a_call
FROM ${callsOf(`${columns}, calls, errors, unpriced_calls, input_tokens, output_tokens, cost`)} AS r GROUP BY ALL ORDER BY usd DESC LIMIT 100`,
  };
}
