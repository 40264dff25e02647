import { expect, test } from "vitest";
import { simulateScores } from "./scores.ts";

test("judged scores, watched as shipped: few false alarms, and drops are soon called out", () => {
  const found = simulateScores({ runs: 1_000 });
  expect(found.falseAlarms).toBeLessThanOrEqual(0.01);
  expect(found.daysAt40).toBeLessThanOrEqual(8);
  expect(found.hoursAt2000).toBeLessThanOrEqual(6);
  expect(found.daysToEnd).toBeLessThanOrEqual(4);
  expect(found.endedEarly).toBeLessThanOrEqual(0.04);
});
