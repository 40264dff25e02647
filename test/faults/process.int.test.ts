/** Faults of the machine around the collector: its clock, its disk, another process in its folder. */
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { retention } from "@assay/clickhouse";
import { expect, test } from "vitest";

import { assayEnv, removeData, startAssay } from "../processes.ts";
import { expectExactlyOnce, startRecordedLoad, writerOf } from "./oracle.ts";
import { canMountSmallDisks, mountSmallDisk, unmount } from "./small-disk.ts";

const clock = new URL("jumping-clock.ts", import.meta.url).href;
const failingSync = new URL("failing-sync.ts", import.meta.url).href;

test("the clock jumps by hours and years, many times a second of load", async () => {
  // Spans are filed under the time of receipt when their own is not believable, here up to a year away.
  const days = Object.keys(retention).map((name) => `${name}=3000`);
  const env = await assayEnv({ ASSAY_RETENTION_DAYS: days.join(",") });
  const assay = await startAssay("collector", env, ["--import", clock]);
  const load = await startRecordedLoad(assay.otlp, 1, [
    "--spans",
    "1000000",
    "--batch",
    "50",
    "--rate",
    "1500",
  ]);
  try {
    await delay(5_000);
    const { refused, unknown } = await load.end();
    expect({ refused, unknown }).toEqual({ refused: 0, unknown: 0 });
    await expectExactlyOnce(await writerOf(env), load, () => assay.output());
    expect(await assay.stop()).toBe(0);
  } finally {
    await load.remove();
    assay.child.kill("SIGKILL");
    await removeData(env);
  }
});

test("a sync that fails: nothing more is acknowledged, the process ends, and the next one has everything", async () => {
  const env = await assayEnv();
  const file = join(env["ASSAY_DATA"]!, "fail");
  const assay = await startAssay("collector", { ...env, FAIL_SYNC: file }, [
    "--import",
    failingSync,
  ]);
  const load = await startRecordedLoad(assay.otlp, 1, [
    "--spans",
    "1000000",
    "--batch",
    "50",
    "--rate",
    "1500",
  ]);
  let next: typeof assay | undefined;
  try {
    await load.untilMoreAcked(500);
    const ended = once(assay.child, "exit");
    await writeFile(file, "");
    const [code] = (await ended) as [number | null];
    expect(code).toBe(1);
    expect(assay.output()).toContain("EIO");
    await load.end();
    next = await startAssay("collector", env);
    await expectExactlyOnce(await writerOf(env), load, () => next!.output());
  } finally {
    await load.remove();
    assay.child.kill("SIGKILL");
    await next?.stop();
    await removeData(env);
  }
});

test("a second collector on the same folder says so and ends; the first goes on", async () => {
  const env = await assayEnv();
  const first = await startAssay("collector", env);
  try {
    const other = await assayEnv({ ASSAY_DATA: env["ASSAY_DATA"]! });
    await expect(startAssay("collector", other)).rejects.toThrow(
      `is open in process ${first.child.pid}: stop that one first`,
    );
    expect((await fetch(`${first.metrics}/metrics`)).status).toBe(200);
  } finally {
    await first.stop();
    await removeData(env);
  }
});

test.skipIf(!canMountSmallDisks)(
  "a folder that cannot be written is said at start",
  async () => {
    const env = await assayEnv();
    const dir = join(env["ASSAY_DATA"]!, "log");
    await mkdir(dir);
    mountSmallDisk(dir, "ro");
    try {
      await expect(startAssay("collector", env)).rejects.toThrow(/ended \(1\):\n.*EROFS/s);
    } finally {
      unmount(dir);
      await removeData(env);
    }
  },
  60_000,
);
