/** How often the watch of judged scores calls out, with and without a reason, over many simulated months. */
import { describe, expect, test } from "vitest";
import { readChecks, type TestOf } from "./definition.ts";
import type { Sums } from "./measure.ts";
import { startWatch, watchScores } from "./score-watch.ts";

const shipped = readChecks().find(({ name }) => name === "quality-drop")!
  .test as TestOf<"e-detector">;
const BASELINE_DAYS = 28;

/** Seeded; the same on every machine. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Scores from 1 to 5 whose mean is 4.14, or `drop` less, as a share of the scale. */
function score(random: () => number, drop: number): number {
  const at = random();
  const stars = at < 0.04 ? 1 : at < 0.1 ? 2 : at < 0.24 ? 3 : at < 0.56 ? 4 : 5;
  const lowered = random() < drop && stars > 1 ? stars - 1 : stars;
  return (lowered - 1) / 4;
}

function sumsOf(scores: readonly number[]): Sums {
  const y = scores.reduce((sum, one) => sum + one, 0);
  const y2 = scores.reduce((sum, one) => sum + one * one, 0);
  const n = scores.length;
  return { n, w: n, w2: n, wy: y, w2y: y, w2y2: y2, quantile: 0 };
}

/** The day (with fractions) on which the watch calls out, or undefined. */
function firstAlarm(seed: number, perDay: number, days: number, drop: number): number | undefined {
  const random = generator(seed);
  const baseline = Array.from({ length: BASELINE_DAYS * perDay }, () => score(random, 0));
  const watch = startWatch(new Map([["all", sumsOf(baseline)]]), {
    margin: shipped.margin,
    daysBetween: shipped.days_between,
    days: BASELINE_DAYS,
    at: 0,
  })!;
  for (let i = 0; i < days * perDay; i++) {
    watchScores(watch, [{ stratum: "all", norm: score(random, drop) }], i);
    if (watch.alarmedAt !== null) return i / perDay;
  }
  return undefined;
}

/** Those above 1 can be lowered: 96 %, so that 0.365 of them gives a mean 0.35 lower. */
const DROP = 0.35 / 0.96;

describe("judged scores, watched as shipped", { timeout: 30_000 }, () => {
  test("60 days without a change at 40 a day: at most 1 % of 1,000 runs call out", () => {
    const alarms = Array.from({ length: 1_000 }, (_, seed) => firstAlarm(seed, 40, 60, 0));
    expect(alarms.filter((day) => day !== undefined).length).toBeLessThanOrEqual(10);
  });

  test("a drop of 0.35 on the scale from 1 to 5: within a median of 8 days at 40 a day", () => {
    expect(median(40, 60)).toBeLessThanOrEqual(8);
  });

  test("and within 6 hours at 2,000 a day", () => {
    expect(median(2_000, 4) * 24).toBeLessThanOrEqual(6);
  });

  test("scores that are back end it within a median of 4 days at 40 a day, scores that stay low do not", () => {
    const days = Array.from({ length: 201 }, (_, seed) => recovery(seed, 40, 30, 0) ?? Infinity);
    expect(days.toSorted((a, b) => a - b)[100]).toBeLessThanOrEqual(4);
    const stillLow = Array.from({ length: 201 }, (_, seed) => recovery(seed, 40, 30, DROP));
    // Of 201, in thirty days.
    expect(stillLow.filter((day) => day !== undefined).length).toBeLessThanOrEqual(8);
  });
});

/** Days after which an alarm over a drop ends, where the scores are `drop` lower than the baseline from then on. */
function recovery(seed: number, perDay: number, days: number, drop: number): number | undefined {
  const random = generator(seed);
  const baseline = Array.from({ length: BASELINE_DAYS * perDay }, () => score(random, 0));
  const { margin, days_between: daysBetween } = shipped;
  const watch = startWatch(new Map([["all", sumsOf(baseline)]]), {
    margin,
    daysBetween,
    days: BASELINE_DAYS,
    at: 0,
  })!;
  for (let i = 0; watch.alarmedAt === null && i < 100 * perDay; i++)
    watchScores(watch, [{ stratum: "all", norm: score(random, DROP) }], i);
  for (let i = 0; i < days * perDay; i++) {
    watchScores(watch, [{ stratum: "all", norm: score(random, drop) }], i);
    if (watch.alarmedAt === null) return i / perDay;
  }
  return undefined;
}

function median(perDay: number, days: number): number {
  const found = Array.from(
    { length: 201 },
    (_, seed) => firstAlarm(seed, perDay, days, DROP) ?? Infinity,
  );
  return found.toSorted((a, b) => a - b)[100]!;
}
