/** Requests for tests: bodies and hashes that depend on the number alone. */
import { createHash } from "node:crypto";
import type { AcceptedRequest } from "../../stages.ts";

export function request(n: number, bytes = 100, receivedAtUnixMs = Date.now()): AcceptedRequest {
  const body = Buffer.alloc(bytes, `body ${n} `);
  const bodyHash = createHash("sha256").update(body).digest().subarray(0, 16);
  return {
    signal: "traces",
    body,
    spanCount: 1 + (n % 5),
    rejected: n % 7 === 0 ? [0] : [],
    receivedAtUnixMs,
    bodyHash,
  };
}

/** Deterministic random numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
