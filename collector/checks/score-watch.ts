/**
 * Judged scores watched by e-detectors, one per stratum: when the mean is below the baseline by more than the margin, however
 * often one looks, the watch calls out, and in the mean not sooner than `days_between` days when nothing is wrong.
 *
 * The baseline is pinned when enough scores are there: a trailing one would sink with the scores. A stratum's scores
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
  strata: Record<string, { share: number; detector: EDetector }>;
  /** When it called out, unix seconds; null: it has not, or all is well again. */
  alarmedAt: number | null;
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
}

/** Scores that a stratum of its own needs; smaller ones are watched together. */
const LEAST_IN_STRATUM = 50;
const OTHER = "other";
/** One-sided, 95 %: the baseline is not known better. */
const Z = 1.645;

/** @param strata sums of the baseline's scores by stratum; undefined when they do not vary or are none */
export function startWatch(
  strata: ReadonlyMap<string, Sums>,
  { margin, daysBetween, days }: WatchOptions,
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
  };
  for (const [name, sums] of cells) {
    const { mean, standardError } = meanOf(sums)!;
    const floor = floorOf(mean, margin, standardError ?? 0);
    watch.strata[name] = { share: sums.w / all.w, detector: createEDetector(floor) };
  }
  return watch;
}

/** Takes scores in their order. */
export function watchScores(watch: ScoreWatch, scores: readonly Score[], at: number): void {
  for (const { stratum, norm } of scores) {
    const cell = watch.strata[stratum] ?? watch.strata[OTHER];
    // A stratum that the baseline did not have cannot be said to be worse than it was.
    if (cell) updateEDetector(cell.detector, Math.min(1, Math.max(0, norm)));
    if (statisticOf(watch) >= watch.limit) watch.alarmedAt ??= at;
  }
}

export function statisticOf({ strata }: ScoreWatch): number {
  return combined(Object.values(strata)).shiryaevRoberts;
}

/** The scores are what they were: the watch begins anew, on the same baseline. */
export function restart(watch: ScoreWatch): void {
  watch.alarmedAt = null;
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
