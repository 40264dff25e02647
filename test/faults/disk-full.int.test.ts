/**
 * A disk without room, under load: requests are answered 503 and sent again, the process stays, and when there is room
 * again it goes on by itself. Afterwards every acknowledged span is stored exactly once.
 *
 * A small tmpfs is mounted below the data folder and filled; that needs root, and is skipped (and counted) without.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";

import { assayEnv, removeData, startAssay, until } from "../processes.ts";
import { metricsOf } from "./metrics.ts";
import { canMountSmallDisks, mountSmallDisk, unmount } from "./small-disk.ts";
import { expectExactlyOnce, startRecordedLoad, writerOf } from "./oracle.ts";

const FULL_MS = 3_000;

interface Disk {
  folder: string;
  mib: number;
  /** What shows that the disk being full was felt. */
  isFelt: (metrics: Map<string, number>) => boolean;
}

const refusedForRoom = (metrics: Map<string, number>): boolean =>
  (metrics.get("assay_log_refused_requests_total") ?? 0) > 0;
const failedInserts = (metrics: Map<string, number>): boolean =>
  [...metrics].some(([name, value]) => name.startsWith("assay_insert_failed_") && value > 0);

const disks: Record<string, Disk> = {
  "the log's disk": { folder: "log", mib: 24, isFelt: refusedForRoom },
  "the disk of plans": { folder: "insert", mib: 4, isFelt: failedInserts },
  "the disk of ClickHouse and the blocks": {
    folder: "clickhouse",
    mib: 500,
    isFelt: failedInserts,
  },
  "the one disk of everything": { folder: ".", mib: 600, isFelt: refusedForRoom },
};

test.skipIf(!canMountSmallDisks).each(Object.entries(disks))(
  "%s is full for a while",
  async (_, { folder, mib, isFelt }) => {
    const env = await assayEnv();
    const dir = join(env["ASSAY_DATA"]!, folder);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    mountSmallDisk(dir, `size=${mib}m`);
    const assay = await startAssay("collector", env);
    const load = await startRecordedLoad(assay.otlp, 1, [
      "--spans",
      "1000000",
      "--batch",
      "50",
      "--rate",
      "2000",
      "--days",
      "2",
      "--resend",
    ]);
    try {
      await until(
        () => metricsOf(assay),
        (metrics) => metrics.get('otelcol_exporter_sent_spans_total{exporter="clickhouse"}')! > 0,
      );
      // Again and again: what is inserted or merged meanwhile gives room back.
      const whenFull = async () => {
        await fill(dir, mib);
        return metricsOf(assay);
      };
      await until(whenFull, isFelt, 180_000);
      await delay(FULL_MS);
      expect(assay.child.exitCode, assay.output()).toBe(null);
      await rm(join(dir, "filler"));
      await load.untilMoreAcked(500);
      const { refused, unknown } = await load.end();
      expect({ refused, unknown }).toEqual({ refused: 0, unknown: 0 });
      const target = await writerOf(assay.env);
      await expectExactlyOnce(target, load, () => assay.output());
      expect(await assay.stop(60_000), assay.output()).toBe(0);
    } finally {
      await load.remove();
      assay.child.kill("SIGKILL");
      await until(
        async () => unmount(dir),
        () => true,
        60_000,
      );
      await removeData(env);
    }
  },
  500_000,
);

/** Takes all the room there is. */
async function fill(dir: string, mib: number): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024, 1);
  for (let n = 0; n < mib * 16; n++) {
    try {
      await writeFile(join(dir, "filler"), chunk, { flag: "a" });
    } catch {
      return; // no space left on the device, as wanted
    }
  }
}
