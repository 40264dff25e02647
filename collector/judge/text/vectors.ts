/** Texts compared by what an embedding model makes of them. */

/** Cosine of the angle between them; 0 where one is all zeros. */
export function cosine(one: readonly number[], other: readonly number[]): number {
  let [dot, a, b] = [0, 0, 0];
  one.forEach((value, at) => {
    const second = other[at] ?? 0;
    dot += value * second;
    a += value * value;
    b += second * second;
  });
  return a === 0 || b === 0 ? 0 : dot / Math.sqrt(a * b);
}

/**
 * Each part of one text with the part of the other that is nearest to it, and the other way round: as BERTScore
 * (Zhang et al. 2020) matches tokens, here for whatever parts the vectors are of. Undefined where one has no parts.
 */
export function greedyMatch(
  answer: readonly (readonly number[])[],
  reference: readonly (readonly number[])[],
): { precision: number; recall: number; f1: number } | undefined {
  if (answer.length === 0 || reference.length === 0) return undefined;
  const nearest = (
    some: readonly (readonly number[])[],
    others: readonly (readonly number[])[],
  ): number =>
    some.reduce((sum, one) => sum + Math.max(0, ...others.map((other) => cosine(one, other))), 0) /
    some.length;
  const precision = nearest(answer, reference);
  const recall = nearest(reference, answer);
  const sum = precision + recall;
  return { precision, recall, f1: sum === 0 ? 0 : (2 * precision * recall) / sum };
}

/** Sentences, in their order, of any language; at most `most`. */
export function sentencesOf(text: string, most = 64): string[] {
  const segments = new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text);
  return Array.from(segments, ({ segment }) => segment.trim())
    .filter((sentence) => sentence !== "")
    .slice(0, most);
}
