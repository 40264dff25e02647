/**
 * `GET /api/v1/budgets`: what each budget's month has cost so far, what it comes to at its pace, and how fast the last hour
 * spends. The forecast is that of the checks `spend-forecast-NAME`: what was spent so far, over the time that it took, times
 * the month.
 */
import { formatUsd } from "@assay/instrumentation/pricing";
import { z } from "zod";
import { exactUsd, instant } from "./answers.ts";
import type { ApiCall } from "./endpoint.ts";
import { picoUsd } from "./ledger/lines.ts";
import { readParameters } from "./parameters.ts";
import type { Store } from "./store.ts";

/** As the file of ASSAY_BUDGETS says. */
export interface Budget {
  name: string;
  monthlyUsd: number;
  project?: string | undefined;
  /** As it was asked for. */
  model?: string | undefined;
  user?: string | undefined;
  each?: "project" | "model" | "user" | undefined;
}

const DAY = 86_400;
const HOUR = 3_600;
/** A forecast from less than this would be one of the first hours; the checks say so too. */
const LEAST_OF_MONTH = 2 * DAY;
const WARN_AT = 0.8;
/** Of a budget for each of something, the dearest. */
const MOST_EACH = 100;

export function budgetsShape() {
  return {};
}

const number = z.number().nullable();

export const budgetsAnswer = z.looseObject({
  month: z.looseObject({ from: instant, to: instant, elapsed: z.number().describe("0 to 1") }),
  budgets: z.array(
    z.looseObject({
      budget: z.string(),
      of: z.record(z.string(), z.string()).describe("Project, model or user; empty: everything"),
      monthly_usd: z.number(),
      spent: exactUsd,
      spent_share: z.number(),
      forecast: z.number().describe("USD at the end of the month, at its pace so far"),
      low: number.describe("95 %, from how the days differ; null before there are three"),
      high: number,
      too_early: z.boolean().describe("Less than two days of the month are over"),
      burn_rate: number.describe(
        "Times the pace that spends exactly the budget, over the last hour; null for users, whose cost is kept by day",
      ),
      exhausted_at: instant
        .nullable()
        .describe("At its pace, where that is within the month and not too early to say"),
      state: z.enum(["ok", "warn", "forecast_over", "over"]),
      checks: z.array(z.string()).describe("That watch it, by name, in /api/v1/checks"),
    }),
  ),
});

interface Month {
  from: number;
  to: number;
  now: number;
}

interface DayRow {
  value: string;
  day: number;
  cost: string;
}

export async function readBudgets({
  store,
  query,
  nowMs,
  budgets,
}: ApiCall): Promise<z.input<typeof budgetsAnswer>> {
  readParameters(budgetsShape(), query);
  const month = monthOf(nowMs);
  const found = await Promise.all(budgets.map((budget) => readBudget(store, budget, month)));
  return {
    month: {
      from: isoOf(month.from),
      to: isoOf(month.to),
      elapsed: (month.now - month.from) / (month.to - month.from),
    },
    budgets: found.flat(),
  };
}

/** The calendar month, UTC, in unix seconds. */
function monthOf(nowMs: number): Month {
  const date = new Date(nowMs);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return {
    from: Date.UTC(year, month) / 1000,
    to: Date.UTC(year, month + 1) / 1000,
    now: nowMs / 1000,
  };
}

async function readBudget(store: Store, budget: Budget, month: Month) {
  const byUser = budget.user !== undefined || budget.each === "user";
  const [days, hour] = await Promise.all([
    readDays(store, budget, month, byUser),
    byUser ? undefined : readLastHour(store, budget, month),
  ]);
  const groups = [...Map.groupBy(days, ({ value }) => value)];
  if (groups.length === 0 && budget.each === undefined) groups.push(["", []]);
  return groups
    .map(([value, rows]) => {
      const spentInHour =
        hour && picoUsd(hour.find((one) => one.value === value)?.cost ?? "0.000000000000");
      return standingOf(budget, { value, rows, spentInHour }, month);
    })
    .toSorted((a, b) => b.forecast / b.monthly_usd - a.forecast / a.monthly_usd)
    .slice(0, MOST_EACH);
}

const COLUMNS = { project: "r.project", model: "r.request_model", user: "r.user_id" } as const;

function scopeOf({ each, project, model, user }: Budget) {
  const given = Object.entries({ project, model, user }).filter(
    (entry): entry is [keyof typeof COLUMNS, string] => entry[1] !== undefined,
  );
  return {
    value: each ? COLUMNS[each] : "''",
    where: given.map(([name]) => `AND ${COLUMNS[name]} = {f_${name}:String}`).join(" "),
    parameters: Object.fromEntries(given.map(([name, value]) => [`f_${name}`, value])),
  };
}

