/** The checks as they are when nothing was configured: no file, nobody to tell. */
import { createClickHouse, migrate } from "@assay/clickhouse";
import { withEngine } from "@assay/clickhouse/testing";
import { expect, test } from "vitest";
import { readChecksConfig } from "./config.ts";
import { createChecksStage } from "./stage.ts";

test("without a file, and so without a notifier, the shipped checks are evaluated", async () => {
  const engine = await withEngine();
  const client = createClickHouse(engine.target);
  await migrate(client, { log: () => {} });
  const from = Date.now();
  let now = from;
  const stage = createChecksStage({
    config: readChecksConfig(undefined, {}),
    dataDir: engine.dataDir,
    collectorId: "one",
    shared: false,
    log: (level, message) => expect.unreachable(`${level} ${message}`),
    now: () => now,
  });
  stage.start(client);
  await expect.poll(() => stage.stats()).toBeDefined();
  now = from + 60_000;
  await expect.poll(() => stage.stats()?.ticks).toBeGreaterThan(0);
  await stage.stop();
  await client.close();
  await engine.stop();
});
