/**
 * Tokens × rates.
 *
 * Usage comes as totals with subsets; each token is charged once, in the narrowest kind that it belongs to. Some senders
 * report subsets beside the total instead of inside it (input 10, cache reads 900). Where the subsets exceed their total
 * they cannot be inside it, so the total is taken to be what remained: 10 uncached tokens and 900 cached ones. Counts
 * that are not positive numbers are 0.
 */
import type { Price, PriceEntry, Usage } from "./price.ts";

export function costOfUsage(price: Price, usage: Usage): bigint {
  const cacheReadAudio = count(usage.cacheReadAudioTokens);
  const cacheRead = Math.max(count(usage.cacheReadTokens) - cacheReadAudio, 0);
  const audioInput = Math.max(count(usage.audioInputTokens) - cacheReadAudio, 0);
  const cacheWrite = count(usage.cacheWriteTokens);
  const inputSubsets = cacheReadAudio + cacheRead + audioInput + cacheWrite;
  const inputTotal = count(usage.inputTokens);
  const input = inputTotal >= inputSubsets ? inputTotal - inputSubsets : inputTotal;

  const audioOutput = count(usage.audioOutputTokens);
  const reasoning = count(usage.reasoningTokens);
  const outputSubsets = audioOutput + reasoning;
  const outputTotal = count(usage.outputTokens);
  const output = outputTotal >= outputSubsets ? outputTotal - outputSubsets : outputTotal;

  const entry = entryFor(price.entries, input + inputSubsets);
  if (entry.whole) {
    const rates = entry.picoUsd;
    const sum =
      input * rates.input +
      cacheRead * rates.cacheRead +
      cacheWrite * rates.cacheWrite +
      audioInput * rates.audioInput +
      cacheReadAudio * rates.cacheReadAudio +
      output * rates.output +
      audioOutput * rates.audioOutput +
      reasoning * rates.reasoning +
      price.perRequestPicoUsd;
    // All terms are whole and not negative: while the sum is a safe integer, so was every step towards it.
    if (sum <= Number.MAX_SAFE_INTEGER) return BigInt(sum);
  }
  const rates = entry.microPicoUsd;
  const micro =
    BigInt(input) * rates.input +
    BigInt(cacheRead) * rates.cacheRead +
    BigInt(cacheWrite) * rates.cacheWrite +
    BigInt(audioInput) * rates.audioInput +
    BigInt(cacheReadAudio) * rates.cacheReadAudio +
    BigInt(output) * rates.output +
    BigInt(audioOutput) * rates.audioOutput +
    BigInt(reasoning) * rates.reasoning;
  return BigInt(price.perRequestPicoUsd) + (micro + 500_000n) / 1_000_000n;
}

/** At most 2^53 − 1, so that counts stay exact; a fraction of a token is none. */
function count(tokens: number | undefined): number {
  if (tokens === undefined || !(tokens > 0)) return 0;
  return Math.min(Math.floor(tokens), Number.MAX_SAFE_INTEGER);
}

function entryFor(entries: readonly PriceEntry[], inputTokens: number): PriceEntry {
  for (let i = entries.length - 1; i > 0; i--) {
    const entry = entries[i] as PriceEntry;
    if (inputTokens > entry.aboveInputTokens) return entry;
  }
  return entries[0] as PriceEntry;
}
