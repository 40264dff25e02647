/**
 * How good answers are: means of judged scores with their uncertainty, by any of the dimensions below and by time.
 *
 * Each score is weighed by 1 / the probability that its record was judged; failed judgements, abstentions and metrics
 * that did not apply are counted and are never a score. An evaluation that is stored twice counts once. Scores of
 * different judges are different series: `judges` says how many went into a row, `by=judge_hash` takes them apart.
 */
import { hajekFromSums } from "@assay/statistics/estimate";
import { z } from "zod";
import { type Calibrate, keySql, PASS_NORM, readCalibration } from "./calibration.ts";
import { ApiError } from "./errors.ts";
import {
  anyOf,
  checkRange,
  nanos,
  namesOf,
  readParameters,
  step,
  time,
  type RawQuery,
} from "./parameters.ts";
import type { Store } from "./store.ts";
import { checkSteps } from "./tiers.ts";

const MAX_ROWS = 10_000;
/** With less than these many scores' worth, a mean says little. */
const ENOUGH = 30;
/** Share of the records whose judgement failed, weighed: as wide the mean's worst and best case lie apart. */
const MOST_FAILED = 0.02;

export const QUALITY_DIMENSIONS = [
  "project",
  "model",
  "provider",
  "environment",
  "release",
  "prompt_version",
  "stratum",
  "judge_hash",
  "evaluator",
  "role",
  "source",
] as const;
export type QualityDimension = (typeof QUALITY_DIMENSIONS)[number];

const QUESTION =
  '"records" (how good were these answers?) or "system" (how good is what gave them?)';

export function qualityShape(nowMs: number) {
  const filters = Object.fromEntries(QUALITY_DIMENSIONS.map((name) => [name, anyOf.optional()]));
  return {
    from: time(nowMs),
    to: time(nowMs),
    metric: anyOf.optional(),
    by: namesOf(QUALITY_DIMENSIONS).optional(),
    step: step.optional(),
    about: z.enum(["records", "system"], { message: QUESTION }).default("records"),
    ...(filters as Record<QualityDimension, z.ZodOptional<typeof anyOf>>),
  };
}

/** Each evaluation once, the newest of it, of a range and filters; experiments and retests are no traffic. */
export function evaluationsSql(filters: readonly string[], more = ""): string {
  const where = [
    "event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')",
    "event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')",
    "purpose IN ('', 'traffic')",
    ...filters.map((name) => `${name === "metric" ? "name" : name} IN {f_${name}:Array(String)}`),
    ...(more ? [more] : []),
  ].join(" AND ");
  return `SELECT *, trace_probability * judge_probability AS pi FROM assay.evaluations WHERE ${where}
    ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id`;
}

interface SumsRow {
  [key: string]: unknown;
  n: number;
  w: number;
  w2: number;
  wy: number;
  v: number;
  vy: number;
  vy2: number;
  w2y: number;
  w2y2: number;
  passed: number;
  row_key: string;
  failed: number;
  /** Of the failed ones. */
  failed_w: number;
  abstained: number;
  not_applicable: number;
  with_reference: number;
  judges: number;
  spent: string | null;
  unpriced: number;
}

export async function readQuality(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<Record<string, unknown>> {
  const {
    from,
    to,
    by = [],
    step: seconds,
    about,
    ...filters
  } = readParameters(qualityShape(nowMs), query);
  checkRange(from, to);
  const { metric, ...dimensions } = filters;
  const rows = await readQualityOf(store, {
    from,
    to,
    by,
    step: seconds,
    about,
    metric,
    filters: dimensions,
    calibrated: true,
  });
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    step_seconds: seconds ?? null,
    by,
    about,
    rows,
  };
}

export interface QualityQuestion {
  /** Unix milliseconds. */
  from: number;
  to: number;
  by: readonly QualityDimension[];
  /** Seconds. */
  step: number | undefined;
  about: "records" | "system";
  metric: string[] | undefined;
  filters: Partial<Record<QualityDimension, string[] | undefined>>;
  /** With what people would say. @default false */
  calibrated?: boolean;
}

/** A row for each metric and each combination of `by`. */
export async function readQualityOf(
  store: Store,
  question: QualityQuestion,
): Promise<Record<string, unknown>[]> {
  const { from, to, by, step: seconds, about, metric, filters } = question;
  checkSteps(from, to, seconds);
  const all: Record<string, string[] | undefined> = { metric, ...filters };
  const given = (["metric", ...QUALITY_DIMENSIONS] as const).filter((name) => all[name]);
  const parameters = {
    from: nanos(from),
    to: nanos(to),
    ...(seconds && { step: seconds }),
    ...Object.fromEntries(given.map((name) => [`f_${name}`, all[name]])),
  };
  const [rows, calibrate] = await Promise.all([
    store.rows<SumsRow>({
      sql: groupedSql(by, seconds !== undefined, given, about === "system"),
      parameters,
    }),
    question.calibrated
      ? readCalibration(store, question, {
          scores: evaluationsSql(given),
          bucket: BUCKET,
          parameters,
        })
      : undefined,
  ]);
  if (rows.length > MAX_ROWS)
    throw new ApiError(
      "too_many_rows",
      `expected up to ${MAX_ROWS} rows, got more: narrow the range or the filters, take a larger step or fewer names in by`,
    );
  return rows.map((row) => estimateOf(row, calibrate));
}

