/** Waits between attempts: doubling from `minMs` to `maxMs`, ±20 %. */
export interface BackoffOptions {
  /** @default 100 */
  minMs?: number;
  /** @default 15,000 */
  maxMs?: number;
  random?: () => number;
}

export function backoffMs(attempt: number, options: BackoffOptions = {}): number {
  const { minMs = 100, maxMs = 15_000, random = Math.random } = options;
  const base = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
  return base * (0.8 + 0.4 * random());
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
