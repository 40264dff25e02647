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
  const { metric, examples, model, temperature, seed, maxTokens } = judge;
  const { maxInputCharacters, onInjection } = judge;
  return hashOf({
    engine: ENGINE,
    metric: {
      name: metric.metric,
      version: metric.version,
      needs: metric.needs,
      definition: textOf(metric.definition),
      scores: metric.scores.map(textOf),
      steps: metric.steps.map(textOf),
      ...(metric.firstOf.length > 0 ? { firstOf: metric.firstOf } : {}),
      ...questionOf(judge),
    },
    examples,
    strategy: strategyOf(judge),
    model: { name: model, temperature, seed: seed ?? null, maxTokens },
    // What is done with a suspected injection, unless it is left out, does not change the score.
    limits: { maxInputCharacters, onInjection: onInjection === "exclude" ? "exclude" : "flag" },
  });
}

/** What is as it always was is not said: the hash of such a judge stays what it always was. */
function strategyOf(judge: Omit<Judge, "hash">): Record<string, unknown> {
  const { chainOfThought, logprobs, steps, referenceGuided, samples, form } = judge;
  return {
    chainOfThought,
    logprobs,
    ...(steps ? {} : { steps }),
    ...(referenceGuided ? { referenceGuided } : {}),
    ...(samples > 1 ? { samples } : {}),
    ...(form === "scores" ? {} : { form }),
  };
}

function questionOf({ form, metric }: Omit<Judge, "hash">): Record<string, unknown> {
  if (form === "claims" && metric.claims)
    return { claims: { kind: metric.claims.kind, text: textOf(metric.claims.text) } };
  return form === "documents" ? { documents: textOf(metric.documents ?? "") } : {};
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
