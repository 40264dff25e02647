/**
 * Whether ClickHouse answers. Asked at intervals rather than per scrape, so that /healthz is cheap and can say for how
 * long it has not.
 */
import type { MetricRow } from "./metric-row.ts";

export interface EngineStats {
  /** Since when ClickHouse does not answer; undefined while it does. */
  unreachableSinceUnixMs: number | undefined;
  /** How it failed to answer last. */
  problem: string | undefined;
  /** Restarts of the embedded server. */
  restarts: number;
}

export interface EngineWatch {
  stats(): EngineStats;
  stop(): void;
}

export interface EngineWatchOptions {
  /** Resolves when ClickHouse answered, rejects when it did not. */
  ping: () => Promise<void>;
  restarts?: () => number;
  /** @default 5,000 */
  intervalMs?: number;
  now?: () => number;
}

/** Counts as unreachable from its start to the first answer. */
export function watchEngine(options: EngineWatchOptions): EngineWatch {
  const { ping, restarts = () => 0, intervalMs = 5_000, now = Date.now } = options;
  let unreachableSinceUnixMs: number | undefined = now();
  let problem: string | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function ask(): Promise<void> {
    try {
      await ping();
      unreachableSinceUnixMs = undefined;
      problem = undefined;
    } catch (error) {
      unreachableSinceUnixMs ??= now();
      problem = error instanceof Error ? error.message : String(error);
    }
    if (!stopped) timer = setTimeout(() => void ask(), intervalMs).unref();
  }
  void ask(); // never rejects

  return {
    stats: () => ({ unreachableSinceUnixMs, problem, restarts: restarts() }),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

export const ENGINE_METRICS: readonly MetricRow<EngineStats>[] = [
  {
    name: "assay_engine_up",
    help: "1 while ClickHouse answers.",
    type: "gauge",
    value: (stats) => (stats.unreachableSinceUnixMs === undefined ? 1 : 0),
  },
  {
    name: "assay_engine_restarts_total",
    help: "Restarts of the embedded ClickHouse since the collector started.",
    type: "counter",
    value: (stats) => stats.restarts,
  },
];
