import { readFileSync } from "node:fs";
import { calcPrice, findProvider, waitForUpdate } from "@pydantic/genai-prices";
import type { ModelPrice, Usage as TheirUsage } from "@pydantic/genai-prices";
import { describe, expect, test } from "vitest";
import { PROVIDER_IDS } from "./pricing/providers.ts";
import { LATER_MODELS } from "./pricing/later-models.ts";
import { MISSING_RATES, PRICES_PUBLISHED } from "./pricing/source.ts";
import { bucketsOf, costOf, formatUsd, loadPriceBook } from "./pricing.ts";
import type { Price, Usage } from "./pricing.ts";

const book = loadPriceBook();
const providers = (await waitForUpdate()) ?? [];
const NOON = Date.UTC(2026, 10, 20, 12);

function usd(provider: string, model: string, usage: Usage, atUnixMs = NOON): string {
  const cost = costOf(book, { provider, model, atUnixMs, usage });
  return cost.status === "priced" ? formatUsd(cost.picoUsd) : cost.status;
}

/** mulberry32 */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

describe("known costs", () => {
  const usage = { inputTokens: 1000, outputTokens: 100 };
  test.each<[situation: string, provider: string, model: string, usage: Usage, expected: string]>([
    ["plain", "openai", "gpt-4o-mini", usage, "0.000210000000"],
    ["model with its date", "openai", "gpt-4o-2024-08-06", usage, "0.003500000000"],
    ["compact date", "openai", "gpt-4o-20240806", usage, "0.003500000000"],
    ["upper case", "OpenAI", "GPT-4o-mini", usage, "0.000210000000"],
    ["cached", "openai", "gpt-4o", { ...usage, cacheReadTokens: 600 }, "0.002750000000"],
    [
      "reasoning is output",
      "openai",
      "gpt-4o",
      { ...usage, reasoningTokens: 80 },
      "0.003500000000",
    ],
    [
      "subsets beside the total",
      "anthropic",
      "claude-sonnet-4-5",
      { inputTokens: 10, outputTokens: 0, cacheReadTokens: 900, cacheWriteTokens: 100 },
      "0.000675000000",
    ],
    [
      "tier, at its limit",
      "anthropic",
      "claude-sonnet-4-5",
      { inputTokens: 200_000, outputTokens: 1 },
      "0.600015000000",
    ],
    [
      "tier, above: the whole call",
      "anthropic",
      "claude-sonnet-4-5",
      { inputTokens: 200_001, outputTokens: 1 },
      "1.200028500000",
    ],
    ["a fee for each request", "perplexity", "sonar", usage, "0.013100000000"],
    ["nothing used", "openai", "gpt-4o", { inputTokens: 0, outputTokens: 0 }, "0.000000000000"],
    [
      "counts that are none",
      "openai",
      "gpt-4o",
      { inputTokens: NaN, outputTokens: -5, cacheReadTokens: 1.9 },
      "0.000001250000",
    ],
    ["no provider", "", "gpt-4o-mini", usage, "0.000210000000"],
    ["free", "openrouter", "google/gemma-3-27b-it:free", usage, "free"],
    ["unknown model", "openai", "gpt-imaginary", usage, "unpriced"],
    ["unknown provider", "homemade", "gpt-4o", usage, "unpriced"],
    ["sold by the hour", "openai", "whisper-1", usage, "unpriced"],
    ["no model", "openai", "", usage, "unpriced"],
  ])("%s", (_situation, provider, model, tokens, expected) => {
    expect(usd(provider, model, tokens)).toBe(expected);
  });

  test("the price of the day", () => {
    const day = (date: string) => book.resolve("openai", "o3", Date.parse(date));
    expect(day("2025-06-09T23:59:59.999Z")).toMatchObject({ validFrom: null });
    expect(day("2025-06-10")).toMatchObject({ validFrom: "2025-06-10" });
    expect(usd("openai", "o3", usage, Date.parse("2025-06-09"))).toBe("0.014000000000");
    expect(usd("openai", "o3", usage, Date.parse("2025-06-10"))).toBe("0.002800000000");
  });

  test("the price of the hour", () => {
    const at = (time: string) =>
      usd("deepseek", "deepseek-chat", usage, Date.parse(`2025-03-01T${time}Z`));
    expect(at("00:29:59.999")).toBe("0.000190000000");
    expect(at("00:30:00")).toBe("0.000380000000");
    expect(at("16:29:59.999")).toBe("0.000380000000");
    expect(at("16:30:00")).toBe("0.000190000000");
  });

  test("a cost that no double holds", () => {
    const tokens = Number.MAX_SAFE_INTEGER;
    const price = book.resolve("openai", "gpt-4o", NOON) as Price;
    expect(book.cost(price, { inputTokens: tokens, outputTokens: 3 })).toBe(
      BigInt(tokens) * 2_500_000n + 30_000_000n,
    );
  });
});

