/** The process itself, under the names of OpenTelemetry's collector. Event loop, heap and GC come from prom-client. */
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { MetricRow } from "./metric-row.ts";

export interface ProcessStats {
  uptimeSeconds: number;
  cpuSeconds: number;
  rssBytes: number;
  heapBytes: number;
  /** Of the container, or of the machine. */
  memoryLimitBytes: number;
  heapLimitBytes: number;
}

export function processStats(): ProcessStats {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    uptimeSeconds: process.uptime(),
    cpuSeconds: (user + system) / 1e6,
    rssBytes: rss,
    heapBytes: heapUsed,
    memoryLimitBytes: memoryLimit(),
    heapLimitBytes: getHeapStatistics().heap_size_limit,
  };
}

/** A container without a limit says 0, or more than there is. */
function memoryLimit(): number {
  return Math.min(process.constrainedMemory() || Infinity, totalmem());
}

export const PROCESS_METRICS: readonly MetricRow<ProcessStats>[] = [
  {
    name: "otelcol_process_uptime",
    help: "Seconds since the process started.",
    type: "counter",
    value: (stats) => stats.uptimeSeconds,
  },
  {
    name: "otelcol_process_cpu_seconds",
    help: "CPU time, user and system.",
    type: "counter",
    value: (stats) => stats.cpuSeconds,
  },
  {
    name: "otelcol_process_memory_rss",
    help: "Resident memory in bytes.",
    type: "gauge",
    value: (stats) => stats.rssBytes,
  },
  {
    name: "otelcol_process_runtime_heap_alloc_bytes",
    help: "JavaScript heap in use, in bytes.",
    type: "gauge",
    value: (stats) => stats.heapBytes,
  },
  {
    name: "assay_process_memory_limit_bytes",
    help: "Memory that the process may have: of its container, or of the machine.",
    type: "gauge",
    value: (stats) => stats.memoryLimitBytes,
  },
  {
    name: "assay_process_heap_limit_bytes",
    help: "JavaScript heap that the process may have.",
    type: "gauge",
    value: (stats) => stats.heapLimitBytes,
  },
];
