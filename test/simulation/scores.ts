/**
 * How often the watch of judged scores calls out, with and without a reason: `npm run sim:scores -- --runs 1000`
 *
 * Each run has its own seeded scores: 28 days at their mean for the baseline, and then days that are the same, or lower.
 */
import { parseArgs } from "node:util";
import { readChecks, type TestOf } from "../../collector/checks/definition.ts";
import type { Sums } from "../../collector/checks/measure.ts";
import { startWatch, type ScoreWatch, watchScores } from "../../collector/checks/score-watch.ts";

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

/** With the baseline of as many scores a day. */
function begun(random: () => number, perDay: number): ScoreWatch {
  const baseline = Array.from({ length: BASELINE_DAYS * perDay }, () => score(random, 0));
  const { margin, days_between: daysBetween } = shipped;
  return startWatch(new Map([["all", sumsOf(baseline)]]), {
    margin,
    daysBetween,
    days: BASELINE_DAYS,
    at: 0,
  })!;
}

/** The day (with fractions) on which the watch calls out, or undefined. */
function firstAlarm(seed: number, perDay: number, days: number, drop: number): number | undefined {
  const random = generator(seed);
  const watch = begun(random, perDay);
  for (let i = 0; i < days * perDay; i++) {
    watchScores(watch, [{ stratum: "all", norm: score(random, drop) }], i);
    if (watch.alarmedAt !== null) return i / perDay;
  }
  return undefined;
}

/** Those above 1 can be lowered: 96 %, so that 0.365 of them gives a mean 0.35 lower. */
const DROP = 0.35 / 0.96;

/** Days after which an alarm over a drop ends, where the scores are `drop` lower than the baseline from then on. */
function recovery(seed: number, perDay: number, days: number, drop: number): number | undefined {
  const random = generator(seed);
  const watch = begun(random, perDay);
  for (let i = 0; watch.alarmedAt === null && i < 100 * perDay; i++)
    watchScores(watch, [{ stratum: "all", norm: score(random, DROP) }], i);
  for (let i = 0; i < days * perDay; i++) {
    watchScores(watch, [{ stratum: "all", norm: score(random, drop) }], i);
    if (watch.alarmedAt === null) return i / perDay;
  }
  return undefined;
}

export interface SimulatedScores {
  runs: number;
  /** Share of runs in which 60 days without a change, at 40 scores a day, call out. */
  falseAlarms: number;
  /** Medians until a drop of 0.35 on the scale from 1 to 5 is called out. */
  daysAt40: number;
  hoursAt2000: number;
  /** Median days until scores that are back end it, at 40 a day. */
  daysToEnd: number;
  /** Share of alarms that end within 30 days though the scores stay low. */
  endedEarly: number;
}

/** @param runs of those without a change; of the others a fifth, for they are longer */
export function simulateScores({ runs }: { runs: number }): SimulatedScores {
  const seeds = Array.from({ length: runs }, (_, seed) => seed);
  const few = seeds.slice(0, Math.ceil(runs / 5) | 1);
  const share = (of: readonly number[], run: (seed: number) => number | undefined): number =>
    of.filter((seed) => run(seed) !== undefined).length / of.length;
  const median = (run: (seed: number) => number | undefined): number =>
    few.map((seed) => run(seed) ?? Infinity).toSorted((a, b) => a - b)[few.length >> 1]!;
  return {
    runs,
    falseAlarms: share(seeds, (seed) => firstAlarm(seed, 40, 60, 0)),
    daysAt40: median((seed) => firstAlarm(seed, 40, 60, DROP)),
    hoursAt2000: 24 * median((seed) => firstAlarm(seed, 2_000, 4, DROP)),
    daysToEnd: median((seed) => recovery(seed, 40, 30, 0)),
    endedEarly: share(few, (seed) => recovery(seed, 40, 30, DROP)),
  };
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { runs: { type: "string", default: "1000" } } });
  console.log(simulateScores({ runs: Number(values.runs) }));
}
