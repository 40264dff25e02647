/** Waits between attempts, as OTLP exporters make them: 1 s, then 1.5 times as long each time up to 30 s, ±20 %. */
export interface BackoffOptions {
  /** @default 1000 */
  minMs?: number;
  /** @default 30,000 */
  maxMs?: number;
  random?: () => number;
}

const FACTOR = 1.5;
/** A destination that says "at once" each time is not asked more often than this. */
const SHORTEST_MS = 100;

/** The destination's own delay wins over ours. */
export function retryDelayMs(
  attempt: number,
  afterMs: number | undefined,
  options: BackoffOptions = {},
): number {
  const { minMs = 1000, maxMs = 30_000, random = Math.random } = options;
  // Never earlier than asked for, and not all at once.
  if (afterMs !== undefined) return Math.max(SHORTEST_MS, afterMs) * (1 + 0.1 * random());
  return Math.min(maxMs, minMs * FACTOR ** Math.min(attempt, 100)) * (0.8 + 0.4 * random());
}

/** Resolves to true after `ms`, to false at once when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
