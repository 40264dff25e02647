/** A check of the service's own: a function, or a model that is asked. */
import {
  checkOf,
  type Action,
  type Check,
  type CheckContext,
  type CheckOptions,
  type Stage,
  type Verdict,
} from "../check.ts";

export interface CustomOptions extends CheckOptions {
  name: string;
  stages: readonly Stage[];
  version?: string;
  /** `redact` needs places, which a check of its own does not give. @default "warn" */
  action?: Exclude<Action, "redact">;
  /**
   * Looks at one text. true or a verdict: something was found.
   *
   * What it returns at once counts at once. A promise holds up nothing: its verdict is noted when it comes, in a span of
   * its own, and can only warn; with `waitMs` the call waits for it.
   */
  check: (
    text: string,
    context: CheckContext,
  ) => Verdict | boolean | undefined | Promise<Verdict | boolean | undefined>;
  /** The most milliseconds that a call waits; what is later counts as failed. 1 to 60,000. */
  waitMs?: number;
}

/**
 * @example
 * checks.custom({ name: "off_topic", stages: ["input"], check: async (text) => (await askJudge(text)) === "off topic" })
 */
export function custom(options: CustomOptions): Check {
  const { name, stages, version, check, waitMs } = options;
  if (waitMs !== undefined && !(waitMs >= 1 && waitMs <= 60_000))
    throw new RangeError(`waitMs: expected 1 to 60000, got "${waitMs}"`);
  if ((options.action as Action) === "redact")
    throw new TypeError(
      `action: expected warn, block or fallback of a check of your own, got "redact"`,
    );
  const verdict = (found: Verdict | boolean | undefined): Verdict | undefined =>
    found === true ? { types: [name] } : found || undefined;
  return {
    ...checkOf(options, { name, stages, ...(version === undefined ? {} : { version }) }),
    inspect: (text, context) => {
      const found = check(text, context);
      return found instanceof Promise ? found.then(verdict) : verdict(found);
    },
    ...(waitMs === undefined ? {} : { waitMs }),
  };
}
