import { expect, test } from "vitest";
import { createRateLimit } from "./rate-limit.ts";

test("two seconds' worth at once, then the rate, each address for itself", () => {
  let now = 0;
  const limit = createRateLimit(10, () => now);
  const taken = Array.from({ length: 25 }, () => limit.take("a"));
  expect(taken.filter((wait) => wait === 0)).toHaveLength(20);
  expect(taken.at(-1)).toBe(100);
  expect(limit.take("b")).toBe(0);
  now = 100;
  expect([limit.take("a"), limit.take("a")]).toEqual([0, 100]);
  now = 60_000;
  expect(Array.from({ length: 25 }, () => limit.take("a")).filter((w) => w === 0)).toHaveLength(20);
});

test("addresses are forgotten, the one not seen for longest first", () => {
  const limit = createRateLimit(1, () => 0);
  expect([limit.take("first"), limit.take("first")]).toEqual([0, 0]);
  expect(limit.take("first")).toBeGreaterThan(0);
  for (let i = 0; i < 10_000; i++) limit.take(`other ${i}`);
  expect(limit.take("first")).toBe(0);
});
