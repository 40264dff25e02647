/** Multisets: what two lists share, each element as often as it is in both. */

export function countsOf(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Number of elements in both. */
export function shared(
  one: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
): number {
  let sum = 0;
  for (const [item, count] of one) sum += Math.min(count, other.get(item) ?? 0);
  return sum;
}

/** The runs of n elements, each as one text. */
export function runs(items: readonly string[], n: number): string[] {
  return Array.from({ length: Math.max(0, items.length - n + 1) }, (_, at) =>
    items.slice(at, at + n).join("\u0000"),
  );
}

/** Precision, recall, and their harmonic mean. */
export interface Overlap {
  precision: number;
  recall: number;
  f1: number;
}

/** Of `found` elements in common. All 0 where there is nothing to compare. */
export function overlap(found: number, ofOutput: number, ofReference: number): Overlap {
  const precision = ofOutput === 0 ? 0 : found / ofOutput;
  const recall = ofReference === 0 ? 0 : found / ofReference;
  const f1 = found === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { precision, recall, f1 };
}
