/**
 * What model calls cost: calls, errors, tokens, money and latency by any stored dimensions and by time.
 *
 * Only spans that are a call to a model count; retrievals, tools and agents around them do not. Latencies are merged
 * from sketches, never averaged from percentiles. `cost` covers the priced calls and is null when none was priced;
 * `unpriced_calls` says how many are missing from it. The range is widened to whole minutes, hours or days of the tier
 * that answers, and the answer says to which.
 */
import { z } from "zod";
import { ApiError } from "./errors.ts";
import {
  anyOf,
  checkRange,
  namesOf,
  readParameters,
  step,
  time,
  type RawQuery,
} from "./parameters.ts";
import type { Store } from "./store.ts";
import {
  DIMENSIONS,
  type Dimension,
  type Tier,
  alignRange,
  bucketSql,
  checkSteps,
  chooseTier,
} from "./tiers.ts";

const MAX_ROWS = 10_000;

export function costShape(nowMs: number) {
  const filters = Object.fromEntries(DIMENSIONS.map((name) => [name, anyOf.optional()]));
  return {
    from: time(nowMs),
    to: time(nowMs),
    by: namesOf(DIMENSIONS).optional(),
    step: step.optional(),
    ...(filters as Record<Dimension, z.ZodOptional<typeof anyOf>>),
  };
}

// Counters are signed sums of corrections too; token sums beyond 2^53 (9·10^15) would lose their last digits.
const COUNTERS = [
  "calls",
  "unpriced_calls",
  "input_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
  "audio_input_tokens",
  "audio_output_tokens",
] as const;

interface MetricsRow {
  cost: string | null;
  errors: number | null;
  estimated_calls: number | null;
  latency: (number | null)[];
  ttft: (number | null)[];
  [column: string]: unknown;
}

function metricColumns(tier: Tier): string {
  const counters = COUNTERS.map((name) => `toFloat64(sum(r.${name})) AS ${name}`);
  const cost =
    "if(sum(r.calls) > sum(r.unpriced_calls), toDecimalString(sum(r.cost), 12), NULL) AS cost";
  const sketches = tier.sketches
    ? [
        "toFloat64(sum(r.errors)) AS errors",
        "toFloat64(sum(r.estimated_calls)) AS estimated_calls",
        percentiles("quantilesBFloat16Merge(0.5, 0.95, 0.99)(r.duration_ms_sketch)", "latency"),
        percentiles("quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(r.ttft_ms_sketch)", "ttft"),
      ]
    : [
        "NULL AS errors",
        "NULL AS estimated_calls",
        "[NULL, NULL, NULL] AS latency",
        "[NULL, NULL, NULL] AS ttft",
      ];
  return [...counters, cost, ...sketches].join(", ");
}

/** Not-a-number (nothing measured) becomes null, in SQL: JSON has no NaN. */
function percentiles(merge: string, name: string): string {
  return `arrayMap(q -> if(isFinite(q), toFloat64(q), NULL), ${merge}) AS ${name}`;
}

export async function readCosts(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<Record<string, unknown>> {
  const {
    from,
    to,
    by = [],
    step: stepSeconds,
    ...filters
  } = readParameters(costShape(nowMs), query);
  checkRange(from, to);
  checkSteps(from, to, stepSeconds);
  const given = DIMENSIONS.filter((name) => filters[name] !== undefined);
  const dimensions = [...new Set<Dimension>([...by, ...given])];
  const tier = chooseTier({ dimensions, fromMs: from, toMs: to, step: stepSeconds });
  const range = alignRange(from, to, tier.seconds);
  const where = [
    `${tier.time} >= toDateTime({from:UInt32}, 'UTC')`,
    `${tier.time} < toDateTime({to:UInt32}, 'UTC')`,
    ...(tier.sketches ? ["r.is_model_call"] : []),
    ...given.map((name) => `${tier.dimensions[name]} IN {f_${name}:Array(String)}`),
  ].join(" AND ");
  const parameters = {
    ...range,
    ...(stepSeconds && { step: stepSeconds }),
    ...Object.fromEntries(given.map((name) => [`f_${name}`, filters[name]])),
  };
  const ask = (sql: string): Promise<MetricsRow[]> => store.rows<MetricsRow>({ sql, parameters });
  const [rows, totals] = await Promise.all([
    ask(groupedSql(tier, by, stepSeconds !== undefined, where)),
    ask(`SELECT ${metricColumns(tier)} FROM assay.${tier.table} AS r WHERE ${where}`),
  ]);
  if (rows.length > MAX_ROWS) {
    throw new ApiError(
      "too_many_rows",
      `expected up to ${MAX_ROWS} rows, got more: narrow the range or the filters, take a larger step or fewer names in by`,
    );
  }
  return {
    from: new Date(range.from * 1000).toISOString(),
    to: new Date(range.to * 1000).toISOString(),
    tier: tier.table,
    step_seconds: stepSeconds ?? null,
    by,
    rows: rows.map(metricsOf),
    totals: metricsOf(totals[0]!),
  };
}

function groupedSql(tier: Tier, by: readonly Dimension[], stepped: boolean, where: string): string {
  const keys = by.map((name) => ({ sql: tier.dimensions[name]!, name: `${name}` }));
  if (stepped) keys.unshift({ sql: bucketSql(tier), name: "time" });
  const columns = keys.map(({ sql, name }) => `${sql} AS key_${name}`);
  const group =
    keys.length > 0 ? `GROUP BY ${keys.map(({ name }) => `key_${name}`).join(", ")}` : "";
  const order = [
    ...(stepped ? ["key_time"] : []),
    "sum(r.cost) DESC",
    "calls DESC",
    ...keys.map(({ name }) => `key_${name}`),
  ];
  return `SELECT ${[...columns, metricColumns(tier)].join(", ")}
FROM assay.${tier.table} AS r
WHERE ${where}
${group}
HAVING calls > 0
ORDER BY ${order.join(", ")}
LIMIT ${MAX_ROWS + 1}`;
}

function metricsOf(row: MetricsRow): Record<string, unknown> {
  const { latency, ttft, ...rest } = row;
  const named = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [name.replace(/^key_/, ""), value]),
  );
  return {
    ...named,
    latency_ms: { p50: latency[0] ?? null, p95: latency[1] ?? null, p99: latency[2] ?? null },
    ttft_ms: { p50: ttft[0] ?? null, p95: ttft[1] ?? null, p99: ttft[2] ?? null },
  };
}
