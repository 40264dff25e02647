import { expect, test } from "vitest";
import { createBodyLimits } from "./body.ts";
import { createBodyPool } from "./body-pool.ts";
import { createMemoryBudget } from "./memory.ts";

const KiB = 1024;

test("a freed buffer serves the next body of its size, at that body's length", () => {
  const pool = createBodyPool(1024 * KiB);
  const first = pool.take(100 * KiB);
  pool.give(first);
  expect(pool.idleBytes).toBe(128 * KiB);
  const second = pool.take(70 * KiB);
  expect(second.buffer).toBe(first.buffer);
  expect(second.byteLength).toBe(70 * KiB);
  expect(pool.take(70 * KiB).buffer).not.toBe(first.buffer);
  expect(pool.idleBytes).toBe(0);
});

test("idle memory is bounded: what is beyond is free at once, not when garbage is collected", () => {
  const pool = createBodyPool(100 * KiB);
  const buffers = [pool.take(64 * KiB), pool.take(64 * KiB)];
  for (const buffer of buffers) pool.give(buffer);
  expect(pool.idleBytes).toBe(64 * KiB);
  expect(buffers.map(({ buffer }) => buffer.byteLength)).toEqual([64 * KiB, 0]);
});

test("the memory of a giant is not kept for another", () => {
  const pool = createBodyPool(128 * 1024 * KiB);
  const giant = pool.take(20 * 1024 * KiB);
  pool.give(giant);
  expect(pool.idleBytes).toBe(0);
  expect(giant.buffer.byteLength).toBe(0);
});

test("a request gives back what it was not relieved of, and once only", () => {
  const pool = createBodyPool(1024 * KiB);
  const limits = createBodyLimits(1024 * KiB, createMemoryBudget(1e9).reserve(), pool);
  limits.allocate(10 * KiB);
  const kept = limits.allocate(20 * KiB);
  const free = limits.handOver(kept);
  expect(limits.handOver(kept)).toBeUndefined();
  expect(limits.handOver(Buffer.alloc(5))).toBeUndefined();
  limits.end();
  expect(pool.idleBytes).toBe(16 * KiB);
  free?.();
  expect(pool.idleBytes).toBe(48 * KiB);
  limits.end();
  expect(pool.idleBytes).toBe(48 * KiB);
});
