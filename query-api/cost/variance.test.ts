import { describe, expect, test } from "vitest";
import { CAUSES, type SegmentPair, splitChange } from "./variance.ts";

type Tokens = NonNullable<SegmentPair["before"]>["usage"];

function tokens(inputTokens: number, cacheReadTokens: number, outputTokens: number): Tokens {
  return {
    inputTokens,
    cacheReadTokens,
    outputTokens,
    cacheWriteTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    reasoningTokens: 0,
  };
}

/** Input 100, cached 10, output 400 pico-USD a token. */
const rate = (usage: Tokens, factor = 1n): bigint =>
  factor *
  BigInt(
    (usage.inputTokens - usage.cacheReadTokens) * 100 +
      usage.cacheReadTokens * 10 +
      usage.outputTokens * 400,
  );

function period(calls: number, usage: Tokens, factor = 1n) {
  return { calls, usage, picoUsd: rate(usage, factor) };
}

function pair(
  before: [number, Tokens] | undefined,
  after: [number, Tokens] | undefined,
  { segment = "a", priceFactor = 1n } = {},
): SegmentPair {
  return {
    segment,
    before: before && period(...before),
    after: after && period(...after, priceFactor),
    atOldPrice: (usage) => rate(usage),
    afterAtOwnPrices: after ? rate(after[1], priceFactor) : 0n,
  };
}

function total(pairs: readonly SegmentPair[]): Record<string, bigint> {
  const sums = Object.fromEntries(CAUSES.map((cause) => [cause, 0n]));
  for (const split of splitChange(pairs).values())
    for (const cause of CAUSES) sums[cause]! += split[cause];
  return sums;
}

const none = { volume: 0n, model_mix: 0n, tokens_per_call: 0n, cache: 0n, other: 0n, price: 0n };

describe("one cause alone is all of the change", () => {
  // 10 calls, 1,000 input of which 200 cached, 100 output: 122,000.
  const old = tokens(1_000, 200, 100);
  const cases: [string, SegmentPair[], Partial<typeof none>][] = [
    ["nothing", [pair([10, old], [10, old])], {}],
    ["twice the calls", [pair([10, old], [20, tokens(2_000, 400, 200)])], { volume: 122_000n }],
    ["twice the price", [pair([10, old], [10, old], { priceFactor: 2n })], { price: 122_000n }],
    [
      "twice the tokens",
      [pair([10, old], [10, tokens(2_000, 400, 200)])],
      { tokens_per_call: 122_000n },
    ],
    ["no cache", [pair([10, old], [10, tokens(1_000, 0, 100)])], { cache: 18_000n }],
    [
      "calls moved to a model of a tenth of the tokens",
      [
        pair([10, old], [5, tokens(500, 100, 50)]),
        pair([10, tokens(100, 20, 10)], [15, tokens(150, 30, 15)], { segment: "b" }),
      ],
      { model_mix: -54_900n },
    ],
    [
      "a model that was not there before",
      [pair([10, old], [10, old]), pair(undefined, [10, old], { segment: "b" })],
      // Twice the calls would have cost twice as much: 122,000 is volume, and that another model took them made no difference.
      { volume: 122_000n },
    ],
  ];
  test.each(cases)("%s", (_name, pairs, expected) => {
    expect(total(pairs)).toEqual({ ...none, ...expected });
  });
});

test("what is not in the price book, and what is new or gone, sums too", () => {
  const old = tokens(1_000, 0, 100);
  const strange: SegmentPair = {
    segment: "contract",
    before: { calls: 10, usage: old, picoUsd: 77n },
    after: { calls: 7, usage: tokens(900, 0, 10), picoUsd: 133n },
    atOldPrice: () => 0n,
    afterAtOwnPrices: 0n,
  };
  const sums = total([strange, pair([3, old], undefined, { segment: "gone" })]);
  expect(Object.values(sums).reduce((a, b) => a + b)).toBe(133n - 77n - rate(old));
  expect(sums).toMatchObject({ cache: 0n, tokens_per_call: 0n });
});

test("1,000 random pairs of periods: the causes sum to the change, to the last pico-USD", () => {
  let seed = 20_261_124;
  const random = (below: number): number =>
    ((seed = (seed * 48_271) % 2_147_483_647) % 1_000_003) % below;
  const some = (segment: string): SegmentPair => {
    const one = (): [number, Tokens] | undefined => {
      const input = 1 + random(900_000);
      return random(8) === 0
        ? undefined
        : [1 + random(500), tokens(input, random(input), random(50_000))];
    };
    const made = pair(one(), one(), { segment, priceFactor: BigInt(1 + random(3)) });
    // Costs as a contract would have them: not what the book says.
    if (made.after && random(3) === 0) made.after.picoUsd += BigInt(random(1_000_000));
    return made;
  };
  for (let run = 0; run < 1_000; run++) {
    const pairs = Array.from({ length: 1 + random(12) }, (_, i) => some(`m${i}`));
    const change = pairs.reduce(
      (sum, { before, after }) => sum + (after?.picoUsd ?? 0n) - (before?.picoUsd ?? 0n),
      0n,
    );
    expect(Object.values(total(pairs)).reduce((a, b) => a + b)).toBe(change);
  }
});
