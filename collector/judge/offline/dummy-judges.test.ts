import { expect, test } from "vitest";
import { dummyScores } from "./dummy-judges.ts";

const answers = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff", undefined];

test("always the best, by length in equal parts, at random by how often another gave each", () => {
  const material = { answers, levels: 5, model: [1, 1, 1, 5] };
  expect(dummyScores("always-best", material)).toEqual([5, 5, 5, 5, 5, 5, 5]);
  expect(dummyScores("length", material)).toEqual([1, 2, 3, 4, 5, 5, 1]);
  const many = { ...material, answers: Array.from({ length: 4_000 }, () => "x") };
  const drawn = dummyScores("random", many);
  expect(new Set(drawn)).toEqual(new Set([1, 5]));
  expect(drawn.filter((score) => score === 5).length / 4_000).toBeCloseTo(0.25, 1);
  expect(dummyScores("random", many)).toEqual(drawn);
  expect(dummyScores("length", many)[0]).toBe(dummyScores("length", many)[9]);
});
