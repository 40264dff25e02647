/**
 * chrF of a corpus (Popović 2015) as sacreBLEU computes it: runs of one to six characters in common, without white space,
 * counts summed over all outputs; recall counts `beta` times as much as precision. From 0 to 100.
 */
import { countsOf, shared } from "./counts.ts";

const LONGEST_RUN = 6;

export function chrf(
  corpus: readonly { output: string; reference: string }[],
  { beta = 2, keepSpace = false }: { beta?: number; keepSpace?: boolean } = {},
): number {
  const [found, mine, theirs] = [0, 1, 2].map(() =>
    Array.from({ length: LONGEST_RUN }, () => 0),
  ) as [number[], number[], number[]];
  for (const { output, reference } of corpus)
    for (let n = 1; n <= LONGEST_RUN; n++) {
      const [one, other] = [output, reference].map((text) => characterRuns(text, n, keepSpace)) as [
        string[],
        string[],
      ];
      mine[n - 1]! += one.length;
      theirs[n - 1]! += other.length;
      found[n - 1]! += shared(countsOf(one), countsOf(other));
    }
  const orders = found.map((_, at) => at).filter((at) => mine[at]! > 0 && theirs[at]! > 0);
  if (orders.length === 0) return 0;
  const meanOf = (whole: readonly number[]): number =>
    orders.reduce((sum, at) => sum + found[at]! / whole[at]!, 0) / orders.length;
  const [precision, recall] = [meanOf(mine), meanOf(theirs)];
  if (precision + recall === 0) return 0;
  return (100 * (1 + beta * beta) * precision * recall) / (beta * beta * precision + recall);
}

/** By code points: a character beyond the basic plane is one. */
function characterRuns(text: string, n: number, keepSpace: boolean): string[] {
  const characters = Array.from(keepSpace ? text : text.replace(/\s+/g, ""));
  return Array.from({ length: Math.max(0, characters.length - n + 1) }, (_, at) =>
    characters.slice(at, at + n).join(""),
  );
}
