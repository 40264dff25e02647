import { describe, expect, test } from "vitest";
import type { ConsumerOptions, LogConsumer } from "./consumer.ts";
import { openLog, type LogOptions, type WriteAheadLog } from "./log.ts";
import { MemoryFs, type Operation } from "./testing/memory-fs.ts";
import { request } from "./testing/requests.ts";

const dir = "/log";
const far: ConsumerOptions = { name: "far", maxBytes: 1e9 };

function open(fs: MemoryFs, options: Partial<LogOptions> = {}): Promise<WriteAheadLog> {
  const log = () => undefined;
  return openLog({
    dir,
    fs,
    maxBytes: 1e9,
    segmentBytes: 500,
    validatorVersion: 1,
    log,
    ...options,
  });
}

const bodyOf = (n: number) => Buffer.from(request(n).body).toString();
const spansOf = (...numbers: readonly number[]) =>
  numbers.reduce((sum, n) => sum + request(n).spanCount - request(n).rejected.length, 0);
const segments = (fs: MemoryFs) => fs.paths().filter((path) => path.endsWith(".wal"));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

async function append(log: WriteAheadLog, from: number, to: number): Promise<void> {
  for (const n of range(from, to)) await log.append(request(n));
}

async function bodies(consumer: LogConsumer): Promise<string[]> {
  const found: string[] = [];
  for (let seq = consumer.releasedSeq + 1; ;) {
    const records = await consumer.read(seq, 500);
    if (records.length === 0) return found;
    for (const { body } of records) found.push(Buffer.from(body).toString());
    seq = (records.at(-1)?.seq ?? 0) + 1;
  }
}

test("each reads at its own pace; a segment goes when the store and all consumers have passed it", async () => {
  const fs = new MemoryFs();
  const consumers = [far, { ...far, name: "near" }];
  const log = await open(fs, { consumers, recentBytes: 200 });
  await append(log, 0, 20);
  const all = segments(fs).length;
  const expected = range(0, 20).map(bodyOf);
  expect(await bodies(log.consumer("far"))).toEqual(expected);
  await log.release(20, spansOf(...range(0, 20)));
  expect(segments(fs)).toHaveLength(all);
  await log.consumer("near").release(20, spansOf(...range(0, 20)));
  expect(segments(fs)).toHaveLength(all);
  expect(await bodies(log.consumer("far"))).toEqual(expected);
  await log.consumer("far").release(12, spansOf(...range(0, 12)));
  expect(segments(fs).length).toBeLessThan(all);
  expect(await bodies(log.consumer("far"))).toEqual(expected.slice(12));
  await log.consumer("far").release(20, spansOf(...range(12, 20)));
  expect(segments(fs)).toHaveLength(1);
  expect(log.stats().consumers.map(({ pendingSpans }) => pendingSpans)).toEqual([0, 0]);
});

test("its place and what it has not taken survive a restart", async () => {
  const fs = new MemoryFs();
  const log = await open(fs, { consumers: [far] });
  await append(log, 0, 10);
  await log.release(10);
  await log.consumer("far").release(4, spansOf(0, 1, 2, 3));
  const before = log.consumer("far").stats();
  expect(before).toMatchObject({ releasedSeq: 4, pendingRecords: 6 });
  expect(before.pendingSpans).toBe(spansOf(...range(4, 10)));
  await log.close();
  fs.crash();
  const again = await open(fs, { consumers: [far] });
  expect(again.consumer("far").stats()).toEqual({ ...before, keptBytes: 0 });
  expect(again.releasedSeq).toBe(10);
  expect(await bodies(again.consumer("far"))).toEqual(range(4, 10).map(bodyOf));
});

