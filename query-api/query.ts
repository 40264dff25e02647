/**
 * `POST /api/v1/query`: measures × dimensions × filters × time step, over a range that must be given.
 *
 * Measures of calls come from the coarsest rollup that answers; scores (`score.composite`) from the evaluations, each
 * with its interval, under the same keys. What would have a row per trace, session or span is refused: those are lists.
 */
import { z } from "zod";
import { instant, range } from "./answers.ts";
import { ApiError, badParameter } from "./errors.ts";
import { MEASURES, MEASURE_NAMES, type MeasureName } from "./measures.ts";
import { anyOf, checkRange, readParameters, step, time } from "./parameters.ts";
import { QUALITY_DIMENSIONS, type QualityDimension, readQualityOf } from "./quality.ts";
import { type RollupQuestion, readRollup } from "./rollup.ts";
import { DIMENSIONS, type Dimension } from "./tiers.ts";
import type { Store } from "./store.ts";

const MAX_ROWS = 10_000;
const LISTED = new Map([
  ["session", "GET /api/v1/sessions"],
  ["trace", "GET /api/v1/traces"],
  ["trace_id", "GET /api/v1/traces"],
  ["span", "GET /api/v1/spans"],
  ["span_id", "GET /api/v1/spans"],
]);
const SCORE = /^score\.[\w.-]{1,100}$/;

const measure = z
  .string({ message: "the name of a measure" })
  .refine(
    (name) => MEASURE_NAMES.some((known) => known === name) || SCORE.test(name),
    `one of ${MEASURE_NAMES.join(", ")}, or score.<metric>`,
  );
const dimension = z.string({ message: "the name of a dimension" }).transform((name, ctx) => {
  const known = DIMENSIONS.find((one) => one === name);
  if (known) return known;
  const list = LISTED.get(name);
  ctx.addIssue({
    code: "custom",
    message: list
      ? `one of ${DIMENSIONS.join(", ")} (there are too many of "${name}" to group by: ${list} lists them)`
      : `one of ${DIMENSIONS.join(", ")}`,
  });
  return z.NEVER;
});
const values = z.partialRecord(z.enum(DIMENSIONS), anyOf, {
  message: `an object of ${DIMENSIONS.join(", ")}, each a value or a list of values`,
});

export function queryShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    measures: z
      .array(measure, { message: "a list of measures" })
      .min(1, "at least one measure")
      .max(30, "up to 30 measures"),
    by: z
      .array(dimension, { message: "a list of dimensions" })
      .max(6, "up to 6 dimensions")
      .default([]),
    filters: values.default({}),
    exclude: values.default({}),
    step: step.optional(),
    order: z
      .strictObject(
        { measure, direction: z.enum(["ascending", "descending"]).default("descending") },
        { message: '{"measure": …, "direction": "ascending" or "descending"}' },
      )
      .optional(),
    limit: z
      .int({ message: `a whole number from 1 to ${MAX_ROWS}` })
      .min(1, `a whole number from 1 to ${MAX_ROWS}`)
      .max(MAX_ROWS, `a whole number from 1 to ${MAX_ROWS}`)
      .default(1000),
  };
}

const score = z.looseObject({
  mean: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  n: z.number(),
  too_few: z.boolean(),
});

export const queryAnswer = z.looseObject({
  ...range,
  tier: z.string().nullable().describe("The rollup that the measures of calls come from"),
  step_seconds: z.number().nullable(),
  by: z.array(z.string()),
  units: z.record(z.string(), z.string()),
  rows: z.array(
    z.looseObject({
      time: instant.optional(),
      values: z.record(z.string(), z.union([z.number(), z.string(), score]).nullable()),
    }),
  ),
  truncated: z.boolean().describe("There are more rows than limit"),
});

type Question = z.output<z.ZodObject<ReturnType<typeof queryShape>>>;
type Row = { key: Record<string, string>; values: Record<string, unknown> };

