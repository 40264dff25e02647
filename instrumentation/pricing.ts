/**
 * What a model call costs, in whole pico-USD (1e-12 USD).
 *
 * Prices are those bundled with `@pydantic/genai-prices`; nothing is fetched. A model is resolved to the price in force
 * at an instant once per (provider, model), and then a cost is a few multiplications of whole numbers: $2.50 per million
 * tokens is exactly 2,500,000 pico-USD per token, and a double holds every whole number up to $9,007. Only beyond that,
 * or with one of the handful of rates that are not whole pico-USD (0.08333333333333334 per million), is BigInt used.
 *
 * Rounding. A rate is taken to six decimals of a pico-USD, which removes the float noise of the data. A cost is rounded
 * once, half up, to a whole pico-USD; with whole rates there is nothing to round.
 *
 * Importing this module is free; the data (about 0.5 MB) is loaded by the first `loadPriceBook()`.
 */
import { costOfUsage } from "./pricing/cost.ts";
import type { Price, Usage } from "./pricing/price.ts";
import { inEveryTier, inServiceTier } from "./pricing/service-tiers.ts";
import { PRICES_PUBLISHED, bookId, findModelPrices, listModelPrices } from "./pricing/source.ts";

export { bucketsOf, type Quantities } from "./pricing/buckets.ts";
export { costOfQuantities, costsByBucket, tierOf } from "./pricing/cost.ts";
export { withOwnPrices } from "./pricing/own-prices.ts";
export { BUCKETS } from "./pricing/price.ts";
export type { Bucket, Price, PriceEntry, Rates, Usage } from "./pricing/price.ts";
export { isUnknownTier } from "./pricing/service-tiers.ts";

export type CostStatus = "priced" | "free" | "unpriced";

export interface Cost {
  status: CostStatus;
  /** Empty when unpriced. */
  priceId: string;
  /** Exact, 1e-12 USD. 0 when free; meaningless when unpriced. */
  picoUsd: bigint;
}

/** What a price may depend on besides provider, model and time. */
export interface PriceContext {
  project?: string;
  region?: string;
  /** As the provider calls it: `batch`, `flex`, `priority`. */
  serviceTier?: string;
}

export interface PriceBook {
  /** `name@version#hash of the prices`: changes whenever a cost could. */
  readonly id: string;
  /** Day (UTC, `YYYY-MM-DD`) on which the list's prices were published. */
  readonly publishedOn: string;
  /** Whether any price depends on the project, on the region: else a call need not say them. */
  readonly asksProject: boolean;
  readonly asksRegion: boolean;
  /**
   * The price in force at an instant, time-of-day prices included; undefined when the model is not in the book, or is
   * sold by the hour or page. An empty provider is guessed from the model's name.
   */
  resolve(
    provider: string,
    model: string,
    atUnixMs: number,
    context?: PriceContext,
  ): Price | undefined;
  /** In pico-USD. `price` must be the one in force at the time of the call. */
  cost(price: Price, usage: Usage): bigint;
  /** Every price, past and future ones included. */
  prices(): Iterable<Price>;
}

/** Distinct names remembered, found or not; model names come from outside and must not grow without bound. */
const MAX_REMEMBERED = 10_000;

let loaded: PriceBook | undefined;

export function loadPriceBook(): PriceBook {
  return (loaded ??= createPriceBook());
}

function createPriceBook(): PriceBook {
  // Two levels, so that a look-up builds no string.
  const remembered = new Map<string, Map<string, ReturnType<typeof findModelPrices>>>();
  let size = 0;

  function modelPrices(provider: string, model: string) {
    const known = remembered.get(provider)?.get(model);
    if (known !== undefined) return known;
    const found = findModelPrices(provider, model);
    if (size >= MAX_REMEMBERED) {
      remembered.clear();
      size = 0;
    }
    let models = remembered.get(provider);
    if (models === undefined) remembered.set(provider, (models = new Map()));
    models.set(model, found);
    size++;
    return found;
  }

  return {
    id: bookId(),
    publishedOn: PRICES_PUBLISHED.on,
    asksProject: false,
    asksRegion: false,
    resolve(provider, model, atUnixMs, context) {
      const price = modelPrices(provider, model).at(atUnixMs);
      const tier = context?.serviceTier ?? "";
      return price === undefined || tier === "" ? price : inServiceTier(price, tier);
    },
    cost: costOfUsage,
    *prices() {
      for (const price of listModelPrices()) yield* inEveryTier(price);
    },
  };
}

/** Resolve and cost in one step. */
export function costOf(
  book: PriceBook,
  call: {
    provider: string;
    model: string;
    atUnixMs: number;
    usage: Usage;
    context?: PriceContext;
  },
): Cost {
  const price = book.resolve(call.provider, call.model, call.atUnixMs, call.context);
  if (price === undefined) return { status: "unpriced", priceId: "", picoUsd: 0n };
  if (price.free) return { status: "free", priceId: price.id, picoUsd: 0n };
  return { status: "priced", priceId: price.id, picoUsd: book.cost(price, call.usage) };
}

/** USD with exactly twelve decimals: `0.000210000000`. */
export function formatUsd(picoUsd: bigint): string {
  const digits = (picoUsd < 0n ? -picoUsd : picoUsd).toString().padStart(13, "0");
  const sign = picoUsd < 0n ? "-" : "";
  return `${sign}${digits.slice(0, -12)}.${digits.slice(-12)}`;
}
