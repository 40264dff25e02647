/** What the checks found, over HTTP from the real engine. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiClient, createApiClient } from "./client.ts";
import { type QueryApi, startQueryApi } from "./main.ts";

const NOW = Math.floor(Date.now() / 3_600_000) * 3_600;
const RANGE = { from: String((NOW - 86_400) * 1000), to: String(NOW * 1000) };
let engine: TestEngine;
let writer: ClickHouseClient;
let api: QueryApi;
let client: ApiClient;

beforeAll(async () => {
  engine = await withEngine();
  writer = createClickHouse(engine.target);
  await migrate(writer, { log: () => {} });
  const row = (check_name: string, state: string, minutesAgo: number, more = {}) => ({
    check_name,
    project: "shop",
    event_time: NOW - minutesAgo * 60,
    evaluated_at: NOW - minutesAgo * 60,
    subject: "cost",
    measure: "cost",
    unit: "usd/h",
    severity: "page",
    state,
    estimate: 12,
    n: 100,
    reason: "why",
    ...more,
  });
  await writer.insert({
    table: "assay.check_results",
    values: [
      row("cost-spike", "ok", 30),
      row("cost-spike", "firing", 10, {
        since: NOW - 900,
        moved_by: '{"dimension":"model"}',
        worst_traces: ["a".repeat(32)],
      }),
      row("latency-p95", "ok", 10, { severity: "ticket" }),
      row("old", "firing", 3_000),
    ],
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

test("the newest of each series, what fires first", async () => {
  const { checks, history } = await client.checks(RANGE);
  expect(checks.map(({ check, state }) => [check, state])).toEqual([
    ["cost-spike", "firing"],
    ["latency-p95", "ok"],
  ]);
  expect(checks[0]).toMatchObject({
    since: new Date((NOW - 900) * 1000).toISOString().replace(".000", ""),
    moved_by: { dimension: "model" },
    worst_traces: ["a".repeat(32)],
  });
  expect(history).toBeUndefined();
});

test("filters, and how one series came to what it is", async () => {
  expect((await client.checks({ ...RANGE, state: "ok" })).checks).toHaveLength(1);
  expect((await client.checks({ ...RANGE, severity: ["page", "info"] })).checks).toHaveLength(1);
  const { history } = await client.checks({
    ...RANGE,
    check: "cost-spike",
    project: "shop",
    series: "",
  });
  expect(history?.map(({ state }) => state)).toEqual(["ok", "firing"]);
  await expect(client.checks({ ...RANGE, state: "red" as "ok" })).rejects.toMatchObject({
    message: expect.stringContaining("state: expected one of firing"),
  });
});
