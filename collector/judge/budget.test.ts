import { expect, test } from "vitest";
import { Budget } from "./budget.ts";

const MIDNIGHT = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;

test("spend stays within the limit plus one call, whatever is asked", () => {
  let now = MIDNIGHT;
  const budget = new Budget(1, { now: () => now });
  let spent = 0;
  let refused = 0;
  for (let i = 0; i < 10_000; i++) {
    now = MIDNIGHT + (i * 24 * HOUR) / 10_001;
    const call = budget.reserve();
    if (!call) refused++;
    else {
      spent += 0.003;
      call.settle(0.003);
    }
  }
  expect(refused).toBeGreaterThan(9_000);
  expect(spent).toBeLessThanOrEqual(1.003);
  expect(spent).toBeGreaterThan(0.99);
});

test("calls under way count", () => {
  const budget = new Budget(1, { now: () => MIDNIGHT });
  budget.reserve()!.settle(0.4);
  const open = [budget.reserve(), budget.reserve()];
  expect(open.map(Boolean)).toEqual([true, false]);
  open[0]!.settle(undefined);
  expect(budget.reserve()).toBeDefined();
});

test("ahead of the clock probabilities fall, never below the minimum; at midnight they are back", () => {
  let now = MIDNIGHT + 2 * HOUR;
  const budget = new Budget(10, { now: () => now, spentToday: 8 });
  const lowered = budget.lowered(0.5, 0.01);
  expect(lowered).toBeLessThan(0.25);
  expect(lowered).toBeGreaterThan(0.01);
  expect(budget.lowered(0.5, 0.4)).toBe(0.4);
  expect(new Budget(10, { now: () => now, spentToday: 10 }).lowered(0.5, 0.01)).toBe(0.01);
  now += 23 * HOUR;
  expect(budget.lowered(0.5, 0.01)).toBe(0.5);
  expect(budget.stats()).toMatchObject({ spentUsd: 0, limitUsd: 10 });
  expect(new Budget(undefined).lowered(0.5, 0.01)).toBe(0.5);
});
