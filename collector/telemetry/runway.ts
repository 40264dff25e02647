/**
 * How long the log could take spans without ClickHouse: the room that it has left by the rate at which it was filled
 * lately. The rate is taken between scrapes and smoothed; without traffic there is no runway to speak of, and no sample.
 */
import type { LogStats } from "../log/log.ts";
import type { MetricRow } from "./metric-row.ts";

const SHORTEST_MS = 5_000;

interface RunwayStats {
  bytesPerSecond: number;
  seconds: number;
}

export function createRunway(
  log: () => Pick<LogStats, "appendedBytes" | "bytes" | "maxBytes"> | undefined,
  now: () => number,
): () => RunwayStats | undefined {
  let last: { bytes: number; at: number } | undefined;
  let bytesPerSecond = 0;
  return () => {
    const stats = log();
    if (stats === undefined) return undefined;
    const at = now();
    if (last === undefined) last = { bytes: stats.appendedBytes, at };
    else if (at - last.at >= SHORTEST_MS) {
      const rate = ((stats.appendedBytes - last.bytes) * 1_000) / (at - last.at);
      bytesPerSecond = bytesPerSecond === 0 ? rate : (bytesPerSecond + rate) / 2;
      last = { bytes: stats.appendedBytes, at };
    }
    if (bytesPerSecond < 1) return undefined;
    const room = Math.max(0, stats.maxBytes - stats.bytes);
    return { bytesPerSecond, seconds: room / bytesPerSecond };
  };
}

export const RUNWAY_METRICS: readonly MetricRow<RunwayStats>[] = [
  {
    name: "assay_outage_runway_seconds",
    help: "How long the log could go on without ClickHouse, at the rate of late.",
    type: "gauge",
    value: (stats) => stats.seconds,
  },
];
