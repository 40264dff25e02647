/** How two lists of scores go together: by value, by rank, by the order of pairs. Undefined where one does not vary. */
import { requireSameLength } from "./domain.ts";

export function pearson(x: readonly number[], y: readonly number[]): number | undefined {
  requireSameLength("y", x, y);
  const meanX = average(x);
  const meanY = average(y);
  let [xy, xx, yy] = [0, 0, 0];
  x.forEach((value, i) => {
    const dx = value - meanX;
    const dy = y[i]! - meanY;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  });
  return xx === 0 || yy === 0 ? undefined : xy / Math.sqrt(xx * yy);
}

/** Of the ranks; equals share the mean of theirs. */
export function spearman(x: readonly number[], y: readonly number[]): number | undefined {
  requireSameLength("y", x, y);
  return pearson(ranks(x), ranks(y));
}

/** Kendall's tau-b: pairs in the same order less pairs in the other, ties taken out of the scale. */
export function kendall(x: readonly number[], y: readonly number[]): number | undefined {
  requireSameLength("y", x, y);
  let [balance, orderedX, orderedY] = [0, 0, 0];
  for (let i = 1; i < x.length; i++)
    for (let j = 0; j < i; j++) {
      const dx = Math.sign(x[i]! - x[j]!);
      const dy = Math.sign(y[i]! - y[j]!);
      balance += dx * dy;
      orderedX += dx * dx;
      orderedY += dy * dy;
    }
  return orderedX === 0 || orderedY === 0 ? undefined : balance / Math.sqrt(orderedX * orderedY);
}

export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, at) => at).toSorted((a, b) => values[a]! - values[b]!);
  const result = values.map(() => 0);
  for (let first = 0; first < order.length;) {
    let last = first;
    while (last + 1 < order.length && values[order[last + 1]!] === values[order[first]!]) last++;
    for (let at = first; at <= last; at++) result[order[at]!] = (first + last) / 2 + 1;
    first = last + 1;
  }
  return result;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
