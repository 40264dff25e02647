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
  flag,
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
    percentiles: flag
      .default(true)
      .describe(
        "false leaves latency and time to first token out, which takes a tenth of the time",
      ),
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
  is_total: boolean | number;
  [column: string]: unknown;
}

/** The total where there is no row. */
const NOTHING: MetricsRow = {
  ...Object.fromEntries(COUNTERS.map((name) => [name, 0])),
  cost: null,
  errors: null,
  estimated_calls: null,
  latency: [],
  ttft: [],
  is_total: true,
};

/** Over `r`, rows of the tier: sums, and sketches merged but not read yet. */
function mergedColumns(sketches: boolean, tier: Tier): string {
  const sums = [...COUNTERS, "cost", ...(tier.sketches ? ["errors", "estimated_calls"] : [])];
  return [
    ...sums.map((name) => `sum(r.${name}) AS ${name}`),
    ...(sketches
      ? [
          "quantilesBFloat16MergeState(0.5, 0.95, 0.99)(r.duration_ms_sketch) AS duration_ms_sketch",
          "quantilesBFloat16IfMergeState(0.5, 0.95, 0.99)(r.ttft_ms_sketch) AS ttft_ms_sketch",
        ]
      : []),
  ].join(", ");
}

/** Over `g`, what `mergedColumns` left. */
function metricColumns(sketches: boolean, tier: Tier): string {
  const counters = COUNTERS.map((name) => `toFloat64(sum(g.${name})) AS ${name}`);
  const cost =
    "if(sum(g.calls) > sum(g.unpriced_calls), toDecimalString(sum(g.cost), 12), NULL) AS cost";
  const ofTier = ["errors", "estimated_calls"].map((name) =>
    tier.sketches ? `toFloat64(sum(g.${name})) AS ${name}` : `NULL AS ${name}`,
  );
  const percentilesOf = sketches
    ? [
        percentiles("quantilesBFloat16Merge(0.5, 0.95, 0.99)(g.duration_ms_sketch)", "latency"),
        percentiles("quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(g.ttft_ms_sketch)", "ttft"),
      ]
    : ["[NULL, NULL, NULL] AS latency", "[NULL, NULL, NULL] AS ttft"];
  return [...counters, cost, ...ofTier, ...percentilesOf].join(", ");
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
    percentiles: wanted,
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
  const sketches = tier.sketches && wanted;
  const found = await store.rows<MetricsRow>({
    sql: groupedSql({ tier, by, stepped: stepSeconds !== undefined, where, sketches }),
    parameters,
  });
  const total = found.find((row) => row.is_total) ?? NOTHING;
  const keyed = by.length > 0 || stepSeconds !== undefined;
  // Without keys the total is the only row.
  const rows = keyed
    ? found.filter((row) => !row.is_total)
    : found.filter((row) => row["calls"] !== 0);
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
    totals: metricsOf(total),
  };
}

interface Grouping {
  tier: Tier;
  by: readonly Dimension[];
  stepped: boolean;
  where: string;
  sketches: boolean;
}

/**
 * A row a group, and one of all with `is_total`. Each sketch of the rollup is merged once, into its group: those of the
 * groups, which are few, make the total.
 */
function groupedSql({ tier, by, stepped, where, sketches }: Grouping): string {
  const keys = by.map((name) => ({ sql: tier.dimensions[name]!, name: `key_${name}` }));
  if (stepped) keys.unshift({ sql: bucketSql(tier), name: "key_time" });
  const named = keys.map(({ name }) => name);
  const inner = `SELECT ${[...keys.map(({ sql, name }) => `${sql} AS ${name}`), mergedColumns(sketches, tier)].join(", ")}
  FROM assay.${tier.table} AS r
  WHERE ${where}
  ${named.length > 0 ? `GROUP BY ${named.join(", ")}` : ""}`;
  const order = [...(stepped ? ["key_time"] : []), "sum(g.cost) DESC", "calls DESC", ...named];
  const sets = named.length > 0 ? `GROUP BY GROUPING SETS ((${named.join(", ")}), ())` : "";
  return `SELECT ${[...named.map((name) => `g.${name} AS ${name}`), metricColumns(sketches, tier)].join(", ")},
  ${named.length > 0 ? `grouping(${named.join(", ")}) > 0` : "true"} AS is_total
FROM (${inner}) AS g
${sets}
HAVING is_total OR calls > 0
ORDER BY is_total DESC, ${order.join(", ")}
LIMIT ${MAX_ROWS + 2}`;
}

function metricsOf(row: MetricsRow): Record<string, unknown> {
  const { latency, ttft, is_total: _total, ...rest } = row;
  const named = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [name.replace(/^key_/, ""), value]),
  );
  return {
    ...named,
    latency_ms: { p50: latency[0] ?? null, p95: latency[1] ?? null, p99: latency[2] ?? null },
    ttft_ms: { p50: ttft[0] ?? null, p95: ttft[1] ?? null, p99: ttft[2] ?? null },
  };
}