function readDays(
  store: Store,
  budget: Budget,
  { from, to }: Month,
  byUser: boolean,
): Promise<DayRow[]> {
  const { value, where, parameters } = scopeOf(budget);
  const table = byUser ? "cost_by_user_1d" : "llm_1d";
  const day = byUser ? "r.day" : "toDate(r.ts)";
  return store.rows<DayRow>({
    sql: `SELECT toString(${value}) AS value, toFloat64(toUnixTimestamp(toDateTime(${day}, 'UTC'))) AS day,
  toDecimalString(sum(r.cost), 12) AS cost
FROM assay.${table} AS r
WHERE ${day} >= toDate(toDateTime({from:UInt32}, 'UTC')) AND ${day} < toDate(toDateTime({to:UInt32}, 'UTC')) ${where}
GROUP BY value, day HAVING sum(r.calls) > 0 ORDER BY day`,
    parameters: { ...parameters, from, to },
  });
}

function readLastHour(
  store: Store,
  budget: Budget,
  { now }: Month,
): Promise<{ value: string; cost: string }[]> {
  const { value, where, parameters } = scopeOf(budget);
  const to = Math.floor(now / 60) * 60;
  return store.rows({
    sql: `SELECT toString(${value}) AS value, toDecimalString(sum(r.cost), 12) AS cost
FROM assay.llm_1m AS r
WHERE r.ts >= toDateTime({from:UInt32}, 'UTC') AND r.ts < toDateTime({to:UInt32}, 'UTC') ${where} GROUP BY value`,
    parameters: { ...parameters, from: to - HOUR, to },
  });
}

function standingOf(
  budget: Budget,
  { value, rows, spentInHour }: { value: string; rows: DayRow[]; spentInHour: bigint | undefined },
  month: Month,
) {
  const { name, monthlyUsd, project, model, user, each } = budget;
  const spentPico = rows.reduce((sum, { cost }) => sum + picoUsd(cost), 0n);
  const spent = Number(spentPico) / 1e12;
  const elapsed = Math.max(1, month.now - month.from);
  const pace = spent / elapsed;
  const forecast = pace * (month.to - month.from);
  const interval = intervalOf(rows, month, forecast);
  const tooEarly = elapsed < LEAST_OF_MONTH;
  const isWithin = spent < monthlyUsd && forecast > monthlyUsd;
  const exhausted = month.now + (monthlyUsd - spent) / pace;
  const of = { project, model, user, ...(each && { [each]: value }) };
  return {
    budget: name,
    of: Object.fromEntries(
      Object.entries(of).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    monthly_usd: monthlyUsd,
    spent: formatUsd(spentPico),
    spent_share: spent / monthlyUsd,
    forecast,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    too_early: tooEarly,
    burn_rate:
      spentInHour === undefined
        ? null
        : Number(spentInHour) / 1e12 / HOUR / (monthlyUsd / (month.to - month.from)),
    exhausted_at: isWithin && !tooEarly ? isoOf(exhausted) : null,
    state: stateOf({ spent, forecast, monthlyUsd, tooEarly }),
    checks: checksOf(budget),
  };
}

function stateOf(of: { spent: number; forecast: number; monthlyUsd: number; tooEarly: boolean }) {
  if (of.spent >= of.monthlyUsd) return "over" as const;
  if (!of.tooEarly && of.forecast > of.monthlyUsd) return "forecast_over" as const;
  return of.spent >= of.monthlyUsd * WARN_AT ? ("warn" as const) : ("ok" as const);
}

/** What the remaining days may add, by how the whole days so far differ: of their mean and of each to come. */
function intervalOf(rows: readonly DayRow[], month: Month, forecast: number) {
  const today = Math.floor(month.now / DAY) * DAY;
  const whole = Math.round((today - month.from) / DAY);
  if (whole < 3) return undefined;
  const known = new Map(rows.map(({ day, cost }) => [day, Number(cost)]));
  const days = Array.from({ length: whole }, (_, i) => known.get(month.from + i * DAY) ?? 0);
  const mean = days.reduce((sum, cost) => sum + cost, 0) / whole;
  const variance = days.reduce((sum, cost) => sum + (cost - mean) ** 2, 0) / (whole - 1);
  const remaining = (month.to - month.now) / DAY;
  const spread = 1.96 * Math.sqrt(variance * (remaining + remaining ** 2 / whole));
  return { low: Math.max(0, forecast - spread), high: forecast + spread };
}

/** As collector/checks/budget-checks.ts names them. */
function checksOf({ name, user, each }: Budget): string[] {
  if (each === "user") return [];
  const forecast = `spend-forecast-${name}`;
  return user === undefined ? [forecast, `spend-burn-${name}`] : [forecast];
}

function isoOf(seconds: number): string {
  return new Date(Math.round(seconds * 1000)).toISOString();
}
