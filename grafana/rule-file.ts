/** Rules in the form that Grafana provisions from files, which is not that of its API. */
import { dashboardOf } from "./dashboard.ts";
import { DASHBOARDS } from "./dashboards.ts";
import { CHECK_RULES, OWN_CHECK_RULES, type Rule } from "./rules.ts";
import { PIPELINE_RULES } from "./pipeline-rules.ts";

const FOLDER = "LLM observability";
const SOURCE = "assay";
/** The one rule that says that the data source fails; the others keep what they were, so that one hiccup is one page. */
const META = "assay-checks-stale";

/** @param page where Assay's page is: it serves the runbooks */
export function rulesFile(page: string): object {
  const group = (name: string, rules: readonly Rule[], keepFiringFor?: string) => ({
    orgId: 1,
    name,
    folder: FOLDER,
    interval: "1m",
    rules: rules.map((rule) => provisioned(rule, page, keepFiringFor)),
  });
  return {
    apiVersion: 1,
    groups: [
      // What a check says has had its own patience already.
      group("assay-checks", [...CHECK_RULES, ...OWN_CHECK_RULES]),
      group("assay-pipeline", PIPELINE_RULES, "5m"),
    ],
  };
}

export function panelIdOf({
  uid,
  dashboard,
  panel,
}: Pick<Rule, "uid" | "dashboard" | "panel">): number {
  const spec = DASHBOARDS.find((one) => one.uid === dashboard);
  const id = spec && dashboardOf(spec).panels?.find((one) => one.title === panel)?.id;
  if (typeof id !== "number") throw new Error(`${uid}: ${dashboard} has no panel "${panel}"`);
  return id;
}

function provisioned(rule: Rule, page: string, keepFiringFor: string | undefined): object {
  const { uid, title, sql, above, until, seconds } = rule;
  return {
    uid,
    title,
    condition: "T",
    for: rule.for,
    ...(keepFiringFor !== undefined && { keepFiringFor }),
    noDataState: "OK",
    execErrState: uid === META ? "Error" : "KeepLast",
    missing_series_evals_to_resolve: 2,
    isPaused: false,
    dashboardUid: rule.dashboard,
    panelId: panelIdOf(rule),
    labels: { severity: rule.severity },
    annotations: { summary: rule.summary, runbook_url: `${page}/runbooks/${rule.runbook}` },
    data: [
      {
        refId: "A",
        datasourceUid: SOURCE,
        // The newest minute is not whole yet.
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
