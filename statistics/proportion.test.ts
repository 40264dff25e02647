import { expect, test } from "vitest";
import { labelAllocation, newcombe, roganGladen, weightedShare, wilson } from "./proportion.ts";

test("known answer 15: Wilson's and Newcombe's intervals", () => {
  const some = wilson(8, 10);
  expect(some.low).toBeCloseTo(0.490162, 6);
  expect(some.high).toBeCloseTo(0.943318, 6);
  expect(wilson(0, 20)).toEqual({ low: 0, high: expect.closeTo(0.161125, 6) as number });
  expect(wilson(20, 20).high).toBe(1);
  const { difference, low, high } = newcombe(
    { successes: 56, trials: 70 },
    { successes: 48, trials: 80 },
  );
  expect(difference).toBeCloseTo(0.2, 12);
  expect(low).toBeCloseTo(0.052431, 6);
  expect(high).toBeCloseTo(0.333873, 6);
});

test("known answer 11: Rogan-Gladen, and how labels are split", () => {
  const judged = {
    passed: 0.4,
    n: 1000,
    specificity: 0.7,
    fails: 200,
    sensitivity: 0.9,
    passes: 200,
  };
  const corrected = roganGladen(judged)!;
  expect(corrected.share).toBeCloseTo(0.166667, 6);
  expect(corrected.low).toBeCloseTo(0.056351, 6);
  expect(corrected.high).toBeCloseTo(0.262733, 6);
  expect(roganGladen({ ...judged, specificity: 0.3 })).toBeUndefined();
  const guess = { passed: 0.4, specificity: 0.7, sensitivity: 0.9, pilot: 10 };
  expect(labelAllocation(200, guess)).toEqual({ fails: 136, passes: 64 });
});

test("a weighted share: equal weights are Wilson's; unequal ones count for fewer", () => {
  const equal = Array.from({ length: 10 }, (_, i) => ({
    passed: i < 8,
    inclusionProbability: 0.5,
  }));
  const { low, effectiveN } = weightedShare(equal)!;
  expect(effectiveN).toBeCloseTo(10, 12);
  expect(low).toBeCloseTo(wilson(8, 10).low, 12);
  const unequal = equal.map((one, i) => ({ ...one, inclusionProbability: i === 0 ? 0.01 : 0.5 }));
  expect(weightedShare(unequal)!.effectiveN).toBeLessThan(2);
  expect(weightedShare([])).toBeUndefined();
});

test.each([
  [-1, 10],
  [11, 10],
  [0, 0],
  [Number.NaN, 3],
])("wilson(%d, %d) is refused", (successes, trials) => {
  expect(() => wilson(successes, trials)).toThrow(RangeError);
});
