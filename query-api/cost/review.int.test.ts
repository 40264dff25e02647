/** Cost review, budgets and the catalogue, on the real engine; and the checks of budgets, which must say the same. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseBudgets } from "../../collector/budgets.ts";
import { findOverspent } from "../../collector/checks/budget.ts";
import { parseChecksConfig } from "../../collector/checks/config.ts";
import type { Check } from "../../collector/checks/definition.ts";
import { type ApiClient, createApiClient } from "../client.ts";
import { type QueryApi, startQueryApi } from "../main.ts";
import { type TestSpan, chat, insertSpans, testTraceId } from "../test-spans.ts";

const DAY = 86_400_000;
const TODAY = new Date();
/** This one, or the one before: six days of it are over. */
const MONTH = Date.UTC(
  TODAY.getUTCFullYear(),
  TODAY.getUTCMonth() - (TODAY.getUTCDate() > 7 ? 0 : 1),
);
/** Noon of its sixth day. */
const NOW = MONTH + 5.5 * DAY;
const RANGE = { from: String(MONTH), to: String(MONTH + 6 * DAY) };
const BUDGETS = parseBudgets(
  `
budgets:
  company: { monthly_usd: 100 }
  shop: { monthly_usd: 1000, project: shop }
  model: { monthly_usd: 30, each: model }
  alice: { monthly_usd: 12, user: alice }
  users: { monthly_usd: 50, each: user }
`,
  "budgets.yaml",
);

let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;
let client: ApiClient;

let calls = 0;
function call(
  day: number,
  cost: string | null,
  columns: Record<string, unknown> = {},
  trace = "",
): TestSpan {
  calls++;
  const { request_model: model } = columns;
  return {
    trace: trace || `t${calls}`,
    span: `call ${calls}`,
    startMs: MONTH + day * DAY + calls * 1000,
    columns: chat(typeof model === "string" ? model : "gpt-4o", cost, {
      user_id: "bob",
      session_id: `s${calls % 2}`,
      environment: "production",
      ...columns,
    }),
  };
}

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  await insertSpans(writer, [
    // Five days of 4 USD, and 2 by noon of the sixth.
    ...[0, 1, 2, 3, 4].map((day) =>
      call(day, "3.000000000000", { input_tokens: 1000, cache_read_tokens: 250 }),
    ),
    ...[0, 1, 2, 3, 4].map((day) =>
      call(day, "1.000000000000", { request_model: "mini", user_id: "alice" }),
    ),
    call(5, "2.000000000000", {}, "dear"),
    call(5, "0.000000000000", { status: "error", cost_status: "free" }, "dear"),
    call(5, null, { request_model: "in-house", provider: "self-hosted", status: "error" }),
    // In the hour before noon, of another project.
    { ...call(5.48, "0.500000000000", { user_id: "alice" }), project: "search" },
  ]);
  const score = (project: string, model: string, norm: number, i: number) => ({
    project,
    name: "composite",
    event_time: `${new Date(MONTH + DAY).toISOString().slice(0, 10)} 12:00:00`,
    evaluation_id: `${model}${i}`.padStart(16, "0").slice(0, 16),
    norm,
    score: norm,
    provider: "openai",
    model,
    judge_hash: "j",
  });
  await writer.insert({
    table: "assay.evaluations",
    values: Array.from({ length: 60 }, (_, i) =>
      score("shop", i % 2 ? "gpt-4o" : "mini", i % 2 ? 0.8 : 0.4, i),
    ),
    format: "JSONEachRow",
  });
  api = await startQueryApi({
    address: { host: "127.0.0.1", port: 0 },
    target: engine.readerTarget,
    log: (_level, message) => console.error(message),
    budgets: BUDGETS,
    catalogue: [
      {
        model: "in-*",
        hosting: "self-hosted",
        modality: ["text"],
        region: "eu",
        usd_per_hour: 2,
        context_tokens: 8192,
      },
      { provider: "openai", model: "gpt-4o", hosting: "api", modality: ["text", "image"] },
    ],
    checkAnswers: true,
    now: () => NOW,
  });
  client = createApiClient(`http://127.0.0.1:${api.address.port}`);
});

afterAll(async () => {
  await api.stop();
  await writer.close();
  await engine.stop();
});

test("who spends, by a dimension, with shares, cache and quality", async () => {
  const { total, spenders, quality } = await client.costReview({ ...RANGE, project: "shop" });
  expect(total).toMatchObject({ calls: 13, unpriced_calls: 1, cost: "22.000000000000" });
  expect(spenders).toMatchObject([
    { value: "gpt-4o", calls: 7, cost: "17.000000000000" },
    { value: "mini", calls: 5, cost: "5.000000000000", cost_share: 5 / 22 },
    { value: "in-house", calls: 1, unpriced_calls: 1, cost: null, usd_per_quality_point: null },
  ]);
  expect(spenders!.map((one) => one.quality?.toFixed(9))).toEqual([
    "0.800000000",
    "0.400000000",
    undefined,
  ]);
  // 5 × 250 of 5 × 1000 and the 2 others' 100.
  expect(spenders![0]!.cached_share).toBeCloseTo(1250 / 5200, 12);
  expect(spenders![1]!.usd_per_quality_point!.value).toBeCloseTo(1 / 0.4, 12);
  expect(quality!.mean).toBeCloseTo(0.6, 12);
  const point = quality!.usd_per_quality_point;
  expect(point.value).toBeCloseTo(22 / 12 / 0.6, 12);
  expect(point.low! < point.value! && point.value! < point.high!).toBe(true);
});

