/**
 * Limits on tokens and money: of one call, of a session, of a project and day (UTC).
 *
 * Counted in this process, when calls end, from the usage that the answer reports (else by an estimate of four characters
 * a token) and the bundled prices. So a limit is passed by what is under way when it is reached, and each process of a service
 * counts for itself; spending over all of them is what the budgets of the collector's checks are for.
 */
import {
  checkOf,
  type Check,
  type CheckContext,
  type CheckOptions,
  type Verdict,
} from "../check.ts";
import { Remembered } from "../remembered.ts";
import type { Spending } from "../spending.ts";

interface Limit {
  inputTokens?: number;
  outputTokens?: number;
  /** Both together. */
  tokens?: number;
  costUsd?: number;
}

export interface LimitsOptions extends Omit<CheckOptions, "action" | "stages"> {
  action?: "warn" | "block" | "fallback";
  call?: Limit;
  /** Of `withContext({ session })`; calls without a session have no such limit. */
  session?: Limit;
  projectDay?: Limit;
  /** Share of a session's or a day's limit from which on it is a warning. @default 0.8 */
  warnAt?: number;
}

const MEASURES = ["inputTokens", "outputTokens", "tokens", "costUsd"] as const;
const MOST_SESSIONS = 10_000;
const MOST_PROJECTS = 1_000;

type Totals = Record<(typeof MEASURES)[number], number>;

const none = (): Totals => ({ inputTokens: 0, outputTokens: 0, tokens: 0, costUsd: 0 });

/**
 * Stops calls that would go over a limit. Blocks unless told otherwise.
 * @example checks.limits({ call: { inputTokens: 20_000 }, session: { costUsd: 0.5 } })
 */
export function limits(options: LimitsOptions): Check {
  for (const scope of ["call", "session", "projectDay"] as const) checkLimit(scope, options[scope]);
  const warnAt = options.warnAt ?? 0.8;
  const sessions = new Remembered<Totals>(MOST_SESSIONS);
  const days = new Remembered<Totals>(MOST_PROJECTS);

  function scopesOf({
    session,
    project,
  }: CheckContext): [name: string, limit: Limit, totals: Totals][] {
    const scopes: [string, Limit, Totals][] = [];
    if (options.session && session !== undefined)
      scopes.push(["session", options.session, sessions.get(session, none)]);
    if (options.projectDay) {
      const day = new Date().toISOString().slice(0, 10);
      scopes.push(["project_day", options.projectDay, days.get(`${day} ${project ?? ""}`, none)]);
    }
    return scopes;
  }

  return {
    ...checkOf(options, { name: "limits", stages: ["input", "output"], action: "block" }),
    before: (call, context) => {
      const over = options.call && passed("call", options.call, totalsOf(call), 1);
      if (over) return over;
      let near: Verdict | undefined;
      for (const [name, limit, totals] of scopesOf(context)) {
        const reached = passed(name, limit, totals, 1, true);
        if (reached) return reached;
        const warning = passed(name, limit, totals, warnAt, true);
        if (warning) near ??= { ...warning, action: "warn" };
      }
      return near;
    },
    spent: (call, context) => {
      const used = totalsOf(call);
      for (const [, , totals] of scopesOf(context))
        for (const measure of MEASURES) totals[measure] += used[measure];
      const over = options.call && passed("call", options.call, used, 1);
      // It is spent: nothing is left to be stopped.
      return over && { ...over, action: "warn" };
    },
  };
}

function totalsOf({ inputTokens, outputTokens, costUsd }: Spending): Totals {
  return { inputTokens, outputTokens, tokens: inputTokens + outputTokens, costUsd: costUsd ?? 0 };
}

/** @param inclusive whether the limit itself is too much: of what was spent before, nothing is left then */
function passed(
  scope: string,
  limit: Limit,
  used: Totals,
  share: number,
  inclusive = false,
): Verdict | undefined {
  const measure = MEASURES.find((name) => {
    const most = limit[name];
    return (
      most !== undefined && (inclusive ? used[name] >= most * share : used[name] > most * share)
    );
  });
  if (!measure) return undefined;
  const words = measure.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return {
    types: [`${scope}_${words}`],
    reason: `${Number(used[measure].toPrecision(6))} of ${limit[measure]}`,
  };
}

function checkLimit(scope: string, limit: Limit | undefined): void {
  for (const [name, most] of Object.entries(limit ?? {})) {
    if (!MEASURES.some((measure) => measure === name))
      throw new TypeError(`${scope}: expected ${MEASURES.join(", ")}, got "${name}"`);
    if (!(typeof most === "number" && most > 0))
      throw new RangeError(`${scope}.${name}: expected a number above 0, got "${String(most)}"`);
  }
}
