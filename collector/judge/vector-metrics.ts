/**
 * How near an answer is to its reference, by what an embedding model makes of them: as wholes, and sentence by sentence as
 * BERTScore matches tokens. Not the published BERTScore: that takes a layer of a model of its own, and rescales.
 */
import type { Asker, AskFailed } from "./ask.ts";
import { hashOf } from "./judge-hash.ts";
import type { JudgedRecord } from "./prompt.ts";
import { cosine, greedyMatch, sentencesOf } from "./text/vectors.ts";

/** Raised when what one of them computes changes. */
const VERSION = 1;

export const VECTOR_METRICS = ["embedding_similarity", "sentence_match"] as const;
export type VectorMetric = (typeof VECTOR_METRICS)[number];

/** From 0 to 1; of a text's vector. */
type VectorOf = (text: string) => readonly number[];

const COMPUTED: Readonly<
  Record<VectorMetric, (answer: string, reference: string, vectorOf: VectorOf) => number>
> = {
  embedding_similarity: (answer, reference, vectorOf) =>
    Math.max(0, cosine(vectorOf(answer), vectorOf(reference))),
  sentence_match: (answer, reference, vectorOf) =>
    greedyMatch(sentencesOf(answer).map(vectorOf), sentencesOf(reference).map(vectorOf))?.f1 ?? 0,
};

/** Undefined: the answer or the reference is missing, or no metric is wanted. All texts go in one call. */
export async function vectorScores(
  metrics: readonly VectorMetric[],
  { answer, reference }: JudgedRecord,
  { model, timeoutMs, asker }: { model: string; timeoutMs: number; asker: Asker },
): Promise<ReadonlyMap<VectorMetric, number> | AskFailed | undefined> {
  if (metrics.length === 0 || !answer?.trim() || !reference?.trim()) return undefined;
  const parts = metrics.includes("sentence_match")
    ? [...sentencesOf(answer), ...sentencesOf(reference)]
    : [];
  const texts = [...new Set([answer, reference, ...parts])];
  const found = await asker.embed({ model, texts, timeoutMs });
  if (!("vectors" in found)) return found;
  const vectors = new Map(texts.map((text, at) => [text, found.vectors[at]!]));
  return new Map(
    metrics.map((metric) => [
      metric,
      COMPUTED[metric](answer, reference, (text) => vectors.get(text)!),
    ]),
  );
}

/** The model is part of it: two models' scores are two series. */
export function vectorMetricHash(metric: VectorMetric, model: string): string {
  return hashOf({ metric, version: VERSION, model });
}
