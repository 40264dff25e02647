import { expect, test } from "vitest";
import { hajek, hajekFromSums, horvitzThompson, postStratified, sumsOf } from "./estimate.ts";

test("known answer 13: all samples of four records, weighed by their probability", () => {
  const y = [1, 0, 1, 1];
  const pi = [0.5, 0.25, 0.8, 0.4];
  let total = 0;
  let square = 0;
  let variance = 0;
  let ratio = 0;
  let drawn = 0;
  for (let sample = 0; sample < 16; sample++) {
    const isIn = (at: number): boolean => ((sample >> at) & 1) === 1;
    const probability = pi.reduce((product, p, at) => product * (isIn(at) ? p : 1 - p), 1);
    const observations = y.flatMap((value, at) =>
      isIn(at) ? [{ value, inclusionProbability: pi[at]! }] : [],
    );
    const estimate = horvitzThompson(observations, 4);
    total += probability * estimate.total;
    square += probability * estimate.total ** 2;
    variance += probability * estimate.totalVariance;
    const mean = hajek(observations)?.mean;
    if (mean !== undefined) {
      ratio += probability * mean;
      drawn += probability;
    }
  }
  expect(total).toBeCloseTo(3, 12);
  expect(square - total ** 2).toBeCloseTo(2.75, 12);
  expect(variance).toBeCloseTo(2.75, 12);
  // Biased where so few are drawn: the truth is 0.75.
  expect(ratio / drawn).toBeCloseTo(0.841117, 6);
});

test("from sums as from observations; all scored leaves no doubt about these records, but some about the system", () => {
  const observations = [0.2, 0.4, 0.9, 1].map((value, i) => ({
    value,
    inclusionProbability: [1, 0.5, 0.1, 0.2][i]!,
  }));
  for (const superpopulation of [false, true]) {
    const options = { superpopulation };
    expect(hajekFromSums(sumsOf(observations, options))).toEqual(hajek(observations, options));
  }
  const all = observations.map(({ value }) => ({ value, inclusionProbability: 1 }));
  expect(hajek(all)).toMatchObject({ mean: 0.625, standardError: 0, effectiveN: 4 });
  expect(hajek(all, { superpopulation: true })!.standardError).toBeGreaterThan(0.1);
  expect(hajek([])).toBeUndefined();
  expect(hajek(all.slice(0, 1))).toMatchObject({ mean: 0.2, low: null, high: null, n: 1 });
  expect(() => hajek([{ value: 1, inclusionProbability: 0 }])).toThrow(RangeError);
});

test("records of one user are one observation, nearly", () => {
  const scores = [0.1, 0.2, 0.8, 0.9];
  const apart = scores.map((value) => ({ value, inclusionProbability: 0.5 }));
  const together = scores.flatMap((value, i) =>
    Array.from({ length: 25 }, () => ({ value, inclusionProbability: 0.5, cluster: `user ${i}` })),
  );
  const clustered = hajek(together)!;
  expect(clustered.mean).toBeCloseTo(0.5, 12);
  expect(clustered.standardError!).toBeGreaterThan(hajek(apart)!.standardError!);
});

test("strata: known sizes, and one that is too poor joins another", () => {
  const estimate = postStratified([
    { records: 900, values: [0.8, 0.9, 1] },
    { records: 100, values: [0.1, 0.3] },
  ])!;
  expect(estimate.mean).toBeCloseTo(0.9 * 0.9 + 0.1 * 0.2, 12);
  const joined = postStratified([
    { records: 50, values: [0.5] },
    { records: 50, values: [0.1, 0.3] },
  ])!;
  expect(joined).toMatchObject({ n: 3, mean: expect.closeTo(0.3, 12) as number });
  expect(joined.low).not.toBeNull();
  expect(postStratified([{ records: 10, values: [] }])).toBeUndefined();
});

test("95 % intervals cover the truth in 93 to 97 % of 1,000 samples; the naive mean does not", () => {
  const random = mulberry(7);
  const strata = [
    { size: 1_000, pi: 1, mean: 0.2 },
    { size: 9_000, pi: 0.2, mean: 0.6 },
    { size: 40_000, pi: 0.02, mean: 0.9 },
  ];
  const population = strata.map(({ size, mean }) =>
    Array.from({ length: size }, () => Math.min(1, Math.max(0, mean + (random() - 0.5) * 0.4))),
  );
  const all = population.flat();
  const truth = all.reduce((sum, value) => sum + value, 0) / all.length;
  const covered = { hajek: 0, strata: 0, naive: 0 };
  for (let repeat = 0; repeat < 1_000; repeat++) {
    const samples = strata.map(({ pi }, at) => drawn(population[at]!, pi, random));
    const observations = samples.flatMap((values, at) =>
      values.map((value) => ({ value, inclusionProbability: strata[at]!.pi })),
    );
    const contains = (estimate: { low: number | null; high: number | null } | undefined) =>
      estimate!.low! <= truth && truth <= estimate!.high! ? 1 : 0;
    covered.hajek += contains(hajek(observations));
    covered.strata += contains(
      postStratified(samples.map((values, at) => ({ records: strata[at]!.size, values }))),
    );
    const naive = observations.map(({ value }) => ({ value, inclusionProbability: 1 }));
    covered.naive += contains(hajek(naive, { superpopulation: true }));
  }
  for (const count of [covered.hajek, covered.strata]) {
    expect(count).toBeGreaterThanOrEqual(930);
    expect(count).toBeLessThanOrEqual(970);
  }
  expect(covered.naive).toBeLessThan(50);
});

/** Every record by itself; by the distance to the next one drawn, which is as good and quicker. */
function drawn(values: readonly number[], pi: number, random: () => number): number[] {
  if (pi === 1) return [...values];
  const sample: number[] = [];
  const step = Math.log1p(-pi);
  for (let at = Math.floor(Math.log(1 - random()) / step); at < values.length;) {
    sample.push(values[at]!);
    at += 1 + Math.floor(Math.log(1 - random()) / step);
  }
  return sample;
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
