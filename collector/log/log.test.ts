import { crc32 } from "node:zlib";
import { describe, expect, test, vi } from "vitest";
import { RefusedError } from "../stages.ts";
import { openLog, type LogOptions, type WriteAheadLog } from "./log.ts";
import { HEADER_BYTES } from "./record.ts";
import { SEGMENT_HEADER_BYTES } from "./segment.ts";
import { MemoryFs, type Operation } from "./testing/memory-fs.ts";
import { request, seeded } from "./testing/requests.ts";

const dir = "/log";

function open(fs: MemoryFs, options: Partial<LogOptions> = {}): Promise<WriteAheadLog> {
  return openLog({ dir, fs, maxBytes: 1e9, validatorVersion: 7, log: () => undefined, ...options });
}

/** The numbers of the requests that the log offers, from `fromSeq` on. */
async function bodies(log: WriteAheadLog, fromSeq = 1): Promise<string[]> {
  const found: string[] = [];
  for (let seq = fromSeq; ;) {
    const records = await log.read(seq, 1000);
    if (records.length === 0) return found;
    for (const record of records) found.push(Buffer.from(record.body).toString());
    seq = (records.at(-1)?.seq ?? 0) + 1;
  }
}

const bodyOf = (n: number) => Buffer.from(request(n).body).toString();
const segments = (fs: MemoryFs) => fs.paths().filter((path) => path.endsWith(".wal"));
const lastSegment = (fs: MemoryFs) => segments(fs).at(-1) ?? "";

describe("append and read", () => {
  test("rule 9: a record comes back with what was accepted and refused, over a restart", async () => {
    const fs = new MemoryFs();
    const log = await open(fs);
    const first = { ...request(7), rejected: [0, 2], receivedAtUnixMs: 1_767_225_600_123 };
    await log.append(first);
    const { bodyHash: _, ...facts } = first;
    expect(await log.read(1, 1000)).toMatchObject([{ seq: 1, ...facts }]);
    await log.close();
    const again = await open(fs);
    expect(await again.read(1, 1000)).toMatchObject([{ seq: 1, ...facts }]);
    expect(again.id).toBe(log.id);
    expect(fs.get(lastSegment(fs)).readUInt32LE(SEGMENT_HEADER_BYTES + 12)).toBe(7);
  });

  test("appends that wait together share one sync", async () => {
    const log = await open(new MemoryFs());
    await Promise.all(Array.from({ length: 100 }, (_, n) => log.append(request(n))));
    expect(log.stats()).toMatchObject({ appendedRecords: 100, durableSeq: 100, waitingBytes: 0 });
    expect(log.stats().syncs).toBeLessThanOrEqual(2);
  });

  test("rule 8: a record is read only once it is durable", async () => {
    const fs = new MemoryFs();
    const log = await open(fs);
    const appended = log.append(request(1));
    let isSynced = false;
    void appended.then(() => (isSynced = true));
    while (!isSynced) {
      const read = await log.read(1, 1000);
      if (read.length > 0) expect(fs.calls).toContain("syncDirectory");
    }
    expect(await log.read(1, 1000)).toHaveLength(1);
  });

  test("waitFor resolves when the record is durable, or not at all when aborted", async () => {
    const log = await open(new MemoryFs());
    const waiting = log.waitFor(2);
    const abort = new AbortController();
    const aborted = log.waitFor(9, abort.signal);
    await log.append(request(1));
    await log.append(request(2));
    abort.abort();
    expect(await waiting).toBe(true);
    expect(await aborted).toBe(false);
  });

  test("what is no longer in memory is read from the segments", async () => {
    const log = await open(new MemoryFs(), { recentBytes: 300, segmentBytes: 2000 });
    for (let n = 0; n < 60; n++) await log.append(request(n, 100 + n * 13));
    expect(log.stats().segments).toBeGreaterThan(3);
    const expected = Array.from({ length: 60 }, (_, n) =>
      Buffer.from(request(n, 100 + n * 13).body).toString(),
    );
    expect(await bodies(log)).toEqual(expected);
    expect(await bodies(log, 31)).toEqual(expected.slice(30));
  });

  test("release removes whole segments, keeps the cursor, and rereads nothing of them", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { segmentBytes: 1000 });
    for (let n = 0; n < 20; n++) await log.append(request(n));
    const spans = [0, 1, 2, 3, 4].reduce((sum, n) => sum + request(n).spanCount, 0);
    const before = log.stats();
    await log.release(5, spans);
    expect(log.stats().pendingSpans).toBe(before.pendingSpans - spans);
    await log.release(18);
    expect(segments(fs).length).toBeLessThan(before.segments);
    await log.close();
    const again = await open(fs);
    expect(again.stats()).toMatchObject({ releasedSeq: 18, durableSeq: 20, pendingRecords: 2 });
    expect(await bodies(again, 19)).toEqual([bodyOf(18), bodyOf(19)]);
  });

  test("a release beyond the log's end makes it go on after that number", async () => {
    const fs = new MemoryFs();
    const log = await open(fs);
    await log.append(request(1));
    await log.release(10);
    await log.append(request(2));
    expect(log.durableSeq).toBe(11);
    await log.close();
    const again = await open(fs);
    expect((await again.read(11, 1000))[0]?.seq).toBe(11);
    expect(again.stats().missingRecords).toBe(0);
  });
});

