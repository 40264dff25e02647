/**
 * The accounting identity: accepted = stored + in the log + dead letters + deduplicated + expired.
 *
 * `accepted` and `in the log` are the log's, `dead letters` the inserter's, `deduplicated` both (whole requests and
 * single spans that came again), and `stored` is what ClickHouse counts. What is left over is the residual; anything but
 * 0 is lost or doubled data. It is taken at one moment: a copy of what is settled, the log's figures of the same turn of
 * the event loop, and the store's count of rows of settled batches only, so that it is 0 under load too.
 *
 * Rows of days that are past the retention may be gone: those are the expired ones, and only those.
 *
 * Log records that are kept count like spans. The count reads two narrow columns of all rows of this log; the longer it takes, the rarer it is.
 */
import type { Settled } from "../insert/ledger.ts";
import type { LogStats } from "../log/log.ts";
import { dayOf, type RowTable, tableOf } from "../row-places.ts";
import type { MetricRow } from "./metric-row.ts";

const DAY_MS = 86_400_000;
const PAUSE_PER_DURATION = 50;
const LONGEST_PAUSE_MS = 60_000;

export interface LedgerStats {
  accepted: number;
  stored: number;
  inLog: number;
  deadLettered: number;
  deduplicated: number;
  expired: number;
  residual: number;
  checkedAtUnixMs: number;
}

export interface LedgerWatch {
  /** Of the last count that worked; undefined before it. */
  stats(): LedgerStats | undefined;
  stop(): void;
}

export interface LedgerWatchOptions {
  /** Undefined until recovery is through. */
  settled: () => Settled | undefined;
  log: () => Pick<LogStats, "appendedSpans" | "pendingSpans" | "pendingRecords" | "duplicateSpans">;
  /** Rows by place, of settled batches. */
  countStored: (settled: Settled) => Promise<ReadonlyMap<string, number>>;
  retentionDays: Readonly<Record<RowTable, number>>;
  /** @default 15,000 */
  intervalMs?: number;
  now?: () => number;
}

export function watchLedger(options: LedgerWatchOptions): LedgerWatch {
  const { settled, log, countStored, retentionDays, intervalMs = 15_000, now = Date.now } = options;
  let stats: LedgerStats | undefined;
  let acceptedBefore: number | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function check(): Promise<void> {
    const before = settled();
    if (before === undefined) return;
    const { appendedSpans, pendingSpans, pendingRecords, duplicateSpans } = log();
    // What this process found: settled by former ones, or waiting in their log. From here on the log counts.
    acceptedBefore ??= before.accepted + pendingSpans - appendedSpans;
    const rows = await countStored(before);
    const expiredBefore = (place: string): string =>
      new Date(now() - retentionDays[tableOf(place)] * DAY_MS).toISOString();
    const { stored, expired } = compare(before.rowsByDay, rows, expiredBefore);
    const accepted = acceptedBefore + appendedSpans + duplicateSpans;
    // Spans that the log counts although it has no record left for the store are lost, not waiting.
    const inLog = pendingRecords === 0 ? 0 : pendingSpans;
    const { deadLettered } = before;
    const deduplicated = duplicateSpans + before.repeats;
    const residual = accepted - stored - inLog - deadLettered - deduplicated - expired;
    stats = {
      accepted,
      stored,
      inLog,
      deadLettered,
      deduplicated,
      expired,
      residual,
      checkedAtUnixMs: now(),
    };
  }

  async function watch(): Promise<void> {
    const start = performance.now();
    // A store that does not answer is the engine watch's to report; the last figures stay, with their time.
    await check().catch(() => {});
    const pauseMs = Math.min(LONGEST_PAUSE_MS, PAUSE_PER_DURATION * (performance.now() - start));
    if (!stopped) timer = setTimeout(() => void watch(), Math.max(intervalMs, pauseMs)).unref();
  }
  void watch(); // never rejects

  return {
    stats: () => stats,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Rows that are there, and those of days up to `expiredBefore` that are not there any more. */
function compare(
  expected: ReadonlyMap<string, number>,
  found: ReadonlyMap<string, number>,
  expiredBefore: (place: string) => string,
): { stored: number; expired: number } {
  let stored = 0;
  let expired = 0;
  for (const rows of found.values()) stored += rows;
  for (const [place, rows] of expected)
    if (dayOf(place) <= dayOf(expiredBefore(place)))
      expired += Math.max(0, rows - (found.get(place) ?? 0));
  return { stored, expired };
}

export const LEDGER_METRICS: readonly MetricRow<LedgerStats>[] = [
  {
    name: "assay_ledger_spans",
    help: "Spans, and log records that are kept, of this log's whole life by what became of them; accepted is the sum of the others.",
    type: "gauge",
    by: "state",
    value: (stats) => [
      ["accepted", stats.accepted],
      ["stored", stats.stored],
      ["in_log", stats.inLog],
      ["dead_lettered", stats.deadLettered],
      ["deduplicated", stats.deduplicated],
      ["expired", stats.expired],
    ],
  },
  {
    name: "assay_ledger_residual_spans",
    help: "Accepted spans that are nowhere (or, below 0, stored twice). Anything but 0: look at once.",
    type: "gauge",
    value: (stats) => stats.residual,
  },
  {
    name: "assay_ledger_checked_timestamp_seconds",
    help: "When ClickHouse was last counted for the ledger.",
    type: "gauge",
    value: (stats) => stats.checkedAtUnixMs / 1_000,
  },
];
