/**
 * What a check says of a series, over the ticks: a few bad ones in a row make it fire, a few good ones end it. What
 * is not known (no records, too few, a judge in trouble) neither fires nor resolves; a series of which nothing is
 * heard for a day is given up.
 */
import type { Verdict } from "./verdict.ts";

export type State = "ok" | "warn" | "firing" | "no_data" | "muted" | "too_few";

/** Kept between ticks. */
export interface Standing {
  /** Ticks in a row. */
  bad: number;
  good: number;
  /** It fired and has not been resolved. */
  open: boolean;
  /** When it got bad, unix seconds. */
  since: number | null;
  /** When something was known last. */
  knownAt: number;
}

const GIVEN_UP_AFTER = 86_400;

export interface StandingOptions {
  ticks: number;
  clear: number;
  muted: boolean;
  at: number;
}

export function nextStanding(
  previous: Standing | undefined,
  outcome: Verdict["outcome"],
  { ticks, clear, muted, at }: StandingOptions,
): { standing: Standing; state: State } {
  const before = previous ?? { bad: 0, good: 0, open: false, since: null, knownAt: at };
  if (muted && (outcome === "bad" || before.open))
    return { standing: { ...before, since: before.since ?? at }, state: "muted" };
  if (outcome === "bad") {
    const bad = before.bad + 1;
    const open = before.open || bad >= ticks;
    const since = before.since ?? at;
    return {
      standing: { bad, good: 0, open, since, knownAt: at },
      state: open ? "firing" : "warn",
    };
  }
  if (outcome === "good") {
    const good = before.good + 1;
    const open = before.open && good < clear;
    const since = open ? before.since : null;
    return { standing: { bad: 0, good, open, since, knownAt: at }, state: open ? "firing" : "ok" };
  }
  if (before.open && at - before.knownAt > GIVEN_UP_AFTER)
    return { standing: { bad: 0, good: 0, open: false, since: null, knownAt: at }, state: "ok" };
  return { standing: { ...before, bad: 0, good: 0 }, state: outcome };
}
