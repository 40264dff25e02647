import { expect, test } from "vitest";

import { createBodyPool } from "./body-pool.ts";
import { createBodyLimits } from "./body.ts";
import { GrowingBody } from "./growing-body.ts";
import { createMemoryBudget } from "./memory.ts";

const MiB = 1024 * 1024;

function bodyWithHint(hint?: number) {
  const pool = createBodyPool(256 * MiB);
  const limits = createBodyLimits(64 * MiB, createMemoryBudget(64 * MiB).reserve(), pool);
  return { body: new GrowingBody(limits, hint), pool, limits };
}

test.each([
  ["none", []],
  ["one", [10]],
  ["many of all sizes", [1, 65_536, 3, 200_000, 1_000_000, 7]],
])("chunks in their order: %s", (_, lengths: number[]) => {
  const { body } = bodyWithHint();
  const chunks = lengths.map((length, i) => Buffer.alloc(length, i + 1));
  for (const chunk of chunks) body.add(chunk);
  expect(body.whole().equals(Buffer.concat(chunks))).toBe(true);
});

test("a right hint: one piece of memory, and nothing is copied twice", () => {
  const { body, pool } = bodyWithHint(1_000_000);
  for (let i = 0; i < 4; i++) body.add(Buffer.alloc(250_000, i));
  expect(body.whole().length).toBe(1_000_000);
  expect(pool.idleBytes).toBe(0);
});

test("memory that was outgrown is given back at once", () => {
  const { body, pool } = bodyWithHint();
  for (let i = 0; i < 9; i++) body.add(Buffer.alloc(64 * 1024, i));
  expect(pool.idleBytes).toBeGreaterThan(0);
});

test("a hint that was far too large: what is kept is about as large as the body", () => {
  const { body, pool } = bodyWithHint(8 * MiB);
  body.add(Buffer.from("small"));
  const whole = body.whole();
  expect(whole.toString()).toBe("small");
  expect(whole.buffer.byteLength).toBeLessThan(128 * 1024);
  expect(pool.idleBytes).toBe(8 * MiB);
});
