import type { Stage } from "./check.ts";

/** A guard stopped a call. It holds nothing of the text that was found. */
export class GuardBlockedError extends Error {
  override readonly name = "GuardBlockedError";
  /** Name of the guard. */
  readonly guard: string;
  /** Name of the check. */
  readonly check: string;
  readonly stage: Stage;
  /** What was found, in the check's words; `timeout` or a class of error where it failed and is configured closed. */
  readonly types: readonly string[];

  constructor(at: { guard: string; check: string; stage: Stage; types: readonly string[] }) {
    super(`guard "${at.guard}" blocked: ${at.check} found ${at.types.join(", ")} in ${at.stage}`);
    this.guard = at.guard;
    this.check = at.check;
    this.stage = at.stage;
    this.types = at.types;
  }
}
