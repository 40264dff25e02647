/** How well retrieval served an answer, and how close the answer keeps to what was retrieved. */
import { countsOf, runs } from "./counts.ts";
import { plainWords } from "./words.ts";

/**
 * Share of the answer's runs of `n` words that stand in one of the retrieved texts. Undefined for an answer of fewer
 * words.
 */
export function contextOverlap(
  output: string,
  context: readonly string[],
  n = 3,
): number | undefined {
  const own = runs(plainWords(output), n);
  if (own.length === 0) return undefined;
  const known = new Set(context.flatMap((text) => runs(plainWords(text), n)));
  return own.filter((run) => known.has(run)).length / own.length;
}

/**
 * How far two retrievals found the same documents: those in both over those in either (Jaccard). Undefined when both are
 * empty.
 */
export function retrievalOverlap(
  one: readonly string[],
  other: readonly string[],
): number | undefined {
  const [first, second] = [countsOf(one), countsOf(other)];
  const both = [...first.keys()].filter((id) => second.has(id)).length;
  const either = first.size + second.size - both;
  return either === 0 ? undefined : both / either;
}

/**
 * Were the useful ones ranked first? The mean, over useful ones, of the share of useful ones down to each (RAGAS, Es et
 * al. 2023). 0 when none was useful.
 * @param useful in rank order
 */
export function contextPrecision(useful: readonly boolean[]): number {
  let [found, sum] = [0, 0];
  useful.forEach((isUseful, at) => {
    if (isUseful) sum += ++found / (at + 1);
  });
  return found === 0 ? 0 : sum / found;
}

/** Share of the reference's claims that the retrieved texts hold. Undefined when it makes none. */
export function contextRecall(held: readonly boolean[]): number | undefined {
  return held.length === 0 ? undefined : held.filter(Boolean).length / held.length;
}