describe("where it begins", () => {
  test("a new one at the end, over a crash before it has released anything", async () => {
    const fs = new MemoryFs();
    const log = await open(fs);
    await append(log, 0, 5);
    await log.close();
    const second = await open(fs, { consumers: [far] });
    await append(second, 5, 8);
    fs.crash();
    const third = await open(fs, { consumers: [far] });
    expect(await bodies(third.consumer("far"))).toEqual([5, 6, 7].map(bodyOf));
  });

  test("a new one at the beginning of what the log holds, when asked to", async () => {
    const fs = new MemoryFs();
    const log = await open(fs);
    await append(log, 0, 5);
    await log.close();
    const consumers = [{ ...far, from: "beginning" as const }];
    const again = await open(fs, { consumers });
    expect(await bodies(again.consumer("far"))).toEqual(range(0, 5).map(bodyOf));
    expect(again.consumer("far").stats().pendingSpans).toBe(spansOf(...range(0, 5)));
  });

  test("one with a damaged cursor at the beginning: twice rather than never", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { consumers: [far] });
    await append(log, 0, 5);
    await log.consumer("far").release(3);
    await log.close();
    fs.set(`${dir}/cursor-far`, Buffer.from("3 garbage\n"));
    const again = await open(fs, { consumers: [far] });
    expect(await bodies(again.consumer("far"))).toEqual(range(0, 5).map(bodyOf));
  });

  test("one that is no longer configured loses its cursor, with a warning that counts", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { consumers: [far] });
    await append(log, 0, 5);
    await log.close();
    const lines: string[] = [];
    const without = await open(fs, { log: (_, message) => lines.push(message) });
    expect(lines.join()).toContain('"far" is no longer there; 5 requests');
    await without.close();
    expect(fs.paths()).not.toContain(`${dir}/cursor-far`);
    const again = await open(fs, { consumers: [far] });
    expect(await bodies(again.consumer("far"))).toEqual([]);
  });

  test("numbers that a consumer has seen are not used again when the log's tail is lost", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { consumers: [far], segmentBytes: 1e6 });
    await append(log, 0, 5);
    await log.consumer("far").release(5);
    await log.close();
    const path = segments(fs)[0] ?? "";
    fs.set(path, fs.get(path).subarray(0, 400));
    const again = await open(fs, { consumers: [far] });
    await append(again, 5, 6);
    expect(await bodies(again.consumer("far"))).toEqual([bodyOf(5)]);
  });

  for (const name of ["", "Far", "a/b", "..", "a.tmp", "x".repeat(64)]) {
    test(`a name that is none of a file: "${name.slice(0, 10)}"`, async () => {
      const consumers = [{ ...far, name }];
      await expect(open(new MemoryFs(), { consumers })).rejects.toThrow(
        "expected a consumer's name",
      );
    });
  }

  test("two of one name are refused", async () => {
    const opened = open(new MemoryFs(), { consumers: [far, far] });
    await expect(opened).rejects.toThrow('expected one consumer "far", got two');
  });
});

