/** Shares: how many of them passed, with intervals that hold for few and for extreme ones. */
import { twoSidedZ } from "./distributions.ts";
import { requireBetween, requireWithin } from "./domain.ts";

export interface Interval {
  low: number;
  high: number;
}

/**
 * Wilson's score interval of a share. `trials` may be an effective number (Kish), and then neither needs to be whole.
 * Wilson 1927. @throws RangeError unless 0 <= successes <= trials and trials > 0
 */
export function wilson(successes: number, trials: number, level = 0.95): Interval {
  requireBetween("trials", trials, 0, Infinity);
  requireWithin("successes", successes, 0, trials);
  const z = twoSidedZ(level);
  const share = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / scale;
  const half =
    (z * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials))) / scale;
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half),
  };
}

/** A weighted share with Wilson's interval at its effective number of trials. Undefined without observations. */
export function weightedShare(
  observations: readonly { passed: boolean; inclusionProbability: number }[],
  level = 0.95,
): (Interval & { share: number; n: number; effectiveN: number }) | undefined {
  if (observations.length === 0) return undefined;
  let all = 0;
  let squares = 0;
  let passed = 0;
  for (const { passed: yes, inclusionProbability } of observations) {
    const weight = 1 / inclusionProbability;
    all += weight;
    squares += weight * weight;
    if (yes) passed += weight;
  }
  const share = Math.min(1, passed / all);
  const effectiveN = (all * all) / squares;
  const { low, high } = wilson(share * effectiveN, effectiveN, level);
  return { share, low, high, n: observations.length, effectiveN };
}

/** The difference of two shares with Newcombe's hybrid interval (1998, method 10). */
export function newcombe(
  one: { successes: number; trials: number },
  other: { successes: number; trials: number },
  level = 0.95,
): Interval & { difference: number } {
  const first = wilson(one.successes, one.trials, level);
  const second = wilson(other.successes, other.trials, level);
  const p = one.successes / one.trials;
  const q = other.successes / other.trials;
  return {
    difference: p - q,
    low: p - q - Math.hypot(p - first.low, second.high - q),
    high: p - q + Math.hypot(first.high - p, q - second.low),
  };
}

export interface JudgedShare {
  /** Share that the judge passed, of `n` records. */
  passed: number;
  n: number;
  /** Of `fails` records that people failed, the share that the judge failed too. */
  specificity: number;
  fails: number;
  /** Of `passes` records that people passed, the share that the judge passed too. */
  sensitivity: number;
  passes: number;
}

/** Below it the judge's answer says next to nothing of people's. */
const LEAST_INFORMATIVE = 0.2;

/**
 * The share that people would pass, from a judge with known errors (Rogan and Gladen 1978), with the interval of Lee et
 * al. (arXiv 2511.21140). Undefined when the judge is not informative: specificity + sensitivity - 1 <= 0.2.
 */
export function roganGladen(
  judged: JudgedShare,
  level = 0.95,
): (Interval & { share: number }) | undefined {
  const { passed, n, specificity, sensitivity, fails, passes } = judged;
  const power = specificity + sensitivity - 1;
  if (power <= LEAST_INFORMATIVE) return undefined;
  const z = twoSidedZ(level);
  const p = (n * passed + (z * z) / 2) / (n + z * z);
  const q0 = (fails * specificity + 1) / (fails + 2);
  const q1 = (passes * sensitivity + 1) / (passes + 2);
  const adjusted = q0 + q1 - 1;
  const centre = clip((p + q0 - 1) / adjusted);
  const v0 = (q0 * (1 - q0)) / (fails + 2);
  const v1 = (q1 * (1 - q1)) / (passes + 2);
  const shift = 2 * z * z * (centre * v1 - (1 - centre) * v0);
  const half =
    (z *
      Math.sqrt(
        (p * (1 - p)) / (n + z * z) + (1 - centre) * (1 - centre) * v0 + centre * centre * v1,
      )) /
    adjusted;
  return {
    share: clip((passed + specificity - 1) / power),
    low: clip(centre + shift - half),
    high: clip(centre + shift + half),
  };
}

/**
 * How to split `labels` between records that the judge failed and those that it passed, given a first guess of its
 * errors from `pilot` labels of each kind. The same source.
 */
export function labelAllocation(
  labels: number,
  {
    passed,
    specificity,
    sensitivity,
    pilot,
  }: Omit<JudgedShare, "n" | "fails" | "passes"> & { pilot: number },
): { fails: number; passes: number } {
  const ratio = (pilot * (1 - specificity) + 1) / (pilot * (1 - sensitivity) + 1);
  const passes = Math.round(labels / (1 + (1 / passed - 1) * Math.sqrt(ratio)));
  return { fails: labels - passes, passes };
}

function clip(value: number): number {
  return Math.min(1, Math.max(0, value));
}
