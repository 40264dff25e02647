/**
 * The ledger's lines: recorded calls in exclusive buckets, by what they were charged by, each bucket with its cost.
 *
 * Computed from the spans when it is asked for, so that it cannot disagree with them. Calls of one price and tier are
 * summed first and multiplied then, which is exact; what a cost was rounded by, where a rate is no whole number of
 * pico-USD, is a line of its own.
 */
import {
  BUCKETS,
  type Bucket,
  type Price,
  type Quantities,
  type Rates,
  costsByBucket,
  tierOf,
} from "@assay/instrumentation/pricing";
import { SPAN_COLUMNS, type UsageFilters } from "../cost/usage.ts";
import type { Store } from "../store.ts";
import type { Dimension } from "../tiers.ts";
import { BUCKET_COLUMNS } from "./bucket-columns.ts";
import { readStoredPrices } from "./stored-prices.ts";

/** Amounts in 1e-12 USD, those of buckets in millionths of it. */
export interface LedgerLine {
  /** `YYYY-MM-DD`; empty where days were not asked for. */
  day: string;
  provider: string;
  /** That answered, else that was asked for. */
  model: string;
  priceId: string;
  status: string;
  serviceTier: string;
  calls: number;
  quantities: Quantities;
  /** As the spans state them. */
  inputTokens: number;
  outputTokens: number;
  /** Null: unpriced. */
  picoUsd: bigint | null;
  /** Undefined where the price is not known: reported, free or unpriced calls. */
  byBucket: Rates<bigint> | undefined;
  /** Charged by the request. */
  requestsPicoUsd: bigint;
  /** Of the calls of which the provider says what they cost: theirs, and ours. */
  reportedCalls: number;
  reportedPicoUsd: bigint;
  oursOfReported: bigint;
}

export interface LedgerQuestion {
  fromMs: number;
  toMs: number;
  filters: UsageFilters;
  byDay?: boolean;
}

interface Row extends Record<string, unknown> {
  day: string;
  provider: string;
  model: string;
  price_id: string;
  cost_status: string;
  service_tier: string;
  tier: number;
  calls: number;
  input_tokens: number;
  output_tokens: number;
  cost: string | null;
  reported_calls: number;
  reported: string;
  ours_of_reported: string;
}

export async function readLedgerLines(
  store: Store,
  question: LedgerQuestion,
): Promise<LedgerLine[]> {
  const { where, parameters } = conditions(question);
  const used = await store.rows<{ price_id: string }>({
    sql: `SELECT DISTINCT s.price_id AS price_id FROM assay.spans AS s WHERE ${where} AND s.price_id != ''`,
    parameters,
  });
  const prices = await readStoredPrices(
    store,
    used.map((row) => row.price_id),
  );
  const thresholds = thresholdsOf(prices.values());
  const rows = await store.rows<Row>({
    sql: linesSql(where, question.byDay ?? false),
    parameters: { ...parameters, thresholds },
  });
  return rows.map((row) => lineOf(row, prices, thresholds));
}

export function conditions({ fromMs, toMs, filters }: LedgerQuestion): {
  where: string;
  parameters: Record<string, unknown>;
} {
  const given = (Object.keys(filters) as Dimension[]).filter((name) => filters[name]);
  const range =
    "s.event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND s.event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')";
  return {
    where: [
      range,
      "s.is_model_call",
      ...given.map((name) => `${SPAN_COLUMNS[name]} IN {f_${name}:Array(String)}`),
    ].join(" AND "),
    parameters: {
      from: fromMs,
      to: toMs,
      ...Object.fromEntries(given.map((name) => [`f_${name}`, filters[name]])),
    },
  };
}

function thresholdsOf(prices: Iterable<Price>): number[] {
  const all = [...prices].flatMap(({ entries }) => entries.map((one) => one.aboveInputTokens));
  return [...new Set(all.filter((above) => above >= 0))].sort((a, b) => a - b);
}

