/** The ledger on the real engine: buckets as the price book's code makes them, sums that come out, and what is odd. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import {
  BUCKETS,
  type Quantities,
  type Usage,
  bucketsOf,
  formatUsd,
  loadPriceBook,
} from "@assay/instrumentation/pricing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiClient, createApiClient } from "../client.ts";
import { type QueryApi, startQueryApi } from "../main.ts";
import { chat, insertSpans } from "../test-spans.ts";
import { picoUsd } from "./lines.ts";

const DAY = 86_400_000;
const TODAY = Math.floor(Date.now() / DAY) * DAY;
const RANGE = { from: String(TODAY - DAY), to: String(TODAY) };
const MODELS = [
  ["openai", "gpt-4o"],
  ["openai", "gpt-realtime"],
  ["anthropic", "claude-sonnet-4-5"],
  ["perplexity", "sonar"],
  ["groq", "llama-3.1-8b-instant"],
] as const;
const book = loadPriceBook();

let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;
let client: ApiClient;

let seed = 11;
function below(limit: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return (seed >>> 8) % limit;
}

function randomUsage(i: number): Required<Usage> {
  const cacheReadTokens = below(900);
  const cacheWriteTokens = below(600);
  const audioInputTokens = below(1_200);
  const imageInputTokens = below(400);
  const least = Math.max(cacheReadTokens + cacheWriteTokens, audioInputTokens + imageInputTokens);
  const reasoningTokens = below(100);
  const audioOutputTokens = below(100);
  const imageOutputTokens = below(50);
  return {
    // As the encoder stores them: never less than the cache, nor than the parts of the output.
    inputTokens: least + below(i % 3 === 0 ? 400_000 : 1_000),
    outputTokens: reasoningTokens + audioOutputTokens + imageOutputTokens + below(500),
    cacheReadTokens,
    cacheWriteTokens,
    cacheWrite1hTokens: below(700),
    audioInputTokens,
    imageInputTokens,
    cacheReadAudioTokens: below(500),
    reasoningTokens,
    audioOutputTokens,
    imageOutputTokens,
    webSearches: below(3),
    fileSearches: below(2),
  };
}

const usages = Array.from({ length: 600 }, (_, i) => randomUsage(i));
const expected = { cost: 0n, buckets: bucketsOf({ inputTokens: 0, outputTokens: 0 }) };

function spanOf(usage: Required<Usage>, i: number) {
  const [provider, model] = MODELS[i % MODELS.length]!;
  const price = book.resolve(provider, model, TODAY - DAY)!;
  const cost = book.cost(price, usage);
  expected.cost += cost;
  for (const bucket of BUCKETS) expected.buckets[bucket] += bucketsOf(usage)[bucket];
  return {
    trace: `t${i}`,
    span: "call",
    startMs: TODAY - DAY + i * 1000,
    columns: chat(model, formatUsd(cost), {
      provider,
      price_id: price.id,
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens,
      cache_write_1h_tokens: usage.cacheWrite1hTokens,
      audio_input_tokens: usage.audioInputTokens,
      image_input_tokens: usage.imageInputTokens,
      cache_read_audio_tokens: usage.cacheReadAudioTokens,
      reasoning_tokens: usage.reasoningTokens,
      audio_output_tokens: usage.audioOutputTokens,
      image_output_tokens: usage.imageOutputTokens,
      web_searches: usage.webSearches,
      file_searches: usage.fileSearches,
    }),
  };
}

const ODD = [
  { provider: "openai", request_model: "in-house", columns: chat("in-house", null) },
  {
    columns: chat("gateway-model", "0.250000000000", {
      cost_status: "reported",
      reported_cost: "0.250000000000",
      reported_cost_source: "provider",
    }),
  },
  {
    columns: chat("gpt-4o", "0.000450000000", {
      price_id: book.resolve("openai", "gpt-4o", TODAY - DAY)!.id,
      service_tier: "priority",
      anomalies: (1 << 12) | (1 << 19),
      reported_cost: "0.000900000000",
      reported_cost_source: "provider",
    }),
  },
  {
    columns: {
      ...chat("gpt-4o", "0.000000000000", {
        cost_status: "free",
        usage_source: "",
        input_tokens: 0,
        output_tokens: 0,
        status: "error",
      }),
    },
  },
].map((one, i) => ({
  trace: `odd${i}`,
  span: "call",
  startMs: TODAY - DAY + i,
  ...one,
  project: "odd",
}));

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  await writer.insert({
    table: "assay.price_book",
    values: Array.from(book.prices(), ({ id, provider, model, entries, perRequestPicoUsd }) => ({
      price_id: id,
      provider,
      model,
      rates: JSON.stringify(
        entries.map(({ aboveInputTokens, picoUsd }) => ({ aboveInputTokens, picoUsd })),
      ),
      per_request: formatUsd(BigInt(perRequestPicoUsd)),
    })),
    format: "JSONEachRow",
  });
  await insertSpans(writer, [...usages.map(spanOf), ...ODD]);
  api = await startQueryApi({
    address: { host: "127.0.0.1", port: 0 },
    target: engine.readerTarget,
    log: () => {},
  });
  client = createApiClient(`http://127.0.0.1:${api.address.port}`);
});

afterAll(async () => {
  await api.stop();
  await writer.close();
  await engine.stop();
});

test("every token is in one bucket, and the sums come out", async () => {
  const answer = await client.ledger({ ...RANGE, project: "shop" });
  const byName = Object.fromEntries(answer.buckets.map((one) => [one.bucket, one.quantity]));
  const named = (bucket: keyof Quantities): string =>
    bucket.replaceAll(/[A-Z]|1h/g, (part) => `_${part.toLowerCase()}`);
  for (const bucket of BUCKETS)
    expect([bucket, byName[named(bucket)]]).toEqual([bucket, expected.buckets[bucket]]);
  expect(answer.calls).toBe(usages.length);
  expect(answer.cost).toBe(formatUsd(expected.cost));
  const parts = answer.buckets.reduce((sum, { cost }) => sum + picoUsd(cost), 0n);
  expect(formatUsd(parts + picoUsd(answer.rounding) + picoUsd(answer.unallocated))).toBe(
    answer.cost,
  );
  // Half a pico-USD for each call, at most, where rates are not whole.
  expect(Math.abs(Number(picoUsd(answer.rounding)))).toBeLessThan(usages.length);
  expect(answer.check).toMatchObject({
    input_tokens: { difference: 0 },
    output_tokens: { difference: 0 },
  });
  expect(answer.anomalies).toEqual([]);
});

test("what has no price is listed, what was reported is of no bucket, and what is odd is counted", async () => {
  const answer = await client.ledger({ ...RANGE, project: "odd" });
  expect(answer.statuses.toSorted((a, b) => a.status.localeCompare(b.status))).toMatchObject([
    { status: "free", calls: 1, cost: "0.000000000000" },
    { status: "priced", calls: 1, cost: "0.000450000000" },
    { status: "reported", calls: 1, cost: "0.250000000000" },
    { status: "unpriced", calls: 1, cost: null },
  ]);
  expect(answer.unpriced).toEqual([
    { provider: "openai", model: "in-house", calls: 1, input_tokens: 100, output_tokens: 20 },
  ]);
  expect(answer.unallocated).toBe("0.250000000000");
  expect(answer.reported).toEqual({
    calls: 2,
    ours: "0.250450000000",
    theirs: "0.250900000000",
    difference: "0.000450000000",
  });
  expect(answer.anomalies.map(({ anomaly, calls }) => `${anomaly} ${calls}`)).toEqual([
    "exclusive_input 1",
    "total_mismatch 1",
    "cost_differs 1",
    "service_tier_not_priced 1",
  ]);
});

test("what judging cost stands apart, by what for", async () => {
  await writer.insert({
    table: "assay.evaluations",
    values: ["traffic", "canary", "canary"].map((purpose, i) => ({
      project: "judged",
      name: "correctness",
      event_time: `${new Date(TODAY - DAY).toISOString().slice(0, 10)} 12:00:00`,
      evaluation_id: String(i).padStart(16, "0"),
      judge_hash: "j",
      purpose,
      cost: "0.001000000000",
      attempts: 1,
    })),
    format: "JSONEachRow",
  });
  const answer = await client.ledger({ ...RANGE, project: "judged" });
  expect(answer.overhead).toEqual([
    { purpose: "canary", judgements: 2, unpriced: 0, cost: "0.002000000000" },
    { purpose: "traffic", judgements: 1, unpriced: 0, cost: "0.001000000000" },
  ]);
  expect(answer.calls).toBe(0);
});

test("a quarter at most", async () => {
  await expect(client.ledger({ from: "now-100d", to: "now" })).rejects.toThrow("92 days");
});
