import { expect, test } from "vitest";
import { calibratedMean, type LabelledRecord } from "./calibrated-mean.ts";
import { hajek, sumsOf } from "./estimate.ts";
import { seededRandom } from "./random.ts";

/** 1,500 records of two kinds, judged with 0.2 or 1, labelled with 0.5 or 0.1; the judge is 0.25 too mild. */
function draw(seed: number) {
  const random = seededRandom(seed);
  const all: { value: number; inclusionProbability: number }[] = [];
  const labelled: LabelledRecord[] = [];
  let truth = 0;
  for (let i = 0; i < 1_500; i++) {
    const bad = random() < 0.3;
    const y = bad ? random() * 0.4 : 0.5 + random() * 0.5;
    truth += y / 1_500;
    const f = Math.min(1, y + 0.25 * random() + 0.1);
    const [pi, human] = bad ? [1, 0.3] : [0.4, 0.1];
    if (random() >= pi) continue;
    all.push({ value: f, inclusionProbability: pi });
    if (random() < human)
      labelled.push({
        label: y,
        judged: f,
        judgedWeight: 1 / pi,
        labelledWeight: 1 / (pi * human),
      });
  }
  return { all, labelled, truth };
}

test("its intervals cover the truth in 93 to 97 % of 1,000 draws of unequal probability; the judge's own never do", () => {
  let [covered, judgeCovered, narrower] = [0, 0, 0];
  const superTruth = 0.3 * 0.2 + 0.7 * 0.75;
  for (let seed = 1; seed <= 1_000; seed++) {
    const { all, labelled } = draw(seed);
    const sums = sumsOf(all, { superpopulation: true });
    const found = calibratedMean(sums, labelled);
    if (found.low <= superTruth && superTruth <= found.high) covered++;
    const judge = hajek(all, { superpopulation: true })!;
    if (judge.low! <= superTruth && superTruth <= judge.high!) judgeCovered++;
    const people = hajek(
      labelled.map(({ label, labelledWeight }) => ({
        value: label,
        inclusionProbability: 1 / labelledWeight,
      })),
      { superpopulation: true },
    )!;
    if (found.standardError < people.standardError!) narrower++;
  }
  expect(covered).toBeGreaterThanOrEqual(930);
  expect(covered).toBeLessThanOrEqual(970);
  expect(judgeCovered).toBe(0);
  expect(narrower).toBeGreaterThan(950);
});

test("a judge that says nothing is not listened to: the labels' weighted mean is left", () => {
  const { all, labelled } = draw(7);
  const blind = labelled.map((record) => ({ ...record, judged: 0.5 }));
  const sums = sumsOf(
    all.map(({ inclusionProbability }) => ({ value: 0.5, inclusionProbability })),
    { superpopulation: true },
  );
  const found = calibratedMean(sums, blind);
  expect(found.lambda).toBe(0);
  expect(found.mean).toBe(found.labelsAlone);
});

test("a judge that says what people say gives its own mean and nearly its own error", () => {
  const { all, labelled } = draw(7);
  const same = labelled.map((record) => ({ ...record, label: record.judged }));
  const found = calibratedMean(sumsOf(all, { superpopulation: true }), same);
  const judge = hajek(all, { superpopulation: true })!;
  expect(found.lambda).toBeGreaterThan(0.85);
  expect(Math.abs(found.mean - judge.mean)).toBeLessThan(judge.standardError! / 4);
  expect(found.standardError / judge.standardError!).toBeCloseTo(1, 1);
});

test("one label is refused", () => {
  const { all, labelled } = draw(7);
  expect(() => calibratedMean(sumsOf(all), labelled.slice(0, 1))).toThrow("at least 2");
});