test("the dearest traces, and what an answered question costs", async () => {
  const { traces, questions } = await client.costReview({ ...RANGE, project: "shop", limit: "2" });
  expect(traces).toHaveLength(2);
  expect(traces!.every(({ cost }) => cost === "3.000000000000")).toBe(true);
  const dear = await client.costReview({ ...RANGE, parts: "traces", limit: "100" });
  expect(dear.traces!.find(({ trace_id: id }) => id === testTraceId("dear"))).toMatchObject({
    calls: 2,
    cost: "2.000000000000",
  });
  expect(dear.questions).toBeUndefined();
  // Twelve traces, of which that of the in-house model was not answered.
  expect(questions).toMatchObject({ asked: 12, answered: 11, usd_per_answered: { value: 2 } });
  expect(questions!.usd_per_answered.low).toBeLessThan(2);
  expect(questions!.usd_per_answered.high).toBeGreaterThan(2);
});

test.each([
  ["user", ["bob", "alice"]],
  ["session", undefined],
  ["provider", ["openai", "self-hosted"]],
  ["region", [""]],
  ["prompt_version", [""]],
  ["operation", ["chat"]],
] as const)("by %s", async (by, values) => {
  const { spenders } = await client.costReview({
    ...RANGE,
    by,
    parts: "spenders",
    project: "shop",
  });
  if (values) expect(spenders!.map(({ value }) => value)).toEqual(values);
  expect(spenders!.reduce((sum, { cost }) => sum + Number(cost ?? 0), 0)).toBeCloseTo(22, 9);
});

test("budgets: spent, forecast with its interval, burn rate and when it is gone", async () => {
  const { budgets, month } = await client.budgets({});
  const days = (Date.parse(month.to) - Date.parse(month.from)) / DAY;
  const of = (name: string) => budgets.filter(({ budget }) => budget === name);
  const [company] = of("company");
  expect(company).toMatchObject({
    of: {},
    spent: "22.500000000000",
    state: 22.5 / 5.5 > 100 / days ? "forecast_over" : "ok",
    too_early: false,
    checks: ["spend-forecast-company", "spend-burn-company"],
  });
  expect(company!.forecast).toBeCloseTo((22.5 / 5.5) * days, 9);
  expect(company!.low).toBeCloseTo(company!.forecast, 6); // every whole day cost the same
  // Half a dollar in an hour, of 100 in the month.
  expect(company!.burn_rate).toBeCloseTo(0.5 / (100 / (days * 24)), 9);
  expect(of("shop")[0]).toMatchObject({
    spent: "22.000000000000",
    state: "ok",
    exhausted_at: null,
  });
  expect(of("model").map(({ of: { model }, spent }) => [model, spent])).toEqual([
    ["gpt-4o", "17.500000000000"],
    ["mini", "5.000000000000"],
    ["in-house", "0.000000000000"],
  ]);
  expect(of("model")[0]!.state).toBe("forecast_over");
  expect(Date.parse(of("model")[0]!.exhausted_at!)).toBeCloseTo(
    NOW + (12.5 / (17.5 / 5.5)) * DAY,
    -4,
  );
  expect(of("alice")[0]).toMatchObject({
    spent: "5.500000000000",
    burn_rate: null,
    state: "forecast_over",
  });
  expect(of("users").map(({ of: { user } }) => user)).toEqual(["bob", "alice"]);
});

/** What a check is given besides itself and the time. */
const tick = () => ({
  client: writer,
  memory: () => undefined,
  remembered: <T>(_name: string, load: () => Promise<T>) => load(),
});

test("the checks of budgets see the same", async () => {
  const { checks } = parseChecksConfig("", {}, "checks", BUDGETS);
  const { budgets } = await client.budgets({});
  for (const [name, budget] of [
    ["spend-forecast-company", "company"],
    ["spend-forecast-shop", "shop"],
    ["spend-forecast-alice", "alice"],
  ]) {
    const check = checks.find((one) => one.name === name) as Check<"budget">;
    const at = NOW / 1000;
    const [finding] = await findOverspent({ ...tick(), check, at });
    const known = budgets.find((one) => one.budget === budget)!;
    expect(finding!.verdict.estimate, name).toBeCloseTo(known.forecast, 9);
    expect(finding!.verdict.outcome, name).toBe(known.state === "forecast_over" ? "bad" : "good");
    expect(finding!.series.project).toBe(budget === "shop" ? "shop" : "");
  }
  const burn = checks.find((one) => one.name === "spend-burn-company") as Check<"budget">;
  const [found] = await findOverspent({
    ...tick(),
    check: burn,
    at: NOW / 1000,
  });
  expect(found!.verdict.statistic).toBeCloseTo(
    budgets.find((one) => one.budget === "company")!.burn_rate!,
    9,
  );
});

test("the catalogue stands beside the models' traffic, and what self-hosting costs", async () => {
  const { models } = await client.models({ ...RANGE, determinism: "true" });
  const of = (name: string) => models.find(({ model }) => model === name)!;
  expect(of("gpt-4o")).toMatchObject({
    catalogue: { hosting: "api", modality: ["text", "image"], usd_per_hour: null },
    hosted: null,
    determinism: null,
  });
  expect(of("mini").catalogue).toBeNull();
  // Six days at 2 USD an hour, for one call of 120 tokens.
  expect(of("in-house")).toMatchObject({
    catalogue: { hosting: "self-hosted", region: "eu", context_tokens: 8192 },
    hosted: { usd: 288, usd_per_call: 288, usd_per_million_tokens: (288 / 120) * 1e6 },
  });
});
