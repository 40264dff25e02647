import * as fs from "node:fs/promises";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { createClickHouse } from "@assay/clickhouse";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Inserter } from "./inserter.ts";
import type { Step } from "./planner.ts";
import { everywhere, Site, startStore, stopStore, until, type Store } from "./testing/fixture.ts";

let store: Store;

beforeAll(async () => {
  store = await startStore();
});
afterAll(() => stopStore(store));

const days = [{ day: "2026-11-19" }, { day: "2026-11-20" }, { day: "2026-11-21" }];
const version = { schemaVersion: 1 };

async function run(inserter: Inserter): Promise<void> {
  await inserter.recover(version);
  inserter.start();
}

/** A process that dies at `step` of its first batch: it never gets any further. */
async function dieAt(site: Site, step: Step): Promise<void> {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const inserter = await site.process({
    onStep: (at) => {
      if (at !== step) return;
      resolve();
      return new Promise<void>(() => undefined);
    },
  });
  // It may die while it recovers: then `run` never ends.
  await Promise.race([reached, run(inserter).then(() => reached)]);
}

/** The next process, until everything is in; stopped in good order. */
async function finish(site: Site) {
  const inserter = await site.process();
  const report = await inserter.recover(version);
  inserter.start();
  await inserter.stop(20_000);
  return { report, stats: inserter.stats() };
}

const blocksOf = (site: Site) => fs.readdir(`${site.dir}/insert`);
const spoolDir = () => store.engine.target.spoolDir ?? "";

async function planOf(site: Site): Promise<{ block: string; token: string }> {
  const name = (await blocksOf(site)).find((file) => /\.(plan|done)$/.test(file)) ?? "";
  const text = await fs.readFile(`${site.dir}/insert/${name}`, "utf8");
  return JSON.parse(text.split("\n")[1] ?? "") as { block: string; token: string };
}

describe("the line", () => {
  test("every accepted span once in every table, refused ones nowhere", async () => {
    const site = await Site.create(store);
    const inserter = site.inserter();
    await run(inserter);
    for (let i = 0; i < 20; i++) await site.append(days);
    await until(() => site.log.releasedSeq === 20);
    expect(await site.counts()).toEqual(everywhere(60));
    await inserter.stop(5000);
    expect(inserter.stats()).toMatchObject({ sentSpans: 60, queuedRecords: 0, blocked: undefined });
    expect(await blocksOf(site)).toContain("clean");
  });

  test("rule 1: a block has at most the given rows, and one larger request is a block of its own", async () => {
    const site = await Site.create(store);
    await site.append(Array.from({ length: 30 }, () => ({})));
    for (let i = 0; i < 10; i++) await site.append(days);
    const inserter = site.inserter({ maxRows: 10 });
    await run(inserter);
    await inserter.stop(10_000);
    expect(inserter.stats().sentBatches).toBe(5);
    expect(await site.counts()).toEqual(everywhere(60));
  });

  test("under load blocks grow while the store is busy", async () => {
    const site = await Site.create(store);
    for (let i = 0; i < 200; i++) await site.append(days);
    const inserter = site.inserter({ idleAgeMs: 0 });
    await run(inserter);
    await inserter.stop(10_000);
    expect(inserter.stats().sentBatches).toBeLessThan(10);
    expect(await site.counts()).toEqual(everywhere(600));
  });

  test("rule 9: kept blocks are bounded in bytes and in seconds", async () => {
    const site = await Site.create(store);
    const inserter = site.inserter({ maxRows: 3, keepBytes: 5000, keepMs: 60_000 });
    await run(inserter);
    for (let i = 0; i < 10; i++) await site.append(days);
    await until(() => site.log.releasedSeq === 10);
    expect(inserter.stats().keptBytes).toBeLessThanOrEqual(5000);
    await inserter.stop(5000);
    const later = await site.process({ keepMs: 0 });
    await later.recover(version);
    expect(later.stats().keptBytes).toBe(0);
  });

  test("a malformed record goes to the dead letters, the others are stored", async () => {
    const site = await Site.create(store);
    await site.append(days);
    await site.append([{ fault: "malformed" }]);
    await site.append(days);
    const { stats } = await finish(site);
    expect(stats).toMatchObject({ deadLetterRecords: 1, deadLetterSpans: 1, queuedRecords: 0 });
    expect(await site.counts()).toEqual(everywhere(6));
    const note = await fs.readFile(`${site.dir}/insert/dead-letters/2.json`, "utf8");
    expect(JSON.parse(note)).toMatchObject({ seq: 2, code: "PermanentError" });
  });
});