describe("resends (rule 8)", () => {
  test("a duplicate waits for the first copy's sync and is stored once", async () => {
    const log = await open(new MemoryFs());
    const outcomes = await Promise.all([log.append(request(1)), log.append(request(1))]);
    expect(outcomes).toEqual(["appended", "duplicate"]);
    expect(await log.append(request(1))).toBe("duplicate");
    expect(log.durableSeq).toBe(1);
  });

  test("when the first copy fails the duplicate fails too, and the next one is stored", async () => {
    const fs = new MemoryFs();
    const log = await open(fs);
    fs.fail("writev", 1, "ENOSPC");
    const outcomes = await Promise.allSettled([log.append(request(1)), log.append(request(1))]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await log.append(request(1))).toBe("appended");
  });

  test("the window survives a restart, and the removal of the segments that it came from", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { segmentBytes: 500 });
    for (let n = 0; n < 10; n++) await log.append(request(n));
    await log.release(10);
    await log.close();
    fs.crash();
    const again = await open(fs);
    for (let n = 0; n < 10; n++) expect(await again.append(request(n))).toBe("duplicate");
  });

  test("after ten minutes an equal body is a new one", async () => {
    let now = 1_000_000;
    const log = await open(new MemoryFs(), { now: () => now });
    await log.append(request(1, 100, now));
    now += 599_000;
    expect(await log.append(request(1, 100, now))).toBe("duplicate");
    now += 2_000;
    expect(await log.append(request(1, 100, now))).toBe("appended");
  });

  test("the window is bounded", async () => {
    const log = await open(new MemoryFs(), { resendCapacity: 10 });
    for (let n = 0; n < 30; n++) await log.append(request(n));
    expect(log.stats().resendEntries).toBeLessThanOrEqual(10);
    expect(await log.append(request(29))).toBe("duplicate");
  });
});

