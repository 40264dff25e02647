/** ROUGE (Lin 2004), with beta = 1, of words in lower case that keep their endings. */
import { countsOf, overlap, runs, shared, type Overlap } from "./counts.ts";
import { plainWords } from "./words.ts";

/** Longer texts are cut: the longest common subsequence takes time and room with the product of the lengths. */
const MOST_WORDS = 5_000;

/** Runs of n words in common. */
export function rougeN(output: string, reference: string, n: number): Overlap {
  const [mine, theirs] = [runs(plainWords(output), n), runs(plainWords(reference), n)];
  return overlap(shared(countsOf(mine), countsOf(theirs)), mine.length, theirs.length);
}

/** The longest sequence of words that stands in both, with gaps. */
export function rougeL(output: string, reference: string): Overlap {
  const mine = plainWords(output).slice(0, MOST_WORDS);
  const theirs = plainWords(reference).slice(0, MOST_WORDS);
  return overlap(longestCommonSubsequence(mine, theirs), mine.length, theirs.length);
}

function longestCommonSubsequence(one: readonly string[], other: readonly string[]): number {
  let above = new Uint16Array(other.length + 1);
  let row = new Uint16Array(other.length + 1);
  for (const word of one) {
    for (let at = 0; at < other.length; at++)
      row[at + 1] = word === other[at] ? above[at]! + 1 : Math.max(above[at + 1]!, row[at]!);
    [above, row] = [row, above];
  }
  return above[other.length]!;
}
