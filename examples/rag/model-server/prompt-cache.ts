/**
 * Prompt caching as OpenAI does it: a prefix of at least 1,024 tokens that was seen before is read from the cache, in
 * steps of 128. The least recently used prefixes are forgotten.
 */
import { createHash } from "node:crypto";

const LEAST = 1024;
const STEP = 128;
const MAX_PREFIXES = 10_000;

/** Returns how many of the tokens were cached, and remembers them. */
export type PromptCache = (model: string, tokens: readonly number[]) => number;

export function createPromptCache(): PromptCache {
  const seen = new Set<string>();
  return (model, tokens) => {
    let cached = 0;
    const hash = createHash("sha256").update(model);
    for (let end = STEP; end <= tokens.length; end += STEP) {
      hash.update(Int32Array.from(tokens.slice(end - STEP, end)));
      if (end < LEAST) continue;
      const prefix = hash.copy().digest("base64");
      if (seen.delete(prefix)) cached = end;
      seen.add(prefix);
    }
    for (const oldest of seen) {
      if (seen.size <= MAX_PREFIXES) break;
      seen.delete(oldest);
    }
    return cached;
  };
}
