/** One check at one tick: test every series, hold back what chance explains, and say where each stands now. */
import type { ClickHouseClient } from "@clickhouse/client";
import { benjaminiHochberg } from "@assay/statistics/compare-means";
import { findOverspent } from "./budget.ts";
import { findBurning } from "./burn-rate.ts";
import type { Check, TestKind } from "./definition.ts";
import { findDrifting } from "./drift.ts";
import { readMovedBy } from "./moved-by.ts";
import { findWorseReleases } from "./release.ts";
import type { CheckResult, Detector } from "./results.ts";
import { findDropped } from "./score-drop.ts";
import { findUnusual } from "./seasonal.ts";
import { findSilent } from "./silence.ts";
import { nextStanding } from "./standing.ts";
import { findBeyond } from "./threshold.ts";
import type { Finding, Tick } from "./tick.ts";
import { NOTHING } from "./verdict.ts";
import { seriesName, type Series } from "./windows.ts";
import { readWorstTraces } from "./worst-traces.ts";

const tests: { [Kind in TestKind]: (tick: Tick<Kind>) => Promise<Finding[]> } = {
  "burn-rate": findBurning,
  threshold: findBeyond,
  seasonal: findUnusual,
  silence: findSilent,
  "e-detector": findDropped,
  release: findWorseReleases,
  budget: findOverspent,
  drift: findDrifting,
};

/** Of those that fire, so many get their segments and traces looked up; a hundred at once have one cause. */
const MOST_EXPLAINED = 10;
/** Seconds for which what was looked up is still true: it costs several times as much as the check itself. */
const EXPLAINED_FOR = 3_600;

export interface EvaluateOptions {
  client: ClickHouseClient;
  check: Check;
  /** Unix seconds of event time. */
  at: number;
  evaluatedAtUnixMs: number;
  /** The newest row of each series, by project and series. */
  previous: ReadonlyMap<string, CheckResult>;
  /** Whether a check that mutes this one fires for the project. */
  isMuted: (project: string) => boolean;
  remembered: Tick["remembered"];
}

export async function evaluateCheck(options: EvaluateOptions): Promise<CheckResult[]> {
  const { client, check, at, previous } = options;
  const detectorOf = (series: Series): (Detector & { at: number }) | undefined => {
    const row = previous.get(rowKey(series.project, seriesName(series)));
    return row && { ...(JSON.parse(row.detector) as Detector), at: row.event_time };
  };
  const tick: Tick = {
    check,
    at,
    client,
    remembered: options.remembered,
    memory: (series) => {
      const found = detectorOf(series);
      return found && { at: found.at, memory: found.memory };
    },
  };
  const find = tests[check.test.kind] as (tick: Tick) => Promise<Finding[]>;
  const findings = withoutChance(check, await find(tick));
  const rows = [...findings, ...goneSilent(check, findings, previous)].map((finding) =>
    resultOf(options, finding, detectorOf(finding.series)),
  );
  const firing = rows.filter(({ row }) => row.state === "firing").slice(0, MOST_EXPLAINED);
  for (const { row, finding } of firing)
    if (!explainedBefore(row, previous.get(rowKey(row.project, row.series))))
      await explain(options, row, finding);
  if (rows.length === 0) return [heartbeat(options)];
  return rows.map(({ row }) => row);
}

export function rowKey(project: string, series: string): string {
  return `${project}\0${series}`;
}

/** Series that would fire by chance, as the number of those looked at goes, do not. */
function withoutChance({ fdr }: Check, findings: Finding[]): Finding[] {
  if (fdr === undefined) return findings;
  const tested = findings.filter(({ verdict }) => verdict.p !== undefined);
  const stand = benjaminiHochberg(
    tested.map(({ verdict }) => verdict.p!),
    fdr,
  );
  const chance = new Set(tested.filter((_, i) => !stand[i]));
  return findings.map((finding) =>
    chance.has(finding) && finding.verdict.outcome === "bad"
      ? { ...finding, verdict: { ...finding.verdict, outcome: "good" } }
      : finding,
  );
}

