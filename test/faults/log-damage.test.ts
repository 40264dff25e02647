/**
 * Damage to the files of the log that its own tests leave out: a page of zeros over several records, a segment that is
 * gone or cut short in the middle, a cursor that is old or ahead, and any flipped bit in the small files. The log opens,
 * offers every record that is whole, and counts exactly those that are not.
 */
import { expect, test } from "vitest";

import { openLog, type WriteAheadLog } from "../../collector/log/log.ts";
import { MemoryFs } from "../../collector/log/testing/memory-fs.ts";
import { request } from "../../collector/log/testing/requests.ts";

const DIR = "/log";
const RECORDS = 12;
const BODY_BYTES = 1_000;

function open(fs: MemoryFs): Promise<WriteAheadLog> {
  return openLog({
    dir: DIR,
    fs,
    maxBytes: 1e9,
    segmentBytes: 3_500,
    validatorVersion: 1,
    log: () => undefined,
  });
}

/** A closed log of twelve records in three segments, released through the second record. */
async function twelveRecords(): Promise<MemoryFs> {
  const fs = new MemoryFs();
  const log = await open(fs);
  for (let n = 1; n <= RECORDS; n++) await log.append(request(n, BODY_BYTES));
  await log.release(2);
  await log.close();
  return fs;
}

const segmentsOf = (fs: MemoryFs): string[] => fs.paths().filter((path) => path.endsWith(".wal"));

/** Numbers of the records that are offered from `from` on. */
async function offered(log: WriteAheadLog, from = 1): Promise<number[]> {
  const seqs: number[] = [];
  for (let seq = from; ;) {
    const records = await log.read(seq, 1e6);
    if (records.length === 0) return seqs;
    seqs.push(...records.map((record) => record.seq));
    seq = seqs.at(-1)! + 1;
  }
}

const all = Array.from({ length: RECORDS }, (_, i) => i + 1);

test("a page of zeros takes the records that it touches, and no other", async () => {
  const fs = await twelveRecords();
  const [, middle] = segmentsOf(fs);
  const bytes = Buffer.from(fs.get(middle!));
  bytes.fill(0, 1_500, 1_500 + 900);
  fs.set(middle!, bytes);
  const log = await open(fs);
  const seqs = await offered(log);
  const lost = all.filter((seq) => !seqs.includes(seq));
  expect(lost).toHaveLength(2);
  expect(log.stats()).toMatchObject({ missingRecords: 2, durableSeq: RECORDS });
  expect(log.stats().quarantinedBytes).toBeGreaterThan(900);
});

test("a segment in the middle is gone: its records are counted exactly, the others are offered", async () => {
  const fs = await twelveRecords();
  const [first, second, third] = segmentsOf(fs);
  const firstOf = (path: string) => Number(/(\d+)\.wal$/.exec(path)![1]);
  fs.delete(second!);
  const log = await open(fs);
  const lost = firstOf(third!) - firstOf(second!);
  expect(firstOf(first!)).toBe(1);
  expect(log.stats()).toMatchObject({ missingRecords: lost, durableSeq: RECORDS });
  expect(await offered(log)).toHaveLength(RECORDS - lost);
});

test("a segment in the middle is cut short: what is whole is offered, what follows too", async () => {
  const fs = await twelveRecords();
  const [, middle] = segmentsOf(fs);
  fs.set(middle!, fs.get(middle!).subarray(0, -300));
  const log = await open(fs);
  expect(await offered(log)).toHaveLength(RECORDS - 1);
  expect(log.stats()).toMatchObject({ missingRecords: 1, durableSeq: RECORDS });
});

test("an old cursor offers again what was released; none is left out", async () => {
  const fs = await twelveRecords();
  const old = Buffer.from(fs.get(`${DIR}/cursor`));
  const log = await open(fs);
  await log.release(3);
  await log.close();
  fs.set(`${DIR}/cursor`, old);
  const again = await open(fs);
  expect(again.releasedSeq).toBe(2);
  expect(await offered(again, 3)).toEqual(all.slice(2));
});

test("a cursor ahead of the records: no number is used twice", async () => {
  const fs = await twelveRecords();
  const log = await open(fs);
  await log.release(RECORDS);
  await log.close();
  for (const path of segmentsOf(fs)) fs.delete(path);
  const again = await open(fs);
  await again.append(request(99, BODY_BYTES));
  expect(again.durableSeq).toBe(RECORDS + 1);
});

test.each(["cursor", "resent", "lock"])("any flipped bit in %s hides no record", async (name) => {
  const fs = await twelveRecords();
  if (!fs.paths().includes(`${DIR}/${name}`)) fs.set(`${DIR}/${name}`, Buffer.alloc(48, 7));
  const whole = Buffer.from(fs.get(`${DIR}/${name}`));
  for (let at = 0; at < whole.byteLength; at++) {
    const damaged = new MemoryFs();
    for (const path of fs.paths()) damaged.set(path, Buffer.from(fs.get(path)));
    const bytes = Buffer.from(whole);
    bytes[at] = bytes[at]! ^ (1 << (at % 8));
    damaged.set(`${DIR}/${name}`, bytes);
    const log = await open(damaged);
    expect(await offered(log, 3), `byte ${at}`).toEqual(all.slice(2));
    expect(log.releasedSeq, `byte ${at}`).toBeLessThanOrEqual(2);
    await log.close();
  }
});
