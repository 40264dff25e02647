/** Recorded usage of a range, summed by day (or finer) and model, and what prices make of it. */
import type { Price, PriceBook, Usage } from "@assay/instrumentation/pricing";
import { type Store } from "../store.ts";
import { type Dimension, type Tier, alignRange, chooseTier } from "../tiers.ts";

/** Sums over calls. */
export interface UsageRow {
  /** Unix milliseconds, the start of the row's minute, hour or day. */
  timeMs: number;
  provider: string;
  requestModel: string;
  responseModel: string;
  /** Calls with a price; what follows is theirs and, in tokens, that of unpriced calls of the same model. */
  calls: number;
  unpricedCalls: number;
  usage: Required<Pick<Usage, TokenKind>>;
  /** What was recorded, 1e-12 USD. */
  picoUsd: bigint;
  /** How many of `thresholds` the calls' input exceeded; 0 where none were asked for. */
  tier: number;
}

type TokenKind =
  | "inputTokens"
  | "outputTokens"
  | "cacheReadTokens"
  | "cacheWriteTokens"
  | "audioInputTokens"
  | "audioOutputTokens"
  | "reasoningTokens";

export type UsageFilters = Partial<Record<Dimension, string[] | undefined>>;

const COLUMNS: Record<TokenKind, string> = {
  inputTokens: "input_tokens",
  outputTokens: "output_tokens",
  cacheReadTokens: "cache_read_tokens",
  cacheWriteTokens: "cache_write_tokens",
  audioInputTokens: "audio_input_tokens",
  audioOutputTokens: "audio_output_tokens",
  reasoningTokens: "reasoning_tokens",
};
const KINDS = Object.keys(COLUMNS) as TokenKind[];
const MODELS: readonly Dimension[] = ["provider", "request_model", "response_model"];

interface Row extends Record<string, unknown> {
  time: number;
  provider: string;
  request_model: string;
  response_model: string;
  calls: number;
  unpriced: number;
  cost: string;
  tier: number;
}

export interface UsageAnswer {
  rows: UsageRow[];
  /** Unix milliseconds, after widening to whole units of the rollup. */
  fromMs: number;
  toMs: number;
}

export async function readUsage(
  store: Store,
  fromMs: number,
  toMs: number,
  filters: UsageFilters,
): Promise<UsageAnswer> {
  const given = (Object.keys(filters) as Dimension[]).filter((name) => filters[name]);
  const dimensions = [...new Set([...MODELS, ...given])];
  const tier = chooseTier({ dimensions, fromMs, toMs, step: undefined });
  const bounds = alignRange(fromMs, toMs, tier.seconds);
  const rows = await store.rows<Row>({
    sql: rollupSql(tier, given),
    parameters: { ...bounds, ...named(filters, given) },
  });
  return { rows: rows.map(usageOf), fromMs: bounds.from * 1000, toMs: bounds.to * 1000 };
}

function rollupSql(tier: Tier, given: readonly Dimension[]): string {
  const sums = KINDS.map((kind) => `toFloat64(sum(r.${COLUMNS[kind]})) AS ${kind}`).join(", ");
  const where = given.map((name) => `AND ${tier.dimensions[name]} IN {f_${name}:Array(String)}`);
  return `SELECT toFloat64(toUnixTimestamp(${tier.time})) * 1000 AS time, r.provider AS provider,
  r.request_model AS request_model, r.response_model AS response_model,
  toFloat64(sum(r.calls) - sum(r.unpriced_calls)) AS calls, toFloat64(sum(r.unpriced_calls)) AS unpriced,
  ${sums}, toDecimalString(sum(r.cost), 12) AS cost, 0 AS tier
FROM assay.${tier.table} AS r
WHERE ${tier.time} >= toDateTime({from:UInt32}, 'UTC') AND ${tier.time} < toDateTime({to:UInt32}, 'UTC')
  ${tier.sketches ? "AND r.is_model_call" : ""} ${where.join(" ")}
GROUP BY time, provider, request_model, response_model
HAVING sum(r.calls) > 0`;
}

/** Of a span `s`. */
export const SPAN_COLUMNS: Partial<Record<Dimension, string>> = {
  project: "s.project",
  service: "s.service",
  environment: "s.environment",
  provider: "s.provider",
  model: "if(s.response_model = '', s.request_model, s.response_model)",
  operation: "s.operation",
  user: "s.user_id",
  release: "s.release",
  region: "s.region",
  prompt_version: "s.prompt_version",
};

