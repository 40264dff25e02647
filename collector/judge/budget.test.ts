import { expect, test } from "vitest";
import { Budget, lowered } from "./budget.ts";

const MIDNIGHT = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;

/** Makes calls of `costUsd` (at most `mostUsd`), so many at once, until the budget gives no more. */
async function spendAll(
  budget: Budget,
  { spenders, atOnce, mostUsd }: { spenders: number; atOnce: number; mostUsd: number },
): Promise<number> {
  let spent = 0;
  const lane = async (n: number): Promise<void> => {
    for (;;) {
      const money = await budget.reserve(`judge ${n % spenders}`, mostUsd);
      if (!money) return;
      await new Promise(setImmediate);
      spent += mostUsd;
      money.settle(mostUsd);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, n) => lane(n)));
  return spent;
}

test("known answer 32: spend stays within the limit plus one call a judge, with 64 calls at once", async () => {
  for (const spenders of [1, 3]) {
    const budget = new Budget(1, { now: () => MIDNIGHT });
    const spent = await spendAll(budget, { spenders, atOnce: 64, mostUsd: 0.3 });
    expect(spent).toBeGreaterThanOrEqual(1);
    expect(spent).toBeLessThanOrEqual(1 + 0.3 * spenders);
    expect(budget.stats().spentUsd).toBeCloseTo(spent, 9);
  }
});

test("what a call may cost at most is set aside: where it fits, many go at once", async () => {
  const budget = new Budget(1, { now: () => MIDNIGHT });
  const open = await Promise.all([budget.reserve("a", 0.4), budget.reserve("a", 0.4)]);
  let third: unknown;
  const waiting = budget.reserve("a", 0.4).then((money) => (third = money));
  await new Promise(setImmediate);
  expect(third).toBeUndefined();
  open[0]!.settle(0.01);
  await waiting;
  expect(third).toBeDefined();
  // Another judge has its one call.
  expect(await budget.reserve("b", 5)).toBeDefined();
});

test("who waits for money can be stopped", async () => {
  const budget = new Budget(1, { now: () => MIDNIGHT });
  const stop = new AbortController();
  await budget.reserve("a", 2);
  const waiting = budget.reserve("a", 2, stop.signal);
  stop.abort();
  await expect(waiting).rejects.toThrow(/abort/i);
});

test("ahead of the clock probabilities fall, never below the minimum; at midnight they are back", async () => {
  let now = MIDNIGHT + 2 * HOUR;
  const budget = new Budget(10, { now: () => now });
  budget.addSpent(8);
  const low = lowered(0.5, budget.factor, 0.01);
  expect(low).toBeLessThan(0.25);
  expect(low).toBeGreaterThan(0.01);
  expect(lowered(0.5, budget.factor, 0.4)).toBe(0.4);
  budget.addSpent(2);
  expect(budget.factor).toBe(0);
  expect(lowered(0.5, budget.factor, 0.01)).toBe(0.01);
  expect(await budget.reserve("a", 1)).toBeUndefined();
  budget.limitTo(20);
  expect(await budget.reserve("a", 1)).toBeDefined();
  now += 23 * HOUR;
  expect(lowered(0.5, budget.factor, 0.01)).toBe(0.5);
  expect(budget.stats()).toMatchObject({ spentUsd: 0, limitUsd: 20 });
  expect(new Budget(undefined).factor).toBe(1);
});
