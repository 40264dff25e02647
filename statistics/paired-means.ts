/** Two runs over the same items: is the one better, beyond chance? The paired t test and its interval. Student 1908. */
import { studentCdf, studentQuantile } from "./distributions.ts";
import { requireSameLength } from "./domain.ts";
import { pearson } from "./correlation.ts";

export interface PairedDifference {
  /** Mean of first less second. */
  difference: number;
  low: number;
  high: number;
  /** Two-sided. */
  p: number;
  n: number;
  better: number;
  worse: number;
  equal: number;
  /** Of the two runs' scores: the higher, the more pairing gains. */
  correlation: number | undefined;
}

/** Undefined below two pairs. Where all differ by the same, the interval is that difference alone. */
export function pairedDifference(
  first: readonly number[],
  second: readonly number[],
  level = 0.95,
): PairedDifference | undefined {
  requireSameLength("second", first, second);
  const n = first.length;
  if (n < 2) return undefined;
  const differences = first.map((value, at) => value - second[at]!);
  const difference = differences.reduce((sum, value) => sum + value, 0) / n;
  const squares = differences.reduce((sum, value) => sum + (value - difference) ** 2, 0);
  const standardError = Math.sqrt(squares / (n - 1) / n);
  const half = studentQuantile((1 + level) / 2, n - 1) * standardError;
  return {
    difference,
    low: difference - half,
    high: difference + half,
    p: pValue(difference, standardError, n),
    n,
    better: differences.filter((value) => value > 0).length,
    worse: differences.filter((value) => value < 0).length,
    equal: differences.filter((value) => value === 0).length,
    correlation: pearson(first, second),
  };
}

function pValue(difference: number, standardError: number, n: number): number {
  if (standardError === 0) return difference === 0 ? 1 : 0;
  return 2 * studentCdf(-Math.abs(difference / standardError), n - 1);
}