export async function runQuery(
  store: Store,
  body: unknown,
  nowMs: number,
): Promise<z.input<typeof queryAnswer>> {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badParameter("body", "a JSON object", JSON.stringify(body ?? null).slice(0, 200));
  const question = readParameters(queryShape(nowMs), body as Record<string, unknown>);
  checkRange(question.from, question.to);
  const scores = question.measures.filter((name) => SCORE.test(name));
  const measures = MEASURE_NAMES.filter((name) => question.measures.includes(name));
  checkOrder(question);
  const [calls, quality] = await Promise.all([
    measures.length === 0 ? undefined : readRollup(store, rollupQuestion(question, measures)),
    scores.length === 0 ? [] : readScores(store, question, scores),
  ]);
  const rows = ordered(merged([...(calls?.rows ?? []), ...quality], question.measures), question);
  return {
    from: calls?.from ?? new Date(question.from).toISOString(),
    to: calls?.to ?? new Date(question.to).toISOString(),
    tier: calls?.tier ?? null,
    step_seconds: question.step ?? null,
    by: question.by,
    units: Object.fromEntries(question.measures.map((name) => [name, unitOf(name)])),
    rows: rows
      .slice(0, question.limit)
      .map(({ key, values: found }) => ({ ...key, values: found as Record<string, number> })),
    truncated: rows.length > question.limit,
  };
}

function unitOf(name: string): string {
  return SCORE.test(name) ? "score, 0 worst to 1 best" : MEASURES[name as MeasureName].unit;
}

function checkOrder({ order, measures }: Question): void {
  if (order === undefined || measures.includes(order.measure)) return;
  throw badParameter(
    "order",
    `one of the measures asked for (${measures.join(", ")})`,
    order.measure,
  );
}

function rollupQuestion(question: Question, measures: MeasureName[]): RollupQuestion {
  const { from, to, by, step: stepSeconds, filters, exclude } = question;
  return {
    fromMs: from,
    toMs: to,
    by,
    step: stepSeconds,
    filters,
    exclude,
    measures,
    limit: MAX_ROWS,
  };
}

async function readScores(store: Store, question: Question, names: string[]): Promise<Row[]> {
  const { from, to, by, step: stepSeconds, filters, exclude } = question;
  if (Object.keys(exclude).length > 0)
    throw badParameter("exclude", "nothing to exclude where scores are asked for", "a filter");
  const rows = await readQualityOf(store, {
    from,
    to,
    by: by.map(scored),
    step: stepSeconds,
    about: "records",
    metric: names.map((name) => name.slice("score.".length)),
    filters: Object.fromEntries(
      Object.entries(filters).map(([name, found]) => [scored(name as Dimension), found]),
    ),
  });
  return rows.map(({ metric, mean, low, high, n, too_few, ...rest }) => ({
    key: keyOf(rest, stepSeconds === undefined ? by : ["time", ...by]),
    values: { [`score.${String(metric)}`]: { mean, low, high, n, too_few } },
  }));
}

function scored(name: Dimension): QualityDimension {
  const known = QUALITY_DIMENSIONS.find((one) => one === name);
  if (known) return known;
  throw new ApiError(
    "unsupported_combination",
    `scores are not kept by ${name}: expected ${QUALITY_DIMENSIONS.filter((one) => DIMENSIONS.some((other) => other === one)).join(", ")}`,
  );
}

function keyOf(row: Record<string, unknown>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, String(row[name])]));
}

/** Rows of the same keys become one; what has no value is null. */
function merged(rows: readonly Row[], measures: readonly string[]): Row[] {
  const byKey = new Map<string, Row>();
  for (const row of rows) {
    const text = JSON.stringify(row.key);
    const known = byKey.get(text);
    if (known) Object.assign(known.values, row.values);
    else byKey.set(text, { key: row.key, values: { ...row.values } });
  }
  return Array.from(byKey.values(), ({ key, values: found }) => ({
    key,
    values: Object.fromEntries(measures.map((name) => [name, found[name] ?? null])),
  }));
}

/** Without an order, by time and then as the first measure has it, largest first. */
function ordered(rows: Row[], { order, measures, step: stepSeconds }: Question): Row[] {
  const name = order?.measure ?? measures[0]!;
  const sign = order?.direction === "ascending" ? 1 : -1;
  const byTime = order === undefined && stepSeconds !== undefined;
  return rows.toSorted(
    (a, b) =>
      (byTime ? (a.key["time"] ?? "").localeCompare(b.key["time"] ?? "") : 0) ||
      compare(a.values[name], b.values[name], sign) ||
      JSON.stringify(a.key).localeCompare(JSON.stringify(b.key)),
  );
}

/** What is unknown comes last in either direction. */
function compare(a: unknown, b: unknown, sign: number): number {
  const [first, second] = [numberOf(a), numberOf(b)];
  if (first === null || second === null) return Number(first === null) - Number(second === null);
  return sign * (first - second);
}

function numberOf(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "object") return numberOf((value as { mean?: unknown }).mean);
  return Number(value);
}
