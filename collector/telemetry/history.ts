/**
 * The collector's own figures in ClickHouse, each minute: what dashboards and alert rules of the pipeline read, so that they need
 * no other store than the one that is there (docs/decisions/0010-own-figures-in-clickhouse.md).
 *
 * While ClickHouse is away an hour of them is kept and written afterwards, each minute once (one token each); older minutes are
 * dropped, and counted. Sums over `increase` go on over restarts.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Logger } from "../stages.ts";
import type { MetricRow } from "./metric-row.ts";

const EVERY_MS = 60_000;
const MOST_KEPT = 60;
const LOG_EVERY_MS = 600_000;

/** One number of /metrics. */
export interface Sample {
  name: string;
  /** Only goes up, but for a restart. */
  isCounter: boolean;
  labels: Readonly<Record<string, string>>;
  value: number;
}

export interface HistoryStats {
  /** Minutes that wait to be written. */
  waiting: number;
  /** Minutes that will never be. */
  dropped: number;
}

export interface MetricsHistory {
  start(client: ClickHouseClient | undefined): void;
  /** Writes once more. */
  stop(): Promise<void>;
  stats(): HistoryStats;
}

interface Minute {
  unixSeconds: number;
  rows: readonly HistoryRow[];
}

interface HistoryRow {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
  increase: number;
}

export interface HistoryOptions {
  collectorId: string;
  read: () => Promise<readonly Sample[]>;
  log: Logger;
  /** @default Date.now */
  now?: () => number;
  /** @default 60,000 */
  everyMs?: number;
}

export function createMetricsHistory(options: HistoryOptions): MetricsHistory {
  const { collectorId, read, log, now = Date.now, everyMs = EVERY_MS } = options;
  const before = new Map<string, number>();
  const waiting: Minute[] = [];
  let client: ClickHouseClient | undefined;
  let dropped = 0;
  let saidAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  async function take(): Promise<void> {
    const rows = (await read()).map((sample) => ({
      ...rowOf(sample),
      increase: increaseOf(sample),
    }));
    waiting.push({ unixSeconds: Math.floor(now() / 1_000), rows });
    dropped += waiting.splice(0, waiting.length - MOST_KEPT).length;
    while (client && waiting.length > 0) {
      await write(client, collectorId, waiting[0]!);
      waiting.shift();
    }
  }

  function increaseOf({ name, isCounter, labels, value }: Sample): number {
    if (!isCounter) return 0;
    const key = JSON.stringify([name, labels]);
    const last = before.get(key) ?? 0;
    before.set(key, value);
    return value < last ? value : value - last;
  }

  async function round(): Promise<void> {
    try {
      await take();
    } catch (error) {
      if (now() - saidAt > LOG_EVERY_MS) {
        saidAt = now();
        log("warn", `own figures cannot be written, trying again: ${String(error)}`);
      }
    }
  }

  function next(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      running = round().then(next);
    }, everyMs);
  }

  return {
    start(opened) {
      if (!opened || stopped) return;
      client = opened;
      running = round().then(next);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
      if (client) await round();
    },
    stats: () => ({ waiting: waiting.length, dropped }),
  };
}

/** Infinite and undefined figures (the age of nothing) are no numbers that ClickHouse's JSON takes. */
function rowOf({ name, labels, value }: Sample): Omit<HistoryRow, "increase"> {
  return { name, labels, value: Number.isFinite(value) ? value : 0 };
}

async function write(client: ClickHouseClient, collectorId: string, minute: Minute): Promise<void> {
  const { unixSeconds, rows } = minute;
  if (rows.length === 0) return;
  await client.insert({
    table: "collector_metrics",
    values: rows.map((row) => ({ ...row, collector_id: collectorId, ts: unixSeconds })),
    format: "JSONEachRow",
    clickhouse_settings: {
      async_insert: 0,
      insert_deduplication_token: `metrics-${collectorId}-${unixSeconds}`,
    },
  });
}

export const HISTORY_METRICS: readonly MetricRow<HistoryStats>[] = [
  {
    name: "assay_history_waiting_minutes",
    help: "Minutes of the collector's own figures that are not in ClickHouse yet.",
    type: "gauge",
    value: (stats) => stats.waiting,
  },
  {
    name: "assay_history_dropped_minutes_total",
    help: "Minutes of the collector's own figures that were given up because ClickHouse was away for more than an hour.",
    type: "counter",
    value: (stats) => stats.dropped,
  },
];
