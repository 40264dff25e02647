/**
 * What a check is: one question about what goes into a model or comes out of it. The makers in `checks.ts` build them,
 * and a service's own are built by `checks.custom`. A check looks in one or several ways; each of them is optional:
 *
 *   scan      finds places in a text; the only kind that can redact, and that sees a stream while it comes
 *   inspect   judges a text as a whole
 *   toolCall  judges a call of a tool that the model asks for
 *   before, spent   know what calls use
 *
 * Everything a check says about what it found is a type of ours ("email"), a count and fixed words: never the text.
 */
import type { Scanner } from "../redact/range.ts";
import type { Spending } from "./spending.ts";

/**
 * What is looked at. `input`: what the user says. `prompt`: what the service itself puts into a request, which is system
 * messages and earlier answers. `context`: documents that were retrieved. `tool_call`: what the model wants a tool called
 * with. `tool_result`: what the tool gave back. `output`: the answer.
 */
export type Stage = "input" | "prompt" | "context" | "tool_call" | "tool_result" | "output";

/** What becomes of text in which something was found. `warn` only notes it. */
export type Action = "warn" | "redact" | "block" | "fallback";

/** What came of a check. */
export type Outcome = "pass" | Action;

export interface ToolCall {
  name: string;
  /** As the model gave them: JSON text, or an object. */
  arguments: unknown;
}

/** What a check may know of the call besides the text. */
export interface CheckContext {
  stage: Stage;
  project: string | undefined;
  session: string | undefined;
  user: string | undefined;
  /** What repeated calls are counted over: the session, else the trace; empty when there is neither. */
  run: string;
  /** Texts that the answer is to be grounded in: documents, or else all that the model was given. */
  grounds: readonly string[];
}

export interface Verdict {
  /** What was found, in words of the check's own. */
  types: readonly string[];
  /** @default the number of types */
  count?: number;
  /** 0 to 1. */
  risk?: number;
  /** Without any of the text. */
  reason?: string;
  /** Less than what the check is set to: a limit that is only near is a warning. */
  action?: "warn";
}

export interface Check {
  readonly name: string;
  readonly version: string;
  readonly stages: readonly Stage[];
  readonly action: Action;
  /** What counts when the check throws or is too late. `open`: the text passes. `closed`: as if it had been found. */
  readonly onFailure: "open" | "closed";
  readonly scan?: Scan;
  /** undefined: nothing to say. A promise is waited for only with `waitMs`. */
  readonly inspect?: (
    text: string,
    context: CheckContext,
  ) => Verdict | undefined | Promise<Verdict | undefined>;
  readonly toolCall?: (call: ToolCall, context: CheckContext) => Verdict | undefined;
  /** Before a call, with what it is going to use by an estimate; and again while an answer grows. */
  readonly before?: (call: Spending, context: CheckContext) => Verdict | undefined;
  /** After it, with what it used. */
  readonly spent?: (call: Spending, context: CheckContext) => Verdict | undefined;
  /** Milliseconds that a call may be held up for a promise of `inspect`. Absent: never, the verdict is noted later. */
  readonly waitMs?: number;
}

export interface Scan {
  readonly find: Scanner<string>;
  /** The most letters and digits of a match that spaces may divide. */
  readonly reach: number;
  /** Where a match begins whose end has not come yet, for those that are longer than `reach`; -1: nowhere. */
  readonly opensAt?: (text: string) => number;
  /** What it finds is secret, and does not leave the service in spans either, whatever the action. */
  readonly hidden: boolean;
  /** 0 to 1 for a type that was found. */
  readonly risk?: (type: string) => number;
}

/** What every maker of a check takes. */
export interface CheckOptions {
  /** How results are named. @default the name of the maker */
  name?: string;
  action?: Action;
  stages?: readonly Stage[];
  /** @default "open" */
  onFailure?: "open" | "closed";
}

/** The parts that all checks have, from what the service asked for and what is usual for this one. */
export function checkOf(
  options: CheckOptions,
  usual: { name: string; version?: string; stages: readonly Stage[]; action?: Action },
): Pick<Check, "name" | "version" | "stages" | "action" | "onFailure"> {
  return {
    name: options.name ?? usual.name,
    version: usual.version ?? "1",
    stages: options.stages ?? usual.stages,
    action: options.action ?? usual.action ?? "warn",
    onFailure: options.onFailure ?? "open",
  };
}
