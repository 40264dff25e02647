/** The short form of `npm run sim:judging`: what is shown covers the truth, a naive mean does not. */
import { expect, test } from "vitest";
import { reportOf, simulateJudging } from "./judging.ts";

test("means of sampled scores cover the truth, also where the budget is cut while it runs", async () => {
  const result = await simulateJudging({ spans: 4_000, rest: 0.08 });
  const report = reportOf(result).join("\n");
  // Four standard errors: one run in 16,000 would be off by chance.
  for (const { truth, mean, standardError } of result.shown)
    expect(Math.abs(mean - truth), report).toBeLessThanOrEqual(4 * standardError + 1e-9);
  expect(result.shown.map(({ name }) => name).toSorted()).toEqual([
    "all",
    "failed",
    "long",
    "rest",
  ]);
  const [all] = result.shown;
  expect(Math.abs(result.naive - all!.truth), report).toBeGreaterThan(4 * all!.standardError);
  expect(result.lowestFactor, report).toBeLessThan(0.8);
  expect(result.leastProbability).toBeGreaterThanOrEqual(0.001);
  expect(result.spentUsd).toBeLessThanOrEqual(result.limitUsd + result.callUsd);
}, 180_000);
