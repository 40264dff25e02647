/** What a test says of one series at one tick, before it is known what it said before. */
export interface Verdict {
  outcome: "good" | "bad" | "too_few" | "no_data";
  /** One sentence, with the numbers. */
  reason: string;
  n: number;
  effectiveN: number;
  estimate?: number | undefined;
  low?: number | undefined;
  high?: number | undefined;
  baseline?: number | undefined;
  threshold?: number | undefined;
  /** Bad at `statisticLimit` and above. */
  statistic?: number | undefined;
  statisticLimit?: number | undefined;
  detectable?: number | undefined;
  /** Chance of something as bad without a change; where a check controls false discoveries. */
  p?: number | undefined;
  /** Windows, in unix seconds, whose segments are compared when it fires. */
  compared?: { before: Window | undefined; now: Window } | undefined;
  /** The test's own memory for the next tick; JSON. */
  memory?: unknown;
}

/** Event times from `from` up to, without, `to`; unix seconds. */
export interface Window {
  from: number;
  to: number;
}

export const NOTHING: Verdict = {
  outcome: "no_data",
  reason: "nothing was recorded in the window",
  n: 0,
  effectiveN: 0,
};
