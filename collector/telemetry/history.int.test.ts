/** The collector's own figures in ClickHouse: each minute once, over an outage and a restart. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMetricsHistory, type Sample } from "./history.ts";
import { createTelemetry } from "./telemetry.ts";

let engine: TestEngine;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  await migrate(client, { log: () => {} });
});
afterAll(async () => {
  await client?.close();
  await engine?.stop();
});

async function written(): Promise<{ value: number; increase: number }[]> {
  const result = await client.query({
    query: "SELECT * FROM collector_metrics WHERE name = 'assay_x_total' ORDER BY ts",
    format: "JSONEachRow",
  });
  return result.json();
}

test("a minute while ClickHouse is away is written afterwards; a counter's increases go on over a restart", async () => {
  let nowMs = Math.floor(Date.now() / 60_000) * 60_000;
  let value = 5;
  let away = false;
  const sample = (): Sample => ({
    name: "assay_x_total",
    isCounter: true,
    labels: { reason: "full" },
    value,
  });
  const failing = new Proxy(client, {
    get: (target, key) =>
      key === "insert" && away
        ? () => Promise.reject(new Error("away"))
        : Reflect.get(target, key, target),
  });
  const make = () =>
    createMetricsHistory({
      collectorId: "c1",
      read: async () => [
        sample(),
        { name: "assay_y", isCounter: false, labels: {}, value: Infinity },
      ],
      log: () => {},
      now: () => (nowMs += 60_000),
      everyMs: 3_600_000,
    });
  let history = make();
  history.start(failing);
  await expect.poll(async () => (await written()).length).toBe(1);
  away = true;
  value = 7;
  await history.stop();
  expect(history.stats()).toEqual({ waiting: 1, dropped: 0 });
  away = false;
  await history.stop();
  expect(history.stats()).toEqual({ waiting: 0, dropped: 0 });
  // A new process counts from 0.
  history = make();
  value = 3;
  history.start(failing);
  await history.stop();
  const rows = await written();
  expect(rows.map(({ increase }) => increase)).toEqual([5, 2, 0, 3, 0]);
  expect(rows.map(({ value }) => value)).toEqual([5, 7, 7, 3, 3]);
  expect(rows[0]).toMatchObject({ labels: { reason: "full" }, collector_id: "c1" });
});

test("what is written are the numbers of /metrics", async () => {
  const telemetry = createTelemetry({});
  telemetry.observeSync(3);
  const samples = await telemetry.samples();
  const text = await telemetry.metrics();
  expect(samples.length).toBeGreaterThan(10);
  for (const { name } of samples) expect(text).toContain(name);
  expect(samples.find(({ name }) => name === "assay_log_sync_seconds_count")).toMatchObject({
    isCounter: true,
    value: 1,
  });
});
