/** Agents that go in circles: one tool with the same arguments again and again in one session, or else one trace. */
import { checkOf, type Check, type CheckOptions } from "../check.ts";
import { Remembered } from "../remembered.ts";
import { parsed } from "./json.ts";

export interface RepeatedCallsOptions extends Omit<CheckOptions, "action" | "stages"> {
  action?: "warn" | "block" | "fallback";
  /** The call of this number with the same arguments is found. @default 3 */
  at?: number;
}

const MOST_RUNS = 1_000;
const MOST_CALLS = 256;

/**
 * Repeated tool calls. Blocks unless told otherwise.
 * @example checks.repeatedCalls({ at: 3 })
 */
export function repeatedCalls(options: RepeatedCallsOptions = {}): Check {
  const at = options.at ?? 3;
  if (!(Number.isInteger(at) && at >= 2))
    throw new RangeError(`at: expected a whole number from 2, got "${at}"`);
  const runs = new Remembered<Remembered<{ count: number }>>(MOST_RUNS);
  return {
    ...checkOf(options, { name: "repeated_calls", stages: ["tool_call"], action: "block" }),
    toolCall: (call, { run }) => {
      if (run === "") return undefined;
      const calls = runs.get(run, () => new Remembered(MOST_CALLS));
      const seen = calls.get(`${call.name} ${argumentsKey(call.arguments)}`, () => ({ count: 0 }));
      seen.count++;
      if (seen.count < at) return undefined;
      return {
        types: ["repeated_call"],
        reason: `call number ${seen.count} with the same arguments`,
      };
    },
  };
}

/** The order of keys and spaces make no difference. */
function argumentsKey(given: unknown): string {
  const value = typeof given === "string" ? (parsed(given)?.json ?? given) : given;
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
