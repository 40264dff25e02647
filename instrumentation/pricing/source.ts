/**
 * The data of `@pydantic/genai-prices`, and its rules for which model and which moment a price belongs to.
 *
 * Only what the package exports is used. Its own `calcPrice` finds the same prices (a test holds both against each
 * other), but takes 15–30 µs a call and adds in floating point.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type {
  ConditionalPrice,
  MatchLogic,
  ModelInfo,
  ModelPrice,
  Provider,
} from "@pydantic/genai-prices";
import { LATER_MODELS } from "./later-models.ts";
import { buildPrice } from "./price.ts";
import type { Price } from "./price.ts";
import { PROVIDER_IDS, providerIdOf } from "./providers.ts";

type GenaiPrices = typeof import("@pydantic/genai-prices");

const PACKAGE = "@pydantic/genai-prices";
/** The data does not say how old it is, so this does; a test holds it against the version that is installed. */
export const PRICES_PUBLISHED = { version: "0.1.8", on: "2026-09-23" } as const;
// Not an import statement: a service that only wants spans must not pay for the data when it starts.
const require = createRequire(import.meta.url);
let loadedPackage: GenaiPrices | undefined;

function genaiPrices(): GenaiPrices {
  return (loadedPackage ??= require(PACKAGE) as GenaiPrices);
}

/** Rates that the data lacks, by `provider/model`: of OpenAI's price list. */
export const MISSING_RATES: Readonly<Record<string, ModelPrice>> = {
  "openai/gpt-4o-audio-preview": { input_audio_mtok: 40, output_audio_mtok: 80 },
  "openai/gpt-4o-mini-audio-preview": { input_audio_mtok: 10, output_audio_mtok: 20 },
};

/** All prices that a model has had, has or will have. */
export interface ModelPrices {
  at(unixMs: number): Price | undefined;
  all(): Price[];
}

const NO_PRICES: ModelPrices = { at: () => undefined, all: () => [] };

export function findModelPrices(provider: string, model: string): ModelPrices {
  const found = findModel(provider.trim(), model.toLowerCase().trim());
  return found === undefined ? NO_PRICES : modelPricesOf(found.provider, found.model);
}

export function* listModelPrices(): Iterable<Price> {
  for (const provider of allProviders()) {
    for (const model of modelsOf(provider)) yield* modelPricesOf(provider, model).all();
  }
}

export function bookId(): string {
  const entry = require.resolve(PACKAGE);
  const manifest: unknown = JSON.parse(
    readFileSync(join(dirname(entry), "..", "package.json"), "utf8"),
  );
  const { version } = manifest as { version: string };
  const hash = createHash("sha256");
  for (const provider of allProviders()) {
    hash.update(JSON.stringify([provider.id, provider.provider_match, provider.model_match]));
    for (const { id, match, prices } of modelsOf(provider)) {
      hash.update(JSON.stringify([id, match, prices]));
    }
  }
  return `genai-prices@${version}#${hash.digest("hex").slice(0, 8)}`;
}

function allProviders(): Provider[] {
  return PROVIDER_IDS.map((providerId) => genaiPrices().findProvider({ providerId })).filter(
    (provider) => provider !== undefined,
  );
}

/** In the order in which they are tried. */
function modelsOf(provider: Provider): readonly ModelInfo[] {
  const later = LATER_MODELS[provider.id];
  return later === undefined ? provider.models : [...later, ...provider.models];
}

interface FoundModel {
  provider: Provider;
  model: ModelInfo;
}

function findModel(provider: string, model: string): FoundModel | undefined {
  if (model === "") return undefined;
  const slash = model.indexOf("/");
  // The gateway passes models through as `provider/model`.
  if (provider.toLowerCase() === "litellm" && slash > 0) {
    const behind = findModel(model.slice(0, slash), model.slice(slash + 1));
    if (behind !== undefined) return behind;
  }
  const priced = genaiPrices().findProvider(
    provider === "" ? { modelId: model } : { providerId: providerIdOf(provider), modelId: model },
  );
  if (priced === undefined) return undefined;
  return (
    findModelAt(priced, model) ??
    // gpt-4o-20240806 is gpt-4o-2024-08-06.
    findModelAt(priced, model.replace(COMPACT_DATE, "-$1-$2-$3"))
  );
}

