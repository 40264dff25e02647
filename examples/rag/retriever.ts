/** Full-text search over the handbook's passages, in memory. */
import MiniSearch from "minisearch";
import type { Passage } from "./documents.ts";

export interface FoundPassage extends Passage {
  /** BM25; higher is better, comparable within one search only. */
  score: number;
}

export type Retriever = (question: string) => FoundPassage[];

export function createRetriever(passages: readonly Passage[], topK: number): Retriever {
  const byId = new Map(passages.map((passage) => [passage.id, passage]));
  const index = new MiniSearch<Passage>({
    fields: ["title", "text"],
    processTerm: (term) => {
      const word = term.toLowerCase();
      return STOP_WORDS.has(word) ? null : stem(word);
    },
    searchOptions: { boost: { title: 2 }, prefix: (term) => term.length > 4, fuzzy: 0.15 },
  });
  index.addAll(passages);
  return (question) =>
    index
      .search(question)
      .slice(0, topK)
      .flatMap(({ id, score }) => {
        const passage = byId.get(id as string);
        return passage ? [{ ...passage, score }] : [];
      });
}

/** `labels` finds `label`, `cancelling` finds `cancel`: enough for a handbook of a few pages. */
function stem(word: string): string {
  return word.length > 4 ? word.replace(/(?:l?ing|ations?|ies|es|ed|s)$/, "") : word;
}

const STOP_WORDS = new Set(
  "a an and are as at be by can do does for from how i if in is it my of on or our the to we what when where which who will with you your".split(
    " ",
  ),
);
