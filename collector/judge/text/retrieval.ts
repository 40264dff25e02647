/** How well retrieval served an answer, and how close the answer keeps to what was retrieved. */
import { runs } from "./counts.ts";
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