describe("bounds", () => {
  test("a full log refuses, with Retry-After from 1 to 3, until something is released", async () => {
    const log = await open(new MemoryFs(), { maxBytes: 2000, segmentBytes: 500 });
    const refused: unknown[] = [];
    for (let n = 0; n < 20; n++) await log.append(request(n)).catch((error) => refused.push(error));
    expect(refused.length).toBeGreaterThan(3);
    expect(refused.every((error) => error instanceof RefusedError)).toBe(true);
    expect(new Set(refused.map((error) => (error as RefusedError).retryAfterSeconds))).toEqual(
      new Set([1, 2, 3]),
    );
    expect(log.admission()?.message).toBe("the log is full");
    await log.release(log.durableSeq);
    expect(log.admission()).toBeUndefined();
    expect(await log.append(request(100))).toBe("appended");
  });

  test("the waiting requests are bounded in bytes", async () => {
    const log = await open(new MemoryFs(), { maxWaitingBytes: 1000 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => log.append(request(n))),
    );
    const appended = outcomes.filter(({ status }) => status === "fulfilled").length;
    expect(appended).toBeGreaterThan(4);
    expect(appended).toBeLessThan(10);
    expect(log.stats()).toMatchObject({ refusedRequests: 20 - appended, waitingBytes: 0 });
  });

  test("a disk that is full refuses one request, keeps the others, and recovers by itself", async () => {
    const fs = new MemoryFs();
    const log = await open(fs);
    await log.append(request(1));
    fs.capacity = fs.paths().reduce((sum, path) => sum + fs.get(path).byteLength, 0) + 400;
    const outcomes = await Promise.allSettled([
      log.append(request(2)),
      log.append(request(3, 5000)),
      log.append(request(4)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(log.stats().failed).toBeUndefined();
    fs.capacity = Infinity;
    await log.append(request(5));
    await log.close();
    fs.crash();
    expect(await bodies(await open(fs))).toEqual([1, 2, 4, 5].map(bodyOf));
  });

  test("release needs no space: a full disk does not keep itself full", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { segmentBytes: 300 });
    for (let n = 0; n < 8; n++) await log.append(request(n));
    fs.capacity = fs.paths().reduce((sum, path) => sum + fs.get(path).byteLength, 0);
    await log.release(8);
    expect(segments(fs)).toHaveLength(1);
  });
});

describe("a sync that fails (rule 3 of fsync: never twice)", () => {
  for (const operation of ["datasync", "syncDirectory", "writev"] as const) {
    test(`${operation}: nothing is acknowledged any more, and the process is told once`, async () => {
      const fs = new MemoryFs();
      const onFailed = vi.fn<(error: Error) => void>();
      const log = await open(fs, { onFailed });
      fs.fail(operation, 1, "EIO");
      const outcomes = await Promise.allSettled([log.append(request(1)), log.append(request(2))]);
      expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
      await expect(log.append(request(3))).rejects.toThrow("the log has failed");
      expect(log.admission()).toBeInstanceOf(RefusedError);
      expect(log.stats().failed).toContain("EIO");
      expect(onFailed).toHaveBeenCalledTimes(1);
      expect(await log.read(1, 1000)).toEqual([]);
    });
  }
});

describe("each I/O call fails once: acknowledged requests are there, refused ones may be", () => {
  const operations: Operation[] = [
    "open",
    "list",
    "makeDirectory",
    "rename",
    "remove",
    "syncDirectory",
    "writev",
    "read",
    "datasync",
    "truncate",
    "size",
    "close",
  ];
  for (const operation of operations) {
    for (const code of ["EIO", "ENOSPC"]) {
      test(`${operation} with ${code}, at every call of a session`, async () => {
        for (let nth = 1; nth <= 40; nth++) await sessionWithFault(operation, nth, code);
      });
    }
  }
});

/** Two processes' lives with one fault in the second; then a third finds what was acknowledged. */
async function sessionWithFault(operation: Operation, nth: number, code: string): Promise<void> {
  const fs = new MemoryFs();
  const acknowledged = new Set<string>();
  const run = async (from: number) => {
    const log = await open(fs, { segmentBytes: 400, recentBytes: 200 });
    for (let n = from; n < from + 6; n++) {
      await log.append(request(n)).then(
        () => acknowledged.add(bodyOf(n)),
        () => undefined,
      );
      await log.read(1, 1000).catch(() => []);
    }
    await log.release(from > 0 ? 3 : 1).catch(() => undefined);
    await log.close();
  };
  await run(0);
  fs.fail(operation, nth, code, operation === "writev" ? 50 : 0);
  await run(10).catch(() => undefined);
  fs.crash();
  const log = await open(fs);
  const offered = new Set(await bodies(log, log.releasedSeq + 1));
  const released = new Set([0, 1, 2].map(bodyOf));
  for (const body of acknowledged) {
    if (!released.has(body)) expect(offered, `${operation} ${nth} ${code}`).toContain(body);
  }
}

describe("damage", () => {
  /** A log with three records, closed, and where they lie in its only segment. */
  async function threeRecords(bodyBytes = 100) {
    const fs = new MemoryFs();
    const log = await open(fs);
    for (const n of [1, 2, 3]) await log.append(request(n, bodyBytes));
    await log.close();
    const length = HEADER_BYTES + bodyBytes;
    const start = (n: number) => SEGMENT_HEADER_BYTES + (n - 1) * length;
    return { fs, path: lastSegment(fs), start, length };
  }

  test("a torn tail, at every byte of the last record, is cut and the log goes on", async () => {
    const { fs, path, start, length } = await threeRecords();
    const whole = fs.get(path);
    for (let end = start(3); end < start(3) + length; end++) {
      const torn = new MemoryFs();
      for (const name of fs.paths()) torn.set(name, fs.get(name));
      torn.set(path, whole.subarray(0, end));
      const log = await open(torn);
      expect(log.stats()).toMatchObject({ durableSeq: 2, tornBytes: end - start(3) });
      await log.append(request(4));
      await log.close();
      expect(await bodies(await open(torn))).toEqual([1, 2, 4].map(bodyOf));
    }
  });

  // A small body has a CRC-32, a large one a MAC.
  test.each([
    ["small", 100, 1],
    ["large", 8 * 1024 + 1, 53],
  ])("any flipped bit of a %s record takes it to quarantine alone", async (_, bodyBytes, step) => {
    const { fs, path, start, length } = await threeRecords(bodyBytes);
    const bodyOf = (n: number) => Buffer.from(request(n, bodyBytes).body).toString();
    const whole = fs.get(path);
    for (let at = start(2); at < start(2) + length; at += at < start(2) + HEADER_BYTES ? 1 : step) {
      const damaged = new MemoryFs();
      for (const name of fs.paths()) damaged.set(name, fs.get(name));
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      damaged.set(path, bytes);
      const log = await open(damaged);
      expect(await bodies(log), `byte ${at - start(2)}`).toEqual([1, 3].map(bodyOf));
      expect(log.stats()).toMatchObject({ quarantinedBytes: length, missingRecords: 1 });
      const kept = damaged.paths().find((name) => name.includes("quarantine/")) ?? "";
      expect(damaged.get(kept)).toEqual(bytes.subarray(start(2), start(3)));
      await log.close();
      await (await open(damaged)).close();
    }
  });

  test("a damaged segment header loses no record", async () => {
    const { fs, path } = await threeRecords();
    for (let at = 0; at < SEGMENT_HEADER_BYTES; at++) {
      const damaged = new MemoryFs();
      for (const name of fs.paths()) damaged.set(name, fs.get(name));
      const bytes = Buffer.from(fs.get(path));
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      damaged.set(path, bytes);
      expect(await bodies(await open(damaged))).toEqual([1, 2, 3].map(bodyOf));
    }
  });

  test("a record inside a body never passes for one of the log", async () => {
    const { fs, path, start, length } = await threeRecords();
    const other = new MemoryFs();
    const foreign = await open(other);
    await foreign.append(request(99));
    const fake = other.get(lastSegment(other)).subarray(SEGMENT_HEADER_BYTES);
    const bytes = Buffer.from(fs.get(path));
    fake.copy(bytes, start(2) + HEADER_BYTES, 0, Math.min(fake.byteLength, length - HEADER_BYTES));
    fs.set(path, bytes);
    expect(await bodies(await open(fs))).toEqual([1, 3].map(bodyOf));
  });

  test("a missing segment in the middle is counted, and the rest is offered", async () => {
    const fs = new MemoryFs();
    const log = await open(fs, { segmentBytes: 300 });
    for (let n = 1; n <= 9; n++) await log.append(request(n));
    await log.close();
    fs.delete(segments(fs)[1] ?? "");
    const again = await open(fs);
    const lost = again.stats().missingRecords;
    expect(lost).toBeGreaterThan(0);
    expect(await bodies(again)).toHaveLength(9 - lost);
  });

  test("a damaged, lost or too high cursor never hides a record that is there", async () => {
    const { fs } = await threeRecords();
    fs.set(`${dir}/cursor`, Buffer.from("2 garbage\n"));
    expect((await open(fs)).releasedSeq).toBe(0);
    fs.delete(`${dir}/cursor`);
    expect((await open(fs)).releasedSeq).toBe(0);
  });

  test("a newer format is refused with a sentence, never skipped", async () => {
    const { fs, path } = await threeRecords();
    fs.set(path, withVersion(fs.get(path), 3));
    await expect(open(fs)).rejects.toThrow("has format version 3, expected 1 or 2");
  });

  test("format version 1, with a CRC-32 of large bodies too, is read", async () => {
    const { fs, path, start } = await threeRecords(10_000);
    const bytes = withVersion(fs.get(path), 1);
    const logId = bytes.toString("latin1", 16, 52);
    for (const at of [1, 2, 3].map(start)) {
      bytes[at + 15] = 0;
      const body = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + 10_000);
      const sum = crc32(body, crc32(logId));
      bytes.writeUInt32LE(crc32(bytes.subarray(at + 12, at + HEADER_BYTES), sum), at + 8);
    }
    fs.set(path, bytes);
    const expected = [1, 2, 3].map((n) => Buffer.from(request(n, 10_000).body).toString());
    expect(await bodies(await open(fs))).toEqual(expected);
  });

  function withVersion(segment: Buffer, version: number): Buffer {
    const bytes = Buffer.from(segment);
    bytes.writeUInt32LE(version, 12);
    bytes.writeUInt32LE(crc32(bytes.subarray(12, SEGMENT_HEADER_BYTES)), 8);
    return bytes;
  }
});

