import { callsOf } from "../calls.ts";
import type { DashboardSpec } from "../panel.ts";
import { BY_PROMPT, BY_USER, COST_OVER_TIME, SPENT, USD, costBy } from "./cost-panels.ts";

export const costReview: DashboardSpec = {
  uid: "assay-cost",
  title: "LLM cost review",
  description:
    "What model calls cost, for whom and for what, and what is not known; over all projects.",
  from: "now-30d",
  rows: [
    { title: "Spent", panels: SPENT },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "Cost by project",
          description: "Stacked; the sum is what was spent.",
          unit: USD,
          stacked: true,
          sql: `SELECT $__timeInterval(ts) AS time, project, toFloat64(sum(cost)) AS usd FROM ${callsOf("ts, project, cost", "1")} GROUP BY time, project ORDER BY time, project`,
        },
        ...COST_OVER_TIME,
      ],
    },
    {
      title: "Who and what",
      panels: [
        costBy(
          "By project and model",
          "The dearest first.",
          "project, provider, if(response_model = '', request_model, response_model) AS model",
          "project, provider, request_model, response_model",
        ),
        BY_USER,
        BY_PROMPT,
      ],
    },
  ],
};
