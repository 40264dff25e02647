/** Two periods or releases side by side: is the difference more than chance, and how many scores would tell? */
import { normalQuantile, studentCdf, studentQuantile } from "./distributions.ts";
import { requireBetween } from "./domain.ts";

export interface Group {
  mean: number;
  standardDeviation: number;
  n: number;
}

export interface MeanDifference {
  difference: number;
  t: number;
  degreesOfFreedom: number;
  /** Two-sided. */
  p: number;
  low: number;
  high: number;
}

/** Welch's test of the first mean less the second, for groups of different spread. Undefined without spread or below two. */
export function welch(first: Group, second: Group, level = 0.95): MeanDifference | undefined {
  if (first.n < 2 || second.n < 2) return undefined;
  const a = first.standardDeviation ** 2 / first.n;
  const b = second.standardDeviation ** 2 / second.n;
  if (a + b === 0) return undefined;
  const degreesOfFreedom = (a + b) ** 2 / (a ** 2 / (first.n - 1) + b ** 2 / (second.n - 1));
  const difference = first.mean - second.mean;
  const t = difference / Math.sqrt(a + b);
  const half = studentQuantile((1 + level) / 2, degreesOfFreedom) * Math.sqrt(a + b);
  return {
    difference,
    t,
    degreesOfFreedom,
    p: 2 * studentCdf(-Math.abs(t), degreesOfFreedom),
    low: difference - half,
    high: difference + half,
  };
}

/** Scores per group so that a difference is found with that power by a two-sided test. */
export function sampleSize(
  difference: number,
  standardDeviation: number,
  { power = 0.8, level = 0.95 } = {},
): number {
  requireBetween("difference", Math.abs(difference), 0, Infinity);
  const z = normalQuantile((1 + level) / 2) + normalQuantile(power);
  return Math.ceil((2 * (z * standardDeviation) ** 2) / difference ** 2);
}

/**
 * Which of many p-values stand when at most a share `rate` of those that stand may be chance (Benjamini and Hochberg
 * 1995). In the order given.
 */
export function benjaminiHochberg(pValues: readonly number[], rate: number): boolean[] {
  const sorted = pValues.toSorted((a, b) => a - b);
  let limit = -1;
  sorted.forEach((p, at) => {
    if (p <= (rate * (at + 1)) / sorted.length) limit = p;
  });
  return pValues.map((p) => p <= limit);
}