const COMPACT_DATE = /-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g;

function findModelAt(provider: Provider, name: string): FoundModel | undefined {
  const model = modelsOf(provider).find((candidate) => matches(candidate.match, name));
  if (model !== undefined) return { provider, model };
  for (const providerId of provider.fallback_model_providers ?? []) {
    const other = genaiPrices().findProvider({ providerId });
    const found = other === undefined ? undefined : findModelAt(other, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function matches(logic: MatchLogic, name: string): boolean {
  if ("or" in logic) return logic.or.some((part) => matches(part, name));
  if ("and" in logic) return logic.and.every((part) => matches(part, name));
  if ("equals" in logic) return name === logic.equals.toLowerCase();
  if ("starts_with" in logic) return name.startsWith(logic.starts_with.toLowerCase());
  if ("ends_with" in logic) return name.endsWith(logic.ends_with.toLowerCase());
  if ("contains" in logic) return name.includes(logic.contains.toLowerCase());
  return new RegExp(logic.regex).test(name);
}

/** By the package's own object: a model found under two names is one model. */
const built = new WeakMap<ModelInfo, ModelPrices>();

function modelPricesOf(provider: Provider, model: ModelInfo): ModelPrices {
  let prices = built.get(model);
  if (prices === undefined) built.set(model, (prices = buildModelPrices(provider.id, model)));
  return prices;
}

/** A price and when it holds; the last one that holds wins. */
interface Variant {
  price: Price | undefined;
  holdsAt: (unixMs: number) => boolean;
}

function buildModelPrices(provider: string, model: ModelInfo): ModelPrices {
  const conditional = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
  const variants = conditional.map((entry) => buildVariant(provider, model.id, entry));
  const first = variants[0]?.price;
  const all = () => variants.map(({ price }) => price).filter((price) => price !== undefined);
  if (variants.length <= 1) return { at: () => first, all };
  const latestFirst = variants.toReversed();
  return {
    at(unixMs) {
      for (const variant of latestFirst) if (variant.holdsAt(unixMs)) return variant.price;
      return first;
    },
    all,
  };
}

function buildVariant(provider: string, model: string, entry: ConditionalPrice): Variant {
  const { constraint } = entry;
  const numbers = { ...MISSING_RATES[`${provider}/${model}`], ...entry.prices };
  const origin = { provider, model, validFrom: null, hours: null };
  if (constraint === undefined) {
    return { price: buildPrice(origin, numbers), holdsAt: () => true };
  }
  if (constraint.type === "start_date") {
    const startUnixMs = Date.parse(constraint.start_date);
    const price = buildPrice({ ...origin, validFrom: constraint.start_date }, numbers);
    return { price, holdsAt: (unixMs) => unixMs >= startUnixMs };
  }
  const hours = `${constraint.start_time}-${constraint.end_time}`;
  const price = buildPrice({ ...origin, hours }, numbers);
  return {
    price,
    holdsAt: holdsBetween(msOfDay(constraint.start_time), msOfDay(constraint.end_time)),
  };
}

const DAY_MS = 86_400_000;

function holdsBetween(startMs: number, endMs: number): (unixMs: number) => boolean {
  const lengthMs = (endMs - startMs + DAY_MS) % DAY_MS;
  return (unixMs) => (((unixMs - startMs) % DAY_MS) + DAY_MS) % DAY_MS < lengthMs;
}

/** `16:30:00Z` or `16:30:00+02:00`, as milliseconds after midnight UTC. */
function msOfDay(time: string): number {
  return Date.parse(`2000-01-02T${time}`) % DAY_MS;
}