const BUCKET =
  "formatDateTime(toDateTime(intDiv(toUnixTimestamp(event_time), {step:UInt32}) * {step:UInt32}, 'UTC'), '%FT%TZ')";

function groupedSql(
  by: readonly QualityDimension[],
  stepped: boolean,
  filters: readonly string[],
  superpopulation: boolean,
): string {
  const keys = [
    ...(stepped ? [{ sql: BUCKET, name: "time" }] : []),
    { sql: "name", name: "metric" },
    ...by.map((name) => ({ sql: name, name })),
  ];
  const scored = "status = 'ok' AND norm IS NOT NULL";
  const sum = (term: string): string => `toFloat64(sumIf(assumeNotNull(${term}), ${scored}))`;
  const v = superpopulation ? "1 / (pi * pi)" : "(1 - pi) / (pi * pi)";
  const group = keys.map(({ name }) => `key_${name}`).join(", ");
  return `SELECT ${keys.map(({ sql, name }) => `toString(${sql}) AS key_${name}`).join(", ")},
  toFloat64(countIf(${scored})) AS n, ${sum("1 / pi")} AS w, ${sum("1 / (pi * pi)")} AS w2, ${sum("norm / pi")} AS wy,
  ${sum(v)} AS v, ${sum(`${v} * norm`)} AS vy, ${sum(`${v} * norm * norm`)} AS vy2,
  ${sum("norm / (pi * pi)")} AS w2y, ${sum("norm * norm / (pi * pi)")} AS w2y2, ${sum(`if(norm >= ${PASS_NORM}, 1, 0) / pi`)} AS passed,
  any(${keySql(by)}) AS row_key, toFloat64(countIf(status = 'failed')) AS failed, toFloat64(sumIf(1 / pi, status = 'failed')) AS failed_w, toFloat64(countIf(status = 'abstain')) AS abstained,
  toFloat64(countIf(status = 'not_applicable')) AS not_applicable,
  toFloat64(countIf(${scored} AND reference != '')) AS with_reference, toFloat64(uniqExact(judge_hash)) AS judges,
  if(countIf(cost IS NOT NULL) > 0, toDecimalString(sum(cost), 12), NULL) AS spent,
  toFloat64(countIf(cost IS NULL AND attempts > 0)) AS unpriced
FROM (${evaluationsSql(filters)})
GROUP BY ${group} ORDER BY ${group} LIMIT ${MAX_ROWS + 1}`;
}

function estimateOf(row: SumsRow, calibrate?: Calibrate): Record<string, unknown> {
  const { n, w, w2, wy, v, vy, vy2, failed, failed_w, abstained, not_applicable, ...rest } = row;
  const { with_reference, judges, spent, unpriced, w2y, w2y2, passed, row_key, ...keys } = rest;
  const estimate = hajekFromSums({ n, w, w2, wy, v, vy, vy2 });
  return {
    ...Object.fromEntries(
      Object.entries(keys).map(([name, value]) => [name.replace(/^key_/, ""), value]),
    ),
    mean: estimate?.mean ?? null,
    low: within(estimate?.low),
    high: within(estimate?.high),
    standard_error: estimate?.standardError ?? null,
    n,
    effective_n: estimate?.effectiveN ?? 0,
    too_few: (estimate?.effectiveN ?? 0) < ENOUGH,
    failed,
    abstained,
    not_applicable,
    /** What the mean would be if every failed judgement were the worst, or the best, score. */
    worst_case:
      n === 0 ? null : { low: wy / (w + failed_w), high: (wy + failed_w) / (w + failed_w) },
    /** So many failed that the mean could be off by more than a small change. */
    unreliable: failed_w / Math.max(w + failed_w, Number.MIN_VALUE) > MOST_FAILED,
    with_reference,
    judges,
    cost: spent,
    unpriced_judgements: unpriced,
    ...(calibrate && {
      /** What people would say, by their labels of a part of these records; null: too few labels. */
      calibrated: calibrate(
        { key: row_key, time: typeof keys["key_time"] === "string" ? keys["key_time"] : null },
        { n, w, w2, wy, v: w2, vy: w2y, vy2: w2y2, passed },
      ),
    }),
  };
}

function within(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.min(1, Math.max(0, value));
}
