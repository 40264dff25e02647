/**
 * `GET /api/v1/what-if`: what recorded calls would have cost on other models.
 *
 * Every recorded token is priced at the candidate's rates of the call's own day, or at today's. A candidate with tiers is
 * priced call by call size. Tokenizers differ: `tokens` is how many tokens the candidate makes of the same text, measured on
 * the stored prompts of both, with an interval, or given as `token_ratio`; unknown, it is taken to be 1 and said to be so.
 * What another model would have answered, and at what length, no price can tell.
 */
import { type Price, type PriceBook, formatUsd } from "@assay/instrumentation/pricing";
import { z } from "zod";
import type { ApiCall } from "../endpoint.ts";
import { exactUsd, range, usd } from "../answers.ts";
import { badParameter } from "../errors.ts";
import { anyOf, checkRange, readParameters, time } from "../parameters.ts";
import type { Store } from "../store.ts";
import { type Ratio, readTokenRatio } from "./token-ratio.ts";
import { type UsageRow, costOfCalls, priceOf, readTieredUsage, readUsage } from "./usage.ts";

const MOST_CANDIDATES = 10;
const CANDIDATE = "provider/model, as in openai/gpt-4.1-mini";
const SCALE = 1_000_000;

export function whatIfShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    candidate: anyOf,
    prices: z.enum(["then", "now"], { message: '"then" or "now"' }).default("then"),
    token_ratio: z
      .string()
      .regex(/^\d{1,2}(\.\d{1,6})?$/, "a number such as 1.08")
      .transform(Number)
      .optional(),
    project: anyOf.optional(),
    service: anyOf.optional(),
    environment: anyOf.optional(),
    provider: anyOf.optional(),
    model: anyOf.optional(),
    operation: anyOf.optional(),
  };
}

export const whatIfAnswer = z.looseObject({
  ...range,
  calls: z.number().describe("Priced calls, which are compared"),
  left_out: z.number().describe("Calls whose own cost is not known"),
  cost: exactUsd.describe("As recorded"),
  candidates: z.array(
    z.looseObject({
      candidate: z.string(),
      price_id: z
        .string()
        .nullable()
        .describe("At the end of the range; null: not in the price book"),
      tokens: z.looseObject({
        ratio: z.number(),
        low: z.number().nullable(),
        high: z.number().nullable(),
        source: z.enum(["measured", "given", "same", "unknown"]),
      }),
      cost: usd,
      low: usd,
      high: usd,
      change: usd,
    }),
  ),
});

type Shape = z.output<z.ZodObject<ReturnType<typeof whatIfShape>>>;

export async function readWhatIf({
  store,
  query,
  nowMs,
  prices: book,
}: ApiCall): Promise<z.input<typeof whatIfAnswer>> {
  const asked = readParameters(whatIfShape(nowMs), query);
  const { from, to, candidate, prices, token_ratio: given, ...filters } = asked;
  checkRange(from, to);
  if (candidate.length > MOST_CANDIDATES)
    throw badParameter("candidate", `up to ${MOST_CANDIDATES}`, String(candidate.length));
  const candidates = candidate.map((text) => ({ text, ...nameOf(text) }));
  const priceAt = (one: Name, timeMs: number): Price | undefined =>
    book.resolve(one.provider, one.model, prices === "now" ? nowMs : timeMs);
  const { rows: summed, ...bounds } = await readUsage(store, from, to, filters);
  const thresholds = thresholdsOf(
    candidates.flatMap((one) => summed.flatMap((row) => priceAt(one, row.timeMs) ?? [])),
  );
  const rows =
    thresholds.length === 0 ? summed : await readTieredUsage(store, bounds, filters, thresholds);
  const cost = rows.reduce((sum, row) => sum + row.picoUsd, 0n);
  const compared = candidates.map(async ({ text, ...one }) => {
    const ratio = await tokenRatio(store, { ...asked, given }, one, rows);
    const at = (factor: number): bigint | undefined =>
      total(book, rows, (row) => priceAt(one, row.timeMs), {
        factor,
        thresholds,
        ofTheDay: prices === "then",
      });
    const found = at(ratio.ratio);
    const money = (amount: bigint | undefined): string | null =>
      amount === undefined ? null : formatUsd(amount);
    return {
      candidate: text,
      price_id: priceAt(one, bounds.toMs - 1)?.id ?? null,
      tokens: ratio,
      cost: money(found),
      low: ratio.low === null ? null : money(at(ratio.low)),
      high: ratio.high === null ? null : money(at(ratio.high)),
      change: found === undefined ? null : formatUsd(found - cost),
    };
  });
  return {
    from: new Date(bounds.fromMs).toISOString(),
    to: new Date(bounds.toMs).toISOString(),
    calls: rows.reduce((sum, row) => sum + row.calls, 0),
    left_out: rows.reduce((sum, row) => sum + row.unpricedCalls, 0),
    cost: formatUsd(cost),
    candidates: await Promise.all(compared),
  };
}

interface Name {
  provider: string;
  model: string;
}

function nameOf(text: string): Name {
  const slash = text.indexOf("/");
  if (slash > 0 && slash < text.length - 1)
    return { provider: text.slice(0, slash), model: text.slice(slash + 1) };
  throw badParameter("candidate", CANDIDATE, text);
}

function thresholdsOf(prices: readonly Price[]): number[] {
  const all = prices.flatMap(({ entries }) => entries.map((entry) => entry.aboveInputTokens));
  return [...new Set(all.filter((above) => above >= 0))].sort((a, b) => a - b);
}

type Tokens = Ratio & { source: "measured" | "given" | "same" | "unknown" };

async function tokenRatio(
  store: Store,
  {
    given,
    from,
    to,
    project,
  }: Pick<Shape, "from" | "to" | "project"> & { given: number | undefined },
  candidate: Name,
  rows: readonly UsageRow[],
): Promise<Tokens> {
  const exactly = (ratio: number, source: Tokens["source"]): Tokens => ({
    ratio,
    low: null,
    high: null,
    source,
  });
  if (given !== undefined) return exactly(given, "given");
  const models = [...new Set(rows.map((row) => row.responseModel || row.requestModel))];
  if (models.every((model) => model === candidate.model)) return exactly(1, "same");
  const measured = await readTokenRatio(store, {
    from,
    to,
    project,
    models,
    candidate: candidate.model,
  });
  return measured ? { ...measured, source: "measured" } : exactly(1, "unknown");
}

/** Undefined where some of the calls' days have no price of the candidate. */
function total(
  book: PriceBook,
  rows: readonly UsageRow[],
  priceFor: (row: UsageRow) => Price | undefined,
  {
    factor,
    thresholds,
    ofTheDay,
  }: { factor: number; thresholds: readonly number[]; ofTheDay: boolean },
): bigint | undefined {
  let sum = 0n;
  for (const row of rows) {
    if (row.calls === 0) continue;
    const price = priceFor(row);
    if (price === undefined) return undefined;
    const own = priceOf(book, row);
    if (ofTheDay && own?.id === price.id) {
      sum += row.picoUsd; // The same price: what was recorded is what it costs.
      continue;
    }
    const above = row.tier === 0 ? -1 : thresholds[row.tier - 1]!;
    const whole = costOfCalls(book, price, row, above);
    const requests = BigInt(row.calls) * BigInt(price.perRequestPicoUsd);
    sum += requests + ((whole - requests) * BigInt(Math.round(factor * SCALE))) / BigInt(SCALE);
  }
  return sum;
}
