import { expect, test } from "vitest";
import { cosine, greedyMatch, sentencesOf } from "./vectors.ts";

test("cosine", () => {
  expect(cosine([1, 0], [0, 2])).toBe(0);
  expect(cosine([3, 4], [6, 8])).toBeCloseTo(1, 12);
  expect(cosine([1, 1], [1, 0])).toBeCloseTo(Math.SQRT1_2, 12);
  expect(cosine([1, 0], [-1, 0])).toBe(-1);
  expect(cosine([0, 0], [1, 0])).toBe(0);
});

test("each part with its nearest, both ways", () => {
  // The answer says one of two things of the reference, and one of its own.
  const found = greedyMatch([[1, 0, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 0]])!; // prettier-ignore
  expect(found).toEqual({ precision: 0.5, recall: 0.5, f1: 0.5 });
  const more = greedyMatch([[1, 0]], [[1, 0], [1, 1]])!; // prettier-ignore
  expect(more.precision).toBe(1);
  expect(more.recall).toBeCloseTo((1 + Math.SQRT1_2) / 2, 12);
  expect(greedyMatch([[1, 0]], [[-1, 0]])).toEqual({ precision: 0, recall: 0, f1: 0 });
  expect(greedyMatch([], [[1]])).toBeUndefined();
});

test("sentences", () => {
  expect(sentencesOf("It rains. Take an umbrella!  ")).toEqual(["It rains.", "Take an umbrella!"]);
  expect(sentencesOf("今日は雨です。傘を持って。")).toHaveLength(2);
  expect(sentencesOf("One. Two. Three.", 2)).toHaveLength(2);
});