describe("kill -9 between any two steps (rules 2 and 3)", () => {
  const steps: Step[] = [
    "encoded",
    "block-written",
    "planned",
    "sent",
    "done",
    "released",
    "removed",
  ];
  for (const step of steps) {
    test(`after "${step}": everything is stored once in every table`, async () => {
      const site = await Site.create(store);
      for (let i = 0; i < 5; i++) await site.append(days);
      await dieAt(site, step);
      await site.append(days);
      const { report, stats } = await finish(site);
      const seen = JSON.stringify({ report, stats, logged: site.logged });
      expect(stats, seen).toMatchObject({
        queuedRecords: 0,
        duplicateBatches: 0,
        lostBatches: 0,
      });
      expect(await site.counts(), seen).toEqual(everywhere(18));
    });
  }

  test("twice at each step, one after the other", async () => {
    const site = await Site.create(store);
    for (const step of [...steps, ...steps]) {
      await site.append(days);
      await dieAt(site, step);
    }
    await finish(site);
    expect(await site.counts()).toEqual(everywhere(3 * 2 * steps.length));
  }, 180_000);

  test("rule 2: the bytes are replayed, whatever the encoder would make now", async () => {
    const site = await Site.create(store);
    await site.append(days);
    await dieAt(site, "planned");
    const before = await planOf(site);
    const { report } = await finish(site);
    expect(report).toMatchObject({ clean: false, replayedBatches: 1, reencodedBatches: 0 });
    expect(await planOf(site)).toEqual(before);
  });

  test("a replay of the same file under the same token changes nothing", async () => {
    const site = await Site.create(store);
    await site.append(days);
    await dieAt(site, "sent");
    for (let i = 0; i < 3; i++) await dieAt(site, "sent");
    await finish(site);
    expect(await site.counts()).toEqual(everywhere(3));
  });
});

