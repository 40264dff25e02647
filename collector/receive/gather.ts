/** Puts what came in chunks into one buffer of the request's, which is used again after it. */
import type { BodyLimits } from "./body.ts";

export function gather(chunks: readonly Buffer[], limits: BodyLimits): Buffer {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const whole = limits.allocate(length);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(whole, at);
  return whole;
}
