/** Numbers that others computed, or that can be computed by hand. */
import { describe, expect, test } from "vitest";
import { cohenKappa, confusionMatrix, fleissKappa, krippendorffAlpha } from "./agreement.ts";
import { benjaminiHochberg, sampleSize, welch } from "./compare-means.ts";
import { composite } from "./composite.ts";
import { kendall, pearson, ranks, spearman } from "./correlation.ts";
import { entropy, firstDivergence, pairwiseAgreement, totalAgreement } from "./determinism.ts";
import {
  betaQuantile,
  binomialTest,
  chiSquaredUpper,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
  twoSidedZ,
} from "./distributions.ts";
import { expectedScore } from "./expected-score.ts";
import { mcnemar } from "./mcnemar.ts";
import { mixShift } from "./mix-shift.ts";
import { median, robustDeviation } from "./robust.ts";
import { breakEvenCorrelation, twoPhase } from "./two-phase.ts";

/** A gap in Krippendorff's tables. */
const _ = undefined;

const units = (...raters: (number | undefined)[][]): number[][] =>
  raters[0]!.map((__, unit) => raters.flatMap((values) => values[unit] ?? []));

describe("1 Cohen", () => {
  test("two by two", () => {
    const table = [
      [20, 5],
      [10, 15],
    ];
    expect(cohenKappa(table)!.kappa).toBeCloseTo(0.4, 12);
  });

  test("three by three, as SAS and statsmodels have it", () => {
    const table = [
      [0, 4, 1],
      [0, 8, 0],
      [0, 1, 5],
    ];
    const simple = cohenKappa(table)!;
    expect(simple.kappa).toBeCloseTo(0.48416, 5);
    expect(simple.standardError).toBeCloseTo(0.13801, 5);
    expect(simple.low).toBeCloseTo(0.2137, 4);
    expect(simple.high).toBeCloseTo(0.7547, 4);
    expect(cohenKappa(table, "linear")!.kappa).toBeCloseTo(0.47012, 5);
    expect(cohenKappa(table, "quadratic")!.kappa).toBeCloseTo(0.45016, 5);
  });

  test("nothing varies: undefined", () => {
    expect(cohenKappa(confusionMatrix([1, 1], [1, 1], [1, 2]))).toBeUndefined();
  });
});

test("2 Fleiss", () => {
  const wikipedia = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
  ];
  expect(fleissKappa(wikipedia)).toBeCloseTo(0.20993, 5);
  const two = [
    [7, 1],
    [3, 5],
  ];
  expect(fleissKappa(two)).toBeCloseTo(0.161905, 6);
  const three = [
    [6, 1, 0],
    [0, 7, 0],
  ];
  expect(fleissKappa(three)).toBeCloseTo(0.708333, 6);
  expect(() => fleissKappa([[1, 1], [3]])).toThrow(RangeError);
});

test("3 Krippendorff", () => {
  const four = units(
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
  );
  expect(krippendorffAlpha(four, "nominal")).toBeCloseTo(0.7434, 4);
  expect(krippendorffAlpha(four, "ordinal")).toBeCloseTo(0.8154, 4);
  expect(krippendorffAlpha(four, "interval")).toBeCloseTo(0.8491, 4);
  expect(krippendorffAlpha(four, "ratio")).toBeCloseTo(0.7974, 4);
  const three = units(
    [_, _, _, _, _, 3, 4, 1, 2, 1, 1, 3, 3, _, 3],
    [1, _, 2, 1, 3, 3, 4, 3, _, _, _, _, _, _, _],
    [_, _, 2, 1, 3, 4, 4, _, 2, 1, 1, 3, 3, _, 4],
  );
  expect(krippendorffAlpha(three, "nominal")).toBeCloseTo(0.691358, 6);
  expect(krippendorffAlpha(three, "interval")).toBeCloseTo(0.810845, 6);
  expect(
    krippendorffAlpha(
      [
        [1, 1],
        [1, 1],
      ],
      "nominal",
    ),
  ).toBeUndefined();
});

test("7 McNemar", () => {
  const { p, chiSquared } = mcnemar(182, 5);
  expect(p / 1.892e-47).toBeCloseTo(1, 3);
  expect(chiSquared).toBeCloseTo(165.647, 3);
  expect(mcnemar(0, 0).p).toBe(1);
});

