/**
 * A watch that may be looked at after every score: bets that scores in [0, 1] have a mean below `floor`.
 *
 * Under the null (no score's mean, given all before it, is below the floor) a bet's factor 1 + lambda (floor - x) has a mean of at
 * most 1, whatever depends on what. So the product since a start is an e-process: that it ever reaches 20 has a
 * probability of at most 1 / 20. The Shiryaev-Roberts sum over all starts, and the CUSUM maximum below it, reach A on
 * average no sooner than after A scores (Shin, Ramdas, Rinaldo: E-detectors, arXiv 2203.03532).
 *
 * A detector is plain data: stored as JSON and read back it goes on where it was.
 */
import { requireBetween, requireWithin } from "./domain.ts";

/** Bets, as shares of half of the largest one that keeps every factor above 0. */
const BETS = [0.25, 0.5, 1, 1.5];

export interface EDetector {
  readonly floor: number;
  /** Scores taken. */
  n: number;
  /** By bet. */
  shiryaevRoberts: number[];
  cusum: number[];
  /** Of all scores since the detector was made. */
  eProcess: number[];
}

export function createEDetector(floor: number): EDetector {
  requireBetween("floor", floor, 0, 1);
  return {
    floor,
    n: 0,
    shiryaevRoberts: BETS.map(() => 0),
    cusum: BETS.map(() => 0),
    eProcess: BETS.map(() => 1),
  };
}

/** Takes a score. @throws RangeError unless it is from 0 to 1 */
export function updateEDetector(detector: EDetector, score: number): void {
  requireWithin("score", score, 0, 1);
  const { floor, shiryaevRoberts, cusum, eProcess } = detector;
  detector.n++;
  BETS.forEach((bet, j) => {
    const factor = factorOf((bet * 0.5) / (1 - floor), floor, score);
    shiryaevRoberts[j] = bounded((shiryaevRoberts[j]! + 1) * factor);
    cusum[j] = bounded(Math.max(cusum[j]!, 1) * factor);
    eProcess[j] = bounded(eProcess[j]! * factor);
  });
}

/** Means over the bets: each is what the guarantees above speak of. */
export function statisticsOf(
  detector: EDetector,
): Record<"shiryaevRoberts" | "cusum" | "eProcess", number> {
  return {
    shiryaevRoberts: average(detector.shiryaevRoberts),
    cusum: average(detector.cusum),
    eProcess: average(detector.eProcess),
  };
}

/** Of several strata, each watched by a detector of its own: fixed shares (of the traffic, say) that sum to 1. */
export function combined(
  strata: readonly { share: number; detector: EDetector }[],
): ReturnType<typeof statisticsOf> {
  const sum = { shiryaevRoberts: 0, cusum: 0, eProcess: 0 };
  for (const { share, detector } of strata) {
    const one = statisticsOf(detector);
    sum.shiryaevRoberts += share * one.shiryaevRoberts;
    sum.cusum += share * one.cusum;
    sum.eProcess += share * one.eProcess;
  }
  return sum;
}

/** The factor by which one bet grows or shrinks with a score. */
export function factorOf(lambda: number, floor: number, score: number): number {
  return 1 + lambda * (floor - score);
}

/** JSON has no infinity, and beyond this nothing is decided differently. */
function bounded(value: number): number {
  return Math.min(value, 1e300);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
