import { callsOf } from "../calls.ts";
import type { DashboardSpec } from "../panel.ts";
import { BY_PROMPT, BY_USER, COST_OVER_TIME, SPENT, USD, costBy } from "./cost-panels.ts";

export const costOfProject: DashboardSpec = {
  uid: "assay-cost-project",
  title: "LLM cost review of a project",
  description:
    "What the model calls of one project cost, by service, model, user, release and prompt.",
  from: "now-30d",
  oneProject: true,
  rows: [
    { title: "Spent", panels: SPENT },
    {
      title: "Over time",
      panels: [
        {
          kind: "timeseries",
          title: "Cost by service",
          description: "Stacked; the sum is what was spent.",
          unit: USD,
          stacked: true,
          sql: `SELECT $__timeInterval(ts) AS time, service, toFloat64(sum(cost)) AS usd FROM ${callsOf("ts, service, cost", "1")} GROUP BY time, service ORDER BY time, service`,
        },
        ...COST_OVER_TIME,
      ],
    },
    {
      title: "Who and what",
      panels: [
        costBy(
          "By service and model",
          "The dearest first.",
          "service, environment, provider, if(response_model = '', request_model, response_model) AS model",
          "service, environment, provider, request_model, response_model",
        ),
        BY_USER,
        BY_PROMPT,
      ],
    },
  ],
};
