import { expect, test } from "vitest";

import type { LogRecord } from "../stages.ts";
import { openLog, type LogOptions } from "./log.ts";
import { Reserve } from "./reserve.ts";
import { MemoryFs } from "./testing/memory-fs.ts";

const KiB = 1024;
const silent = () => undefined;

function used(fs: MemoryFs): number {
  return fs.paths().reduce((sum, path) => sum + fs.get(path).byteLength, 0);
}

async function reserveOn(fs: MemoryFs, now = () => 0): Promise<Reserve> {
  const names = fs.paths().map((path) => path.slice("log/".length));
  return Reserve.open({ fs, dir: "log", bytes: 64 * KiB, log: silent, now }, names);
}

test("is there from the start, and is not made twice", async () => {
  const fs = new MemoryFs();
  await reserveOn(fs);
  expect((await reserveOn(fs)).isGone()).toBe(false);
  expect(fs.get("log/reserve").byteLength).toBe(64 * KiB);
});

test("at most a quarter of a small disk; none on a full one, which is no reason to refuse", async () => {
  const fs = new MemoryFs();
  fs.capacity = 100 * KiB;
  await reserveOn(fs);
  expect(fs.get("log/reserve").byteLength).toBe(25 * KiB);
  const full = new MemoryFs();
  full.capacity = 0;
  const none = await reserveOn(full);
  await none.giveUp();
  expect(none.isGone()).toBe(false);
});

test("is not given up for a shortage of something else", async () => {
  const fs = new MemoryFs();
  const reserve = await reserveOn(fs);
  await reserve.giveUp();
  expect(reserve.isGone()).toBe(false);
  expect(fs.paths()).toContain("log/reserve");
});

test("is given up on a full disk, and made again when there is room for it twice", async () => {
  const fs = new MemoryFs();
  let now = 0;
  const reserve = await reserveOn(fs, () => now);
  fs.capacity = used(fs);
  await reserve.giveUp();
  expect(reserve.isGone()).toBe(true);
  expect(fs.paths()).not.toContain("log/reserve");
  for (const [capacity, isGone] of [
    [used(fs) + 127 * KiB, true],
    [used(fs) + 128 * KiB, false],
  ] as const) {
    fs.capacity = capacity;
    now += 1_000;
    reserve.isGone(); // asks
    await reserve.close();
    expect(reserve.isGone()).toBe(isGone);
  }
  expect(fs.get("log/reserve").byteLength).toBe(64 * KiB);
});

test("a full disk: the log refuses, what empties it can be written, and then it goes on by itself", async () => {
  const fs = new MemoryFs();
  const options: LogOptions = {
    dir: "log",
    fs,
    maxBytes: 1024 * KiB,
    reserveBytes: 64 * KiB,
    validatorVersion: 1,
    log: silent,
  };
  const log = await openLog(options);
  await log.append(request(1));
  fs.capacity = used(fs) + 100;
  await expect(log.append(request(2))).rejects.toThrow("no room");
  await expect.poll(() => log.admission()?.message).toBe("the log's disk is full");
  // A plan beside the log, as the inserter writes it.
  fs.set("insert/1.plan", Buffer.alloc(32 * KiB));
  expect(used(fs)).toBeLessThan(fs.capacity);
  await log.release(1);
  fs.capacity = Infinity;
  await expect.poll(() => log.admission()).toBeUndefined();
  await log.append(request(3));
  const records: LogRecord[] = await log.read(2, 1024);
  expect(records.map(({ body }) => Buffer.from(body).toString())).toEqual(["3".repeat(200)]);
  await log.close();
});

test("a disk that the log itself has filled: what the store has is removed, the segment under way included", async () => {
  const fs = new MemoryFs();
  fs.capacity = 512 * KiB;
  const options: LogOptions = {
    dir: "log",
    fs,
    maxBytes: 1024 * 1024 * KiB,
    reserveBytes: 64 * KiB,
    validatorVersion: 1,
    log: silent,
  };
  const log = await openLog(options);
  let last = 0;
  const fill = async () => {
    for (; ; last++) await log.append(request(last + 1, 10_000));
  };
  for (let round = 0; round < 3; round++) {
    await expect(fill()).rejects.toThrow("no room");
    await expect.poll(() => log.admission()?.message).toBe("the log's disk is full");
    const before = last;
    await log.release(last);
    await expect.poll(() => log.admission()).toBeUndefined();
    expect(last).toBe(before);
  }
  expect(last).toBeGreaterThan(100);
  await log.close();
});

function request(n: number, bytes = 200) {
  return {
    signal: "traces" as const,
    body: Buffer.alloc(bytes, String(n)),
    spanCount: 1,
    rejected: [],
    receivedAtUnixMs: n,
    bodyHash: Buffer.alloc(16, n),
  };
}
