/**
 * Judged scores watched by e-detectors, one per stratum: when the mean is below the baseline by more than the margin, however
 * often one looks, the watch calls out, and in the mean not sooner than `days_between` days when nothing is wrong.
 *
 * The baseline is pinned when enough scores are there: a trailing one would sink with the scores. It is taken anew when they are
 * plainly better than it (score-drop.ts), and when a person says since when there is another. A stratum's scores
 * have one inclusion probability, so each detector takes its own and they are averaged by the strata's shares of the
 * traffic (sums of 1 / inclusion probability). Everything here is plain data, kept between ticks as JSON.
 */
import {
  combined,
  createEDetector,
  updateEDetector,
  type EDetector,
} from "@assay/statistics/e-detector";
import { meanOf } from "./windows.ts";
import type { Sums } from "./measure.ts";

export interface ScoreWatch {
  mean: number;
  /** What the scores must not fall below, over all strata. */
  floor: number;
  /** Alarm at this and above: scores a day times days between false alarms. */
  limit: number;
  strata: Record<string, { share: number; mean: number; detector: EDetector }>;
  /** When it called out, unix seconds; null: it has not, or all is well again. */
  alarmedAt: number | null;
  /** When the baseline was taken, unix seconds. */
  pinnedAt: number;
  /** Scores since they seem to have changed, as differences from their stratum's baseline. */
  run: Run;
  /** While it is in alarm: are they back? */
  recovery: Recovery | null;
}

interface Run {
  n: number;
  sum: number;
}

/**
 * A bet that differences from the baseline are, in the mean, above `level`: half-way between where they were at the alarm and the
 * baseline. It starts anew whenever it has lost everything, and `run` with it: so `run` is what came since the change.
 */
interface Recovery {
  level: number;
  wealth: number;
  run: Run;
}

export interface Score {
  stratum: string;
  norm: number;
}

export interface WatchOptions {
  margin: number;
  daysBetween: number;
  /** Days that the baseline's scores are from. */
  days: number;
  /** Unix seconds. */
  at: number;
}

/** Scores that a stratum of its own needs; smaller ones are watched together. */
const LEAST_IN_STRATUM = 50;
const OTHER = "other";
/** One-sided, 95 %: the baseline is not known better. */
const Z = 1.645;
/** Of what the bet on a recovery wins or loses; keeps every factor above 0. */
const RECOVERY_BET = 0.8;
/** Scores, on average, that it takes at least for a bet to win so much by chance. */
const RECOVERED_AT = 100;
const LEAST_TO_RECOVER = 30;

/** @param strata sums of the baseline's scores by stratum; undefined when they do not vary or are none */
export function startWatch(
  strata: ReadonlyMap<string, Sums>,
  { margin, daysBetween, days, at }: WatchOptions,
): ScoreWatch | undefined {
  const cells = collapsed(strata);
  const all = [...cells.values()].reduce(added);
  const overall = meanOf(all);
  if (!overall || overall.standardError === null) return undefined;
  const watch: ScoreWatch = {
    mean: overall.mean,
    floor: floorOf(overall.mean, margin, overall.standardError),
    limit: (all.n / days) * daysBetween,
    strata: {},
    alarmedAt: null,
    pinnedAt: at,
    run: { n: 0, sum: 0 },
    recovery: null,
  };
  for (const [name, sums] of cells) {
    const { mean, standardError } = meanOf(sums)!;
    const floor = floorOf(mean, margin, standardError ?? 0);
    watch.strata[name] = { share: sums.w / all.w, mean, detector: createEDetector(floor) };
  }
  return watch;
}

/** Takes scores in their order. */
export function watchScores(watch: ScoreWatch, scores: readonly Score[], at: number): void {
  for (const { stratum, norm } of scores) {
    const cell = watch.strata[stratum] ?? watch.strata[OTHER];
    // A stratum that the baseline did not have cannot be said to be worse than it was.
    if (!cell) continue;
    const score = Math.min(1, Math.max(0, norm));
    if (watch.recovery) {
      takeRecovering(watch, watch.recovery, score - cell.mean);
      continue;
    }
    updateEDetector(cell.detector, score);
    const { shiryaevRoberts, cusum } = combined(Object.values(watch.strata));
    // The CUSUM is at 1 while nothing speaks for a change; what came since is what changed.
    if (cusum <= 1) watch.run = { n: 0, sum: 0 };
    watch.run.n++;
    watch.run.sum += score - cell.mean;
    if (shiryaevRoberts >= watch.limit) callOut(watch, at);
  }
}

function callOut(watch: ScoreWatch, at: number): void {
  const fallen = Math.min(watch.floor - watch.mean, watch.run.sum / watch.run.n);
  watch.alarmedAt = at;
  watch.recovery = { level: fallen / 2, wealth: 1, run: { n: 0, sum: 0 } };
}

function takeRecovering(watch: ScoreWatch, recovery: Recovery, difference: number): void {
  const { level, run } = recovery;
  if (recovery.wealth <= 1) Object.assign(run, { n: 0, sum: 0 });
  run.n++;
  run.sum += difference;
  const factor = 1 + RECOVERY_BET * (difference - level);
  recovery.wealth = Math.min(1e300, Math.max(recovery.wealth, 1) * Math.max(0.01, factor));
  const isBack = run.sum / run.n >= watch.floor - watch.mean;
  if (recovery.wealth >= RECOVERED_AT && run.n >= LEAST_TO_RECOVER && isBack) restart(watch);
}

export function statisticOf({ strata }: ScoreWatch): number {
  return combined(Object.values(strata)).shiryaevRoberts;
}

/** The scores are what they were: the watch begins anew, on the same baseline. */
export function restart(watch: ScoreWatch): void {
  watch.alarmedAt = null;
  watch.recovery = null;
  watch.run = { n: 0, sum: 0 };
  for (const cell of Object.values(watch.strata))
    cell.detector = createEDetector(cell.detector.floor);
}

function floorOf(mean: number, margin: number, standardError: number): number {
  return Math.min(0.99, Math.max(0.01, mean - margin - Z * standardError));
}

function collapsed(strata: ReadonlyMap<string, Sums>): Map<string, Sums> {
  const cells = new Map<string, Sums>();
  for (const [name, sums] of strata) {
    const cell = sums.n < LEAST_IN_STRATUM ? OTHER : name;
    const before = cells.get(cell);
    cells.set(cell, before ? added(before, sums) : sums);
  }
  return cells;
}

export function added(a: Sums, b: Sums): Sums {
  return {
    n: a.n + b.n,
    w: a.w + b.w,
    w2: a.w2 + b.w2,
    wy: a.wy + b.wy,
    w2y: a.w2y + b.w2y,
    w2y2: a.w2y2 + b.w2y2,
    quantile: 0,
  };
}
