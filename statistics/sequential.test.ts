import { expect, test } from "vitest";
import {
  bestRho,
  logNormalMixture,
  meanSequence,
  normalMixtureBound,
  shareSequence,
} from "./confidence-sequence.ts";
import {
  combined,
  createEDetector,
  factorOf,
  statisticsOf,
  updateEDetector,
} from "./e-detector.ts";

test("known answer 21: the normal mixture, and intervals of shares that hold at all times", () => {
  const rho = bestRho(100, 0.05);
  expect(rho).toBeCloseTo(12.60056, 5);
  expect(normalMixtureBound(100, 0.05, rho)).toBeCloseTo(30.35209, 5);
  expect(logNormalMixture(10, 100, rho)).toBeCloseTo(-0.6510052, 7);
  const many = shareSequence(700, 1000, { tightestAt: 100 });
  expect(Math.abs(many.low - 0.651629)).toBeLessThan(1e-6);
  expect(Math.abs(many.high - 0.745949)).toBeLessThan(1e-6);
  const few = shareSequence(15, 50, { tightestAt: 50 });
  expect(Math.abs(few.low - 0.129556)).toBeLessThan(1e-6);
  expect(Math.abs(few.high - 0.511896)).toBeLessThan(1e-6);
  expect(shareSequence(0, 30).low).toBe(0);
  expect(shareSequence(30, 30).high).toBe(1);
});

test("what looking every day costs: 1.55 times the width at 400 scores", () => {
  const { low, high } = meanSequence({ mean: 4, standardDeviation: 0.8, n: 400 })!;
  expect((high - low) / 2).toBeCloseTo(0.1214, 3);
});

test("known answer 22: five scores by hand", () => {
  const [floor, lambda] = [0.6, 0.5];
  let [e, sr, cusum] = [1, 0, 0];
  const sums: number[] = [];
  const maxima: number[] = [];
  for (const score of [1, 0, 1, 0, 0]) {
    const factor = factorOf(lambda, floor, score);
    e *= factor;
    sr = (sr + 1) * factor;
    cusum = Math.max(cusum, 1) * factor;
    sums.push(sr);
    maxima.push(cusum);
  }
  expect(e).toBeCloseTo(1.40608, 10);
  [0.8, 2.34, 2.672, 4.7736, 7.50568].forEach((sum, i) => expect(sums[i]).toBeCloseTo(sum, 10));
  [0.8, 1.3, 1.04, 1.352, 1.7576].forEach((top, i) => expect(maxima[i]).toBeCloseTo(top, 10));
  // The detector's middle bet at a floor of 0.6 is lambda = 0.625; the same recursion, seen through it.
  const detector = createEDetector(floor);
  for (const score of [1, 0, 1, 0, 0]) updateEDetector(detector, score);
  const middle = [1, 0, 1, 0, 0].map((score) => factorOf(0.625, floor, score));
  expect(detector.eProcess[1]).toBeCloseTo(
    middle.reduce((product, f) => product * f, 1),
    12,
  );
});

test("known answer 23: no evidence out of nothing, and at most one false alarm in twenty", () => {
  const random = mulberry(11);
  let sum = 0;
  let squares = 0;
  for (let run = 0; run < 10_000; run++) {
    const detector = createEDetector(0.7);
    for (let i = 0; i < 20; i++) updateEDetector(detector, random() < 0.7 ? 1 : 0);
    const { eProcess } = statisticsOf(detector);
    sum += eProcess;
    squares += eProcess * eProcess;
  }
  const mean = sum / 10_000;
  const standardError = Math.sqrt((squares / 10_000 - mean * mean) / 10_000);
  expect(mean).toBeLessThanOrEqual(1 + 3 * standardError);

  let alarms = 0;
  for (let run = 0; run < 400; run++) {
    const detector = createEDetector(baselineFloor(random));
    let isOver = false;
    for (let i = 0; i < 60 * 40; i++) {
      updateEDetector(detector, score(0.785, random));
      isOver ||= statisticsOf(detector).shiryaevRoberts >= 48_000;
    }
    if (isOver) alarms++;
  }
  expect(alarms / 400).toBeLessThanOrEqual(0.05);
});

test("a drop of 0.35 on the scale from 1 to 5 is found within days at 40 scores a day", () => {
  const random = mulberry(3);
  const delays: number[] = [];
  for (let run = 0; run < 200; run++) {
    const detector = createEDetector(baselineFloor(random));
    let delay = Infinity;
    for (let day = 0; day < 60 && delay === Infinity; day++)
      for (let i = 0; i < 40; i++) {
        updateEDetector(detector, score(day < 20 ? 0.785 : 0.785 - 0.0875, random));
        if (statisticsOf(detector).shiryaevRoberts >= 48_000) delay = Math.min(delay, day - 19);
      }
    delays.push(delay);
  }
  const median = delays.toSorted((a, b) => a - b)[100]!;
  expect(median).toBeGreaterThanOrEqual(2);
  expect(median).toBeLessThanOrEqual(8);
});

test("a detector goes on where it was after a restart, and strata are averaged by their shares", () => {
  const detector = createEDetector(0.8);
  for (const score of [0.2, 0.9, 0.4]) updateEDetector(detector, score);
  const again = JSON.parse(JSON.stringify(detector)) as typeof detector;
  updateEDetector(detector, 0.5);
  updateEDetector(again, 0.5);
  expect(again).toEqual(detector);
  const other = createEDetector(0.8);
  const half = combined([
    { share: 0.5, detector },
    { share: 0.5, detector: other },
  ]);
  expect(half.shiryaevRoberts).toBeCloseTo(statisticsOf(detector).shiryaevRoberts / 2, 12);
  for (let i = 0; i < 10_000; i++) updateEDetector(detector, 0);
  expect(JSON.parse(JSON.stringify(detector))).toEqual(detector);
  expect(() => updateEDetector(detector, 1.2)).toThrow(RangeError);
});

/** The mean of 2,000 earlier scores, less a tolerance of 0.02. */
function baselineFloor(random: () => number): number {
  let sum = 0;
  for (let i = 0; i < 2_000; i++) sum += score(0.785, random);
  return sum / 2_000 - 0.02;
}

function score(mean: number, random: () => number): number {
  return Math.min(1, Math.max(0, mean + 0.25 * gaussian(random)));
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
