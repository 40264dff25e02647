import type { DashboardSpec } from "../panel.ts";

/** Prompts that were asked more than once, a day each; of calls that ask for one answer. */
const GROUPS = `WITH groups AS (
  SELECT model, day, prompt, sum(alike) AS m, count() AS kinds, sum(alike * (alike - 1)) / (m * (m - 1)) AS agreement
  FROM (SELECT project, model, day, prompt, answer, toFloat64(sum(calls)) AS alike FROM assay.answers_1d
    WHERE day >= toDate($__fromTime) AND day <= toDate($__toTime) AND project IN (\${project:singlequote}) AND model IN (\${model:singlequote})
    GROUP BY project, model, day, prompt, answer)
  GROUP BY project, model, day, prompt HAVING m > 1
)`;

export const determinism: DashboardSpec = {
  uid: "assay-determinism",
  title: "Determinism",
  description:
    "Does the same request get the same answer? Of calls that ask for it (temperature 0, or a seed) and whose content is stored, by prompts that were asked more than once on a day.",
  variables: [
    {
      name: "model",
      label: "Model",
      sql: "SELECT DISTINCT model FROM assay.answers_1d WHERE day >= toDate($__fromTime) AND day <= toDate($__toTime) ORDER BY model",
    },
  ],
  rows: [
    {
      title: "In the range",
      panels: [
        {
          kind: "stat",
          title: "Agreement",
          description:
            "How likely two answers to one request are the same, byte for byte; mean over prompts.",
          unit: "percentunit",
          decimals: 1,
          sql: `${GROUPS} SELECT avg(agreement) AS agreement FROM groups`,
        },
        {
          kind: "stat",
          title: "Prompts asked more than once",
          description: "Below thirty an agreement says little.",
          unit: "short",
          sql: `${GROUPS} SELECT count() AS prompts FROM groups`,
        },
        {
          kind: "stat",
          title: "Different answers to a prompt",
          description: "Mean over prompts; one is what was asked for.",
          unit: "short",
          decimals: 2,
          sql: `${GROUPS} SELECT avg(kinds) AS answers FROM groups`,
        },
        {
          kind: "stat",
          title: "Prompts with one answer always",
          description: "Share of the prompts.",
          unit: "percentunit",
          decimals: 1,
          sql: `${GROUPS} SELECT countIf(kinds = 1) / nullIf(count(), 0) AS share FROM groups`,
        },
      ],
    },
    {
      title: "By model version",
      panels: [
        {
          kind: "table",
          title: "By model",
          description:
            "The model as it says itself that it is, so that another version is another row.",
          unit: "short",
          units: { agreement: "percentunit" },
          sql: `${GROUPS} SELECT model, count() AS prompts, sum(m) AS answers, round(avg(agreement), 3) AS agreement, round(avg(kinds), 2) AS different_answers
FROM groups GROUP BY model ORDER BY answers DESC, model LIMIT 100`,
        },
        {
          kind: "timeseries",
          title: "Agreement over time",
          description: "Mean over prompts, by day. A fall on an unchanged model is the provider's.",
          unit: "percentunit",
          min: 0,
          max: 1,
          sql: `${GROUPS} SELECT toDateTime(day) AS time, model, avg(agreement) AS agreement FROM groups GROUP BY time, model ORDER BY time, model`,
        },
      ],
    },
  ],
};
