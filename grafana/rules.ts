/**
 * Alert rules: one for each check that ships, which reads what the collector found (so that the statistics exist once), and those
 * of the pipeline, which read the collectors' own figures. Each is one query whose rows are the instances: a number, and texts
 * that label it (no column of time, no second number: the plugin's engine refuses those).
 */
import { readChecks } from "@assay/collector/checks";
import { PIPELINE_RULES } from "./pipeline-rules.ts";

export interface Rule {
  uid: string;
  title: string;
  summary: string;
  severity: "page" | "ticket" | "info";
  /** Page of docs/runbooks. */
  runbook: string;
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

/** Where one looks first, by what a check is about. */
const SHOWN_ON: Readonly<Record<string, readonly [dashboard: string, panel: string]>> = {
  errors: ["assay-models", "Errors by requested model"],
  quality: ["assay-quality", "Weighted score, with its 95 % interval"],
  cost: ["assay-cost", "Cost by project"],
  tokens: ["assay-cost", "Tokens a call"],
  latency: ["assay-models", "Latency, 95 of 100, by model"],
  traffic: ["assay-models", "Calls by model"],
  judge: ["assay-judges", "Judgements by what became of them"],
  retrieval: ["assay-rag", "Retrievals that found nothing"],
  tools: ["assay-rag", "Errors by stage"],
  guardrails: ["assay-guardrails", "Share that does something, by rule"],
  models: ["assay-models", "Calls by model"],
};

/** A series is heard of at every tick of its check; one of which nothing is heard for so long is not there any more. */
const LEAST_SECONDS = 14_400;

/** The newest row of each series, where it fires. A check that is held back by another is told by that one. */
function firing(which: string): string {
  return `SELECT project, check_name, series, 1 AS value FROM (
  SELECT project, check_name, series, argMax(state, (event_time, evaluated_at)) AS state
  FROM assay.check_results WHERE $__timeFilter(event_time) AND ${which} GROUP BY project, check_name, series
) WHERE state = 'firing'`;
}

/** Budgets have no default and are told of nevertheless, where a budget is set. */
const BUDGETS = {
  "spend-burn": { test: { monthly_usd: 1 } },
  "spend-forecast": { test: { monthly_usd: 1 } },
};
const CHECKS = readChecks(BUDGETS);

/** Each budget has a check of its own, by its name. */
function named(check: string): string {
  const itself = `check_name = '${check}'`;
  return check in BUDGETS ? `(${itself} OR startsWith(check_name, '${check}-'))` : itself;
}

export const CHECK_RULES: readonly Rule[] = CHECKS.map(
  ({ name, about, severity, every, measure }): Rule => {
    const [dashboard, panel] = SHOWN_ON[measure.subject]!;
    return {
      uid: `assay-${name}`,
      title: name,
      summary: `{{ $labels.project }} {{ $labels.series }}: ${about}`,
      severity,
      runbook: name,
      sql: firing(named(name)),
      above: 0,
      for: "0s",
      seconds: Math.max(LEAST_SECONDS, 3 * every),
      dashboard,
      panel,
    };
  },
);

const SHIPPED = CHECKS.map(({ name }) => `'${name}'`).join(", ");

/** Checks of one's own. */
export const OWN_CHECK_RULES: readonly Rule[] = (["page", "ticket"] as const).map((severity) => ({
  uid: `assay-own-checks-${severity}`,
  title: `A check of your own (${severity})`,
  summary: "{{ $labels.project }}: {{ $labels.check_name }} {{ $labels.series }} fires.",
  severity,
  runbook: "own-checks",
  sql: firing(
    `check_name NOT IN (${SHIPPED}) AND NOT match(check_name, '^spend-(burn|forecast)-') AND severity = '${severity}'`,
  ),
  above: 0,
  for: "0s",
  seconds: 2 * LEAST_SECONDS,
  dashboard: "assay-checks",
  panel: "What fires, and why",
}));

export const RULES: readonly Rule[] = [...CHECK_RULES, ...OWN_CHECK_RULES, ...PIPELINE_RULES];
