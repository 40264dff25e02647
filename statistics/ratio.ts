/** Ratios of two sums over the same observations, such as tokens a character. */
import { requireBetween } from "./domain.ts";

/** Sums over n pairs (x, y). */
export interface PairSums {
  n: number;
  x: number;
  y: number;
  xx: number;
  yy: number;
  xy: number;
}

/**
 * Σy / Σx with its linearised standard error (Cochran, Sampling Techniques, 6.3). Undefined for fewer than two pairs.
 * @throws RangeError unless the sum of x is more than 0
 */
export function ratioOfSums({
  n,
  x,
  y,
  xx,
  yy,
  xy,
}: PairSums): { ratio: number; standardError: number } | undefined {
  if (n < 2) return undefined;
  requireBetween("x", x, 0, Infinity);
  const ratio = y / x;
  const residuals = Math.max(0, yy - 2 * ratio * xy + ratio * ratio * xx);
  return { ratio, standardError: Math.sqrt((residuals * n) / (n - 1)) / x };
}
