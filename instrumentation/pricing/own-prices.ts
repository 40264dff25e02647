/**
 * Prices of one's own before those of the price book: models that the book does not know (fine-tuned, self-hosted), prices
 * that differ from the list, overall or for a project, a region or a service tier, and discounts on what the book says.
 *
 * Of the entries that fit a call, one that names the project wins over one that does not; then, in the same way, the region,
 * the service tier and the provider; then an exact model over a beginning (`gpt-4o*`), a longer beginning over a shorter
 * one, and then the latest that has begun.
 */
import { createHash } from "node:crypto";
import type { ModelPrice } from "@pydantic/genai-prices";
import type { PriceBook, PriceContext } from "../pricing.ts";
import { type Price, buildPrice, percentOff } from "./price.ts";
import { providerIdOf } from "./providers.ts";

/** USD per million tokens; a kind that is left out has the rate of what contains it. */
interface OwnRates {
  input: number;
  output: number;
  cache_read?: number | undefined;
  cache_write?: number | undefined;
  cache_write_1h?: number | undefined;
  cache_read_audio?: number | undefined;
  reasoning?: number | undefined;
  audio_input?: number | undefined;
  audio_output?: number | undefined;
  image_input?: number | undefined;
  image_output?: number | undefined;
}

type SomeRates = { [Kind in keyof OwnRates]?: OwnRates[Kind] | undefined };

interface Where {
  /** As on the span, or as the price book calls it; any when left out. */
  provider?: string | undefined;
  /** With `*` at its end: models whose names begin so. */
  model: string;
  /** `YYYY-MM-DD`, UTC. */
  from?: string | undefined;
  /** Any when left out. */
  project?: string | undefined;
  region?: string | undefined;
  service_tier?: string | undefined;
}
export interface OwnPrice extends Where {
  usd_per_million: OwnRates;
  /** Rates of calls whose whole input is more; what is left out stays as it is below. */
  above?: readonly { input_tokens: number; usd_per_million: SomeRates }[] | undefined;
  usd_per_request?: number | undefined;
  usd_per_web_search?: number | undefined;
  usd_per_file_search?: number | undefined;
}
export interface Discount extends Where {
  percent: number;
}

interface Entry<T> {
  provider: string | undefined;
  model: string;
  isBeginning: boolean;
  fromUnixMs: number;
  context: PriceContext;
  value: T;
}

/** A kind's key in the data, and the kind whose rate it has where it has none. */
const KINDS: Record<keyof OwnRates, readonly [key: string, container?: keyof OwnRates]> = {
  input: ["input_mtok"],
  output: ["output_mtok"],
  cache_read: ["cache_read_mtok", "input"],
  cache_write: ["cache_write_mtok", "input"],
  cache_write_1h: ["cache_write_1h_mtok", "cache_write"],
  cache_read_audio: ["cache_audio_read_mtok", "audio_input"],
  reasoning: ["output_reasoning_mtok", "output"],
  audio_input: ["input_audio_mtok", "input"],
  audio_output: ["output_audio_mtok", "output"],
  image_input: ["input_image_mtok", "input"],
  image_output: ["output_image_mtok", "output"],
};
const KIND_NAMES = Object.keys(KINDS) as (keyof OwnRates)[];

/** Distinct (provider, model) remembered; names come from outside. */
const MAX_REMEMBERED = 10_000;

export function withOwnPrices(
  book: PriceBook,
  own: { prices: readonly OwnPrice[]; discounts: readonly Discount[] },
): PriceBook {
  const prices = chooser(own.prices.map((one) => entryOf(one, ownPrice(one))));
  const discounts = chooser(own.discounts.map((one) => entryOf(one, one.percent)));
  const discounted = new Map<string, Price>();
  const less = (price: Price, percent: number): Price => {
    const id = `${price.id}-${percent}%`;
    const known = discounted.get(id) ?? percentOff(price, percent, { id });
    discounted.set(id, known);
    return known;
  };
  const all = [...own.prices, ...own.discounts];
  const hash = createHash("sha256").update(JSON.stringify(own)).digest("hex").slice(0, 8);
  return {
    id: `${book.id}+own#${hash}`,
    publishedOn: book.publishedOn,
    asksProject: all.some(({ project }) => project !== undefined),
    asksRegion: all.some(({ region }) => region !== undefined),
    resolve(provider, model, atUnixMs, context = {}) {
      const found = prices.best(provider, model, atUnixMs, context);
      if (found) return found.value;
      const listed = book.resolve(provider, model, atUnixMs, context);
      const cut = listed && discounts.best(provider, model, atUnixMs, context);
      return cut ? less(listed, cut.value) : listed;
    },
    cost: (price, usage) => book.cost(price, usage),
    *prices() {
      for (const { value } of prices.entries) yield value;
      for (const price of book.prices()) {
        yield price;
        for (const cut of discounts.entries)
          if (fits(cut, price.provider, price.model)) yield less(price, cut.value);
      }
    },
  };
}

