/**
 * Alert rules, in the form that Grafana provisions from files. Each is one query whose rows are the instances: a number,
 * and texts that label it (no column of time, no second number: the plugin's engine refuses those).
 */
import { dashboardOf } from "./dashboard.ts";
import { DASHBOARDS } from "./dashboards.ts";

const FOLDER = "LLM observability";
const SOURCE = "assay";

interface Rule {
  uid: string;
  title: string;
  summary: string;
  severity: "page" | "ticket";
  /** One numeric column named `value`; texts beside it. */
  sql: string;
  /** Above it the rule fires … */
  above: number;
  /** … and below this it ends. */
  until?: number;
  for: string;
  /** Seconds that the query looks back. */
  seconds: number;
  dashboard: string;
  /** The panel's title. */
  panel: string;
}

export const RULES: readonly Rule[] = [
  {
    uid: "assay-unpriced",
    title: "Calls without a price",
    summary:
      "{{ $values.A.Value }} calls of {{ $labels.model }} in an hour have no price: costs are incomplete.",
    severity: "ticket",
    sql: `SELECT project, provider, if(response_model = '', request_model, response_model) AS model, toFloat64(sum(unpriced_calls)) AS value
FROM assay.llm_1m WHERE $__timeFilter(ts) AND is_model_call GROUP BY project, provider, model HAVING value > 0`,
    above: 0,
    for: "15m",
    seconds: 3_600,
    dashboard: "assay-cost",
    panel: "Calls without a price",
  },
  {
    uid: "assay-provider-errors",
    title: "A provider fails",
    summary:
      "{{ $values.A.Value | humanizePercentage }} of the calls to {{ $labels.provider }} {{ $labels.model }} failed in 15 minutes.",
    severity: "page",
    sql: `SELECT provider, if(response_model = '', request_model, response_model) AS model, sum(errors) / sum(calls) AS value
FROM assay.llm_1m WHERE $__timeFilter(ts) AND is_model_call GROUP BY provider, model HAVING sum(calls) >= 50`,
    above: 0.2,
    until: 0.05,
    for: "5m",
    seconds: 900,
    dashboard: "assay-models",
    panel: "Errors by model",
  },
  {
    uid: "assay-judge-failing",
    title: "Judgements fail",
    summary:
      "{{ $values.A.Value | humanizePercentage }} of the judgements by {{ $labels.judge }} failed in an hour.",
    severity: "ticket",
    sql: `SELECT evaluator AS judge, countIf(status = 'failed') / countIf(status IN ('ok', 'failed', 'abstain')) AS value
FROM assay.evaluations WHERE $__timeFilter(evaluated_at) AND source = 'judge' AND role != 'composite'
GROUP BY judge HAVING countIf(status IN ('ok', 'failed', 'abstain')) >= 20`,
    above: 0.05,
    until: 0.02,
    for: "10m",
    seconds: 3_600,
    dashboard: "assay-judges",
    panel: "Judgements by what became of them",
  },
  {
    uid: "assay-ingest-lag",
    title: "Spans arrive late",
    summary:
      "Nothing has been stored for {{ $values.A.Value }} seconds, though there was traffic in the hour before.",
    severity: "page",
    sql: `SELECT dateDiff('second', max(received_at), now64()) AS value FROM assay.spans
WHERE event_time >= now() - INTERVAL 2 HOUR AND received_at >= now() - INTERVAL 2 HOUR HAVING count() > 1000`,
    above: 600,
    until: 120,
    for: "5m",
    seconds: 3_600,
    dashboard: "assay-models",
    panel: "Calls by model",
  },
];

/** The file's contents. */
export function rulesFile(): object {
  return {
    apiVersion: 1,
    groups: [
      {
        orgId: 1,
        name: "assay",
        folder: FOLDER,
        interval: "1m",
        rules: RULES.map(provisioned),
      },
    ],
  };
}

function panelIdOf({ uid, dashboard, panel }: Rule): number {
  const spec = DASHBOARDS.find((one) => one.uid === dashboard);
  const id = spec && dashboardOf(spec).panels?.find((one) => one.title === panel)?.id;
  if (typeof id !== "number") throw new Error(`${uid}: ${dashboard} has no panel "${panel}"`);
  return id;
}

function provisioned(rule: Rule): object {
  const { uid, title, sql, above, until, seconds } = rule;
  return {
    uid,
    title,
    condition: "T",
    for: rule.for,
    noDataState: "OK",
    execErrState: "Error",
    isPaused: false,
    dashboardUid: rule.dashboard,
    panelId: panelIdOf(rule),
    labels: { severity: rule.severity },
    annotations: { summary: rule.summary, runbook: `docs/grafana.md#${uid}` },
    data: [
      {
        refId: "A",
        datasourceUid: SOURCE,
        relativeTimeRange: { from: seconds + 60, to: 60 },
        model: {
          refId: "A",
          editorType: "sql",
          queryType: "table",
          format: 1,
          rawSql: sql,
          intervalMs: 60_000,
          maxDataPoints: 100,
        },
      },
      {
        refId: "T",
        datasourceUid: "__expr__",
        relativeTimeRange: { from: 0, to: 0 },
        model: {
          refId: "T",
          type: "threshold",
          expression: "A",
          conditions: [
            {
              evaluator: { type: "gt", params: [above] },
              ...(until === undefined ? {} : { unloadEvaluator: { type: "lt", params: [until] } }),
            },
          ],
        },
      },
    ],
  };
}
