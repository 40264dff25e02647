/** Middle and spread that a few wild values do not move. */

/** Undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Makes the median absolute deviation a standard deviation, where values are normal. */
const NORMAL = 1.482602218505602;

export interface Deviation {
  median: number;
  /** The median absolute deviation, scaled to a standard deviation. */
  spread: number;
  /** How many spreads the value is above the median; infinite where the history does not vary at all. */
  deviations: number;
}

/**
 * How far a value is from the same hours of earlier weeks.
 * @param leastSpread the history is not believed to vary less than this
 */
export function robustDeviation(
  value: number,
  history: readonly number[],
  leastSpread = 0,
): Deviation | undefined {
  const middle = median(history);
  if (middle === undefined) return undefined;
  const distances = history.map((one) => Math.abs(one - middle));
  const spread = Math.max(leastSpread, NORMAL * (median(distances) ?? 0));
  const difference = value - middle;
  const deviations =
    spread === 0 ? (difference === 0 ? 0 : Math.sign(difference) * Infinity) : difference / spread;
  return { median: middle, spread, deviations };
}
