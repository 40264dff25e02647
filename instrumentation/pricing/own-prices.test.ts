import { describe, expect, test } from "vitest";
import { costOf, formatUsd, loadPriceBook, withOwnPrices } from "../pricing.ts";

const JUNE = Date.UTC(2026, 5, 1);
const usage = { inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 400 };
const book = withOwnPrices(loadPriceBook(), {
  prices: [
    { model: "ft-shop*", usd_per_million: { input: 3, output: 12 } },
    {
      model: "ft-shop-2",
      usd_per_million: { input: 1, output: 2, cache_read: 0.1 },
      usd_per_request: 0.001,
    },
    { provider: "azure.ai.openai", model: "gpt-4o", usd_per_million: { input: 2, output: 8 } },
    { model: "dated", usd_per_million: { input: 1, output: 1 } },
    { model: "dated", from: "2026-06-01", usd_per_million: { input: 2, output: 2 } },
    { model: "in-house", usd_per_million: { input: 0, output: 0 } },
    { model: "scoped", usd_per_million: { input: 10, output: 10 } },
    { model: "scoped", provider: "x", usd_per_million: { input: 9, output: 9 } },
    { model: "scoped", service_tier: "Priority", usd_per_million: { input: 20, output: 20 } },
    { model: "scoped", region: "eu", usd_per_million: { input: 30, output: 30 } },
    { model: "sco*", project: "shop", usd_per_million: { input: 5, output: 5 } },
    {
      model: "tiered",
      usd_per_million: { input: 1, output: 2, cache_write: 3 },
      above: [{ input_tokens: 999, usd_per_million: { input: 10, cache_write_1h: 7 } }],
      usd_per_web_search: 0.01,
    },
  ],
  discounts: [
    { provider: "openai", model: "gpt-4o*", percent: 12.5 },
    { provider: "openai", model: "gpt-4o-mini", from: "2026-06-01", percent: 50 },
  ],
});

function usd(provider: string, model: string, atUnixMs = JUNE): string {
  const { status, picoUsd } = costOf(book, { provider, model, atUnixMs, usage });
  return status === "priced" ? formatUsd(picoUsd) : status;
}

describe("own prices and discounts, by hand", () => {
  const cases: [string, string, string, string][] = [
    ["a beginning", "openai", "ft-shop-1", "0.004200000000"],
    [
      "an exact name wins over a beginning, with its own rates and a price a call",
      "openai",
      "FT-shop-2",
      "0.001840000000",
    ],
    ["a named provider, as the span calls it", "azure.ai.openai", "gpt-4o", "0.002800000000"],
    // 600 × 2.50 + 400 × 1.25 + 100 × 10 a million, less an eighth.
    ["a discount on the list", "openai", "gpt-4o", "0.002625000000"],
    ["an exact discount wins", "openai", "gpt-4o-mini", "0.000090000000"],
    ["a price from its day on", "x", "dated", "0.002200000000"],
    ["what costs nothing", "x", "in-house", "free"],
    ["nobody's", "x", "unknown-model", "unpriced"],
  ];
  test.each(cases)("%s", (_name, provider, model, expected) => {
    expect(usd(provider, model)).toBe(expected);
  });

  test("before that day, the one before", () => {
    expect(usd("x", "dated", JUNE - 1)).toBe("0.001100000000");
    expect(usd("openai", "gpt-4o-mini", JUNE - 1)).toBe("0.000157500000");
  });
});

test.each([
  ["for a provider", {}, "0.009900000000"],
  ["for a service tier, in whatever case", { serviceTier: "priority" }, "0.022000000000"],
  ["for a region, before the tier", { serviceTier: "priority", region: "eu" }, "0.033000000000"],
  ["for a project, before all", { region: "eu", project: "shop" }, "0.005500000000"],
  ["of another region", { region: "us" }, "0.009900000000"],
])("a price %s", (_situation, context, expected) => {
  const call = { provider: "x", model: "scoped", atUnixMs: JUNE, usage, context };
  expect(formatUsd(costOf(book, call).picoUsd)).toBe(expected);
});

test.each([
  // 399 × 1 + 100 × 3 + 500 × 3 a million, and a search.
  ["up to the step", 999, "0.012199000000"],
  // 400 × 10 + 100 × 3 + 500 × 7 a million, and a search.
  ["above it, where what is left out stays as it was", 1_000, "0.017800000000"],
])("own tiers, %s", (_situation, inputTokens, expected) => {
  const usage = {
    inputTokens,
    outputTokens: 0,
    cacheWriteTokens: 600,
    cacheWrite1hTokens: 500,
    webSearches: 1,
  };
  const cost = costOf(book, { provider: "x", model: "tiered", atUnixMs: JUNE, usage });
  expect(formatUsd(cost.picoUsd)).toBe(expected);
});

test("ids tell them apart, and every price that can be charged is listed", () => {
  expect(book.id).toMatch(/^genai-prices@.*\+own#[0-9a-f]{8}$/);
  const listed = new Set(Array.from(book.prices(), ({ id }) => id));
  for (const [provider, model] of [
    ["openai", "ft-shop-1"],
    ["openai", "gpt-4o"],
    ["openai", "gpt-4o-mini"],
    ["anthropic", "claude-3-5-haiku-latest"],
  ] as const)
    expect(listed).toContain(book.resolve(provider, model, JUNE)?.id);
  expect(book.resolve("openai", "gpt-4o", JUNE)?.id).toMatch(/-12\.5%$/);
});
