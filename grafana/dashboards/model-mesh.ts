import { COUNT, EVALUATIONS, HIGH, LOW, MEAN } from "../evaluations.ts";
import { CHOSEN, type DashboardSpec } from "../panel.ts";

const MODEL = "if(response_model = '', request_model, response_model)";

export const modelMesh: DashboardSpec = {
  uid: "assay-models",
  title: "Model mesh",
  description: "The models in use, side by side: cost, latency, errors and quality.",
  rows: [
    {
      title: "Side by side",
      panels: [
        {
          kind: "table",
          title: "Models",
          description:
            "Latency and time to first token in milliseconds; tokens a second of output.",
          unit: "short",
          width: 24,
          sql: `SELECT provider, ${MODEL} AS model, sum(r.calls) AS calls, sum(r.errors) / nullIf(sum(r.calls), 0) AS error_share,
  toFloat64(sum(r.cost)) * 1000 / nullIf(sum(r.calls) - sum(r.unpriced_calls), 0) AS usd_a_thousand,
  quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch)[2] AS p95_ms,
  sum(r.ttft_ns) / 1e6 / nullIf(sum(r.ttft_calls), 0) AS first_token_ms,
  sum(r.output_tokens) / nullIf(sum(r.duration_ns) / 1e9, 0) AS tokens_a_second
FROM assay.llm_1h AS r WHERE ${CHOSEN} AND is_model_call GROUP BY provider, model HAVING calls > 0 ORDER BY calls DESC LIMIT 100`,
        },
        {
          kind: "table",
          title: "Quality by model",
          description:
            "Weighed means with their 95 % intervals: overlapping ones do not tell models apart.",
          unit: "short",
          width: 24,
          sql: `${EVALUATIONS} SELECT model, name AS metric, round(${MEAN}, 3) AS mean, round(${LOW}, 3) AS low, round(${HIGH}, 3) AS high, ${COUNT} AS scored
FROM e GROUP BY model, metric HAVING scored > 0 ORDER BY metric, mean DESC LIMIT 200`,
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
          sql: `SELECT $__timeInterval(ts) AS time, ${MODEL} AS model, sum(calls) AS calls
FROM assay.llm_1h WHERE ${CHOSEN} AND is_model_call GROUP BY time, model ORDER BY time, model`,
        },
        {
          kind: "timeseries",
          title: "Latency, 95 of 100, by model",
          description: "Of whole calls.",
          unit: "ms",
          sql: `SELECT $__timeInterval(ts) AS time, ${MODEL} AS model, quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch)[2] AS p95
FROM assay.llm_1h WHERE ${CHOSEN} AND is_model_call GROUP BY time, model ORDER BY time, model`,
        },
        {
          kind: "timeseries",
          title: "Errors by model",
          description: "Share of the calls that failed.",
          unit: "percentunit",
          sql: `SELECT $__timeInterval(ts) AS time, ${MODEL} AS model, sum(errors) / nullIf(sum(calls), 0) AS share
FROM assay.llm_1h WHERE ${CHOSEN} AND is_model_call GROUP BY time, model ORDER BY time, model`,
        },
        {
          kind: "timeseries",
          title: "Time to first token by model",
          description: "Mean, of streamed calls.",
          unit: "ms",
          sql: `SELECT $__timeInterval(ts) AS time, ${MODEL} AS model, sum(ttft_ns) / 1e6 / nullIf(sum(ttft_calls), 0) AS ms
FROM assay.llm_1h WHERE ${CHOSEN} AND is_model_call GROUP BY time, model HAVING sum(ttft_calls) > 0 ORDER BY time, model`,
        },
      ],
    },
  ],
};