/** The table of hand-checked.md, by its own arithmetic: whole numbers of 10^-12 USD, and nothing of the code that it tests. */
const TABLE = readFileSync(new URL("./pricing/hand-checked.md", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && line.includes("/"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, model = "", time = "", usage = "", sum = "", expected = ""]) => ({
    provider: model.slice(0, model.indexOf("/")),
    model: model.slice(model.indexOf("/") + 1),
    time,
    usage: new Map(usage.split(" ").map((one) => one.split("=") as [string, string])),
    usageText: usage,
    sum,
    expected,
  }));

/** `4000 × 2.5 + 2 × 10k`: 10^-12 USD. */
function workedOut(sum: string): bigint {
  return sum.split(" + ").reduce((total, term) => {
    const [quantity = "", rate = ""] = term.split(" × ");
    const perThousand = rate.endsWith("k");
    const [whole = "", fraction = ""] = rate.replace("k", "").split(".");
    const places = perThousand ? 9 : 6;
    return total + BigInt(quantity) * BigInt(whole + fraction.padEnd(places, "0"));
  }, 0n);
}

function usageIn(line: (typeof TABLE)[number]): Usage {
  const of = (...names: string[]): number =>
    names.reduce((sum, name) => sum + Number(line.usage.get(name) ?? 0), 0);
  const cacheWrite = of("cache_write", "cache_write_1h");
  const cacheRead = of("cache_read", "cache_read_audio");
  return {
    inputTokens: of("input", "audio_input", "image_input") + cacheRead + cacheWrite,
    outputTokens: of("output", "reasoning", "audio_output", "image_output"),
    cacheReadTokens: cacheRead,
    cacheWriteTokens: cacheWrite,
    cacheWrite1hTokens: of("cache_write_1h"),
    audioInputTokens: of("audio_input", "cache_read_audio"),
    cacheReadAudioTokens: of("cache_read_audio"),
    imageInputTokens: of("image_input"),
    audioOutputTokens: of("audio_output"),
    imageOutputTokens: of("image_output"),
    reasoningTokens: of("reasoning"),
    webSearches: of("web_searches"),
    fileSearches: of("file_searches"),
  };
}

describe("the table that was checked by hand", () => {
  test.each(TABLE)("$provider/$model $time $usageText", (line) => {
    expect(formatUsd(workedOut(line.sum)), "the table's own sum").toBe(line.expected);
    const atUnixMs = Date.parse(
      `${line.time.replace(" ", "T")}${line.time.length > 10 ? "Z" : ""}`,
    );
    const usage = usageIn(line);
    expect(usd(line.provider, line.model, usage, atUnixMs)).toBe(line.expected);
    // Each line has its usage in exclusive buckets: taken apart again, it is the same.
    const buckets = Object.values(bucketsOf(usage)).filter((quantity) => quantity > 0);
    const ascending = (a: number, b: number): number => a - b;
    expect(buckets.toSorted(ascending)).toEqual(
      [...line.usage.values()].map(Number).toSorted(ascending),
    );
  });

  test("has the thirty models, and every kind of thing that is charged", () => {
    expect(new Set(TABLE.map(({ model }) => model)).size).toBeGreaterThanOrEqual(30);
    const kinds = new Set(TABLE.flatMap(({ usage }) => [...usage.keys()]));
    for (const kind of [
      "cache_read",
      "cache_write",
      "cache_write_1h",
      "reasoning",
      "audio_input",
      "cache_read_audio",
      "audio_output",
      "image_input",
      "web_searches",
      "file_searches",
    ])
      expect(kinds).toContain(kind);
  });
});

test.each([
  ["openai", "gpt-4o", "openai"],
  ["azure.ai.openai", "gpt-4o", "openai"],
  ["azure.ai.inference", "deepseek-r1", "deepseek"],
  ["az.ai.openai", "gpt-4o", "openai"],
  ["aws.bedrock", "amazon.nova-pro-v1:0", "aws"],
  ["gcp.vertex_ai", "gemini-2.5-flash", "google"],
  ["gcp.vertex_ai", "claude-sonnet-4-5", "google"],
  ["gcp.gemini", "gemini-2.5-pro", "google"],
  ["gcp.gen_ai", "gemini-2.5-pro", "google"],
  ["anthropic", "claude-sonnet-4-5-20250929", "anthropic"],
  ["mistral_ai", "mistral-large-latest", "mistral"],
  ["x_ai", "grok-4", "x-ai"],
  ["deepseek", "deepseek-chat", "deepseek"],
  ["groq", "llama-3.3-70b-versatile", "groq"],
  ["cohere", "command-r", "cohere"],
  ["perplexity", "sonar", "perplexity"],
  ["moonshot_ai", "kimi-k2-0905-preview", "moonshotai"],
  ["litellm", "anthropic/claude-sonnet-4-5", "anthropic"],
])("%s sells %s at the price of %s", (provider, model, expected) => {
  expect(book.resolve(provider, model, NOON)?.provider).toBe(expected);
});