function entryOf<T>(where: Where, value: T): Entry<T> {
  const { provider, model, from, project, region, service_tier: serviceTier } = where;
  const isBeginning = model.endsWith("*");
  return {
    provider: provider === undefined ? undefined : providerIdOf(provider).toLowerCase(),
    model: (isBeginning ? model.slice(0, -1) : model).toLowerCase(),
    isBeginning,
    fromUnixMs: from === undefined ? -Infinity : Date.parse(from),
    context: {
      ...(project !== undefined && { project }),
      ...(region !== undefined && { region }),
      ...(serviceTier !== undefined && { serviceTier: serviceTier.toLowerCase() }),
    },
    value,
  };
}

/** Remembers which entries fit a model, best first: a call then looks at a few of thousands. */
function chooser<T>(entries: readonly Entry<T>[]) {
  const inOrder = entries.toSorted(byPrecedence);
  const remembered = new Map<string, readonly Entry<T>[]>();
  const fitting = (provider: string, model: string): readonly Entry<T>[] => {
    const key = `${provider}\0${model}`;
    let found = remembered.get(key);
    if (found === undefined) {
      const name = model.toLowerCase().trim();
      found = inOrder.filter((entry) => fits(entry, provider, name));
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(key, found);
    }
    return found;
  };
  return {
    entries,
    best: (
      provider: string,
      model: string,
      atUnixMs: number,
      context: PriceContext,
    ): Entry<T> | undefined =>
      entries.length === 0
        ? undefined
        : fitting(provider, model).find(
            (entry) => entry.fromUnixMs <= atUnixMs && isOf(entry.context, context),
          ),
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

function isOf(wanted: PriceContext, call: PriceContext): boolean {
  return (
    (wanted.project === undefined || wanted.project === call.project) &&
    (wanted.region === undefined || wanted.region === call.region) &&
    (wanted.serviceTier === undefined || wanted.serviceTier === call.serviceTier?.toLowerCase())
  );
}

/** The one that wins comes first. */
function byPrecedence(one: Entry<unknown>, other: Entry<unknown>): number {
  const named = (has: (entry: Entry<unknown>) => unknown): number =>
    Number(has(other) !== undefined) - Number(has(one) !== undefined);
  return (
    named(({ context }) => context.project) ||
    named(({ context }) => context.region) ||
    named(({ context }) => context.serviceTier) ||
    named(({ provider }) => provider) ||
    Number(one.isBeginning) - Number(other.isBeginning) ||
    other.model.length - one.model.length ||
    (other.fromUnixMs > one.fromUnixMs ? 1 : other.fromUnixMs < one.fromUnixMs ? -1 : 0)
  );
}

function ownPrice(own: OwnPrice): Price {
  const pieces = {
    requests_kcount: own.usd_per_request,
    web_searches_kcount: own.usd_per_web_search,
    storage_searches_kcount: own.usd_per_file_search,
  };
  const perThousand = Object.fromEntries(
    Object.entries(pieces).flatMap(([key, usd]) => (usd === undefined ? [] : [[key, usd * 1000]])),
  );
  const origin = {
    provider: own.provider ?? "own",
    model: own.model,
    validFrom: own.from ?? null,
    hours: null,
  };
  const price = buildPrice(origin, { ...tokenRates(own), ...perThousand })!;
  const scope = [own.project, own.region, own.service_tier].filter((one) => one !== undefined);
  return { ...price, id: ["own", ...scope, price.id].join(":") };
}

function tokenRates({ usd_per_million: base, above = [] }: OwnPrice): ModelPrice {
  const rates: ModelPrice = {};
  for (const kind of KIND_NAMES) {
    const tiers = above.flatMap(({ input_tokens: start, usd_per_million: step }) =>
      step[kind] === undefined ? [] : [{ start, price: step[kind] }],
    );
    if (tiers.length > 0) rates[KINDS[kind][0]] = { base: rateOf(base, kind), tiers };
    else if (base[kind] !== undefined) rates[KINDS[kind][0]] = base[kind];
  }
  return rates;
}

function rateOf(rates: OwnRates, kind: keyof OwnRates): number {
  return rates[kind] ?? rateOf(rates, KINDS[kind][1]!);
}