describe("rule 3: a copied log is refused", () => {
  test("with a sentence that says how to adopt it; adopted, it has another id", async () => {
    const fs = new MemoryFs();
    const log = await open(fs);
    await log.append(request(1));
    await log.close();
    const copy = fs.copy();
    await expect(open(copy)).rejects.toThrow('create the empty file "/log/adopt"');
    copy.set(`${dir}/adopt`, Buffer.alloc(0));
    const adopted = await open(copy);
    expect(adopted.id).not.toBe(log.id);
    await adopted.append(request(2));
    expect(await bodies(adopted)).toEqual([bodyOf(1), bodyOf(2)]);
    await adopted.close();
    expect((await open(copy)).id).toBe(adopted.id);
  });

  test("segments without an id, and a damaged id, are refused", async () => {
    const fs = new MemoryFs();
    const log = await open(fs);
    await log.append(request(1));
    fs.set(`${dir}/id`, Buffer.from("{"));
    await expect(open(fs)).rejects.toThrow("its id file is damaged");
    fs.delete(`${dir}/id`);
    await expect(open(fs)).rejects.toThrow("it has segments but no id file");
  });
});

describe("power loss: random sessions against a model", () => {
  for (let seed = 1; seed <= 60; seed++) {
    test(`seed ${seed}`, () => randomSession(seed));
  }
});

