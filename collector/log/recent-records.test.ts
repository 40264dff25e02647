import { expect, test } from "vitest";
import type { LogRecord } from "../stages.ts";
import { Loan, RecentRecords } from "./recent-records.ts";

function recordsThrough(last: number, maxBytes = 1e6): { recent: RecentRecords; freed: number[] } {
  const recent = new RecentRecords(maxBytes);
  const freed: number[] = [];
  for (let seq = 1; seq <= last; seq++) recent.add(recordOf(seq), () => freed.push(seq));
  return { recent, freed };
}

function recordOf(seq: number): LogRecord {
  const body = Buffer.alloc(100);
  return { seq, signal: "traces", body, spanCount: 1, rejected: [], receivedAtUnixMs: 0 };
}

test("memory is given back when a record is dropped", () => {
  const { recent, freed } = recordsThrough(3);
  recent.dropThrough(2);
  expect(freed).toEqual([1, 2]);
});

test("a lent body stays until its reader reads again", () => {
  const { recent, freed } = recordsThrough(4);
  const loan = new Loan();
  expect(recent.read(1, 200, loan)?.map(({ seq }) => seq)).toEqual([1, 2]);
  recent.dropThrough(3);
  expect(freed).toEqual([3]);
  recent.read(4, 200, loan);
  expect(freed).toEqual([3, 1, 2]);
});

test("two readers: the later one decides", () => {
  const { recent, freed } = recordsThrough(1);
  const [one, two] = [new Loan(), new Loan()];
  recent.read(1, 100, one);
  recent.read(1, 100, two);
  recent.dropThrough(1);
  recent.read(2, 100, one);
  expect(freed).toEqual([]);
  recent.read(2, 100, two);
  expect(freed).toEqual([1]);
});

test("what was read without a loan is never used again", () => {
  const { recent, freed } = recordsThrough(2);
  recent.read(1, 100);
  recent.dropThrough(2);
  expect(freed).toEqual([2]);
});

test("a bound in bytes drops the oldest, lent or not", () => {
  const { recent, freed } = recordsThrough(5, 250);
  expect(recent.bytes).toBe(200);
  expect(freed).toEqual([1, 2, 3]);
  expect(recent.read(3, 100)).toBeUndefined();
});
