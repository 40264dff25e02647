import { ANSWERED, callsOf, callsWithUsual } from "../calls.ts";
import { COUNT, EVALUATIONS, HIGH, LOW, MEAN } from "../evaluations.ts";
import { CHOSEN, type DashboardSpec } from "../panel.ts";

const MODEL = "if(response_model = '', request_model, response_model)";
const STEP = "$__timeInterval(ts) AS time";
const COLUMNS =
  "errors, cost, unpriced_calls, duration_ns, output_tokens, duration_ms_sketch, ttft_ms_sketch";
/** Of calls that ended so, the share; both sides by hour. */
const endedShare = (
  condition: string,
): string => `SELECT ${STEP}, model, sum(some) / nullIf(sum(calls), 0) AS share FROM (
  SELECT ts, request_model AS model, calls, 0 AS some FROM ${callsOf("ts, request_model, calls")}
  UNION ALL SELECT toStartOfHour(ts), request_model AS model, 0, spans FROM assay.outcomes_1m WHERE ${CHOSEN} AND ${condition}
) GROUP BY time, model ORDER BY time, model`;

export const modelMesh: DashboardSpec = {
  uid: "assay-models",
  title: "Model mesh",
  description: "The models in use, side by side: quality, cost, latency, errors.",
  rows: [
    {
      title: "Side by side",
      panels: [
        {
          kind: "table",
          title: "Models",
          description:
            "Calls that failed count with the model that usually answers to what was asked for. Tokens a second are of output, over whole calls.",
          unit: "short",
          units: {
            error_share: "percentunit",
            usd_a_thousand: "currencyUSD",
            p95_ms: "ms",
            first_token_p95_ms: "ms",
          },
          width: 24,
          sql: `SELECT provider, ${ANSWERED} AS model, sum(r.calls) AS calls, sum(r.errors) / nullIf(sum(r.calls), 0) AS error_share,
  toFloat64(sum(r.cost)) * 1000 / nullIf(sum(r.calls) - sum(r.unpriced_calls), 0) AS usd_a_thousand,
  quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch)[2] AS p95_ms,
  ifNotFinite(quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(ttft_ms_sketch)[2], NULL) AS first_token_p95_ms,
  sum(r.output_tokens) / nullIf(sum(r.duration_ns) / 1e9, 0) AS tokens_a_second
FROM ${callsWithUsual(COLUMNS)} AS r GROUP BY provider, model HAVING calls > 0 ORDER BY calls DESC, provider, model LIMIT 100`,
        },
        {
          kind: "table",
          title: "Quality by model, and what it costs",
          description:
            "Weighed means with their 95 % intervals: overlapping ones do not tell models apart. Quality for a dollar: mean score over the cost of a thousand calls.",
          unit: "short",
          units: { usd_a_thousand: "currencyUSD" },
          width: 24,
          sql: `${EVALUATIONS}, costs AS (
  SELECT ${MODEL} AS model, toFloat64(sum(c.cost)) * 1000 / nullIf(sum(c.calls) - sum(c.unpriced_calls), 0) AS usd_a_thousand
  FROM ${callsOf("request_model, response_model, cost, calls, unpriced_calls")} AS c GROUP BY model
), scores AS (
  SELECT model, name AS metric, ${MEAN} AS mean, ${LOW} AS low, ${HIGH} AS high, ${COUNT} AS scored FROM e GROUP BY model, metric HAVING scored > 0
)
SELECT model, metric, round(mean, 3) AS mean, round(low, 3) AS low, round(high, 3) AS high, scored, usd_a_thousand, round(mean / nullIf(usd_a_thousand, 0), 3) AS quality_for_a_dollar
FROM scores LEFT JOIN costs USING (model) ORDER BY metric, mean DESC, model LIMIT 200`,
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "Calls by model",
          description: "How traffic is spread.",
          unit: "short",
          stacked: true,
          sql: `SELECT ${STEP}, ${MODEL} AS model, sum(calls) AS calls FROM ${callsOf("ts, request_model, response_model, calls")} GROUP BY time, model ORDER BY time, model`,
        },
        {
          kind: "timeseries",
          title: "Latency, 95 of 100, by model",
          description: "Of whole calls.",
          unit: "ms",
          sql: `SELECT ${STEP}, ${MODEL} AS model, quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch)[2] AS p95 FROM ${callsOf("ts, request_model, response_model, duration_ms_sketch")} GROUP BY time, model ORDER BY time, model`,
        },
        {
          kind: "timeseries",
          title: "Time to first token, 95 of 100, by model",
          description: "Of streamed calls.",
          unit: "ms",
          sql: `SELECT ${STEP}, ${MODEL} AS model, quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(ttft_ms_sketch)[2] AS p95 FROM ${callsOf("ts, request_model, response_model, ttft_ms_sketch", "is_model_call AND ttft_calls > 0")} GROUP BY time, model ORDER BY time, model`,
        },
        {
          kind: "timeseries",
          title: "Output tokens a second by model",
          description: "Over whole calls.",
          unit: "short",
          sql: `SELECT ${STEP}, ${MODEL} AS model, sum(r.output_tokens) / nullIf(sum(r.duration_ns) / 1e9, 0) AS tokens FROM ${callsOf("ts, request_model, response_model, output_tokens, duration_ns", "is_model_call AND status = 'ok'")} AS r GROUP BY time, model ORDER BY time, model`,
        },
        {
          kind: "timeseries",
          title: "Errors by requested model",
          description: "Share of the calls that failed.",
          unit: "percentunit",
          sql: `SELECT ${STEP}, request_model AS model, sum(r.errors) / nullIf(sum(r.calls), 0) AS share FROM ${callsOf("ts, request_model, errors, calls")} AS r GROUP BY time, model ORDER BY time, model`,
        },
        {
          kind: "timeseries",
          title: "Refused as too many (429)",
          description: "Share of the calls, by the model that was asked for.",
          unit: "percentunit",
          sql: endedShare("outcome = 'error' AND match(detail, '^429$|RateLimit|Throttl')"),
        },
        {
          kind: "timeseries",
          title: "Answers cut off",
          description: "Share of the calls that ended at their limit of tokens.",
          unit: "percentunit",
          sql: endedShare(
            "outcome = 'finish' AND match(detail, '^(length|max_tokens|MAX_TOKENS|max_output_tokens|incomplete)$')",
          ),
        },
        {
          kind: "timeseries",
          title: "Traces in which another model answered",
          description: "As the check fallback-share found it, each quarter of an hour.",
          unit: "percentunit",
          sql: `SELECT $__timeInterval(event_time) AS time, series, avg(estimate) AS share FROM assay.check_results
WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote}) AND check_name = 'fallback-share' AND estimate IS NOT NULL GROUP BY time, series ORDER BY time, series`,
        },
      ],
    },
    {
      title: "Errors",
      panels: [
        {
          kind: "table",
          title: "Why calls fail",
          description: "By the provider's status or the SDK's class of error.",
          unit: "short",
          width: 24,
          sql: `SELECT provider, request_model AS model, operation, detail AS error, sum(spans) AS count FROM assay.outcomes_1m
WHERE ${CHOSEN} AND outcome = 'error' GROUP BY provider, model, operation, error ORDER BY count DESC, provider, model, operation, error LIMIT 100`,
        },
      ],
    },
  ],
};