test("correlations: by value, by rank, by order", () => {
  const x = [1, 2, 3, 4, 5];
  expect(pearson(x, [2, 4, 6, 8, 10])).toBeCloseTo(1, 12);
  expect(spearman(x, [1, 4, 9, 16, 25])).toBeCloseTo(1, 12);
  expect(kendall(x, [5, 4, 3, 2, 1])).toBe(-1);
  expect(ranks([10, 20, 20, 5])).toEqual([2, 3.5, 3.5, 1]);
  // Ties in both: (concordant 4 - discordant 0) / sqrt(5 * 5).
  expect(kendall([1, 1, 2, 3], [1, 2, 2, 3])).toBeCloseTo(4 / 5, 12);
  expect(pearson([1, 1], [1, 2])).toBeUndefined();
});

test("14 two phases and sizes", () => {
  const cost = (rho: number, ratio: number) => {
    const { relativeCost, auditShare } = twoPhase(rho, ratio);
    return [Number(relativeCost.toFixed(3)), Number(auditShare.toFixed(3))];
  };
  expect(cost(0.8, 0.1)).toEqual([0.728, 0.237]);
  expect(cost(0.9, 0.1)).toEqual([0.519, 0.153]);
  expect(cost(0.9, 1 / 30)).toEqual([0.36, 0.088]);
  expect(cost(0.5, 0.1)[0]).toBe(1.049);
  expect(twoPhase(0.5, 0.1).worthwhile).toBe(false);
  expect(breakEvenCorrelation(0.1)).toBeCloseTo(0.57496, 6);
  expect(breakEvenCorrelation(1 / 30)).toBeCloseTo(0.353369, 6);
  expect([0.1, 0.2, 0.3].map((difference) => sampleSize(difference, 0.9))).toEqual([
    1272, 318, 142,
  ]);
});

describe("17 the weighted score", () => {
  const weights = { correctness: 0.6, faithfulness: 0.2, professionalism: 0.2 };
  const norm = (score: number) => ({ status: "ok" as const, norm: (score - 1) / 4 });
  const parts = { correctness: norm(4), faithfulness: norm(5), professionalism: norm(3) };

  test("60, 20, 20", () => {
    const whole = composite(parts, { weights })!;
    expect(1 + 4 * whole.norm).toBeCloseTo(4, 12);
    expect(whole).toMatchObject({ norm: expect.closeTo(0.75, 12) as number, coverage: 1 });
  });

  test("a part that does not apply is left out and said; one that failed leaves no score", () => {
    const without = { ...parts, faithfulness: { status: "not_applicable" as const } };
    expect(composite(without, { weights })).toEqual({
      norm: expect.closeTo(0.6875, 12) as number,
      coverage: expect.closeTo(0.8, 12) as number,
      variant: ["correctness", "professionalism"],
    });
    expect(composite(without, { weights, missing: "strict" })).toBeUndefined();
    const failed = { ...parts, faithfulness: { status: "failed" as const } };
    expect(composite(failed, { weights })).toBeUndefined();
    expect(composite(failed, { weights, missing: "floor" })!.norm).toBeCloseTo(0.55, 12);
    expect(composite({ ...parts, correctness: undefined }, { weights })).toBeUndefined();
  });

  test("a gate", () => {
    const lying = { ...parts, faithfulness: norm(2) };
    const gates = [{ metric: "faithfulness", below: 0.5, max: 0.4 }];
    expect(composite(lying, { weights, gates })!.norm).toBe(0.4);
    expect(composite(parts, { weights, gates })!.norm).toBeCloseTo(0.75, 12);
  });

  test("weights must be positive", () => {
    expect(() => composite(parts, { weights: { correctness: 0 } })).toThrow("weights.correctness");
  });
});

