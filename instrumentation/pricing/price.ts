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
  /** Of the input. */
  audioInputTokens?: number;
  /** Of the output. */
  audioOutputTokens?: number;
  /** Of the cache reads and of the audio input. */
  cacheReadAudioTokens?: number;
  /** Of the output. */
  reasoningTokens?: number;
}

/**
 * One rate for every kind of token. A kind without a price of its own has the rate of what contains it: cached tokens
 * that of input, reasoning tokens that of output.
 */
export interface Rates<Amount = number> {
  input: Amount;
  cacheRead: Amount;
  cacheWrite: Amount;
  audioInput: Amount;
  cacheReadAudio: Amount;
  output: Amount;
  audioOutput: Amount;
  reasoning: Amount;
}

/** A tier. The whole call has the rates of the last tier that its total input exceeds. */
export interface PriceEntry {
  /** Applies when the total input tokens are more than this; -1 for the first tier, which always applies. */
  aboveInputTokens: number;
  /** Pico-USD per token; may have up to six decimals. */
  picoUsd: Rates;
  /** Millionths of a pico-USD per token, for when `picoUsd` is not whole or the sum is not a safe integer. */
  microPicoUsd: Rates<bigint>;
  /** Every rate is a whole number of pico-USD. */
  whole: boolean;
}

export interface Price {
  /** `provider/model@valid-from#hash8`, the hash over the numbers: equal ids charge equally. */
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

const MICRO = 1_000_000;

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
  const micro = (key: string, otherwise: number) =>
    numbers[key] === undefined
      ? otherwise
      : // USD per million tokens is 1e6 pico-USD per token, so 1e12 millionths of one.
        Math.round(rateAt(numbers, key, aboveInputTokens) * 1e12);
  const input = micro("input_mtok", 0);
  const output = micro("output_mtok", 0);
  const cacheRead = micro("cache_read_mtok", input);
  const audioInput = micro("input_audio_mtok", input);
  const rates: Rates = {
    input,
    cacheRead,
    cacheWrite: micro("cache_write_mtok", input),
    audioInput,
    // The data gives this rate wherever both of the others have one.
    cacheReadAudio: micro(
      "cache_audio_read_mtok",
      numbers["input_audio_mtok"] === undefined ? cacheRead : audioInput,
    ),
    output,
    audioOutput: micro("output_audio_mtok", output),
    reasoning: micro("output_reasoning_mtok", output),
  };
  return {
    aboveInputTokens,
    picoUsd: mapRates(rates, (rate) => rate / MICRO),
    microPicoUsd: mapRates(rates, BigInt),
    whole: Object.values(rates).every((rate) => rate % MICRO === 0),
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
function mapRates<T>(rates: Rates, map: (rate: number) => T): Rates<T> {
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

function isZero(rates: Rates): boolean {
  return Object.values(rates).every((rate) => rate === 0);
}
