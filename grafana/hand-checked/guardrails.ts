import { type ExpectedPanels, H10, H11 } from "./expected.ts";
import { traceId } from "./records.ts";

/** Four checks: "pii" passed, blocked, and failed; "urls" redacted. */
export const guardrails: ExpectedPanels = {
  "Checks": ["checks", [4]],
  "Blocked": ["share", [1 / 4]],
  "Bypassed": ["checks", [1]],
  "Time of a check, 95 of 100": ["p95", [64]],
  "Share that does something, by rule": ["time rule share", [H10, "pii", 1 / 3], [H11, "urls", 1]],
  "Blocked, by rule": ["time rule blocked", [H10, "pii", 1], [H11, "urls", 0]],
  "Checks that failed, by error": ["time what failed", [H10, "pii: timeout", 1]],
  "Time of a check by rule, 95 of 100": ["time rule p95", [H10, "pii", 64], [H11, "urls", 4]],
  "By rule and stage": [
    "guard rule stage checks warned redacted blocked blocked_share failed matches p95_ms",
    ["main", "pii", "input", 3, 0, 0, 1, 1 / 3, 1, 2, 64],
    ["main", "urls", "output", 1, 0, 1, 0, 0, 0, 1, 4],
  ],
  "Blocked and said to be wrong": [
    "time name by score explanation trace",
    ["2035-03-16 10:10:00.000000000", "guardrail_block", "ada", 0, "was harmless", traceId("B")],
  ],
}; // prettier-ignore
