/** When a cheap judge's answer is in doubt, and the strong judge of the metric is asked whatever the audit's draw says. */
import type { Judge } from "./config.ts";
import type { Judgement } from "./judging.ts";

const MIDDLE = 0.5;

export function isDoubtful(
  { escalate, onInjection, logprobs, samples }: Judge,
  { outcome, injectionSuspected }: Judgement,
): boolean {
  if (injectionSuspected && onInjection === "escalate") return true;
  if (!escalate) return false;
  if (outcome.status === "abstain") return escalate.unsure;
  if (outcome.status !== "ok") return false;
  const { expected, norm } = outcome;
  const { entropy_above, near_middle, unsure } = escalate;
  if (!expected) {
    // Probabilities were asked for and say too little to be used.
    if (unsure && (logprobs || samples > 1)) return true;
  } else if (entropy_above !== undefined && expected.entropy > entropy_above) return true;
  return near_middle !== undefined && Math.abs(norm - MIDDLE) < near_middle;
}
