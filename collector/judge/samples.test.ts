import { expect, test } from "vitest";
import { NOTHING_SPENT } from "./ask.ts";
import type { Judgement } from "./judging.ts";
import { combined } from "./samples.ts";

const shared = { ...NOTHING_SPENT, attempts: 1, inputTokens: 10, outputTokens: 5, picoUsd: 7n, repaired: false, injectionSuspected: false, cacheHit: false }; // prettier-ignore
const scored = (score: number): Judgement => ({
  ...shared,
  outcome: {
    status: "ok", score, norm: (score - 1) / 4, label: String(score), reasoning: `because of ${score}`,
    evidence: [], measures: {}, expected: undefined,
  },
}); // prettier-ignore
const failed: Judgement = {
  ...shared,
  outcome: { status: "failed", failure: "parse", detail: "no" },
};

test("the mean of the samples, the score given most often, and how far they lie apart", () => {
  const { outcome, attempts, inputTokens, picoUsd } = combined([4, 5, 4, 2, 5].map(scored));
  expect([attempts, inputTokens, picoUsd]).toEqual([5, 50, 35n]);
  expect(outcome).toMatchObject({
    status: "ok",
    score: 4,
    norm: 0.75,
    reasoning: "because of 4",
    expected: { expected: 4, mass: 1 },
    measures: { samples: 5 },
  });
  if (outcome.status !== "ok") throw new Error("expected a score");
  // Shares 0.4, 0.4, 0.2: 1.0549 nats, and (3 - 1) / (2 * 5) for few samples.
  expect(outcome.expected!.entropy).toBeCloseTo(1.0549 + 0.2, 4);
  expect(outcome.measures["norm_sd"]).toBeCloseTo(Math.sqrt(1.5) / 4, 12);
});

test("one sample is itself; half without a score is no score", () => {
  expect(combined([scored(3)])).toEqual(scored(3));
  expect(combined([scored(3), failed]).outcome).toMatchObject({ status: "failed" });
  const most = combined([scored(3), scored(3), failed]).outcome;
  expect(most).toMatchObject({ status: "ok", norm: 0.5, expected: { mass: 2 / 3 } });
});

test("what is not known of one is not known of all", () => {
  expect(combined([scored(3), { ...scored(3), picoUsd: undefined }]).picoUsd).toBeUndefined();
});
