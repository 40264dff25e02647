/** How a check ends a call, and when. */
import { countError } from "../health.ts";
import type { Outcome } from "./check.ts";
import type { Tally } from "./tally.ts";

/** Thrown inside of the guard where a check ends the call. */
export class Stop extends Error {
  readonly tally: Tally;

  constructor(tally: Tally) {
    super("stopped by a check");
    this.tally = tally;
  }
}

export function checkFailed(tally: Tally, error: unknown): void {
  tally.failed(error);
  countError(`the check ${tally.check.name}`, error);
}

export function stops(outcome: Outcome): boolean {
  return outcome === "block" || outcome === "fallback";
}
