import type { DashboardSpec } from "../panel.ts";

/** Answers to one prompt, by its hash: of spans that were asked the same thing at least twice. */
const GROUPS = `WITH answers AS (
  SELECT s.project AS project, if(s.response_model = '', s.request_model, s.response_model) AS model, s.prompt_hash AS prompt, s.event_time AS at, cityHash64(c.content_output) AS answer
  FROM assay.spans AS s INNER JOIN assay.span_content AS c ON c.trace_id = s.trace_id AND c.span_id = s.span_id
  WHERE $__timeFilter(s.event_time) AND $__timeFilter(c.event_time) AND s.project IN (\${project:singlequote}) AND s.is_model_call AND s.prompt_hash != '' AND c.content_output != ''
), kinds AS (
  SELECT model, prompt, answer, count() AS alike, min(at) AS at FROM answers GROUP BY model, prompt, answer
), groups AS (
  SELECT model, prompt, min(at) AS at, sum(alike) AS m, count() AS kinds, sum(alike * (alike - 1)) / (m * (m - 1)) AS agreement
  FROM kinds GROUP BY model, prompt HAVING m > 1
)`;

export const determinism: DashboardSpec = {
  uid: "assay-determinism",
  title: "Determinism",
  description:
    "Does the same request get the same answer? By prompts that were asked more than once. Reads single spans: keep the range short.",
  from: "now-24h",
  rows: [
    {
      title: "Prompts asked more than once",
      panels: [
        {
          kind: "table",
          title: "By model",
          description:
            "Agreement: how likely two answers to one request are the same, byte for byte.",
          unit: "short",
          sql: `${GROUPS} SELECT model, count() AS prompts, sum(m) AS answers, round(avg(agreement), 3) AS agreement, round(avg(kinds), 2) AS different_answers
FROM groups GROUP BY model ORDER BY answers DESC LIMIT 100`,
        },
        {
          kind: "timeseries",
          title: "Agreement over time",
          description: "Mean over prompts, by the time of their first answer.",
          unit: "percentunit",
          min: 0,
          max: 1,
          sql: `${GROUPS} SELECT $__timeInterval(at) AS time, model, avg(agreement) AS agreement FROM groups GROUP BY time, model ORDER BY time, model`,
        },
      ],
    },
  ],
};
