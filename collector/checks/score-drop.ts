/** Scores that dropped: reads what came since the tick before, and lets the watch of each series take it. */
import { meanSequence } from "@assay/statistics/confidence-sequence";
import type { Estimate } from "@assay/statistics/estimate";
import { quantity } from "./numbers.ts";
import { durationText } from "./duration.ts";
import { sources, type Sums } from "./measure.ts";
import {
  added,
  restart,
  startWatch,
  statisticOf,
  watchScores,
  type Score,
  type ScoreWatch,
} from "./score-watch.ts";
import { newest, type Finding, type Tick } from "./tick.ts";
import { NOTHING, type Verdict, type Window } from "./verdict.ts";
import { meanOf, readWindows, seriesKey, seriesOf, type Series } from "./windows.ts";

const DAY = 86_400;
/** Scores that are older than this when they are first seen do not count any more. */
const LONGEST_GAP = 7 * DAY;
const LEAST_TO_RECOVER = 30;

export async function findDropped(tick: Tick<"e-detector">): Promise<Finding[]> {
  const { check, at } = tick;
  const recent = newest(tick, check.test.recover);
  const current = await readWindows(tick.client, check, [recent]);
  const unknown = current.filter(({ series }) => !watchOf(series));
  const baselines = unknown.length > 0 ? await readBaselines(tick) : new Map<string, Baseline>();
  const recentBaselines = current.some(({ series, sums: [sums] }) =>
    isRisen(tick, watchOf(series), sums),
  )
    ? await readBaselines(tick, recent)
    : new Map<string, Baseline>();
  const scores = await readScores(
    tick,
    current.map(({ series }) => series),
  );
  return current.map(({ series, sums: [sums] }) => {
    const key = seriesKey(series);
    const watch = watchOf(series);
    if (watch) watchScores(watch, scores.get(key) ?? [], at);
    const started =
      risen(tick, watch, recentBaselines.get(key), sums) ??
      watch ??
      begin(tick, baselines.get(key));
    const verdict = verdictOf(tick, started, sums, baselines.get(key));
    const before = { from: recent.from - check.test.baseline, to: recent.from };
    return { series, verdict: { ...verdict, compared: { before, now: recent }, memory: started } };
  });

  function watchOf(series: Series): ScoreWatch | undefined {
    const found = tick.memory(series);
    if (!found || found.memory === null || found.memory === undefined) return undefined;
    const watch = found.memory as ScoreWatch;
    const isOld = at - found.at > LONGEST_GAP || watch.pinnedAt < (check.test.since ?? 0);
    return isOld ? undefined : structuredClone(watch);
  }
}

interface Baseline {
  strata: Map<string, Sums>;
  first: number;
  window: Window;
}

function begin(
  { check: { test }, at }: Tick<"e-detector">,
  baseline: Baseline | undefined,
): ScoreWatch | undefined {
  if (!baseline || countOf(baseline) < test.min_n) return undefined;
  const days = Math.max(1, (baseline.window.to - baseline.first) / DAY);
  return startWatch(baseline.strata, {
    margin: test.margin,
    daysBetween: test.days_between,
    days,
    at,
  });
}

/** The scores are better than their baseline, for certain: what they must not fall from is higher now. */
function isRisen(
  { check: { test } }: Tick<"e-detector">,
  watch: ScoreWatch | undefined,
  sums: Sums | undefined,
): boolean {
  const mean = sums && meanOf(sums);
  if (!watch || watch.alarmedAt !== null || !sums || !mean || sums.n < test.min_n) return false;
  const low = sequenceOf(mean)?.low;
  return low !== undefined && low > watch.mean + test.margin;
}

function risen(
  tick: Tick<"e-detector">,
  watch: ScoreWatch | undefined,
  recent: Baseline | undefined,
  sums: Sums | undefined,
): ScoreWatch | undefined {
  return isRisen(tick, watch, sums) ? begin(tick, recent) : undefined;
}

function countOf({ strata }: Baseline): number {
  return [...strata.values()].reduce((sum, { n }) => sum + n, 0);
}

