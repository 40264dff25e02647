/**
 * BLEU-4 of a corpus (Papineni et al. 2002) as sacreBLEU computes it (Post 2018): counts are summed over all outputs, the
 * brevity penalty is of the nearest references' lengths. From 0 to 100. Of single sentences it says little.
 */
import { countsOf, runs } from "./counts.ts";
import { bleuWords, split } from "./words.ts";

const LONGEST_RUN = 4;

export interface BleuOptions {
  /** @default "13a" */
  tokenizer?: "13a" | "none";
  /**
   * What stands for runs without any match. "exp": a half, a quarter, … of a match; "floor": `smoothing` matches; "none":
   * they make the score 0. @default "exp"
   */
  method?: "exp" | "floor" | "none";
  /** For "floor". @default 0.1 */
  smoothing?: number;
  /** For single sentences: runs that are longer than all outputs are left out, instead of making the score 0. @default false */
  effectiveOrder?: boolean;
}

export interface Translation {
  output: string;
  references: readonly string[];
}

export function bleu(
  corpus: readonly Translation[],
  { tokenizer = "13a", method = "exp", smoothing = 0.1, effectiveOrder = false }: BleuOptions = {},
): number {
  const words = tokenizer === "13a" ? bleuWords : split;
  const found = Array.from({ length: LONGEST_RUN }, () => 0);
  const all = Array.from({ length: LONGEST_RUN }, () => 0);
  let [length, referenceLength] = [0, 0];
  for (const { output, references } of corpus) {
    const mine = words(output);
    const theirs = references.map(words);
    length += mine.length;
    referenceLength += nearest(
      theirs.map((reference) => reference.length),
      mine.length,
    );
    for (let n = 1; n <= LONGEST_RUN; n++) {
      found[n - 1]! += clipped(mine, theirs, n);
      all[n - 1]! += Math.max(0, mine.length - n + 1);
    }
  }
  const longest = effectiveOrder ? all.filter((count) => count > 0).length : LONGEST_RUN;
  const precisions = smoothed(found, all, method, smoothing).slice(0, longest);
  if (length === 0 || precisions.some((precision) => precision === 0)) return 0;
  const mean = precisions.reduce((sum, one) => sum + Math.log(one), 0) / precisions.length;
  const brevity = length < referenceLength ? 1 - referenceLength / length : 0;
  return 100 * Math.exp(mean + brevity);
}

/** Runs of n words that some reference has as often. */
function clipped(mine: readonly string[], references: readonly string[][], n: number): number {
  const most = new Map<string, number>();
  for (const reference of references)
    for (const [run, count] of countsOf(runs(reference, n)))
      most.set(run, Math.max(count, most.get(run) ?? 0));
  let sum = 0;
  for (const [run, count] of countsOf(runs(mine, n))) sum += Math.min(count, most.get(run) ?? 0);
  return sum;
}

/** Of two as near the shorter. */
function nearest(lengths: readonly number[], length: number): number {
  return lengths.toSorted((a, b) => Math.abs(a - length) - Math.abs(b - length) || a - b)[0] ?? 0;
}

function smoothed(
  found: readonly number[],
  all: readonly number[],
  method: "exp" | "floor" | "none",
  smoothing: number,
): number[] {
  // Not one word in common: nothing to smooth.
  if (found.every((count) => count === 0)) return [0];
  let halved = 1;
  return found.map((count, at) => {
    if (all[at] === 0) return 0;
    if (count > 0) return count / all[at]!;
    if (method === "none") return 0;
    if (method === "floor") return smoothing / all[at]!;
    halved *= 2;
    return 1 / (halved * all[at]!);
  });
}
