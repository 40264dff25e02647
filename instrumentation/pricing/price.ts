/** A price as the cost arithmetic wants it, built from what the data says. */
import { createHash } from "node:crypto";
import type { ModelPrice } from "@pydantic/genai-prices";

/** Token counts of one call: totals with subsets, as the conventions say. */
export interface Usage {
  /** All input, cached and audio tokens included. */
  inputTokens: number;
  /** All output, reasoning and audio tokens included. */
  outputTokens: number;
  /** Of the input. */
  cacheReadTokens?: number;
  /** Of the input. */
  cacheWriteTokens?: number;
  /** Of the cache writes: those that are kept for an hour instead of five minutes. */
  cacheWrite1hTokens?: number;
  /** Of the input. */
  audioInputTokens?: number;
  /** Of the input. */
  imageInputTokens?: number;
  /** Of the output. */
  audioOutputTokens?: number;
  /** Of the output. */
  imageOutputTokens?: number;
  /** Of the cache reads and of the audio input. */
  cacheReadAudioTokens?: number;
  /** Of the output. */
  reasoningTokens?: number;
  /** Searches that the provider ran for the model, charged by the piece beside the tokens. */
  webSearches?: number;
  fileSearches?: number;
}

/**
 * One amount for every kind of thing that is charged: rates of a price, quantities of a usage. A kind without a price of
 * its own has the rate of what contains it: cached tokens that of input, reasoning tokens that of output. A search has
 * none: it is nobody's part.
 */
export interface Rates<Amount = number> {
  input: Amount;
  cacheRead: Amount;
  /** Kept for five minutes, or as long as the provider keeps them. */
  cacheWrite: Amount;
  /** Kept for an hour. */
  cacheWrite1h: Amount;
  audioInput: Amount;
  cacheReadAudio: Amount;
  imageInput: Amount;
  output: Amount;
  audioOutput: Amount;
  imageOutput: Amount;
  reasoning: Amount;
  webSearches: Amount;
  fileSearches: Amount;
}

export type Bucket = keyof Rates;

/** In the order in which a bill would list them. */
export const BUCKETS: readonly Bucket[] = [
  "input",
  "cacheRead",
  "cacheWrite",
  "cacheWrite1h",
  "audioInput",
  "cacheReadAudio",
  "imageInput",
  "output",
  "reasoning",
  "audioOutput",
  "imageOutput",
  "webSearches",
  "fileSearches",
];

/** A tier. The whole call has the rates of the last tier that its total input exceeds. */
export interface PriceEntry {
  /** Applies when the total input tokens are more than this; -1 for the first tier, which always applies. */
  aboveInputTokens: number;
  /** Pico-USD per token or piece; may have up to six decimals. */
  picoUsd: Rates;
  /** Millionths of a pico-USD per token or piece, for when `picoUsd` is not whole or the sum is not a safe integer. */
  microPicoUsd: Rates<bigint>;
  /** Every rate is a whole number of pico-USD. */
  whole: boolean;
}

export interface Price {
  /** `provider/model@valid-from#hash8`, the hash over the numbers: equal ids charge equally. A suffix says what was taken off it. */
  id: string;
  /** The provider whose price it is: an Azure deployment of an OpenAI model may have OpenAI's. */
  provider: string;
  model: string;
  /** `YYYY-MM-DD` (UTC), null when it holds from the beginning. */
  validFrom: string | null;
  /** Hours of the day in which it holds, `00:30:00Z-16:30:00Z`; null for all day. */
  hours: string | null;
  /** Ascending by `aboveInputTokens`, at least one. */
  entries: readonly PriceEntry[];
  /** Per call, beside the tokens; pico-USD. */
  perRequestPicoUsd: number;
  /** The model is in the book, and costs nothing. */
  free: boolean;
}

/** Millionths in a pico-USD. */
export const MICRO = 1_000_000n;

/** Undefined when the model is sold by something that a span does not count: hours, pages, messages. */
export function buildPrice(
  origin: { provider: string; model: string; validFrom: string | null; hours: string | null },
  numbers: ModelPrice,
): Price | undefined {
  const keys = Object.keys(numbers);
  if (keys.length > 0 && numbers["input_mtok"] === undefined) return undefined;
  const entries = tierStarts(numbers).map((start) => buildEntry(numbers, start));
  const perRequestPicoUsd = Math.round(rateAt(numbers, "requests_kcount", -1) * 1e9);
  const free = perRequestPicoUsd === 0 && entries.every((entry) => isZero(entry.picoUsd));
  const from = origin.hours ?? origin.validFrom ?? "initial";
  const hash = createHash("sha256")
    .update(
      JSON.stringify([entries.map((e) => [e.aboveInputTokens, e.picoUsd]), perRequestPicoUsd]),
    )
    .digest("hex")
    .slice(0, 8);
  const id = `${origin.provider}/${origin.model}@${from}#${hash}`;
  return { id, ...origin, entries, perRequestPicoUsd, free };
}