async function readBaselines(
  tick: Tick<"e-detector">,
  asked = newest(tick, tick.check.test.baseline),
): Promise<Map<string, Baseline>> {
  const { check, client } = tick;
  const window = {
    ...asked,
    from: Math.max(asked.from, Math.min(asked.to, check.test.since ?? 0)),
  };
  const by = [...check.by.filter((name) => name !== "stratum"), "stratum"];
  const sums = { ...check.measure.sums, quantile: "toUnixTimestamp(min(ts))" };
  const scope = { measure: { ...check.measure, sums }, by, where: check.where };
  const found = new Map<string, Baseline>();
  for (const row of await readWindows(client, scope, [window])) {
    const { stratum = "", ...labels } = row.series.labels;
    const series = check.by.includes("stratum") ? row.series : { ...row.series, labels };
    const key = seriesKey(series);
    const baseline = found.get(key) ?? { strata: new Map<string, Sums>(), first: Infinity, window };
    found.set(key, baseline);
    const [one] = row.sums;
    if (!one) continue;
    const before = baseline.strata.get(stratum);
    baseline.strata.set(stratum, before ? added(before, one) : one);
    baseline.first = Math.min(baseline.first, one.quantile);
  }
  return found;
}

/** Those since each series' own last tick, in the order of event time. */
async function readScores(
  tick: Tick<"e-detector">,
  all: readonly Series[],
): Promise<Map<string, Score[]>> {
  const { check, client, at, memory } = tick;
  const since = new Map(all.map((series) => [seriesKey(series), memory(series)?.at ?? at]));
  const from = Math.max(at - LONGEST_GAP, Math.min(at, ...since.values()));
  if (from >= at) return new Map();
  const source = sources[check.measure.source];
  const names = ["project", ...check.by];
  const where = Object.keys(check.where).map(
    (name, i) => `${source.labels[name]!} IN {where${i}:Array(String)}`,
  );
  const result = await client.query({
    query: `SELECT ${names.map((name, i) => `toString(${source.labels[name]!}) AS l${i}`).join(", ")}, toString(stratum) AS stratum, norm,
        toUnixTimestamp(ts) AS at FROM ${source.from} ${where.length > 0 ? `WHERE ${where.join(" AND ")}` : ""} ORDER BY event_time, evaluation_id`,
    query_params: {
      from,
      to: at,
      ...Object.fromEntries(Object.values(check.where).map((values, i) => [`where${i}`, values])),
    },
    format: "JSONEachRow",
  });
  const found = new Map<string, Score[]>();
  for (const row of await result.json<
    Record<string, string | number> & { norm: number; at: number; stratum: string }
  >()) {
    const key = seriesKey(seriesOf(row, check.by));
    if (row.at < (since.get(key) ?? at)) continue;
    found.set(key, [...(found.get(key) ?? []), { stratum: row.stratum, norm: row.norm }]);
  }
  return found;
}

function verdictOf(
  { check: { test }, at }: Tick<"e-detector">,
  watch: ScoreWatch | undefined,
  sums: Sums | undefined,
  baseline: Baseline | undefined,
): Verdict {
  const mean = sums && meanOf(sums);
  if (!sums || !mean) return NOTHING;
  const about = { n: sums.n, effectiveN: mean.effectiveN, estimate: mean.mean };
  if (!watch) {
    const n = baseline ? countOf(baseline) : 0;
    return {
      ...about,
      outcome: "too_few",
      reason: `${n} scores for a baseline: ${test.min_n} are needed`,
    };
  }
  // All of the scores that speak for it must be newer than the alarm.
  const isAfter = watch.alarmedAt !== null && at - watch.alarmedAt >= test.recover;
  if (isAfter && mean.mean >= watch.floor && sums.n >= LEAST_TO_RECOVER) restart(watch);
  const deviation = deviationOf(mean);
  const interval = sequenceOf(mean);
  return {
    ...about,
    outcome: watch.alarmedAt !== null ? "bad" : "good",
    low: interval?.low,
    high: interval?.high,
    baseline: watch.mean,
    threshold: watch.floor,
    statistic: statisticOf(watch),
    statisticLimit: watch.limit,
    // Two-sided 5 %, 80 % power, against a baseline that is known.
    detectable: mean.effectiveN > 0 ? (2.8 * deviation) / Math.sqrt(mean.effectiveN) : undefined,
    reason: `mean score ${quantity(mean.mean, "score")} over ${durationText(test.recover)}, ${quantity(watch.mean, "score")} before (${sums.n} scores; floor ${quantity(watch.floor, "score")})`,
  };
}

/** Of a single score. */
function deviationOf({ standardError, effectiveN }: Estimate): number {
  return (standardError ?? 0) * Math.sqrt(effectiveN);
}

/** An interval that holds however often one looks. */
function sequenceOf(mean: Estimate): { low: number; high: number } | undefined {
  return meanSequence({
    mean: mean.mean,
    standardDeviation: deviationOf(mean),
    n: Math.round(mean.effectiveN),
  });
}
