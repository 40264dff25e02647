/**
 * Guards: checks before, during and after a call to a model, in the service's own process.
 *
 *   const support = guard({ name: "support", checks: [checks.pii(), checks.promptInjection({ action: "block" })] });
 *   const ask = support.wrap((body) => openai.chat.completions.create(body));
 *
 * A guarded call is one span, `guard <name>`, around everything that the call does, with one event for each check that ran.
 * What is redacted is redacted before the model sees it, before the service sees it, and in the spans inside.
 *
 * An error of a check or of ours does not reach the service, unless a check is configured to fail closed.
 */
import { start } from "../runtime.ts";
import type { GuardBlockedError } from "./blocked-error.ts";
import type { Check, Outcome, Stage } from "./check.ts";
import { GuardedCall, type UntypedOptions } from "./guarded-call.ts";
import { hiderOf } from "./hidden-text.ts";
import { completeShape, type Shape } from "./shapes.ts";

export interface GuardPolicy {
  name: string;
  checks: readonly Check[];
  /** Milliseconds that the checks of one text may take together; those that are later count as failed. @default 50 */
  timeLimitMs?: number;
}

export interface WrapOptions<Args extends unknown[], Result> {
  /** What is returned where a check falls back. @default GuardBlockedError is thrown, as where one blocks */
  fallback?: (blocked: GuardBlockedError, ...args: Args) => Result | Awaited<Result>;
  /** Texts that the answer is to be grounded in. @default all that the request holds */
  documents?: (...args: Args) => readonly string[];
  /** Where the texts are. @default plain text, and what OpenAI, Anthropic and Gemini take and give */
  shape?: Shape<Args, Awaited<Result>, PartOf<Awaited<Result>>>;
}

type PartOf<Answer> = Answer extends AsyncIterable<infer Part> ? Part : never;

/** A stream stays one, of the same parts. */
export type Guarded<Answer> =
  Answer extends AsyncIterable<infer Part> ? AsyncGenerator<Part, void, undefined> : Answer;

export interface CheckedText {
  /** The strongest of what the checks wanted. */
  action: Exclude<Outcome, "block">;
  /** With what is to be redacted replaced; empty where a check falls back. */
  text: string;
}

export interface Guard {
  readonly name: string;
  /**
   * A function that does what `fn` does under this guard: its first argument is the request. It returns a promise; of what
   * is an async iterable, one of the same parts.
   * @throws GuardBlockedError
   */
  wrap<Args extends unknown[], Result>(
    fn: (...args: Args) => Result,
    options?: WrapOptions<Args, Result>,
  ): (...args: Args) => Promise<Guarded<Awaited<Result>>>;
  /** A streamed answer, guarded on its way out. @throws GuardBlockedError while it is read */
  stream<Part>(
    parts: AsyncIterable<Part>,
    options?: Pick<WrapOptions<[], AsyncIterable<Part>>, "shape" | "fallback"> & {
      documents?: readonly string[];
    },
  ): AsyncGenerator<Part, void, undefined>;
  /** One text, such as a document that was retrieved. @throws GuardBlockedError */
  check(
    stage: Stage,
    text: string,
    options?: { documents?: readonly string[] },
  ): Promise<CheckedText>;
  /** A tool under this guard: its arguments (`tool_call`) and what it returns (`tool_result`). @throws GuardBlockedError */
  tool<Args extends unknown[], Result>(
    name: string,
    fn: (...args: Args) => Result,
  ): (...args: Args) => Promise<Awaited<Result>>;
}

/** @throws TypeError when the policy cannot be */
export function guard(policy: GuardPolicy): Guard {
  start();
  checkPolicy(policy);
  const hider = hiderOf(policy.checks);
  const open = (): GuardedCall => new GuardedCall(policy, hider);
  return {
    name: policy.name,
    wrap(fn, options = {}) {
      const untyped = options as unknown as UntypedOptions;
      return function (this: unknown, ...args: unknown[]) {
        return open().wrapped(args, (given) => Reflect.apply(fn, this, given) as unknown, untyped);
      } as never;
    },
    stream(parts, options = {}) {
      const call = open();
      call.checks.grounds = options.documents ?? [];
      return call.stream(parts, completeShape(options.shape), {
        model: "",
        inputCharacters: 0,
        fallback: options.fallback,
      }) as never;
    },
    check: (stage, text, options = {}) => open().text(stage, text, options.documents ?? []),
    tool(name, fn) {
      return function (this: unknown, ...args: unknown[]) {
        return open().tool(name, args, (given) => Reflect.apply(fn, this, given) as unknown);
      } as never;
    },
  };
}

function checkPolicy({ name, checks, timeLimitMs }: GuardPolicy): void {
  if (typeof name !== "string" || name === "")
    throw new TypeError(`name: expected some text, got "${String(name)}"`);
  if (!Array.isArray(checks) || checks.length === 0)
    throw new TypeError(
      `checks: expected at least one of checks.pii(), …, got "${JSON.stringify(checks)}"`,
    );
  if (timeLimitMs !== undefined && !(timeLimitMs > 0))
    throw new RangeError(`timeLimitMs: expected milliseconds above 0, got "${timeLimitMs}"`);
}