/** Those that were open, and of which this tick found nothing. */
function goneSilent(
  { measure }: Check,
  findings: readonly Finding[],
  previous: ReadonlyMap<string, CheckResult>,
): Finding[] {
  const heard = new Set(findings.map(({ series }) => rowKey(series.project, seriesName(series))));
  return [...previous]
    .filter(([key, row]) => !heard.has(key) && (JSON.parse(row.detector) as Detector).standing.open)
    .map(([, row]) => ({
      series: { project: row.project, labels: row.labels },
      verdict: measure.absentIsGood ? { ...NOTHING, outcome: "good" } : NOTHING,
    }));
}

function resultOf(
  { check, at, evaluatedAtUnixMs, isMuted }: EvaluateOptions,
  finding: Finding,
  before: Detector | undefined,
): { row: CheckResult; finding: Finding } {
  const { series, verdict } = finding;
  const { standing, state } = nextStanding(before?.standing, verdict.outcome, {
    ticks: check.ticks,
    clear: check.clear,
    muted: isMuted(series.project),
    at,
  });
  // While the judge is in trouble, the detector does not learn from its scores.
  const memory = state === "muted" ? before?.memory : (verdict.memory ?? before?.memory);
  const row: CheckResult = {
    ...identity(check, at, evaluatedAtUnixMs),
    project: series.project,
    series: seriesName(series),
    labels: series.labels,
    state,
    since: standing.since,
    estimate: verdict.estimate ?? null,
    low: verdict.low ?? null,
    high: verdict.high ?? null,
    baseline: verdict.baseline ?? null,
    threshold: verdict.threshold ?? null,
    n: Math.round(verdict.n),
    effective_n: verdict.effectiveN,
    statistic: verdict.statistic ?? null,
    statistic_limit: verdict.statisticLimit ?? null,
    detectable: verdict.detectable ?? null,
    reason: verdict.reason,
    detector: JSON.stringify({ standing, memory } satisfies Detector),
  };
  return { row, finding };
}

function identity(
  check: Check,
  at: number,
  evaluatedAtUnixMs: number,
): Omit<CheckResult, "project" | "series" | "labels" | "state" | "reason" | "detector"> {
  return {
    check_name: check.name,
    event_time: at,
    evaluated_at: evaluatedAtUnixMs,
    subject: check.measure.subject,
    measure: check.measureName,
    unit: check.measure.unit,
    severity: check.severity,
    test: check.test.kind,
    since: null,
    estimate: null,
    low: null,
    high: null,
    baseline: null,
    threshold: null,
    n: 0,
    effective_n: 0,
    statistic: null,
    statistic_limit: null,
    detectable: null,
    moved_by: "",
    worst_traces: [],
  };
}

/** There is no series; that the check was evaluated is worth a row. */
function heartbeat({ check, at, evaluatedAtUnixMs }: EvaluateOptions): CheckResult {
  const standing = { bad: 0, good: 0, open: false, since: null, knownAt: at };
  return {
    ...identity(check, at, evaluatedAtUnixMs),
    project: "",
    series: "",
    labels: {},
    state: "no_data",
    reason: NOTHING.reason,
    detector: JSON.stringify({ standing } satisfies Detector),
  };
}

/** Takes over what was looked up a little while ago. */
function explainedBefore(row: CheckResult, before: CheckResult | undefined): boolean {
  if (before?.state !== "firing") return false;
  const { explainedAt } = JSON.parse(before.detector) as Detector;
  if (explainedAt === undefined || row.event_time - explainedAt >= EXPLAINED_FOR) return false;
  row.worst_traces = before.worst_traces;
  row.moved_by = before.moved_by;
  markExplained(row, explainedAt);
  return true;
}

function markExplained(row: CheckResult, explainedAt: number): void {
  row.detector = JSON.stringify({ ...(JSON.parse(row.detector) as Detector), explainedAt });
}

async function explain(
  { client, check }: EvaluateOptions,
  row: CheckResult,
  { series, verdict: { compared } }: Finding,
): Promise<void> {
  if (!compared) return;
  const { before, now } = compared;
  row.worst_traces = await readWorstTraces(client, check, { series, now });
  const moved = before && (await readMovedBy(client, check, { series, before, now }));
  if (moved) row.moved_by = JSON.stringify(moved);
  markExplained(row, row.event_time);
}
