import { expect, test } from "vitest";
import { type GateEvidence, promotionGate } from "./promotion-gate.ts";

const GOOD: GateEvidence = {
  labels: 120,
  levels: 5,
  kappa: { value: 0.75, low: 0.66, high: 0.84 },
  peopleAgreement: 0.8,
  sensitivity: 0.9,
  specificity: 0.8,
  againstLength: { judgeOnly: 40, lengthOnly: 10, p: 0.00002 },
  retestExact: 0.9,
  attackShift: 0.02,
};

test("all that is asked for: passed", () => {
  expect(promotionGate(GOOD).state).toBe("passed");
});

test.each<[string, Partial<GateEvidence>, string]>([
  ["labels", { labels: 99 }, "open"],
  ["score_levels", { levels: 2 }, "open"],
  // 0.85 of people's less 0.15 is more than 0.66, though that is more than 0.4.
  ["kappa_low", { peopleAgreement: 0.85 }, "failed"],
  [
    "kappa_low",
    { peopleAgreement: undefined, kappa: { value: 0.5, low: 0.39, high: 0.6 } },
    "failed",
  ],
  ["kappa_low", { kappa: undefined }, "open"],
  ["sensitivity", { sensitivity: 0.69 }, "failed"],
  ["specificity", { specificity: undefined }, "open"],
  [
    "better_than_length",
    { againstLength: { judgeOnly: 10, lengthOnly: 40, p: 0.00002 } },
    "failed",
  ],
  ["better_than_length", { againstLength: { judgeOnly: 40, lengthOnly: 35, p: 0.6 } }, "failed"],
  ["retest_exact", { retestExact: 0.84 }, "failed"],
  ["attack_shift", { attackShift: 0.11 }, "failed"],
  ["attack_shift", { attackShift: undefined }, "open"],
])("%s with %j is %3$s, and so is the whole", (name, change, state) => {
  const gate = promotionGate({ ...GOOD, ...change });
  expect(gate.conditions.find((one) => one.name === name)!.state).toBe(state);
  expect(gate.state).toBe(state);
});