/** Appends, reads, releases, restarts and crashes at random; what was acknowledged must be offered, in order, once. */
async function randomSession(seed: number): Promise<void> {
  const random = seeded(seed);
  const fs = new MemoryFs();
  const options = { segmentBytes: 700, recentBytes: random() < 0.5 ? 0 : 1000, groupBytes: 600 };
  let log = await open(fs, options);
  const acknowledged: number[] = [];
  let released = 0;
  let next = 0;
  for (let step = 0; step < 40; step++) {
    const dice = random();
    if (dice < 0.6) {
      const ns = Array.from({ length: 1 + Math.floor(random() * 6) }, () => next++);
      const sizes = 20 + Math.floor(random() * 300);
      const isCrash = random() < 0.3;
      const acks = ns.map((n) =>
        log.append({ ...request(n), body: Buffer.alloc(sizes, `<${n}>`) }).then(
          () => acknowledged.push(n),
          () => undefined,
        ),
      );
      if (isCrash) {
        for (let i = Math.floor(random() * 12); i > 0; i--) await Promise.resolve();
        fs.crash(random);
        const before = new Set(acknowledged);
        log = await open(fs, options);
        await check(log, [...before], seed);
        acknowledged.splice(0, acknowledged.length, ...before);
      } else await Promise.all(acks);
    } else if (dice < 0.75) {
      released = Math.floor(released + random() * (log.durableSeq - released));
      await log.release(released);
    } else if (dice < 0.85) {
      await log.close();
      log = await open(fs, options);
    } else {
      fs.crash(random);
      log = await open(fs, options);
    }
    await check(log, acknowledged, seed);
  }
}

async function check(log: WriteAheadLog, acknowledged: readonly number[], seed: number) {
  const released = log.releasedSeq;
  const offered = (await bodies(log, released + 1)).map((body) =>
    Number(/<(\d+)>/.exec(body)?.[1]),
  );
  expect(new Set(offered).size, `seed ${seed}: none twice`).toBe(offered.length);
  const known = new Set(offered);
  const missing = acknowledged.filter((n) => !known.has(n));
  // Exactly the released ones are gone: sequence numbers count what the log holds.
  expect(missing.length, `seed ${seed}: missing ${missing.join()}`).toBeLessThanOrEqual(released);
  const kept = acknowledged.filter((n) => known.has(n));
  expect(offered.filter((n) => kept.includes(n))).toEqual(kept);
}
