/** Poison over restarts, a disk that is full while planning, and our side of the accounting identity against the engine's count. */
import * as fs from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Inserter } from "./inserter.ts";
import type { Settled } from "./ledger.ts";
import { countStored } from "./stored-rows.ts";
import { everywhere, Site, startStore, stopStore, until, type Store } from "./testing/fixture.ts";

let store: Store;
beforeAll(async () => {
  store = await startStore();
});
afterAll(() => stopStore(store));

const days = [{ day: "2026-11-19" }, { day: "2026-11-20" }, { day: "2026-11-21" }];
const version = { schemaVersion: 1 };

/** The next process on the site, until everything is in. */
async function finish(site: Site): Promise<Inserter> {
  const inserter = await site.process();
  await inserter.recover(version);
  inserter.start();
  await inserter.stop(20_000);
  return inserter;
}

/** Accepted in settled batches, but neither stored nor a dead letter. */
async function residual(settled: Settled): Promise<number> {
  const stored = await countStored(store.client, settled);
  const rows = [...stored.values()].reduce((sum, count) => sum + count, 0);
  return settled.accepted - rows - settled.deadLettered;
}

test("settled spans are stored or dead letters, over restarts and forgotten plans", async () => {
  const site = await Site.create(store);
  const inserter = site.inserter({ maxRows: 3, keepMs: 0, keepPlans: 6 });
  await inserter.recover(version);
  expect(inserter.settled()).toMatchObject({ through: 0, accepted: 0 });
  inserter.start();
  for (let i = 0; i < 14; i++) {
    await site.append(
      i === 5 ? [{ fault: "malformed" }] : i === 8 ? [{ fault: "unreadable" }] : days,
    );
    if (i % 5 === 0) expect(await residual(inserter.settled()!)).toBe(0); // batches are under way
  }
  await inserter.stop(20_000);
  const settled = inserter.settled()!;
  expect(settled).toMatchObject({ from: 0, through: 14, accepted: 12 * 3 + 2, deadLettered: 2 });
  expect(await residual(settled)).toBe(0);
  const names = await fs.readdir(`${site.dir}/insert`);
  expect(names).toContain("ledger");
  expect(names.filter((name) => name.endsWith(".done")).length).toBeLessThan(10);

  await site.append(days);
  const next = (await finish(site)).settled()!;
  expect(next).toMatchObject({
    from: 0,
    through: 15,
    accepted: settled.accepted + 3,
    deadLettered: 2,
  });
  expect(await residual(next)).toBe(0);
});

test("rows deleted behind the collector's back are what is missing", async () => {
  const site = await Site.create(store);
  for (let i = 0; i < 5; i++) await site.append(days);
  const inserter = await finish(site);
  await store.client.command({
    query: `ALTER TABLE assay.spans DELETE WHERE project = '${site.project}' AND toDate(event_time) = '2026-11-20'`,
    clickhouse_settings: { mutations_sync: "2" },
  });
  expect(await residual(inserter.settled()!)).toBe(5);
});

test("a ledger that is damaged begins with the plans that are there", async () => {
  const site = await Site.create(store);
  const inserter = site.inserter({ maxRows: 3, keepMs: 0, keepPlans: 6 });
  await inserter.recover(version);
  inserter.start();
  for (let i = 0; i < 14; i++) await site.append(days);
  await inserter.stop(20_000);
  await fs.writeFile(`${site.dir}/insert/ledger`, "garbage");
  const settled = (await finish(site)).settled()!;
  expect(settled.from).toBeGreaterThan(0);
  expect(settled.through).toBe(14);
  expect(await residual(settled)).toBe(0);
});

test("poison that was being sent when the process died is still taken apart", async () => {
  const site = await Site.create(store);
  for (let i = 0; i < 6; i++) await site.append(i === 2 ? [{ fault: "unreadable" }] : days);
  const dying = site.inserter();
  await dying.recover({ schemaVersion: 0 });
  dying.start();
  await until(() => [...dying.stats().failedAttempts.values()].some((count) => count > 0));
  await dying.stop(0);
  for (let i = 0; i < 3; i++) await site.append(days);
  const { deadLetterRecords, blocked, queuedRecords } = (await finish(site)).stats();
  expect({ deadLetterRecords, blocked, queuedRecords }).toEqual({
    deadLetterRecords: 1,
    blocked: undefined,
    queuedRecords: 0,
  });
  expect(await site.counts()).toEqual(everywhere(24));
});

test("a block that cannot be written is written later; what comes behind it waits", async () => {
  const site = await Site.create(store);
  let failures = 0;
  const inserter = site.inserter({
    maxRows: 3,
    onStep: (step) => {
      if (step !== "block-written" || failures >= 3) return;
      failures++;
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    },
  });
  await inserter.recover(version);
  inserter.start();
  for (let i = 0; i < 5; i++) await site.append(days);
  await inserter.stop(20_000);
  expect(inserter.stats()).toMatchObject({ failedWrites: 3, queuedRecords: 0, blocked: undefined });
  expect(await site.counts()).toEqual(everywhere(15));
});
