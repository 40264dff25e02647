/** The disk that the data folder is on: the log and, where it is embedded, the engine's files. */
import { statfsSync } from "node:fs";
import type { MetricRow } from "./metric-row.ts";

export interface DiskStats {
  /** That the collector may still use. */
  freeBytes: number;
  sizeBytes: number;
}

/** Undefined where the file system does not say. */
export function diskStats(dir: string): DiskStats | undefined {
  try {
    const { bavail, blocks, bsize } = statfsSync(dir);
    return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
  } catch {
    // A figure less; what needs the disk fails by itself, and says so.
    return undefined;
  }
}

export const DISK_METRICS: readonly MetricRow<DiskStats>[] = [
  {
    name: "assay_disk_free_bytes",
    help: "Free on the disk of ASSAY_DATA.",
    type: "gauge",
    value: (stats) => stats.freeBytes,
  },
  {
    name: "assay_disk_size_bytes",
    help: "Size of the disk of ASSAY_DATA.",
    type: "gauge",
    value: (stats) => stats.sizeBytes,
  },
];