describe("damaged files", () => {
  const damages: Record<string, (site: Site) => Promise<void>> = {
    "a torn block": async (site) => fs.truncate(`${spoolDir()}/${(await planOf(site)).block}`, 100),
    "a block with a flipped bit": async (site) => {
      const path = `${spoolDir()}/${(await planOf(site)).block}`;
      const bytes = await fs.readFile(path);
      bytes[bytes.byteLength - 9] = (bytes[bytes.byteLength - 9] ?? 0) ^ 1;
      await fs.writeFile(path, bytes);
    },
    "a block that is gone": async (site) => fs.rm(`${spoolDir()}/${(await planOf(site)).block}`),
    "a damaged plan": async (site) => {
      const name = (await blocksOf(site)).find((file) => file.endsWith(".plan")) ?? "";
      await fs.writeFile(`${site.dir}/insert/${name}`, "garbage");
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    for (const step of ["planned", "sent"] as const) {
      test(`${name}, ${step}: made again under its token, stored once`, async () => {
        const site = await Site.create(store);
        await site.append(days);
        await dieAt(site, step);
        await damage(site);
        const { report } = await finish(site);
        expect(report).toMatchObject({ replayedBatches: 1, reencodedBatches: 1 });
        expect(await site.counts()).toEqual(everywhere(3));
      });
    }
  }

  test("a plan file that is gone: its records are planned again", async () => {
    const site = await Site.create(store);
    const inserter = await site.process({
      maxRows: 3,
      onStep: (step) => (step === "sent" ? new Promise<void>(() => undefined) : undefined),
    });
    await site.append(days);
    await site.append(days);
    await run(inserter);
    await until(
      async () => (await blocksOf(site)).filter((file) => file.endsWith(".plan")).length === 2,
    );
    const [first = ""] = (await blocksOf(site)).filter((file) => file.endsWith(".plan")).sort();
    await fs.rm(`${site.dir}/insert/${first}`);
    await finish(site);
    expect(await site.counts()).toEqual(everywhere(6));
  });
});

describe("reconciliation (rule 5, rule 6)", () => {
  /** A site whose process died after its only batch was done. */
  async function died(): Promise<Site> {
    const site = await Site.create(store);
    for (let i = 0; i < 3; i++) await site.append(days);
    await dieAt(site, "released");
    return site;
  }
  const command = (query: string) =>
    store.client.command({ query, clickhouse_settings: { mutations_sync: "2" } });

  test("what is there is left alone", async () => {
    const site = await died();
    const { report } = await finish(site);
    expect(report).toMatchObject({ clean: false, equalBatches: 1, restoredBatches: 0 });
    expect(await site.counts()).toEqual(everywhere(9));
  });

  test("after a clean stop nothing is counted", async () => {
    const site = await died();
    await finish(site);
    const { report } = await finish(site);
    expect(report).toMatchObject({ clean: true, equalBatches: 0 });
  });

  test("rows that are gone come back, although the store remembers the token", async () => {
    const site = await died();
    await command(`ALTER TABLE assay.spans DELETE WHERE project = '${site.project}'`);
    expect((await site.counts())["spans"]).toBe(0);
    const { report } = await finish(site);
    expect(report.restoredBatches).toBe(1);
    expect(await site.counts()).toEqual(everywhere(9));
  });

  test("one lost day of three comes back, and the others stay as they are", async () => {
    const site = await died();
    await command(
      `ALTER TABLE assay.spans DELETE WHERE project = '${site.project}' AND toDate(event_time) = '2026-11-20'`,
    );
    expect((await site.counts())["spans"]).toBe(6);
    const { report } = await finish(site);
    expect(report.restoredBatches).toBe(1);
    expect(await site.counts()).toEqual(everywhere(9));
  });

  test("rows that one table lost come back there, and the others stay as they are", async () => {
    const site = await Site.create(store);
    await site.append([...days, ...days.map((day) => ({ ...day, isEvaluation: true }))]);
    await dieAt(site, "released");
    const evaluations = async (): Promise<string> => {
      const query = `SELECT count() FROM assay.evaluations WHERE project = '${site.project}'`;
      const result = await store.client.query({ query, format: "TabSeparated" });
      return (await result.text()).trim();
    };
    expect(await evaluations()).toBe("3");
    expect(await site.counts()).toEqual(everywhere(3));
    await command(
      `ALTER TABLE assay.evaluations DELETE WHERE project = '${site.project}' AND toDate(event_time) = '2026-11-20'`,
    );
    expect(await evaluations()).toBe("2");
    const { report } = await finish(site);
    expect(report).toMatchObject({ restoredBatches: 1, incompleteBatches: 0 });
    expect(await evaluations()).toBe("3");
    expect(await site.counts()).toEqual(everywhere(3));
    expect((await finish(site)).report).toMatchObject({ clean: true });
  });

  test("a day that has lost some rows, or has too many, is reported and left alone", async () => {
    const site = await died();
    await command(
      `ALTER TABLE assay.spans DELETE WHERE project = '${site.project}' AND toDate(event_time) = '2026-11-20' AND span_id = '00000002'`,
    );
    const { report } = await finish(site);
    expect(report).toMatchObject({ incompleteBatches: 1, restoredBatches: 0 });
    const other = await died();
    await command(
      `INSERT INTO assay.spans SELECT * FROM assay.spans WHERE project = '${other.project}' LIMIT 1`,
    );
    expect((await finish(other)).report).toMatchObject({ duplicateBatches: 1 });
    expect(
      other.logged.some((line) => line.startsWith("error") && line.includes("more rows")),
    ).toBe(true);
  });
});

describe("a store that fails", () => {
  test("one unreadable record among many: it alone is set aside, the others are stored once", async () => {
    const site = await Site.create(store);
    for (let i = 0; i < 40; i++) await site.append(i === 23 ? [{ fault: "unreadable" }] : days);
    const { stats } = await finish(site);
    expect(stats).toMatchObject({ deadLetterRecords: 1, queuedRecords: 0, blocked: undefined });
    expect(await site.counts()).toEqual(everywhere(117));
    expect(await fs.readdir(`${site.dir}/insert/dead-letters`)).toEqual(["24.json", "24.otlp"]);
  });

  test("a wrong password stops the line with a reason; nothing is set aside or lost", async () => {
    const site = await Site.create(store);
    const wrong = createClickHouse({ ...store.engine.target, password: "wrong" });
    await site.append(days);
    const inserter = site.inserter({ client: wrong });
    await inserter.recover({ schemaVersion: 0 });
    inserter.start();
    await until(() => inserter.stats().blocked !== undefined);
    expect(inserter.stats()).toMatchObject({ blocked: expect.stringContaining("516") as string });
    await inserter.stop(10);
    await wrong.close();
    expect((await blocksOf(site)).includes("clean")).toBe(false);
    await finish(site);
    expect(await site.counts()).toEqual(everywhere(3));
  });

  test("a lost answer: the block is sent again under its token and stored once", async () => {
    const site = await Site.create(store);
    const proxy = await dropFirstAnswers(store.engine.target.url, 2);
    const client = createClickHouse({ ...store.engine.target, url: proxy.url });
    await site.append(days);
    const inserter = site.inserter({ client });
    await inserter.recover({ schemaVersion: 0 });
    inserter.start();
    await inserter.stop(10_000);
    await client.close();
    await proxy.close();
    const failed = [...inserter.stats().failedAttempts.values()].reduce((sum, n) => sum + n, 0);
    expect(failed).toBe(2);
    expect(await site.counts()).toEqual(everywhere(3));
  });

  test("without a schema, what was planned waits for the migration", async () => {
    const site = await Site.create(store);
    await site.append(days);
    await dieAt(site, "planned");
    const inserter = await site.process();
    expect(await inserter.recover({ schemaVersion: 0 })).toMatchObject({ deferredBatches: 1 });
    inserter.start();
    await inserter.stop(10_000);
    expect(await site.counts()).toEqual(everywhere(3));
  });

  test("the engine is killed in the middle of inserts", async () => {
    const site = await Site.create(store);
    const inserter = site.inserter({ maxRows: 300 });
    await run(inserter);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++)
        await site.append([...days, ...days, { text: "x".repeat(20_000) }]);
      await until(() => inserter.stats().inFlight > 0);
      process.kill(store.engine.server.pid() ?? 0, "SIGKILL");
      await until(() => inserter.stats().queuedRecords === 0, 60_000);
    }
    await inserter.stop(20_000);
    expect(await site.counts()).toEqual(everywhere(2100));
  });
});

/** Hands requests on, but hangs up instead of handing back the first answers. */
async function dropFirstAnswers(url: string, count: number) {
  let left = count;
  const server = http.createServer((request, response) => {
    const onward = http.request(url + (request.url ?? ""), {
      method: request.method,
      headers: request.headers,
    });
    request.pipe(onward);
    onward.on("response", (answer) => {
      if (left-- > 0) {
        answer.resume().on("end", () => response.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  return { url: `http://127.0.0.1:${port}`, close };
}
