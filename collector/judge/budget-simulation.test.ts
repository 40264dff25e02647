/** Known answer 32: the mean stays unbiased while the budget changes probabilities in the middle of the day. */
import { hajek, type Observation } from "@assay/statistics/estimate";
import { expect, test } from "vitest";
import { Budget, lowered } from "./budget.ts";
import { positionOf } from "./sampling.ts";

const MIDNIGHT = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;
const RECORDS = 4_000;
const WINDOWS = 20;
const REPEATS = 200;
const CALL_USD = 0.01;

const REST = 0.2;
const MINIMUM = 0.001;

interface Answer {
  id: string;
  /** Those that are bad are all judged, and the rest by a share. */
  probability: number;
  value: number;
}

/** 5 % are bad; the rest gets worse over the day. */
function answerOf(repeat: number, n: number): Answer {
  const isBad = n % 20 === 0;
  const value = isBad ? 0.1 : 0.9 - (0.3 * n) / RECORDS + ((n * 7_919) % 97) / 970;
  return { id: `${repeat}/${n}`, probability: isBad ? 1 : REST, value };
}

test("means cover the truth while the budget lowers probabilities; naive ones do not", async () => {
  let [covered, naiveCovered, least] = [0, 0, 1];
  const errors: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    let now = MIDNIGHT;
    const budget = new Budget(6, { now: () => now });
    const seen: Observation[] = [];
    let truth = 0;
    for (let window = 0; window < WINDOWS; window++) {
      now = MIDNIGHT + (24 * HOUR * window) / WINDOWS;
      // Half-way somebody gives it less.
      if (window === WINDOWS / 2) budget.limitTo(4.5);
      const size = RECORDS / WINDOWS;
      const all = Array.from({ length: size }, (_, i) => answerOf(repeat, window * size + i));
      truth += all.reduce((sum, { value }) => sum + value, 0) / RECORDS;
      const { factor } = budget;
      budget.choseBy(factor);
      for (const { id, probability, value } of all) {
        const inclusionProbability = lowered(probability, factor, MINIMUM);
        if (positionOf(id) >= inclusionProbability) continue;
        const money = await budget.reserve("judge", CALL_USD);
        if (!money) continue;
        money.settle(CALL_USD);
        seen.push({ value, inclusionProbability });
        least = Math.min(least, inclusionProbability);
      }
    }
    const estimate = hajek(seen)!;
    const naive = hajek(
      seen.map(({ value }) => ({ value, inclusionProbability: 1 })),
      { superpopulation: true },
    )!;
    if (estimate.low! <= truth && truth <= estimate.high!) covered++;
    if (naive.low! <= truth && truth <= naive.high!) naiveCovered++;
    errors.push(estimate.mean - truth);
  }
  const mean = errors.reduce((sum, one) => sum + one, 0) / REPEATS;
  const sd = Math.sqrt(errors.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (REPEATS - 1));
  // Unbiased: within four standard errors of the mean of the repeats.
  expect(Math.abs(mean)).toBeLessThan((4 * sd) / Math.sqrt(REPEATS));
  // 95 % of 200 by chance: 181 to 199 in 99.7 of 100 cases.
  expect(covered / REPEATS).toBeGreaterThan(0.9);
  expect(covered / REPEATS).toBeLessThan(0.998);
  expect(naiveCovered / REPEATS).toBeLessThan(0.5);
  expect(least).toBeGreaterThanOrEqual(0.001);
});
