/** Why a cost changed and what it would have been, on the real engine with the real price book. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { formatUsd, loadPriceBook } from "@assay/instrumentation/pricing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiClient, createApiClient } from "../client.ts";
import { type QueryApi, startQueryApi } from "../main.ts";
import { chat, insertSpans } from "../test-spans.ts";

const DAY = 86_400_000;
const TODAY = Math.floor(Date.now() / DAY) * DAY;
const AFTER = { from: String(TODAY - DAY), to: String(TODAY) };
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;
let client: ApiClient;

function usdOf(model: string, input: number, cached: number, output: number): string {
  const book = loadPriceBook();
  const price = book.resolve("openai", model, TODAY - DAY)!;
  return formatUsd(
    book.cost(price, { inputTokens: input, cacheReadTokens: cached, outputTokens: output }),
  );
}

let number = 0;
function call(day: number, model: string, [input, cached, output]: number[], more = {}) {
  number++;
  return {
    trace: `t${number}`,
    span: `call ${number}`,
    startMs: TODAY - day * DAY + number * 1000,
    durationMs: 500,
    columns: chat(model, usdOf(model, input!, cached!, output!), {
      input_tokens: input,
      cache_read_tokens: cached,
      output_tokens: output,
      session_id: `s${number % 3}`,
      prompt_hash: `${number}`,
      ...more,
    }),
  };
}

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const retried = call(1, "gpt-4o", [1000, 0, 100], { prompt_hash: "again" });
  await insertSpans(writer, [
    ...Array.from({ length: 10 }, () => call(2, "gpt-4o", [1000, 200, 100])),
    ...Array.from({ length: 10 }, () => call(1, "gpt-4o", [2000, 400, 200])),
    ...Array.from({ length: 5 }, () => call(1, "gpt-4o-mini", [1000, 0, 100])),
    { trace: "in-house", span: "call", startMs: TODAY - DAY + 1, columns: chat("in-house", null) },
    {
      trace: "failed",
      span: "call",
      startMs: TODAY - DAY + 2,
      columns: { ...chat("gpt-4o", null), response_model: "", status: "error" },
    },
    { ...retried, columns: { ...retried.columns, request_model: "gpt-4o-latest" } },
    { ...retried, span: "second attempt", startMs: retried.startMs + 500 },
  ]);
  await writer.insert({
    table: "assay.evaluations",
    values: Array.from({ length: 80 }, (_, n) => ({
      evaluation_id: String(n).padStart(16, "0"),
      event_time: ((TODAY - DAY) / 1000 + n).toFixed(3),
      evaluated_at: ((TODAY - DAY) / 1000 + n).toFixed(3),
      name: "composite",
      project: "shop",
      provider: "openai",
      model: n % 2 ? "gpt-4o" : "gpt-4o-mini",
      status: "ok",
      norm: n % 2 ? 0.9 + (n % 4) / 100 : 0.5 + (n % 4) / 100,
      trace_probability: 1,
      judge_probability: 0.5,
      purpose: "traffic",
    })),
    format: "JSONEachRow",
  });
  api = await startQueryApi({
    checkAnswers: true,
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

const pico = (usd: string): bigint => BigInt(usd.replace(".", ""));

describe("variance", () => {
  test("against the day before: each cause, and their sum to the last digit", async () => {
    const found = await client.variance(AFTER);
    expect(found.before).toMatchObject({ calls: 10, unpriced_calls: 0 });
    expect(found.after).toMatchObject({ calls: 19, unpriced_calls: 2 });
    const { retries, ...causes } = found.causes as Record<string, string | null>;
    expect(retries).toBeNull();
    expect(Object.values(causes).reduce((sum, one) => sum + pico(one!), 0n)).toBe(
      pico(found.change),
    );
    expect(pico(causes["tokens_per_call"]!)).toBeGreaterThan(0n);
    expect(causes["price"]).toBe("0.000000000000");
    expect(causes["other"]).toBe("0.000000000000");
    expect(found.models.map(({ model }) => model)).toEqual(["gpt-4o", "gpt-4o-mini", "in-house"]);
  });

  test("the same prompt again in one trace is told apart", async () => {
    const found = await client.variance({ ...AFTER, retries: "true" });
    const causes = found.causes as Record<string, string>;
    expect(causes["retries"]).toBe(usdOf("gpt-4o", 1000, 0, 100));
    expect(Object.values(causes).reduce((sum, one) => sum + pico(one), 0n)).toBe(
      pico(found.change),
    );
  });

  test("a period against itself has changed by nothing", async () => {
    const found = await client.variance({
      ...AFTER,
      baseline_from: AFTER.from,
      baseline_to: AFTER.to,
    });
    expect(found.change).toBe("0.000000000000");
    expect(new Set(Object.values(found.causes))).toEqual(new Set(["0.000000000000", null]));
  });
});

describe("what if", () => {
  test("on the model in use it is what was recorded; on another, its tokens at that price", async () => {
    const { cost } = await client.costs({ ...AFTER, model: "gpt-4o" }).then(({ totals }) => totals);
    const found = await client.whatIf({
      ...AFTER,
      model: "gpt-4o",
      candidate: ["openai/gpt-4o", "openai/gpt-4o-mini", "nobody/knows"],
    });
    expect(found.cost).toBe(cost);
    expect(found.candidates[0]).toMatchObject({
      cost,
      change: "0.000000000000",
      tokens: { ratio: 1, source: "same" },
    });
    // By hand: 10 × (1,600 uncached + 400 cached + 200 out) and 2 × (1,000 + 100) at 0.15, 0.075 and 0.60 a million.
    expect(found.candidates[1]?.cost).toBe("0.004320000000");
    expect(found.candidates[1]?.tokens).toMatchObject({ source: "unknown", low: null });
    expect(found.candidates[2]).toMatchObject({ cost: null, price_id: null });
  });

  test("with another tokenizer's count of the same text", async () => {
    const found = await client.whatIf({
      ...AFTER,
      model: "gpt-4o",
      candidate: "openai/gpt-4o-mini",
      token_ratio: "1.5",
    });
    expect(found.candidates[0]).toMatchObject({
      cost: "0.006480000000",
      tokens: { source: "given" },
    });
  });

  test("a price with tiers is applied call by call", async () => {
    const book = loadPriceBook();
    const price = book.resolve("google", "gemini-2.5-pro", TODAY - DAY)!;
    expect(price.entries.length).toBeGreaterThan(1);
    await insertSpans(writer, [
      call(3, "gpt-4o", [150_000, 0, 100]),
      call(3, "gpt-4o", [250_000, 0, 100]),
    ]);
    const found = await client.whatIf({
      from: String(TODAY - 3 * DAY),
      to: String(TODAY - 2 * DAY),
      candidate: "google/gemini-2.5-pro",
      token_ratio: "1",
    });
    const expected = [150_000, 250_000].reduce(
      (sum, inputTokens) => sum + book.cost(price, { inputTokens, outputTokens: 100 }),
      0n,
    );
    expect(found.candidates[0]?.cost).toBe(formatUsd(expected));
  });

  test("a candidate that is no provider/model is refused", async () => {
    await expect(client.whatIf({ ...AFTER, candidate: "gpt-4o" })).rejects.toMatchObject({
      code: "bad_parameter",
      message: expect.stringContaining("expected provider/model"),
    });
  });
});

describe("models", () => {
  test("side by side: cost, errors with their interval, quality, price, and who is beaten", async () => {
    const { models } = await client.models(AFTER);
    expect(models.map(({ model, pareto }) => [model, pareto])).toEqual([
      ["gpt-4o", "front"],
      ["gpt-4o-mini", "front"],
      ["in-house", "unknown"],
    ]);
    const [first, , unpriced] = models;
    expect(first).toMatchObject({
      calls: 13,
      errors: 1,
      price: { input_usd_per_million: 2.5, output_usd_per_million: 10 },
      quality: { n: 40, too_few: false },
      error_share: { value: 1 / 13 },
    });
    expect(first?.quality?.mean).toBeCloseTo(0.92, 9);
    expect(first?.usd_per_quality_point?.value).toBeCloseTo(first!.cost_per_call! / 0.92, 9);
    expect(unpriced).toMatchObject({ cost: null, price: null, quality: null });
  });
});

test("sessions, dearest first", async () => {
  const { sessions } = await client.sessions({ ...AFTER, order: "cost", limit: "2" });
  expect(sessions).toHaveLength(2);
  expect(pico(sessions[0]!.cost!)).toBeGreaterThanOrEqual(pico(sessions[1]!.cost!));
  expect(sessions[0]).toMatchObject({ project: "shop", errors: 0 });
});