/** From the calls themselves, divided by how many of `thresholds` (ascending) each call's input exceeds. */
export async function readTieredUsage(
  store: Store,
  { fromMs, toMs }: { fromMs: number; toMs: number },
  filters: UsageFilters,
  thresholds: readonly number[],
): Promise<UsageRow[]> {
  const tier = "toUInt8(arrayCount(t -> s.input_tokens > t, {thresholds:Array(UInt32)}))";
  return readCalls(store, { fromMs, toMs }, filters, {
    from: "assay.spans AS s",
    tier,
    thresholds,
  });
}

/** Only the calls that repeat, in the same trace, a prompt that was sent before: what retries of the caller look like. */
export async function readRepeats(
  store: Store,
  { fromMs, toMs }: { fromMs: number; toMs: number },
  filters: UsageFilters,
): Promise<UsageRow[]> {
  const attempts = `(SELECT *, row_number() OVER (PARTITION BY s.trace_id, s.prompt_hash ORDER BY s.event_time, s.span_id) AS attempt
  FROM assay.spans AS s WHERE ${RANGE} AND s.is_model_call AND s.prompt_hash != '') AS s`;
  const only = "AND s.attempt > 1";
  return readCalls(store, { fromMs, toMs }, filters, {
    from: attempts,
    tier: "0",
    thresholds: [],
    only,
  });
}

const RANGE =
  "s.event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND s.event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')";

async function readCalls(
  store: Store,
  { fromMs, toMs }: { fromMs: number; toMs: number },
  filters: UsageFilters,
  source: { from: string; tier: string; thresholds: readonly number[]; only?: string },
): Promise<UsageRow[]> {
  const given = (Object.keys(filters) as Dimension[]).filter((name) => filters[name]);
  const where = given.map((name) => `AND ${SPAN_COLUMNS[name]} IN {f_${name}:Array(String)}`);
  const sums = KINDS.map((kind) => `toFloat64(sum(s.${COLUMNS[kind]})) AS ${kind}`).join(", ");
  const rows = await store.rows<Row>({
    sql: `SELECT toFloat64(toUnixTimestamp(toStartOfDay(s.event_time, 'UTC'))) * 1000 AS time, s.provider AS provider,
  s.request_model AS request_model, s.response_model AS response_model,
  toFloat64(countIf(s.cost IS NOT NULL)) AS calls, toFloat64(countIf(s.cost IS NULL)) AS unpriced,
  ${sums}, toDecimalString(sum(ifNull(s.cost, toDecimal128(0, 12))), 12) AS cost, ${source.tier} AS tier
FROM ${source.from}
WHERE ${RANGE} AND s.is_model_call ${source.only ?? ""} ${where.join(" ")}
GROUP BY time, provider, request_model, response_model, tier`,
    parameters: { from: fromMs, to: toMs, thresholds: source.thresholds, ...named(filters, given) },
  });
  return rows.map(usageOf);
}

function named(filters: UsageFilters, given: readonly Dimension[]): Record<string, unknown> {
  return Object.fromEntries(given.map((name) => [`f_${name}`, filters[name]]));
}

function usageOf(row: Row): UsageRow {
  return {
    timeMs: row.time,
    provider: row.provider,
    requestModel: row.request_model,
    responseModel: row.response_model,
    calls: row.calls,
    unpricedCalls: row.unpriced,
    usage: Object.fromEntries(KINDS.map((kind) => [kind, Number(row[kind])])) as UsageRow["usage"],
    picoUsd: BigInt(row.cost.replace(".", "")),
    tier: row.tier,
  };
}

/** As the collector looks a price up: of the model that answered, else of the one asked for. */
export function priceOf(book: PriceBook, row: UsageRow, atMs = row.timeMs): Price | undefined {
  const of = (model: string): Price | undefined =>
    model === "" ? undefined : book.resolve(row.provider, model, atMs);
  return of(row.responseModel) ?? of(row.requestModel);
}

/**
 * The cost of `calls` calls whose tokens sum to `usage`, all in one tier of the price: exact, since a cost is linear in
 * the tokens within a tier.
 */
export function costOfCalls(
  book: PriceBook,
  price: Price,
  { usage, calls }: Pick<UsageRow, "usage" | "calls">,
  aboveInputTokens = -1,
): bigint {
  if (calls === 0) return 0n;
  const entry = price.entries.findLast((one) => one.aboveInputTokens <= aboveInputTokens);
  const flat = { ...price, entries: [{ ...entry!, aboveInputTokens: -1 }] };
  return book.cost(flat, usage) + BigInt(calls - 1) * BigInt(price.perRequestPicoUsd);
}
