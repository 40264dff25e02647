/** Reads measures of model calls from the coarsest rollup that answers. */
import { ApiError } from "./errors.ts";
import { MEASURES, type Measure, type MeasureName } from "./measures.ts";
import {
  type Dimension,
  type Tier,
  alignRange,
  bucketSql,
  checkSteps,
  chooseTier,
} from "./tiers.ts";
import type { Store } from "./store.ts";

type Values = Partial<Record<Dimension, string[] | undefined>>;

export interface RollupQuestion {
  fromMs: number;
  toMs: number;
  measures: readonly MeasureName[];
  by: readonly Dimension[];
  filters: Values;
  exclude: Values;
  /** Seconds. */
  step: number | undefined;
  limit: number;
}

export interface RollupAnswer {
  /** After widening to whole units of the tier. */
  from: string;
  to: string;
  tier: string;
  rows: { key: Record<string, string>; values: Record<string, unknown> }[];
}

/** @throws ApiError where no table keeps the dimensions together, or there are more rows than `limit` */
export async function readRollup(store: Store, question: RollupQuestion): Promise<RollupAnswer> {
  const { fromMs, toMs, by, step, measures, filters, exclude, limit } = question;
  checkSteps(fromMs, toMs, step);
  const conditions = [...named(filters, "f", "IN"), ...named(exclude, "x", "NOT IN")];
  const dimensions = [...new Set([...by, ...conditions.map(({ dimension }) => dimension)])];
  const tier = chooseTier({ dimensions, fromMs, toMs, step });
  checkSketches(tier, measures);
  const bounds = alignRange(fromMs, toMs, tier.seconds);
  const found = await store.rows<Record<string, unknown>>({
    sql: rollupSql(tier, question, conditions),
    parameters: {
      ...bounds,
      ...(step && { step }),
      ...Object.fromEntries(conditions.map(({ parameter, values }) => [parameter, values])),
    },
  });
  if (found.length > limit)
    throw new ApiError(
      "too_many_rows",
      `expected up to ${limit} rows, got more: narrow the range or the filters, take a larger step or fewer dimensions`,
    );
  const keys = step === undefined ? by : ["time", ...by];
  return {
    from: new Date(bounds.from * 1000).toISOString(),
    to: new Date(bounds.to * 1000).toISOString(),
    tier: tier.table,
    rows: found.map((row) => ({
      key: Object.fromEntries(keys.map((name) => [name, String(row[`key_${name}`])])),
      values: Object.fromEntries(measures.map((name) => [name, row[`m_${name}`] ?? null])),
    })),
  };
}

interface Condition {
  dimension: Dimension;
  parameter: string;
  operator: "IN" | "NOT IN";
  values: string[];
}

function named(given: Values, prefix: string, operator: Condition["operator"]): Condition[] {
  return Object.entries(given).flatMap(([name, values]) =>
    values
      ? [{ dimension: name as Dimension, parameter: `${prefix}_${name}`, operator, values }]
      : [],
  );
}

function checkSketches(tier: Tier, measures: readonly MeasureName[]): void {
  const lacking = measures.filter((name) => (MEASURES[name] as Measure).sketches && !tier.sketches);
  if (lacking.length === 0) return;
  throw new ApiError(
    "unsupported_combination",
    `${lacking.join(", ")} ${lacking.length === 1 ? "is" : "are"} not kept by these dimensions: expected some of project, service, environment, provider, model, operation`,
  );
}

function rollupSql(tier: Tier, question: RollupQuestion, conditions: readonly Condition[]): string {
  const { by, step, measures, limit } = question;
  const keys = [
    ...(step === undefined ? [] : [{ name: "time", sql: bucketSql(tier) }]),
    ...by.map((name) => ({ name, sql: tier.dimensions[name]! })),
  ];
  const where = [
    `${tier.time} >= toDateTime({from:UInt32}, 'UTC')`,
    `${tier.time} < toDateTime({to:UInt32}, 'UTC')`,
    ...(tier.sketches ? ["r.is_model_call"] : []),
    ...conditions.map(
      ({ dimension, operator, parameter }) =>
        `${tier.dimensions[dimension]} ${operator} {${parameter}:Array(String)}`,
    ),
  ].join(" AND ");
  const columns = [
    ...keys.map(({ name, sql }) => `${sql} AS key_${name}`),
    ...measures.map((name) => `${MEASURES[name].sql} AS m_${name}`),
  ];
  const group = keys.map(({ name }) => `key_${name}`).join(", ");
  return `SELECT ${columns.join(",\n  ")}
FROM assay.${tier.table} AS r
WHERE ${where}
${group && `GROUP BY ${group}`}
HAVING sum(r.calls) > 0
${group && `ORDER BY ${group}`}
LIMIT ${limit + 1}`;
}
