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

/** The statistics are the collector's: a rule only reads what its checks found. */
function firing(severity: Rule["severity"]): string {
  return `SELECT project, check_name, series, 1 AS value FROM (
  SELECT * FROM assay.check_results WHERE $__timeFilter(event_time) AND severity = '${severity}'
  ORDER BY event_time DESC, evaluated_at DESC LIMIT 1 BY check_name, project, series
) WHERE state = 'firing'`;
}

export const RULES: readonly Rule[] = [
  {
    uid: "assay-checks-page",
    title: "A check pages",
    summary: "{{ $labels.project }}: {{ $labels.check_name }} {{ $labels.series }} fires.",
    severity: "page",
    sql: firing("page"),
    above: 0,
    for: "0s",
    seconds: 14_400,
    dashboard: "assay-checks",
    panel: "What fires, and why",
  },
  {
    uid: "assay-checks-ticket",
    title: "A check asks for a look",
    summary: "{{ $labels.project }}: {{ $labels.check_name }} {{ $labels.series }} fires.",
    severity: "ticket",
    sql: firing("ticket"),
    above: 0,
    for: "0s",
    seconds: 14_400,
    dashboard: "assay-checks",
    panel: "What fires, and why",
  },
  {
    uid: "assay-checks-stale",
    title: "Checks are not evaluated",
    summary: "No check has been evaluated for {{ $values.A.Value }} seconds: nothing would page.",
    severity: "page",
    sql: `SELECT dateDiff('second', max(event_time), now()) AS value FROM assay.check_results
WHERE event_time >= now() - INTERVAL 2 DAY HAVING count() > 0`,
    above: 600,
    until: 300,
    for: "1m",
    seconds: 3_600,
    dashboard: "assay-checks",
    panel: "Evaluated last",
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
