/** Rule 6: what a damaged deduplication log of the engine does, and does not do, to a batch in doubt. */
import * as fs from "node:fs/promises";
import * as os from "node:os";
import { createClickHouse, startEmbeddedServer } from "@assay/clickhouse";
import type { ClickHouseClient } from "@clickhouse/client";
import { expect, test } from "vitest";
import { everywhere, Site, startStore, stopStore } from "./testing/fixture.ts";

const damages = {
  "a torn line at its end: trimmed at start, the batch is recognized, all tables exact": {
    damage: (text: Buffer) => Buffer.concat([text, Buffer.from("1\t20261120_9")]),
    spans: 3,
    duplicateBatches: 0,
  },
  "all records lost: the second copy is found, counted and reported": {
    damage: () => Buffer.alloc(0),
    spans: 6,
    duplicateBatches: 1,
  },
};

for (const [name, { damage, spans, duplicateBatches }] of Object.entries(damages)) {
  test(`rule 6: ${name}`, async () => {
    const dataDir = await fs.mkdtemp(`${os.tmpdir()}/assay-dedup-`);
    const store = await startStore(dataDir);
    const site = await Site.create(store);
    await site.append([{}, {}, {}]);
    await diedAfterSending(site);
    await store.engine.server.stop();
    await damageLogs(dataDir, damage);
    const server = await startEmbeddedServer({
      dataDir,
      address: { host: "127.0.0.1", port: 0 },
      memoryMb: 1024,
      log: () => undefined,
    });
    const client = createClickHouse(server.target);
    const again = await site.process({ client, target: server.target });
    const report = await again.recover({ schemaVersion: 1 });
    expect(report).toMatchObject({ replayedBatches: 1, duplicateBatches, lostBatches: 0 });
    const counts = await site.counts(client);
    expect(counts["spans"]).toBe(spans);
    if (duplicateBatches === 0) expect(counts).toEqual(everywhere(3));
    await client.close();
    await server.stop();
    await stopStore(store);
    await fs.rm(dataDir, { recursive: true });
  });
}

// Killed after the records were written and before the parts got their names.
test.each([
  ["in all tables", () => true],
  // What reconciling cannot see, because it counts `spans`.
  ["in all tables but spans", (table: string) => table !== "spans"],
])(
  "rule 6: records without their parts %s: the rows come in again",
  async (_, isLost) => {
    const dataDir = await fs.mkdtemp(`${os.tmpdir()}/assay-dedup-`);
    const store = await startStore(dataDir);
    const site = await Site.create(store);
    await site.append([{}, { day: "2026-11-21" }, {}]);
    await diedAfterSending(site);
    const folders = await tableFolders(store.client);
    await store.engine.server.stop();
    for (const [table, folder] of folders) if (isLost(table)) await removeParts(folder);
    const logged: string[] = [];
    const server = await startEmbeddedServer({
      dataDir,
      address: { host: "127.0.0.1", port: 0 },
      memoryMb: 1024,
      log: (_level, message) => logged.push(message),
    });
    const client = createClickHouse(server.target);
    const again = await site.process({ client, target: server.target });
    const report = await again.recover({ schemaVersion: 1 });
    expect(report).toMatchObject({ replayedBatches: 1, restoredBatches: 0, duplicateBatches: 0 });
    expect(await site.counts(client)).toEqual(everywhere(3));
    expect(logged.join("\n")).toMatch(/took back \d records of blocks that were never stored/);
    await client.close();
    await server.stop();
    await stopStore(store);
    await fs.rm(dataDir, { recursive: true });
  },
  60_000,
);

async function tableFolders(client: ClickHouseClient): Promise<Map<string, string>> {
  const result = await client.query({
    query:
      "SELECT name, data_paths[1] AS folder FROM system.tables WHERE database = 'assay' AND notEmpty(data_paths)",
    format: "JSONEachRow",
  });
  const rows = await result.json<{ name: string; folder: string }>();
  return new Map(rows.map(({ name, folder }) => [name, folder]));
}

/** As if no part had been renamed yet; the deduplication log stays as it is. */
async function removeParts(folder: string): Promise<void> {
  const parts = (await fs.readdir(folder)).filter((name) => /^\d+_\d+_\d+_\d+$/.test(name));
  for (const part of parts) await fs.rm(`${folder}/${part}`, { recursive: true });
}

async function diedAfterSending(site: Site): Promise<void> {
  const { promise: sent, resolve } = Promise.withResolvers<void>();
  const inserter = await site.process({
    onStep: (step) => {
      if (step !== "sent") return;
      resolve();
      return new Promise<void>(() => undefined);
    },
  });
  await inserter.recover({ schemaVersion: 1 });
  inserter.start();
  await sent;
}

async function damageLogs(dataDir: string, damage: (text: Buffer) => Buffer): Promise<void> {
  const names = await fs.readdir(`${dataDir}/clickhouse`, { recursive: true });
  const logs = names.filter((name) => /deduplication_log_\d+\.txt$/.test(name));
  expect(logs.length).toBeGreaterThan(3);
  for (const name of logs) {
    const path = `${dataDir}/clickhouse/${name}`;
    await fs.writeFile(path, damage(await fs.readFile(path)));
  }
}
