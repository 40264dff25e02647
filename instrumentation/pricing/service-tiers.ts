/**
 * What the price data does not say: providers take a part off for calls that may wait.
 *
 * Sources: the pricing pages of OpenAI (batch and flex at half the standard rates), Anthropic, Google, Mistral and Groq
 * (batches at half). Searches that the provider runs are charged in full. Tiers that cost more (priority) differ by model
 * and contract: those are for a price of one's own.
 */
import { percentOff, type Bucket, type Price } from "./price.ts";

const PERCENT_OFF: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  openai: { batch: 50, flex: 50 },
  anthropic: { batch: 50 },
  google: { batch: 50 },
  mistral: { batch: 50 },
  groq: { batch: 50 },
};

/** Names of the tier that the list's price is for. */
const STANDARD: ReadonlySet<string> = new Set([
  "",
  "auto",
  "default",
  "on_demand",
  "ondemand",
  "standard",
  "standard_only",
]);
const IN_FULL: readonly Bucket[] = ["webSearches", "fileSearches"];

const made = new WeakMap<Price, Map<string, Price>>();

/** The list's price in a service tier; that of the standard tier where the tier has none that is known. */
export function inServiceTier(price: Price, tier: string): Price {
  if (STANDARD.has(tier)) return price;
  const name = tier.toLowerCase();
  const percent = PERCENT_OFF[price.provider]?.[name];
  if (percent === undefined || price.free) return price;
  let tiers = made.get(price);
  if (tiers === undefined) made.set(price, (tiers = new Map()));
  let found = tiers.get(name);
  if (found === undefined) {
    found = percentOff(price, percent, { id: `${price.id}:${name}-${percent}%`, except: IN_FULL });
    tiers.set(name, found);
  }
  return found;
}

/** Whether the price is not known to be the tier's own. */
export function isUnknownTier(provider: string, tier: string): boolean {
  const name = tier.toLowerCase();
  return !STANDARD.has(name) && PERCENT_OFF[provider]?.[name] === undefined;
}

export function* inEveryTier(price: Price): Iterable<Price> {
  yield price;
  if (price.free) return;
  for (const tier of Object.keys(PERCENT_OFF[price.provider] ?? {}))
    yield inServiceTier(price, tier);
}
