/** How well a short answer matches a reference, word by word: as SQuAD scores answers (Rajpurkar et al. 2016). */
import { countsOf, overlap, shared, type Overlap } from "./counts.ts";
import { answerWords } from "./words.ts";

/** The same words in the same order, but for case, punctuation and articles. */
export function exactMatch(output: string, reference: string): boolean {
  return answerWords(output).join(" ") === answerWords(reference).join(" ");
}

/** Words in common, in any order. Two answers without words are alike. */
export function tokenOverlap(output: string, reference: string): Overlap {
  const [mine, theirs] = [answerWords(output), answerWords(reference)];
  if (mine.length === 0 && theirs.length === 0) return { precision: 1, recall: 1, f1: 1 };
  return overlap(shared(countsOf(mine), countsOf(theirs)), mine.length, theirs.length);
}
