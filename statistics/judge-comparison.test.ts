import { expect, test } from "vitest";
import { krippendorffAlpha } from "./agreement.ts";
import { kendall, pearson, spearman } from "./correlation.ts";
import { compareJudges } from "./judge-comparison.ts";
import { pairedDifference } from "./paired-means.ts";
import { seededRandom } from "./random.ts";
import { brierScore, calibrationError } from "./reliability.ts";
import { tableStatistics } from "./score-table.ts";

/** Two judges that share most of what they see. */
function pairs(n: number, seed: number): [number[], number[]] {
  const random = seededRandom(seed);
  const level = (): number => 1 + Math.floor(random() * 5);
  const first = Array.from({ length: n }, level);
  return [first, first.map((score) => (random() < 0.6 ? score : level()))];
}

test("what is computed from the table is what is computed from the lists", () => {
  const [a, b] = pairs(80, 3);
  const found = compareJudges(a, b, { resamples: 10 });
  expect(found.pearson!.value).toBeCloseTo(pearson(a, b)!, 10);
  expect(found.spearman!.value).toBeCloseTo(spearman(a, b)!, 10);
  expect(found.kendall!.value).toBeCloseTo(kendall(a, b)!, 10);
  const units = a.map((score, i) => [score, b[i]!]);
  expect(found.alpha!.value).toBeCloseTo(krippendorffAlpha(units, "ordinal")!, 10);
  const differences = a.map((score, i) => score - b[i]!);
  expect(found.bias!.value).toBeCloseTo(differences.reduce((x, y) => x + y, 0) / 80, 10);
});

test("Gwet's AC1 on a skewed table where kappa says nothing", () => {
  // 118 both yes, 5 and 2 apart, 0 both no: pa .944, pe 2 * .972 * .028.
  const yes = (118 + 5 + 118 + 2) / 250;
  const pe = 2 * yes * (1 - yes);
  const found = tableStatistics([
    [118, 5],
    [2, 0],
  ]);
  expect(found.ac1).toBeCloseTo((0.944 - pe) / (1 - pe), 12);
  expect(found.exact).toBeCloseTo(0.944, 12);
});

test("intervals: the same for the same seed, around the value, narrower with more records", () => {
  const small = compareJudges(...pairs(60, 5));
  const large = compareJudges(...pairs(2_000, 5));
  expect(compareJudges(...pairs(60, 5))).toEqual(small);
  for (const name of [
    "exact",
    "withinOne",
    "kappaQuadratic",
    "ac1",
    "alpha",
    "spearman",
  ] as const) {
    const [one, other] = [small[name]!, large[name]!];
    expect(one.low).toBeLessThanOrEqual(one.value);
    expect(one.high).toBeGreaterThanOrEqual(one.value);
    expect(other.high - other.low).toBeLessThan(one.high - one.low);
  }
});

test("without variance or records there is nothing, not 0 and not NaN", () => {
  const constant = compareJudges([5, 5, 5], [5, 5, 5]);
  expect(constant).toMatchObject({ records: 3, exact: { value: 1 } });
  expect(constant.pearson).toBeUndefined();
  expect(constant.kappa).toBeUndefined();
  expect(compareJudges([], [])).toMatchObject({ records: 0, exact: undefined });
  expect(compareJudges([6, 1], [1, 1])).toMatchObject({ records: 1 });
});

test("who passes what: McNemar over the two kinds of difference", () => {
  const found = compareJudges([5, 4, 1, 1, 5], [5, 1, 4, 2, 1], { resamples: 5 });
  expect(found.passing).toMatchObject({ both: 1, firstOnly: 2, secondOnly: 1, neither: 1 });
  expect(found.passing.mcnemarP).toBeCloseTo(1, 12);
});

test("paired differences: Student's sleep data, t = -4.0621 with 9 degrees of freedom, p = 0.00283", () => {
  const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2];
  const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
  const found = pairedDifference(first, second)!;
  expect(found.difference).toBeCloseTo(-1.58, 10);
  expect(found.low).toBeCloseTo(-2.4598858, 5);
  expect(found.high).toBeCloseTo(-0.7001142, 5);
  expect(found.p).toBeCloseTo(0.002833, 5);
  expect(found).toMatchObject({ n: 10, better: 0, worse: 9, equal: 1 });
  expect(pairedDifference([1], [1])).toBeUndefined();
  expect(pairedDifference([1, 1], [0, 0])).toMatchObject({ difference: 1, low: 1, high: 1, p: 0 });
});

test("Brier score and calibration error by hand", () => {
  expect(brierScore([1, 0.5, 0], [true, false, false])).toBeCloseTo(0.25 / 3, 12);
  expect(calibrationError([0.9, 0.9, 0.1], [true, false, false])).toBeCloseTo((0.8 + 0.1) / 3, 12);
});
