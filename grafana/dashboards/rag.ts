import { callsOf } from "../calls.ts";
import { COUNT, EVALUATIONS, MEAN } from "../evaluations.ts";
import { CHOSEN, type DashboardSpec } from "../panel.ts";

const STEP = "$__timeInterval(ts) AS time";
const STAGES = "operation != ''";

export const rag: DashboardSpec = {
  uid: "assay-rag",
  title: "RAG pipeline",
  description: "Which stage is slow, fails, or lets answers down.",
  rows: [
    {
      title: "Stages",
      panels: [
        {
          kind: "table",
          title: "By stage",
          description:
            "Share of the time is of all that is measured; stages run in parallel now and then.",
          unit: "short",
          units: {
            share_of_time: "percentunit",
            error_share: "percentunit",
            p50_ms: "ms",
            p95_ms: "ms",
          },
          width: 24,
          sql: `SELECT operation AS stage, sum(r.spans) AS spans, quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch)[1] AS p50_ms,
  quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch)[2] AS p95_ms, sum(r.duration_ns) / sum(sum(r.duration_ns)) OVER () AS share_of_time,
  sum(r.errors) / nullIf(sum(r.spans), 0) AS error_share
FROM ${callsOf("operation, spans, errors, duration_ns, duration_ms_sketch", STAGES)} AS r GROUP BY stage ORDER BY spans DESC, stage LIMIT 50`,
        },
        {
          kind: "timeseries",
          title: "Latency by stage, 95 of 100",
          description: "Retrievals, embeddings, model calls and the rest.",
          unit: "ms",
          sql: `SELECT ${STEP}, operation AS stage, quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch)[2] AS p95 FROM ${callsOf("ts, operation, duration_ms_sketch", STAGES)} GROUP BY time, stage ORDER BY time, stage`,
        },
        {
          kind: "timeseries",
          title: "Time spent by stage",
          description: "Seconds of all spans of a stage: where a saving would count.",
          unit: "s",
          stacked: true,
          sql: `SELECT ${STEP}, operation AS stage, sum(duration_ns) / 1e9 AS seconds FROM ${callsOf("ts, operation, duration_ns", STAGES)} GROUP BY time, stage ORDER BY time, stage`,
        },
        {
          kind: "timeseries",
          title: "Errors by stage",
          description: "Share of the spans of a stage that failed.",
          unit: "percentunit",
          sql: `SELECT ${STEP}, operation AS stage, sum(r.errors) / nullIf(sum(r.spans), 0) AS share FROM ${callsOf("ts, operation, errors, spans", STAGES)} AS r GROUP BY time, stage ORDER BY time, stage`,
        },
        {
          kind: "timeseries",
          title: "Retrievals that found nothing",
          description: "Share of retrievals without a document.",
          unit: "percentunit",
          sql: `SELECT ${STEP}, service, sumIf(r.spans, detail = 'none') / nullIf(sum(r.spans), 0) AS share FROM assay.outcomes_1m AS r
WHERE ${CHOSEN} AND outcome = 'documents' GROUP BY time, service ORDER BY time, service`,
        },
        {
          kind: "timeseries",
          title: "Input tokens of a call",
          description: "The context that was retrieved is most of them.",
          unit: "short",
          sql: `SELECT ${STEP}, sum(r.input_tokens) / nullIf(sum(r.calls), 0) AS tokens FROM ${callsOf("ts, input_tokens, calls", "operation = 'chat'")} AS r GROUP BY time ORDER BY time`,
        },
      ],
    },
    {
      title: "Whose fault is a bad answer?",
      panels: [
        {
          kind: "timeseries",
          title: "Faithfulness and relevance",
          description:
            "Unfaithful answers are the model's; faithful ones that miss the question are the retrieval's.",
          unit: "percentunit",
          min: 0,
          max: 1,
          sql: `${EVALUATIONS} SELECT $__timeInterval(event_time) AS time, name AS metric, ${MEAN} AS mean
FROM e WHERE name IN ('faithfulness', 'relevance', 'answer_relevance', 'context_relevance', 'context_precision') GROUP BY time, metric HAVING ${COUNT} > 0 ORDER BY time, metric`,
        },
        {
          kind: "table",
          title: "Blame",
          description:
            "Of records judged for both: answers that are faithful and miss the question (retrieval), that are not faithful (model), or neither. Weighed.",
          unit: "short",
          units: { share: "percentunit" },
          sql: `${EVALUATIONS}, both AS (
  SELECT trace_id, span_id, any(1 / pi) AS w, maxIf(norm, name IN ('faithfulness', 'groundedness')) AS faithful, maxIf(norm, name IN ('relevance', 'answer_relevance', 'context_relevance')) AS relevant
  FROM e WHERE status = 'ok' AND norm IS NOT NULL GROUP BY trace_id, span_id HAVING faithful IS NOT NULL AND relevant IS NOT NULL
)
SELECT multiIf(faithful < 0.5, 'model: not faithful', relevant < 0.5, 'retrieval: faithful, and misses the question', 'good') AS blame, count() AS records, sum(w) / sum(sum(w)) OVER () AS share
FROM both GROUP BY blame ORDER BY share DESC, blame`,
        },
      ],
    },
  ],
};
