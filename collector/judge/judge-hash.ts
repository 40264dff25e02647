/**
 * Which judge made a score: 128 bits of everything that decides how it judges. Scores of two hashes are two series. Where
 * it is reached, how often at a time and with which key does not matter.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "@assay/instrumentation/hash";
import type { Judge } from "./config.ts";

/** Raised when the layout of the prompt (prompt.ts) or the reading of answers (verdict.ts) changes. */
const ENGINE = 1;

export function judgeHash(judge: Omit<Judge, "hash">): string {
  const { metric, examples, chainOfThought, model, temperature, seed, maxTokens } = judge;
  const { logprobs, maxInputCharacters, onInjection } = judge;
  return hashOf({
    engine: ENGINE,
    metric: {
      name: metric.metric,
      version: metric.version,
      needs: metric.needs,
      definition: textOf(metric.definition),
      scores: metric.scores.map(textOf),
      steps: metric.steps.map(textOf),
    },
    examples,
    strategy: { chainOfThought, logprobs },
    model: { name: model, temperature, seed: seed ?? null, maxTokens },
    limits: { maxInputCharacters, onInjection },
  });
}

/** The id of a score: made again, after a crash or by another collector, it is the same score. */
export function scoreId(parts: {
  record: string;
  metric: string;
  judgeHash: string;
  sampleIndex: number;
  purpose: string;
}): string {
  return hashOf(parts);
}

export function hashOf(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 32);
}

/** Ends of lines and ways to compose letters are the editor's, not the judge's. */
function textOf(text: string): string {
  return text.normalize("NFC").replaceAll("\r\n", "\n");
}