function tierStarts(numbers: ModelPrice): number[] {
  const starts = new Set([-1]);
  for (const price of Object.values(numbers)) {
    if (typeof price === "object") for (const tier of price.tiers) starts.add(tier.start);
  }
  return [...starts].sort((a, b) => a - b);
}

function buildEntry(numbers: ModelPrice, aboveInputTokens: number): PriceEntry {
  const micro = (key: string, otherwise: bigint): bigint =>
    numbers[key] === undefined
      ? otherwise
      : // USD per million tokens is 1e6 pico-USD per token, so 1e12 millionths of one.
        BigInt(Math.round(rateAt(numbers, key, aboveInputTokens) * 1e12));
  // USD per thousand is 1e9 pico-USD a piece.
  const pieces = (key: string): bigint =>
    BigInt(Math.round(rateAt(numbers, key, aboveInputTokens) * 1e9)) * MICRO;
  const input = micro("input_mtok", 0n);
  const output = micro("output_mtok", 0n);
  const cacheRead = micro("cache_read_mtok", input);
  const cacheWrite = micro("cache_write_mtok", input);
  const audioInput = micro("input_audio_mtok", input);
  return entryOf(aboveInputTokens, {
    input,
    cacheRead,
    cacheWrite,
    cacheWrite1h: micro("cache_write_1h_mtok", cacheWrite),
    audioInput,
    // The data gives this rate wherever both of the others have one.
    cacheReadAudio: micro(
      "cache_audio_read_mtok",
      numbers["input_audio_mtok"] === undefined ? cacheRead : audioInput,
    ),
    imageInput: micro("input_image_mtok", input),
    output,
    audioOutput: micro("output_audio_mtok", output),
    imageOutput: micro("output_image_mtok", output),
    reasoning: micro("output_reasoning_mtok", output),
    webSearches: pieces("web_searches_kcount"),
    fileSearches: pieces("storage_searches_kcount"),
  });
}

function entryOf(aboveInputTokens: number, microPicoUsd: Rates<bigint>): PriceEntry {
  return {
    aboveInputTokens,
    microPicoUsd,
    picoUsd: mapRates(microPicoUsd, (rate) => Number(rate) / Number(MICRO)),
    whole: Object.values(microPicoUsd).every((rate) => rate % MICRO === 0n),
  };
}

function rateAt(numbers: ModelPrice, key: string, aboveInputTokens: number): number {
  const price = numbers[key];
  if (price === undefined) return 0;
  if (typeof price === "number") return price;
  const tiers = price.tiers.filter((tier) => tier.start <= aboveInputTokens);
  return tiers.sort((a, b) => b.start - a.start)[0]?.price ?? price.base;
}

/** Written out, so that all rates have one shape. */
export function mapRates<From, To>(
  rates: Rates<From>,
  map: (rate: From, bucket: Bucket) => To,
): Rates<To> {
  return {
    input: map(rates.input, "input"),
    cacheRead: map(rates.cacheRead, "cacheRead"),
    cacheWrite: map(rates.cacheWrite, "cacheWrite"),
    cacheWrite1h: map(rates.cacheWrite1h, "cacheWrite1h"),
    audioInput: map(rates.audioInput, "audioInput"),
    cacheReadAudio: map(rates.cacheReadAudio, "cacheReadAudio"),
    imageInput: map(rates.imageInput, "imageInput"),
    output: map(rates.output, "output"),
    audioOutput: map(rates.audioOutput, "audioOutput"),
    imageOutput: map(rates.imageOutput, "imageOutput"),
    reasoning: map(rates.reasoning, "reasoning"),
    webSearches: map(rates.webSearches, "webSearches"),
    fileSearches: map(rates.fileSearches, "fileSearches"),
  };
}

function isZero(rates: Rates): boolean {
  return Object.values(rates).every((rate) => rate === 0);
}

const PERCENT_SCALE = 1_000_000n;

/**
 * The price with so many percent off, rounded to a millionth of a pico-USD a token and to a pico-USD a request.
 *
 * @param except kinds that keep their rate
 */
export function percentOff(
  price: Price,
  percent: number,
  { id, except = [] }: { id: string; except?: readonly Bucket[] },
): Price {
  const part = BigInt(Math.round((100 - percent) * 10_000));
  const cut = (amount: bigint): bigint => (amount * part + PERCENT_SCALE / 2n) / PERCENT_SCALE;
  return {
    ...price,
    id,
    perRequestPicoUsd: Number(cut(BigInt(price.perRequestPicoUsd))),
    free: price.free || (percent === 100 && except.length === 0),
    entries: price.entries.map(({ aboveInputTokens, microPicoUsd }) =>
      entryOf(
        aboveInputTokens,
        mapRates(microPicoUsd, (rate, bucket) => (except.includes(bucket) ? rate : cut(rate))),
      ),
    ),
  };
}
