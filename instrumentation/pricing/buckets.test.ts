import { expect, test } from "vitest";
import { bucketsOf } from "./buckets.ts";
import type { Usage } from "./price.ts";

const INPUT = [
  "input",
  "cacheRead",
  "cacheWrite",
  "cacheWrite1h",
  "audioInput",
  "cacheReadAudio",
  "imageInput",
] as const;
const OUTPUT = ["output", "reasoning", "audioOutput", "imageOutput"] as const;

const cases: Record<string, [Partial<Usage>, input: number, Record<string, number>]> = {
  "subsets inside the total": [
    { inputTokens: 1000, cacheReadTokens: 400, cacheWriteTokens: 100, cacheWrite1hTokens: 60 },
    1000,
    { input: 500, cacheRead: 400, cacheWrite: 40, cacheWrite1h: 60 },
  ],
  "cached tokens beside the total": [
    { inputTokens: 10, cacheReadTokens: 900 },
    910,
    { input: 10, cacheRead: 900 },
  ],
  "audio that was read from the cache, as the sender says": [
    { inputTokens: 1000, cacheReadTokens: 800, audioInputTokens: 900, cacheReadAudioTokens: 750 },
    1000,
    { input: 50, cacheRead: 50, audioInput: 150, cacheReadAudio: 750 },
  ],
  "audio that must have been, as the total says": [
    { inputTokens: 1000, cacheReadTokens: 800, audioInputTokens: 900 },
    1000,
    { input: 0, cacheRead: 100, audioInput: 200, cacheReadAudio: 700 },
  ],
  "images and cache that overlap have the cache's rate": [
    { inputTokens: 1000, cacheReadTokens: 800, imageInputTokens: 500 },
    1000,
    { input: 0, cacheRead: 800, imageInput: 200 },
  ],
  "more for an hour than were written": [
    { inputTokens: 100, cacheWriteTokens: 50, cacheWrite1hTokens: 80 },
    100,
    { input: 50, cacheWrite: 0, cacheWrite1h: 50 },
  ],
};
test.each(Object.entries(cases))("%s", (_situation, [usage, input, expected]) => {
  const found = bucketsOf({ inputTokens: 0, outputTokens: 0, ...usage });
  expect(found).toMatchObject(expected);
  expect(INPUT.reduce((sum, bucket) => sum + found[bucket], 0)).toBe(input);
});

/** Whatever is sent: no bucket is negative, and the sums are the totals, or what the senders' way of counting makes of them. */
test("buckets of any usage sum to their totals", () => {
  let seed = 7;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed % limit;
  };
  for (let i = 0; i < 20_000; i++) {
    const usage = {
      inputTokens: below(1000),
      outputTokens: below(1000),
      cacheReadTokens: below(900),
      cacheWriteTokens: below(600),
      cacheWrite1hTokens: below(600),
      audioInputTokens: below(800),
      imageInputTokens: below(500),
      cacheReadAudioTokens: below(500),
      reasoningTokens: below(700),
      audioOutputTokens: below(400),
      imageOutputTokens: below(400),
    };
    const found = bucketsOf(usage);
    const context = JSON.stringify({ usage, found });
    const cached = usage.cacheReadTokens + usage.cacheWriteTokens;
    let input = usage.inputTokens;
    if (cached > input) input += cached;
    const media = usage.audioInputTokens + usage.imageInputTokens;
    if (media > input) input += media;
    const parts = usage.reasoningTokens + usage.audioOutputTokens + usage.imageOutputTokens;
    const output = usage.outputTokens + (parts > usage.outputTokens ? parts : 0);
    expect(
      INPUT.reduce((sum, bucket) => sum + found[bucket], 0),
      context,
    ).toBe(input);
    expect(
      OUTPUT.reduce((sum, bucket) => sum + found[bucket], 0),
      context,
    ).toBe(output);
    expect(Math.min(...Object.values(found)), context).toBeGreaterThanOrEqual(0);
  }
});
