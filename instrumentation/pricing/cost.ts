/** Buckets × rates. */
import { emptyBuckets, fillBuckets, type Quantities } from "./buckets.ts";
import { MICRO, mapRates, type Price, type PriceEntry, type Rates, type Usage } from "./price.ts";

const HALF = MICRO / 2n;
/** Filled anew by each cost: nothing that it holds leaves this file. */
const scratch = emptyBuckets();

export function costOfUsage(price: Price, usage: Usage): bigint {
  const inputTokens = fillBuckets(scratch, usage);
  const entry = tierOf(price, inputTokens);
  if (entry.whole) {
    const sum = wholeSum(scratch, entry.picoUsd) + price.perRequestPicoUsd;
    // All terms are whole and not negative: while the sum is a safe integer, so was every step towards it.
    if (sum <= Number.MAX_SAFE_INTEGER) return BigInt(sum);
  }
  return roundedSum(scratch, entry) + BigInt(price.perRequestPicoUsd);
}

/**
 * What quantities cost in one tier of a price, summed over any number of calls: exact, since a cost is linear in them within a
 * tier, but for the rounding of each call where a rate is no whole number of pico-USD.
 */
export function costOfQuantities(
  price: Price,
  { quantities, calls }: { quantities: Quantities; calls: number },
  entry: PriceEntry = price.entries[0]!,
): bigint {
  return roundedSum(quantities, entry) + BigInt(price.perRequestPicoUsd) * BigInt(calls);
}

/** The same by bucket, in millionths of a pico-USD: nothing is rounded. */
export function costsByBucket(quantities: Quantities, entry: PriceEntry): Rates<bigint> {
  return mapRates(quantities, (quantity, bucket) => BigInt(quantity) * entry.microPicoUsd[bucket]);
}

function wholeSum(buckets: Quantities, rates: Rates): number {
  return (
    buckets.input * rates.input +
    buckets.cacheRead * rates.cacheRead +
    buckets.cacheWrite * rates.cacheWrite +
    buckets.cacheWrite1h * rates.cacheWrite1h +
    buckets.audioInput * rates.audioInput +
    buckets.cacheReadAudio * rates.cacheReadAudio +
    buckets.imageInput * rates.imageInput +
    buckets.output * rates.output +
    buckets.audioOutput * rates.audioOutput +
    buckets.imageOutput * rates.imageOutput +
    buckets.reasoning * rates.reasoning +
    buckets.webSearches * rates.webSearches +
    buckets.fileSearches * rates.fileSearches
  );
}

function roundedSum(buckets: Quantities, entry: PriceEntry): bigint {
  const micro = Object.values(costsByBucket(buckets, entry)).reduce((sum, cost) => sum + cost, 0n);
  return (micro + HALF) / MICRO;
}

/** The last tier that the input exceeds. */
export function tierOf({ entries }: Price, inputTokens: number): PriceEntry {
  for (let i = entries.length - 1; i > 0; i--) {
    const entry = entries[i] as PriceEntry;
    if (inputTokens > entry.aboveInputTokens) return entry;
  }
  return entries[0] as PriceEntry;
}
