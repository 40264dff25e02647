/**
 * Prices of one's own before those of the price book: models that the book does not know (fine-tuned, self-hosted), prices
 * that differ from the list, and discounts on what the book says.
 *
 * Of the entries that fit a call, one that names the provider wins over one that does not, an exact model over a
 * beginning (`gpt-4o*`), a longer beginning over a shorter one, and then the latest that has begun.
 */
import { createHash } from "node:crypto";
import type { PriceBook } from "../pricing.ts";
import { type Price, type Rates, buildPrice } from "./price.ts";
import { providerIdOf } from "./providers.ts";

/** USD per million tokens; a kind that is left out has the rate of what contains it. */
interface OwnRates {
  input: number;
  output: number;
  cache_read?: number | undefined;
  cache_write?: number | undefined;
  reasoning?: number | undefined;
  audio_input?: number | undefined;
  audio_output?: number | undefined;
}

interface Where {
  /** As on the span, or as the price book calls it; any when left out. */
  provider?: string | undefined;
  /** With `*` at its end: models whose names begin so. */
  model: string;
  /** `YYYY-MM-DD`, UTC. */
  from?: string | undefined;
}
export interface OwnPrice extends Where {
  usd_per_million: OwnRates;
  usd_per_request?: number | undefined;
}
export interface Discount extends Where {
  percent: number;
}

interface Entry<T> {
  provider: string | undefined;
  model: string;
  isBeginning: boolean;
  fromUnixMs: number;
  value: T;
}

const KEYS: Record<keyof OwnRates, string> = {
  input: "input_mtok",
  output: "output_mtok",
  cache_read: "cache_read_mtok",
  cache_write: "cache_write_mtok",
  reasoning: "output_reasoning_mtok",
  audio_input: "input_audio_mtok",
  audio_output: "output_audio_mtok",
};

export function withOwnPrices(
  book: PriceBook,
  own: { prices: readonly OwnPrice[]; discounts: readonly Discount[] },
): PriceBook {
  const prices = own.prices.map((one) => entryOf(one, ownPrice(one)));
  const discounts = own.discounts.map((one) => entryOf(one, one.percent));
  const discounted = new Map<string, Price>();
  const less = (price: Price, percent: number): Price => {
    const key = `${price.id}\0${percent}`;
    const known = discounted.get(key) ?? discount(price, percent);
    discounted.set(key, known);
    return known;
  };
  const hash = createHash("sha256").update(JSON.stringify(own)).digest("hex").slice(0, 8);
  return {
    id: `${book.id}+own#${hash}`,
    resolve(provider, model, atUnixMs) {
      const name = model.toLowerCase().trim();
      const found = bestOf(prices, provider, name, atUnixMs);
      if (found) return found.value;
      const listed = book.resolve(provider, model, atUnixMs);
      const cut = listed && bestOf(discounts, provider, name, atUnixMs);
      return cut ? less(listed, cut.value) : listed;
    },
    cost: (price, usage) => book.cost(price, usage),
    *prices() {
      for (const { value } of prices) yield value;
      for (const price of book.prices()) {
        yield price;
        for (const cut of discounts)
          if (fits(cut, price.provider, price.model)) yield less(price, cut.value);
      }
    },
  };
}

function entryOf<T>({ provider, model, from }: Where, value: T): Entry<T> {
  const isBeginning = model.endsWith("*");
  return {
    provider: provider === undefined ? undefined : providerIdOf(provider).toLowerCase(),
    model: (isBeginning ? model.slice(0, -1) : model).toLowerCase(),
    isBeginning,
    fromUnixMs: from === undefined ? -Infinity : Date.parse(from),
    value,
  };
}

function fits(
  { provider, model, isBeginning }: Entry<unknown>,
  given: string,
  name: string,
): boolean {
  if (provider !== undefined && provider !== providerIdOf(given).toLowerCase()) return false;
  return isBeginning ? name.startsWith(model) : name === model;
}

function bestOf<T>(
  entries: readonly Entry<T>[],
  provider: string,
  name: string,
  atUnixMs: number,
): Entry<T> | undefined {
  let best: Entry<T> | undefined;
  for (const entry of entries)
    if (entry.fromUnixMs <= atUnixMs && fits(entry, provider, name) && (!best || wins(entry, best)))
      best = entry;
  return best;
}

function wins(one: Entry<unknown>, other: Entry<unknown>): boolean {
  const named = Number(one.provider !== undefined) - Number(other.provider !== undefined);
  const exact = Number(other.isBeginning) - Number(one.isBeginning);
  const longer = one.model.length - other.model.length;
  return (named || exact || longer || one.fromUnixMs - other.fromUnixMs) > 0;
}

function ownPrice({ provider, model, from, usd_per_million, usd_per_request }: OwnPrice): Price {
  const numbers = Object.fromEntries(
    Object.entries(usd_per_million).flatMap(([kind, usd]) =>
      usd === undefined ? [] : [[KEYS[kind as keyof OwnRates], usd]],
    ),
  );
  const perThousand =
    usd_per_request === undefined ? {} : { requests_kcount: usd_per_request * 1000 };
  const origin = { provider: provider ?? "own", model, validFrom: from ?? null, hours: null };
  const price = buildPrice(origin, { ...numbers, ...perThousand })!;
  return { ...price, id: `own:${price.id}` };
}

const PERCENT_SCALE = 1_000_000n;

/** Rounded to a millionth of a pico-USD a token, and to a pico-USD a request. */
function discount(price: Price, percent: number): Price {
  const part = BigInt(Math.round((100 - percent) * 10_000));
  const cut = (amount: bigint): bigint => (amount * part + PERCENT_SCALE / 2n) / PERCENT_SCALE;
  return {
    ...price,
    id: `${price.id}-${percent}%`,
    perRequestPicoUsd: Number(cut(BigInt(price.perRequestPicoUsd))),
    free: price.free || percent === 100,
    entries: price.entries.map((entry) => {
      const microPicoUsd = mapRates(entry.microPicoUsd, cut);
      return {
        aboveInputTokens: entry.aboveInputTokens,
        microPicoUsd,
        picoUsd: mapRates(microPicoUsd, (rate) => Number(rate) / 1e6),
        whole: Object.values(microPicoUsd).every((rate) => rate % 1_000_000n === 0n),
      };
    }),
  };
}

function mapRates<T>(rates: Rates<bigint>, map: (rate: bigint) => T): Rates<T> {
  return {
    input: map(rates.input),
    cacheRead: map(rates.cacheRead),
    cacheWrite: map(rates.cacheWrite),
    audioInput: map(rates.audioInput),
    cacheReadAudio: map(rates.cacheReadAudio),
    output: map(rates.output),
    audioOutput: map(rates.audioOutput),
    reasoning: map(rates.reasoning),
  };
}
