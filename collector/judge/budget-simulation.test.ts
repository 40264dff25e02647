/** Known answer 32: the mean stays unbiased while the budget changes probabilities in the middle of the day. */
import { hajek, type Observation } from "@assay/statistics/estimate";
import { expect, test } from "vitest";
import { Budget } from "./budget.ts";
import type { Profile } from "./config.ts";
import type { TraceRecord, TraceSpan } from "./record.ts";
import { choose } from "./traffic.ts";

const MIDNIGHT = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;
const RECORDS = 4_000;
const WINDOWS = 20;
const REPEATS = 200;
const CALL_USD = 0.01;

const profile: Profile = {
  projects: undefined, judges: new Map(), strong: new Map(), audit: 0, retest: 0, textMetrics: [], weights: {}, missing: "require",
  gates: [], strata: [{ name: "failed", when: { status: "error" }, probability: 1 }], rest: 0.2, minimum: 0.001,
}; // prettier-ignore

/** 5 % are bad and always judged; the rest gets worse over the day. */
function recordOf(repeat: number, n: number): { record: TraceRecord; value: number } {
  const traceId = `${repeat}/${n}`;
  const isBad = n % 20 === 0;
  const value = isBad ? 0.1 : 0.9 - (0.3 * n) / RECORDS + ((n * 7_919) % 97) / 970;
  const answered = {
    traceId,
    spanId: "s",
    project: "p",
    hasContent: true,
    eventTimeUnixMs: MIDNIGHT,
  } as TraceSpan;
  const facts = { project: "p", environment: "", release: "", model: "m", status: isBad ? "error" : "ok", inputTokens: 0, durationMs: 0, hasDocuments: false }; // prettier-ignore
  return {
    record: { facts, answered, spans: [], traceProbability: 1, receivedAtUnixMs: 0, isOwn: false },
    value,
  };
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
      const all = Array.from({ length: size }, (_, i) => recordOf(repeat, window * size + i));
      const values = new Map(all.map(({ record, value }) => [record.answered.traceId, value]));
      truth += all.reduce((sum, { value }) => sum + value, 0) / RECORDS;
      const { chosen } = choose(
        all.map(({ record }) => record),
        [profile],
        { factor: budget.takeFactor(), nowUnixMs: now },
      );
      for (const { record, judgeProbability } of chosen) {
        const money = await budget.reserve("judge", CALL_USD);
        if (!money) continue;
        money.settle(CALL_USD);
        seen.push({
          value: values.get(record.answered.traceId)!,
          inclusionProbability: judgeProbability,
        });
        least = Math.min(least, judgeProbability);
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
}, 60_000);
