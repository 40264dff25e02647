/**
 * The stage that redacts, between the receiver and the log: nothing is written before it.
 *
 * Only the body changes. How many spans there are and which were refused stays, and so does the hash of the body as it was
 * sent: a request that is sent again is known again. Should redaction itself fail, the request fails with it.
 */
import type { AcceptedRequest, AppendOutcome } from "../stages.ts";
import { createLogRedactor } from "./logs.ts";
import { createTraceRedactor, type RedactRules } from "./traces.ts";

export interface RedactStats {
  /** Requests in which something was replaced. */
  changedRequests: number;
  /** Replacements by what was replaced: `email`, `key`, a pattern's name, `removed`, `hidden`, `unsearched`. */
  redactions: Readonly<Record<string, number>>;
}

export interface RedactStage {
  consume: (request: AcceptedRequest) => Promise<AppendOutcome>;
  stats: () => RedactStats;
}

export function createRedactStage(
  rules: RedactRules,
  next: (request: AcceptedRequest) => Promise<AppendOutcome>,
): RedactStage {
  const redact = { traces: createTraceRedactor(rules), logs: createLogRedactor(rules) };
  const redactions = new Map<string, number>();
  let changedRequests = 0;
  return {
    async consume(request) {
      const { body, byLabel } = redact[request.signal](request.body);
      const outcome = await next({ ...request, body });
      // What was sent again is not counted again, nor what the log refused.
      if (outcome === "appended" && byLabel.size > 0) {
        changedRequests++;
        for (const [label, count] of byLabel) {
          redactions.set(label, (redactions.get(label) ?? 0) + count);
        }
      }
      return outcome;
    },
    stats: () => ({ changedRequests, redactions: Object.fromEntries(redactions) }),
  };
}