function linesSql(where: string, byDay: boolean): string {
  const theirs = "s.reported_cost IS NOT NULL AND s.reported_cost_source = 'provider'";
  const money = (sql: string): string => `toDecimalString(${sql}, 12)`;
  return `SELECT ${byDay ? "toString(c.day_of)" : "''"} AS day, c.provider AS provider, c.model AS model, c.price_id AS price_id,
  c.cost_status AS cost_status, c.service_tier AS service_tier, c.tier AS tier,
  toFloat64(count()) AS calls, toFloat64(sum(c.input_tokens)) AS input_tokens, toFloat64(sum(c.output_tokens)) AS output_tokens,
  ${BUCKETS.map((bucket) => `toFloat64(sum(c.b_${bucket})) AS ${bucket}`).join(", ")},
  if(countIf(c.cost IS NOT NULL) = 0, NULL, ${money("sum(ifNull(c.cost, toDecimal128(0, 12)))")}) AS cost,
  toFloat64(countIf(c.theirs)) AS reported_calls,
  ${money("sumIf(ifNull(c.reported_cost, toDecimal128(0, 12)), c.theirs)")} AS reported,
  ${money("sumIf(ifNull(c.cost, toDecimal128(0, 12)), c.theirs)")} AS ours_of_reported
FROM (
  SELECT toDate(s.event_time) AS day_of, s.provider AS provider,
    if(s.response_model = '', s.request_model, s.response_model) AS model, s.price_id AS price_id,
    s.cost_status AS cost_status, s.service_tier AS service_tier, s.input_tokens AS input_tokens,
    s.output_tokens AS output_tokens, s.cost AS cost, s.reported_cost AS reported_cost, ${theirs} AS theirs,
    ${BUCKET_COLUMNS},
    arrayCount(t -> t_input > t, {thresholds:Array(UInt32)}) AS tier
  FROM assay.spans AS s WHERE ${where}
) AS c
GROUP BY ${byDay ? "c.day_of, " : ""}c.provider, c.model, c.price_id, c.cost_status, c.service_tier, c.tier
ORDER BY sum(ifNull(c.cost, toDecimal128(0, 12))) DESC, calls DESC, day, provider, model, price_id, tier`;
}

function lineOf(
  row: Row,
  prices: ReadonlyMap<string, Price>,
  thresholds: readonly number[],
): LedgerLine {
  const quantities = Object.fromEntries(
    BUCKETS.map((bucket) => [bucket, Number(row[bucket])]),
  ) as unknown as Quantities;
  const price = prices.get(row.price_id);
  const charged = row.cost_status === "priced" || row.cost_status === "estimated";
  // Any input beyond this many thresholds and not beyond the next is in the same tier.
  const inputTokens = row.tier === 0 ? 0 : thresholds[row.tier - 1]! + 1;
  return {
    day: row.day,
    provider: row.provider,
    model: row.model,
    priceId: row.price_id,
    status: row.cost_status,
    serviceTier: row.service_tier,
    calls: row.calls,
    quantities,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    picoUsd: row.cost === null ? null : picoUsd(row.cost),
    byBucket: price && charged ? costsByBucket(quantities, tierOf(price, inputTokens)) : undefined,
    requestsPicoUsd: price && charged ? BigInt(price.perRequestPicoUsd) * BigInt(row.calls) : 0n,
    reportedCalls: row.reported_calls,
    reportedPicoUsd: picoUsd(row.reported),
    oursOfReported: picoUsd(row.ours_of_reported),
  };
}

/** Twelve decimals, as `toDecimalString` gives them. */
export function picoUsd(text: string): bigint {
  return BigInt(text.replace(".", ""));
}

export function sumOf<T>(lines: readonly T[], of: (line: T) => number): number {
  return lines.reduce((sum, line) => sum + of(line), 0);
}

export function sumOfUsd<T>(lines: readonly T[], of: (line: T) => bigint): bigint {
  return lines.reduce((sum, line) => sum + of(line), 0n);
}

/** Cost of one bucket over lines, in 1e-12 USD, rounded half up. */
export function costOfBucket(lines: readonly LedgerLine[], bucket: Bucket): bigint {
  const micro = sumOfUsd(lines, ({ byBucket }) => byBucket?.[bucket] ?? 0n);
  return (micro + 500_000n) / 1_000_000n;
}
