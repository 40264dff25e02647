/**
 * Verdicts that come when the call may long be over: each gets a span of its own, child of the guard's, with the event that
 * other checks have there. Nobody waits for them; over their number they are dropped and counted.
 */
import { countError, stats } from "../health.ts";
import type { Check, Stage, Verdict } from "./check.ts";
import { GuardSpan } from "./guard-span.ts";
import { Tally } from "./tally.ts";

const MOST_RUNNING = 256;
let running = 0;

export function laterVerdict(
  guard: string,
  check: Check,
  stage: Stage,
  verdict: Promise<Verdict | undefined>,
): void {
  if (running >= MOST_RUNNING) {
    stats.guardVerdictsDropped++;
    // It may still fail, and nobody else listens.
    verdict.catch(() => undefined);
    return;
  }
  running++;
  const startedAt = performance.now();
  // What was decided without waiting cannot be enforced any more.
  const tally = new Tally({ ...check, action: "warn", onFailure: "open" }, stage);
  const span = new GuardSpan(guard, `check ${check.name}`);
  void verdict
    .then(
      (found) => {
        if (found) tally.judged(found);
      },
      (error: unknown) => {
        tally.failed(error);
        countError(`the check ${check.name}`, error);
      },
    )
    .finally(() => {
      running--;
      tally.elapsedMs = performance.now() - startedAt;
      span.note(tally);
      span.end();
    });
}
