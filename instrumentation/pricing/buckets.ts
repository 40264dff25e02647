/**
 * A usage in exclusive buckets: every token in exactly one, the narrowest kind that it belongs to, so that nothing can be
 * charged twice. The buckets of the input sum to the input, those of the output to the output.
 *
 * Usage comes as totals with subsets. Some senders report subsets beside the total instead of inside it (input 10, cache
 * reads 900): where the cached tokens alone, or the audio and images alone, exceed the total they cannot be inside it, and
 * the total is taken to be what remained. Where they only exceed it together, some of the audio was read from the cache:
 * as much as the excess says. Counts that are not positive numbers are 0.
 */
import type { Rates, Usage } from "./price.ts";

export type Quantities = Rates;

export function bucketsOf(usage: Usage): Quantities {
  const into = emptyBuckets();
  fillBuckets(into, usage);
  return into;
}

export function emptyBuckets(): Quantities {
  return {
    input: 0,
    cacheRead: 0,
    cacheWrite: 0,
    cacheWrite1h: 0,
    audioInput: 0,
    cacheReadAudio: 0,
    imageInput: 0,
    output: 0,
    audioOutput: 0,
    imageOutput: 0,
    reasoning: 0,
    webSearches: 0,
    fileSearches: 0,
  };
}

/** Returns all of the input, which decides the tier. Fills an object of the caller's: this is done for every span. */
export function fillBuckets(into: Quantities, usage: Usage): number {
  fillOutput(into, usage);
  into.webSearches = count(usage.webSearches);
  into.fileSearches = count(usage.fileSearches);
  return fillInput(into, usage);
}

function fillInput(into: Quantities, usage: Usage): number {
  const read = count(usage.cacheReadTokens);
  const write = count(usage.cacheWriteTokens);
  const write1h = Math.min(count(usage.cacheWrite1hTokens), write);
  let audio = count(usage.audioInputTokens);
  let image = count(usage.imageInputTokens);
  let total = count(usage.inputTokens);
  if (read + write > total) total += read + write;
  if (audio + image > total) total += audio + image;
  let both = Math.min(count(usage.cacheReadAudioTokens), read, audio);
  let excess = read + write + audio + image - both - total;
  if (excess > 0) {
    const overlap = Math.min(excess, Math.min(read, audio) - both);
    both += overlap;
    excess -= overlap;
    // What is left over was cached as well: it has the cache's rate.
    const cachedImage = Math.min(Math.max(excess, 0), image);
    image -= cachedImage;
    audio -= Math.max(excess - cachedImage, 0);
  }
  into.cacheReadAudio = both;
  into.cacheRead = read - both;
  into.cacheWrite1h = write1h;
  into.cacheWrite = write - write1h;
  into.audioInput = audio - both;
  into.imageInput = image;
  into.input = total - (read + write + audio - both + image);
  return total;
}

function fillOutput(into: Quantities, usage: Usage): void {
  const reasoning = count(usage.reasoningTokens);
  const audio = count(usage.audioOutputTokens);
  const image = count(usage.imageOutputTokens);
  const parts = reasoning + audio + image;
  const total = count(usage.outputTokens);
  into.reasoning = reasoning;
  into.audioOutput = audio;
  into.imageOutput = image;
  into.output = total >= parts ? total - parts : total;
}

/** At most 2^53 − 1, so that counts stay exact; a fraction of a token is none. */
function count(tokens: number | undefined): number {
  if (tokens === undefined || !(tokens > 0)) return 0;
  return Math.min(Math.floor(tokens), Number.MAX_SAFE_INTEGER);
}
