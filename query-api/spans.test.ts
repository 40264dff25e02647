import { expect, test } from "vitest";
import { widerWindow } from "./spans.ts";

const MINUTE = 60_000;

test.each([
  ["nothing found: 24 times as wide", 5 * MINUTE, 0, 51, 120 * MINUTE],
  ["a third found: as wide as it takes, and half as much again", 5 * MINUTE, 17, 51, 22.5 * MINUTE],
  ["nearly all found: twice", 60 * MINUTE, 50, 51, 120 * MINUTE],
  ["one found: 24 times at most", 5 * MINUTE, 1, 51, 120 * MINUTE],
  ["more than a week: everything", 2 * 24 * 60 * MINUTE, 0, 51, Infinity],
])("%s", (_, width, found, wanted, expected) => {
  expect(widerWindow(width, found, wanted)).toBe(expected);
});
