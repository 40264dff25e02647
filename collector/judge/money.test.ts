import { expect, test } from "vitest";
import { Money } from "./money.ts";

const MIDNIGHT = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;
const NOTHING = new Map<string, number>();

test("the month's money ends before the day's, and comes back with the next month", async () => {
  let now = MIDNIGHT + 29 * DAY;
  const money = new Money(
    { usdPerDay: 10, usdPerMonth: 30, reserves: NOTHING },
    { now: () => now },
  );
  money.addSpent({ stratum: "rest", today: 1, month: 29 });
  const purse = money.of("rest");
  (await purse.reserve("a", 1))!.settle(1);
  expect(await purse.reserve("a", 1)).toBeUndefined();
  expect(purse.factor).toBe(0);
  expect(money.stats()).toMatchObject({ spentUsd: 2, monthUsd: 30, limitUsd: 10 });
  // What the month refused the day has back.
  now += DAY;
  expect(money.stats()).toMatchObject({ spentUsd: 0, monthUsd: 0 });
  expect(await purse.reserve("a", 1)).toBeDefined();
});

test("in the middle of a month that is ahead of itself probabilities fall, whatever the day has left", () => {
  const money = new Money(
    { usdPerDay: 100, usdPerMonth: 300, reserves: NOTHING },
    { now: () => MIDNIGHT + 15 * DAY },
  );
  money.addSpent({ stratum: "rest", today: 0, month: 200 });
  // 100 are left for a second half that would cost 200.
  expect(money.of("rest").takeFactor()).toBeCloseTo(0.5, 12);
});

test("a stratum's reserve is for it alone: others do not touch it, and it touches nothing else", async () => {
  const limits = { usdPerDay: 10, usdPerMonth: undefined, reserves: new Map([["flagged", 0.3]]) };
  const money = new Money(limits, { now: () => MIDNIGHT });
  (await money.of("rest").reserve("a", 7))!.settle(7);
  expect(await money.of("long").reserve("a", 1)).toBeUndefined();
  (await money.of("flagged").reserve("a", 3))!.settle(3);
  expect(await money.of("flagged").reserve("a", 1)).toBeUndefined();
  expect(money.stats()).toMatchObject({ spentUsd: 10, factor: 0 });
  money.limitTo({ ...limits, usdPerDay: 20 });
  expect(await money.of("flagged").reserve("a", 1)).toBeDefined();
  expect(await money.of("long").reserve("a", 1)).toBeDefined();
  // Without a reserve it is one of all.
  money.limitTo({ ...limits, reserves: NOTHING });
  expect(money.of("flagged")).toBe(money.of("rest"));
});

test("calls at once take from day and month both, and overdraw neither by more than one", async () => {
  const money = new Money(
    { usdPerDay: 5, usdPerMonth: 3, reserves: NOTHING },
    { now: () => MIDNIGHT },
  );
  let spent = 0;
  const lane = async (): Promise<void> => {
    for (;;) {
      const reservation = await money.of("rest").reserve("a", 0.4);
      if (!reservation) return;
      await new Promise(setImmediate);
      spent += 0.4;
      reservation.settle(0.4);
    }
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  expect(spent).toBeGreaterThanOrEqual(3);
  expect(spent).toBeLessThanOrEqual(3.4 + 1e-9);
});
