import { COUNT, EVALUATIONS, MEAN } from "../evaluations.ts";
import { CHOSEN, type DashboardSpec } from "../panel.ts";

export const rag: DashboardSpec = {
  uid: "assay-rag",
  title: "RAG pipeline",
  description: "Which stage is slow, fails, or lets answers down.",
  rows: [
    {
      title: "Stages",
      panels: [
        {
          kind: "timeseries",
          title: "Latency by stage, 95 of 100",
          description: "Retrievals, embeddings, model calls and the rest.",
          unit: "ms",
          sql: `SELECT $__timeInterval(ts) AS time, operation AS stage, quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch)[2] AS p95
FROM assay.llm_1h WHERE ${CHOSEN} AND operation != '' GROUP BY time, stage ORDER BY time, stage`,
        },
        {
          kind: "timeseries",
          title: "Errors by stage",
          description: "Share of the spans of a stage that failed.",
          unit: "percentunit",
          sql: `SELECT $__timeInterval(ts) AS time, operation AS stage, sum(errors) / nullIf(sum(spans), 0) AS share
FROM assay.llm_1h WHERE ${CHOSEN} AND operation != '' GROUP BY time, stage ORDER BY time, stage`,
        },
        {
          kind: "timeseries",
          title: "Retrievals that found nothing",
          description:
            "Share of retrievals without a document. Reads single spans: keep the range short.",
          unit: "percentunit",
          sql: `SELECT $__timeInterval(event_time) AS time, countIf(document_count = 0) / count() AS share
FROM assay.spans WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote}) AND operation = 'retrieval' GROUP BY time ORDER BY time`,
        },
        {
          kind: "timeseries",
          title: "Input tokens of a call",
          description: "The context that was retrieved is most of them.",
          unit: "short",
          sql: `SELECT $__timeInterval(ts) AS time, sum(input_tokens) / nullIf(sum(calls), 0) AS tokens
FROM assay.llm_1h WHERE ${CHOSEN} AND operation = 'chat' GROUP BY time ORDER BY time`,
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
          width: 24,
          sql: `${EVALUATIONS} SELECT $__timeInterval(event_time) AS time, name AS metric, ${MEAN} AS mean
FROM e WHERE name IN ('faithfulness', 'relevance', 'answer_relevance', 'context_precision') GROUP BY time, metric HAVING ${COUNT} > 0 ORDER BY time, metric`,
        },
      ],
    },
  ],
};