describe("far behind", () => {
  test("over its bytes its oldest segments are given up, counted and logged", async () => {
    const fs = new MemoryFs();
    const lines: string[] = [];
    const log = await open(fs, {
      consumers: [{ ...far, maxBytes: 1500 }],
      log: (level, message) => lines.push(`${level} ${message}`),
    });
    await append(log, 0, 40);
    expect(log.consumer("far").stats().givenUpRecords).toBe(0);
    await log.release(40);
    const stats = log.consumer("far").stats();
    expect(stats.givenUpRecords).toBeGreaterThan(10);
    expect(stats.givenUpSpans).toBe(spansOf(...range(0, stats.givenUpRecords)));
    expect(stats.pendingSpans).toBe(spansOf(...range(stats.givenUpRecords, 40)));
    expect(stats.keptBytes).toBeLessThanOrEqual(1500);
    expect(log.stats().keptBytes).toBe(stats.keptBytes);
    expect(lines.join()).toContain(`error log: ${stats.givenUpRecords} requests with`);
    const rest = range(stats.givenUpRecords, 40).map(bodyOf);
    expect(await bodies(log.consumer("far"))).toEqual(rest);
    fs.crash();
    const again = await open(fs, { consumers: [{ ...far, maxBytes: 1500 }] });
    expect(await bodies(again.consumer("far"))).toEqual(rest);
  });

  test("over its age, too; what the store has not got is never given up", async () => {
    const fs = new MemoryFs();
    const consumers = [{ ...far, maxAgeMs: -1 }];
    const log = await open(fs, { consumers });
    await append(log, 0, 20);
    expect(log.consumer("far").stats().givenUpRecords).toBe(0);
    await log.release(10);
    const { givenUpRecords } = log.consumer("far").stats();
    expect(givenUpRecords).toBeGreaterThan(4);
    expect(givenUpRecords).toBeLessThanOrEqual(10);
    expect(await bodies(log.consumer("far"))).toEqual(range(givenUpRecords, 20).map(bodyOf));
  });

  test("one that is dead does not fill the log for those who send", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { consumers: [{ ...far, maxBytes: 4000 }], maxBytes: 2000 });
    for (let n = 0; n < 100; n += 5) {
      await append(log, n, n + 5);
      await log.release(n + 5);
    }
    const { bytes, keptBytes, refusedRequests } = log.stats();
    expect(refusedRequests).toBe(0);
    expect(bytes).toBeLessThan(2000);
    expect(keptBytes).toBeGreaterThan(3000);
    expect(keptBytes).toBeLessThanOrEqual(4000);
  });

  test("it is given up on a full disk as well, and the store's release passes", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { consumers: [{ ...far, maxBytes: 1000 }] });
    await append(log, 0, 20);
    fs.capacity = fs.paths().reduce((sum, path) => sum + fs.get(path).byteLength, 0);
    await log.release(20);
    expect(log.stats().keptBytes).toBeLessThanOrEqual(1000);
    const rest = await bodies(log.consumer("far"));
    fs.crash();
    expect(await bodies((await open(fs, { consumers: [far] })).consumer("far"))).toEqual(rest);
  });

  test("releases that come together share their writes", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { consumers: [far], segmentBytes: 1e6 });
    await append(log, 0, 50);
    const before = fs.calls.filter((call) => call === "datasync").length;
    await Promise.all(range(1, 51).map((seq) => log.consumer("far").release(seq)));
    expect(fs.calls.filter((call) => call === "datasync").length - before).toBeLessThanOrEqual(3);
    fs.crash();
    expect((await open(fs, { consumers: [far] })).consumer("far").releasedSeq).toBe(50);
  });
});

describe("each I/O call fails once: nothing acknowledged is hidden from a consumer", () => {
  const operations: Operation[] = ["open", "rename", "remove", "syncDirectory", "writev", "read"];
  operations.push("datasync", "truncate", "size", "close", "list");
  for (const operation of operations) {
    for (const code of ["EIO", "ENOSPC"]) {
      test(`${operation} with ${code}`, async () => {
        for (let nth = 1; nth <= 30; nth++) await sessionWithFault(operation, nth, code);
      });
    }
  }
});

async function sessionWithFault(operation: Operation, nth: number, code: string): Promise<void> {
  const fs = new MemoryFs();
  const acknowledged = new Set<string>();
  const taken = new Set<string>();
  const run = async (from: number) => {
    const log = await open(fs, { consumers: [far], segmentBytes: 400, recentBytes: 200 });
    const consumer = log.consumer("far");
    for (const n of range(from, from + 6)) {
      await log.append(request(n)).then(
        () => acknowledged.add(bodyOf(n)),
        () => undefined,
      );
    }
    await log.release(log.durableSeq).catch(() => undefined);
    const records = await consumer.read(consumer.releasedSeq + 1, 250).catch(() => []);
    for (const { body } of records) taken.add(Buffer.from(body).toString());
    const last = records.at(-1);
    if (last) await consumer.release(last.seq).catch(() => undefined);
    await log.close();
  };
  await run(0);
  fs.fail(operation, nth, code, operation === "writev" ? 50 : 0);
  await run(10).catch(() => undefined);
  fs.crash();
  const log = await open(fs, { consumers: [far] });
  for (const body of await bodies(log.consumer("far"))) taken.add(body);
  for (const body of acknowledged) expect(taken, `${operation} ${nth} ${code}`).toContain(body);
}
