/** The checks that a guard is made of, by name. */
import { canary, createCanary } from "./checks/canary.ts";
import { custom } from "./checks/custom.ts";
import { json } from "./checks/json.ts";
import { limits } from "./checks/limits.ts";
import { numbers } from "./checks/numbers.ts";
import { pii } from "./checks/pii.ts";
import { promptInjection } from "./checks/prompt-injection.ts";
import { repeatedCalls } from "./checks/repeated-calls.ts";
import { secrets } from "./checks/secrets.ts";
import { tools } from "./checks/tools.ts";
import { urls } from "./checks/urls.ts";

export { createCanary };

/** Makers of checks; each takes what to do (`action`) and where to look (`stages`). */
export const checks = {
  pii,
  secrets,
  promptInjection,
  canary,
  json,
  urls,
  tools,
  numbers,
  limits,
  repeatedCalls,
  custom,
} as const;