test("18 the expected score", () => {
  const likely = Object.entries({ 5: 0.6, " 4": 0.3, 3: 0.08, 2: 0.015, Good: 0.005 }).map(
    ([token, p]) => ({ token, logprob: Math.log(p) }),
  );
  const score = expectedScore(likely, 5, [1, 2, 3, 4, 5])!;
  expect(score.expected).toBeCloseTo(4.492462, 6);
  expect(score.mass).toBeCloseTo(0.995, 12);
  expect(expectedScore(likely, 1, [1, 2, 3, 4, 5])).toBeUndefined();
  const withoutFive = likely.filter(({ token }) => token !== "5");
  expect(expectedScore(withoutFive, 4, [1, 2, 3, 4, 5])).toBeUndefined();
  // AlpacaEval: the preference 1 or 2 from the tokens m and M.
  const [m, M] = [Math.exp(-0.010449888), Math.exp(-4.6069846)];
  expect((2 * m + M) / (m + M)).toBeCloseTo(1.9900139974, 9);
});

test("24 Benjamini-Hochberg and Welch", () => {
  const p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216];
  expect(benjaminiHochberg(p, 0.05).filter(Boolean)).toHaveLength(2);
  expect(benjaminiHochberg([], 0.05)).toEqual([]);
  const result = welch(
    { mean: 4.2, standardDeviation: 0.8, n: 400 },
    { mean: 4.05, standardDeviation: 0.9, n: 350 },
  )!;
  expect(result.t).toBeCloseTo(2.397535, 6);
  expect(result.degreesOfFreedom).toBeCloseTo(704.04, 2);
  expect(result.low).toBeGreaterThan(0);
  expect(
    welch({ mean: 1, standardDeviation: 0, n: 5 }, { mean: 1, standardDeviation: 0, n: 5 }),
  ).toBeUndefined();
});

test("25 determinism by hand", () => {
  expect(pairwiseAgreement([4, 1])).toBeCloseTo(0.6, 12);
  expect(totalAgreement([4, 1], 3)).toBeCloseTo(0.4, 12);
  expect(totalAgreement([4, 1], 5)).toBe(0);
  expect(totalAgreement([4, 1], 6)).toBeUndefined();
  expect(entropy([4, 1])).toBeCloseTo(0.721928, 6);
  expect(entropy([1, 2, 1], Math.E)).toBeCloseTo(1.039721, 6);
  expect(pairwiseAgreement([7])).toBe(1);
  expect(pairwiseAgreement([1])).toBeUndefined();
  expect(firstDivergence("the cat", "the dog")).toBe(4);
});

test("the distributions behind them, far into the tails", () => {
  expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 12);
  expect(normalCdf(-10) / 7.61985302416053e-24).toBeCloseTo(1, 10);
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 10);
  expect(twoSidedZ(0.99)).toBeCloseTo(2.575829303548901, 10);
  // Tables of the t distribution: t(0.975; 10) and (1).
  expect(studentQuantile(0.975, 10)).toBeCloseTo(2.228138851964939, 9);
  expect(studentCdf(1, 1)).toBeCloseTo(0.75, 12);
  expect(chiSquaredUpper(3.841458820694124, 1)).toBeCloseTo(0.05, 10);
  // Clopper-Pearson's limits of 8 in 10.
  expect(betaQuantile(0.025, 8, 3)).toBeCloseTo(0.443905, 6);
  expect(binomialTest(8, 10, 0.5)).toBeCloseTo(0.109375, 12);
});

test("a median, and how far a value is from its history", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeUndefined();
  const { deviations, spread } = robustDeviation(20, [10, 11, 9, 10, 500])!;
  expect(spread).toBeCloseTo(1.4826, 4);
  expect(deviations).toBeCloseTo(10 / 1.4826, 3);
  expect(robustDeviation(2, [1, 1, 1], 0.5)!.deviations).toBe(2);
  expect(robustDeviation(2, [1, 1, 1])!.deviations).toBe(Infinity);
});

test("rate and mix sum to the change", () => {
  const { change, rate, mix, segments } = mixShift(
    [
      { segment: "a", share: 0.5, mean: 0.8 },
      { segment: "b", share: 0.5, mean: 0.4 },
    ],
    [
      { segment: "a", share: 0.2, mean: 0.8 },
      { segment: "b", share: 0.7, mean: 0.4 },
      { segment: "c", share: 0.1, mean: 0.9 },
    ],
  );
  expect(change).toBeCloseTo(0.2 * 0.8 + 0.7 * 0.4 + 0.1 * 0.9 - 0.6, 12);
  expect(rate).toBeCloseTo(0, 12);
  expect(mix).toBeCloseTo(change, 12);
  expect(segments[0]!.segment).toBe("a");
});