describe("the whole book", () => {
  const prices = [...book.prices()];

  test("lists every provider of the data", () => {
    expect(PROVIDER_IDS.toSorted()).toEqual(providers.map(({ id }) => id).toSorted());
  });

  test("ids are unique, stable and say what they are", () => {
    expect(prices.length).toBeGreaterThan(1500);
    expect(new Set(prices.map(({ id }) => id)).size).toBe(prices.length);
    for (const { id } of prices)
      expect(id).toMatch(
        /^[^@]+\/.+@(initial|\d{4}-\d\d-\d\d|\d\d:.*Z-.*Z)#[0-9a-f]{8}(:(batch|flex)-50%)?$/,
      );
    expect(book.resolve("openai", "gpt-4o-mini", NOON)?.id).toBe(
      "openai/gpt-4o-mini@initial#5526e6ea",
    );
    expect(book.id).toMatch(/^genai-prices@0\.\d+\.\d+#[0-9a-f]{8}$/);
  });

  test("is as old as it says", () => {
    expect(book.id).toContain(`@${PRICES_PUBLISHED.version}#`);
  });

  test("models that were added to the data are not in it", () => {
    for (const [providerId, models] of Object.entries(LATER_MODELS)) {
      const known = findProvider({ providerId })!.models.map(({ id }) => id);
      for (const { id } of models) expect(known, `${id}: the data has it now`).not.toContain(id);
    }
  });

  test("all but a few rates are whole pico-USD", () => {
    const broken = prices.filter(({ entries }) => entries.some(({ whole }) => !whole));
    expect(broken.length).toBeLessThan(20);
  });
});

/** Every model by a name that the data itself gives it, and times that meet every constraint. */
const next = random(20261123);
const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T;
const below = (limit: number) => Math.floor(next() * limit);

function randomUsage(): Usage {
  const inputTokens = below(pick([10, 5_000, 300_000, 2_000_000]));
  const outputTokens = below(pick([10, 5_000, 200_000]));
  const cacheReadTokens = next() < 0.5 ? below(inputTokens + 1) : 0;
  const cacheWriteTokens = next() < 0.3 ? below(inputTokens - cacheReadTokens + 1) : 0;
  return { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens };
}

function withAudio(usage: Usage): Usage {
  const uncached = usage.inputTokens - (usage.cacheReadTokens ?? 0) - (usage.cacheWriteTokens ?? 0);
  const cacheReadAudioTokens = below((usage.cacheReadTokens ?? 0) + 1);
  const audioOutputTokens = below(usage.outputTokens + 1);
  return {
    ...usage,
    audioInputTokens: cacheReadAudioTokens + below(uncached + 1),
    cacheReadAudioTokens,
    audioOutputTokens,
    reasoningTokens: below(usage.outputTokens - audioOutputTokens + 1),
  };
}

/** What the other implementation does not know: writes for an hour, images, searches. */
function withPieces(usage: Usage): Usage {
  const plain = usage.inputTokens - (usage.cacheReadTokens ?? 0) - (usage.cacheWriteTokens ?? 0);
  return {
    ...usage,
    cacheWrite1hTokens: below((usage.cacheWriteTokens ?? 0) + 1),
    imageInputTokens: below(plain + 1),
    imageOutputTokens: below(usage.outputTokens + 1),
    webSearches: below(5),
    fileSearches: below(5),
  };
}

function theirs(usage: Usage): TheirUsage {
  return {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    input_audio_tokens: usage.audioInputTokens,
    cache_audio_read_tokens: usage.cacheReadAudioTokens,
    cache_audio_write_tokens: 0,
    output_audio_tokens: usage.audioOutputTokens,
    output_reasoning_tokens: usage.reasoningTokens,
  };
}

/** A decimal number as a fraction of 10^places, without floating point. */
function decimal(value: number, places: number): bigint {
  const [mantissa = "0", exponent = "0"] = value.toString().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const shift = places + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const unit = 10n ** BigInt(-shift);
  return (digits + unit / 2n) / unit;
}

/** The same cost from the data's own numbers, in whole numbers only: 10^-18 USD per token, rounded half up at the end. */
function exactPicoUsd(numbers: ModelPrice, usage: Usage): bigint {
  const rate = (key: string, parent: bigint): bigint => {
    const price = numbers[key];
    if (price === undefined) return parent;
    if (typeof price === "number") return decimal(price, 12);
    const tier = price.tiers
      .filter(({ start }) => usage.inputTokens > start)
      .sort((a, b) => b.start - a.start)[0];
    return decimal(tier?.price ?? price.base, 12);
  };
  const n = (tokens: number | undefined) => BigInt(tokens ?? 0);
  const [cached, written, cachedAudio] = [
    n(usage.cacheReadTokens),
    n(usage.cacheWriteTokens),
    n(usage.cacheReadAudioTokens),
  ];
  const audio = n(usage.audioInputTokens);
  const [spoken, reasoned] = [n(usage.audioOutputTokens), n(usage.reasoningTokens)];
  const [lasting, seen, drawn] = [
    n(usage.cacheWrite1hTokens),
    n(usage.imageInputTokens),
    n(usage.imageOutputTokens),
  ];
  const input = rate("input_mtok", 0n);
  const cacheWrite = rate("cache_write_mtok", input);
  const output = rate("output_mtok", 0n);
  const cacheRead = rate("cache_read_mtok", input);
  const audioIn = rate("input_audio_mtok", input);
  const total =
    (n(usage.inputTokens) - cached - written - audio + cachedAudio - seen) * input +
    seen * rate("input_image_mtok", input) +
    (cached - cachedAudio) * cacheRead +
    (written - lasting) * cacheWrite +
    lasting * rate("cache_write_1h_mtok", cacheWrite) +
    (audio - cachedAudio) * audioIn +
    cachedAudio *
      rate(
        "cache_audio_read_mtok",
        numbers["input_audio_mtok"] === undefined ? cacheRead : audioIn,
      ) +
    (n(usage.outputTokens) - spoken - reasoned - drawn) * output +
    drawn * rate("output_image_mtok", output) +
    spoken * rate("output_audio_mtok", output) +
    reasoned * rate("output_reasoning_mtok", output);
  const piece = (key: string): bigint =>
    typeof numbers[key] === "number" ? decimal(numbers[key], 9) : 0n;
  const pieces =
    piece("requests_kcount") +
    n(usage.webSearches) * piece("web_searches_kcount") +
    n(usage.fileSearches) * piece("storage_searches_kcount");
  return pieces + (total + 500_000n) / 1_000_000n;
}

test("10,000 random calls cost what the data says", { timeout: 30_000 }, () => {
  const models = providers.flatMap((provider) =>
    provider.models.map((model) => ({ provider: provider.id, model: model.id })),
  );
  const instants = () => Date.UTC(2024, 0, 1) + below(3.2 * 365 * 86_400_000);
  let priced = 0;
  for (let i = 0; i < 10_000; i++) {
    const { provider, model } = pick(models);
    const atUnixMs = instants();
    const base = randomUsage();
    // Of rates that the data lacks it cannot say what they cost.
    const hasRates = MISSING_RATES[`${provider}/${model}`] === undefined;
    const kind = next();
    const usage = hasRates && kind < 0.3 ? withAudio(base) : kind > 0.7 ? withPieces(base) : base;
    const call = `${provider}/${model} ${new Date(atUnixMs).toISOString()} ${JSON.stringify(usage)}`;
    const price = book.resolve(provider, model, atUnixMs);
    const reference = calcPrice(theirs(usage), model, {
      providerId: provider,
      timestamp: new Date(atUnixMs),
    });
    if (price === undefined) {
      // Not found by either, or sold by hour or page, which calcPrice takes for 0.
      expect(reference?.total_price ?? 0, call).toBe(0);
      continue;
    }
    priced++;
    const cost = book.cost(price, usage);
    if (reference === null) throw new Error(`only we found a price: ${call}`);
    expect(price.model, call).toBe(reference.model.id);
    expect(cost, call).toBe(exactPicoUsd(reference.model_price, usage));
    if (kind > 0.7) continue;
    const difference = Math.abs(Number(cost) / 1e12 - reference.total_price);
    // Half a pico-USD is our rounding of a cost.
    expect(difference, call).toBeLessThanOrEqual(1e-12 * reference.total_price + 0.5e-12);
  }
  expect(priced).toBeGreaterThan(9000);
});

test.each([
  [0n, "0.000000000000"],
  [210_000_000n, "0.000210000000"],
  [1n, "0.000000000001"],
  [12_345_678_901_234_567_890n, "12345678.901234567890"],
  [-210_000_000n, "-0.000210000000"],
])("formatUsd(%s)", (picoUsd, expected) => {
  expect(formatUsd(picoUsd)).toBe(expected);
});
