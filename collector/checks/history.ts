/** The same hour of earlier weeks, with the hours beside it: what is usual now. */
import type { Window } from "./verdict.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;

/**
 * Whole hours, newest week first: three of each earlier week, and three of each of the last days that are not in them,
 * which stand in while there are no weeks yet.
 */
export function usualHours(at: number, weeks: number): { weekly: Window[]; daily: Window[] } {
  const hour = at - (at % HOUR);
  const around = (day: number): Window[] =>
    [-1, 0, 1].map((shift) => {
      const from = hour - day * DAY + shift * HOUR;
      return { from, to: from + HOUR };
    });
  return {
    weekly: Array.from({ length: weeks }, (_, i) => around(7 * (i + 1))).flat(),
    daily: [1, 2, 3, 4].flatMap(around),
  };
}
