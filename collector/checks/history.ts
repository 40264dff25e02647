/** The same hour of earlier weeks, with the hours beside it: what is usual now. */
import type { Tick } from "./tick.ts";
import type { Window } from "./verdict.ts";
import { readWindows, type Scope, type WindowedSeries } from "./windows.ts";

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

type UsualOf = Pick<Tick, "client" | "at" | "remembered"> & { check: Scope };

/** What was usual, read once an hour: it does not change before the next. */
export function readUsual(
  { check, client, at, remembered }: UsualOf,
  hours: readonly Window[],
): Promise<WindowedSeries[]> {
  return remembered(`usual at ${at - (at % HOUR)}`, () =>
    readWindows(client, check, hours, { rollup: "llm_1h" }),
  );
}
