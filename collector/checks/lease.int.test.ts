/** Of several collectors one evaluates and tells: through a stop, a crash and a pause, on the real engine. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLease } from "./lease.ts";

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

const make = (name: string, holder: string, lastsSeconds = 60) =>
  createLease(client, { name, holder, lastsSeconds, renewMs: 0 });

test("of five that ask at once one holds it, and keeps it", async () => {
  const all = ["a", "b", "c", "d", "e"].map((holder) => make("at-once", holder));
  await Promise.all(all.map((lease) => lease.held()));
  const held = await Promise.all(all.map((lease) => lease.held()));
  expect(held.filter(Boolean)).toHaveLength(1);
  expect(await Promise.all(all.map((lease) => lease.held()))).toEqual(held);
});

test("who stops lets the next go on at once; who comes back waits", async () => {
  const [a, b] = [make("stops", "a"), make("stops", "b")];
  expect(await a.held()).toBe(true);
  expect(await b.held()).toBe(false);
  await a.release();
  expect(await b.held()).toBe(true);
  expect(await a.held()).toBe(false);
});

test("who is away for longer than its claim lasts has lost it", async () => {
  const [a, b] = [make("away", "a", 1), make("away", "b")];
  expect(await a.held()).toBe(true);
  expect(await b.held()).toBe(false);
  await expect.poll(() => b.held()).toBe(true);
  expect(await a.held()).toBe(false);
});

test("while ClickHouse does not answer it is nobody's", async () => {
  const away = createClickHouse({ ...engine.target, url: "http://127.0.0.1:9" });
  await expect(createLease(away, { name: "x", holder: "a", renewMs: 0 }).held()).rejects.toThrow();
  await away.close();
});
