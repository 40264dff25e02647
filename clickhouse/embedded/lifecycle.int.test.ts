import { fork } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { embeddedPaths } from "../client.ts";
import type { ClickHouseTarget } from "../client.ts";
import { childrenOf } from "../../test/bench/proc.ts";
import { identityOf } from "../process-identity.ts";
import { ask, until } from "./testing-http.ts";
import { withEngine } from "./testing.ts";
import type { TestEngine } from "./testing.ts";

const table = `CREATE TABLE assay.t (a UInt32, s String DEFAULT 'd') ENGINE = MergeTree ORDER BY a
  SETTINGS non_replicated_deduplication_window = 100, fsync_after_insert = 1`;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function folder(): Promise<string> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), "assay-life-"));
  cleanups.push(() => fs.rm(dir, { recursive: true, force: true }));
  return dir;
}

async function engineIn(dataDir: string): Promise<TestEngine> {
  const engine = await withEngine({ dataDir });
  cleanups.push(() => engine.stop());
  return engine;
}

async function count(target: ClickHouseTarget): Promise<number> {
  const answer = await ask(target, "SELECT count() FROM assay.t");
  if (answer.status !== 200) throw new Error(answer.text);
  return Number(answer.text);
}

async function block(target: ClickHouseTarget, rows: number): Promise<Buffer> {
  const query = `SELECT toUInt32(number) AS a, 's' AS s FROM numbers(${rows}) FORMAT Native`;
  const response = await fetch(`${target.url}/?${new URLSearchParams({ query, user: "reader" })}`);
  return Buffer.from(await response.arrayBuffer());
}

const exactly = {
  max_threads: "1",
  max_insert_threads: "1",
  min_insert_block_size_rows: "10000000",
  min_insert_block_size_bytes: "0",
  max_insert_block_size: "10000000",
  async_insert: "0",
  deduplicate_insert_select: "enable_even_for_bad_queries",
  deduplicate_blocks_in_dependent_materialized_views: "1",
};

function insert(target: ClickHouseTarget, body: Buffer, token: string) {
  return ask(target, new Uint8Array(body), {
    query: "INSERT INTO assay.t FORMAT Native",
    insert_deduplication_token: token,
    ...exactly,
  });
}

test("starts again after a kill, with the same address, password and data", async () => {
  const engine = await engineIn(await folder());
  await ask(engine.target, "CREATE DATABASE assay");
  await ask(engine.target, table);
  await ask(engine.target, "INSERT INTO assay.t (a) VALUES (1)");
  const passwordFile = embeddedPaths(engine.dataDir).writerPassword;
  expect((await fs.stat(passwordFile)).mode & 0o777).toBe(0o600);
  const before = engine.server.pid()!;
  process.kill(before, "SIGKILL");
  const rows = await until("it answers again", () => count(engine.target).catch(() => undefined));
  expect(rows).toBe(1);
  expect(engine.server.restarts()).toBe(1);
  expect(engine.server.pid()).not.toBe(before);
  expect(engine.logged).toEqual([expect.stringContaining("ended (SIGKILL), starting it again")]);
  const idle = { running: 0, queued: 0, refused: 0 };
  await until("lanes are reported", async () =>
    engine.server.lanes()["reads"] ? true : undefined,
  );
  expect(engine.server.lanes()).toMatchObject({ inserts: idle, commands: idle });
});

test("opens existing data in time", async () => {
  const dataDir = await folder();
  const first = await engineIn(dataDir);
  await ask(first.target, "CREATE DATABASE assay");
  await ask(first.target, table);
  await first.stop();
  const started = performance.now();
  await engineIn(dataDir);
  expect(performance.now() - started).toBeLessThan(15_000); // 0.3 s alone on 2 cores
});

test("an orderly stop answers what runs", async () => {
  const engine = await engineIn(await folder());
  const asked = ask(
    engine.readerTarget,
    "SELECT count() FROM numbers(50000000) WHERE sipHash64(number) != 1",
  );
  await until("the query runs", async () => {
    const { text } = await ask(
      engine.target,
      "SELECT count() FROM system.processes WHERE query LIKE '%50000000%'",
    );
    return Number(text) > 1 ? true : undefined;
  });
  const stopped = engine.server.stop();
  expect((await asked).text).toBe("50000000\n");
  await stopped;
  expect(engine.server.pid()).toBeUndefined();
});

test("one that is killed at its start is started again", async () => {
  const dataDir = await folder();
  const starting = engineIn(dataDir);
  process.kill(await until("the child is there", () => childOn(dataDir)), "SIGKILL");
  const engine = await starting;
  expect(engine.logged[0]).toContain("ended at its start (SIGKILL), starting it again");
  expect((await ask(engine.readerTarget, "SELECT 1")).text).toBe("1\n");
});

async function childOn(dataDir: string): Promise<number | undefined> {
  for (const pid of await childrenOf(process.pid)) {
    const command = await fs.readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(dataDir)) return pid;
  }
  return undefined;
}

test("dies with its parent", async () => {
  const dataDir = await folder();
  const parent = fork(new URL("./testing-parent.ts", import.meta.url), [dataDir], { execArgv: [] });
  const child = await new Promise<number>((resolve) =>
    parent.once("message", (pid) => resolve(pid as number)),
  );
  expect(alive(child)).toBe(true);
  parent.kill("SIGKILL");
  await until("the child is gone", async () => (alive(child) ? undefined : true), 5_000);
  const next = await engineIn(dataDir); // and its lock with it
  expect((await ask(next.readerTarget, "SELECT 1")).text).toBe("1\n");
});

test("one that cannot end after its parent was killed is ended by the next", async () => {
  const dataDir = await folder();
  const parent = fork(new URL("./testing-parent.ts", import.meta.url), [dataDir], { execArgv: [] });
  const child = await new Promise<number>((resolve) =>
    parent.once("message", (pid) => resolve(pid as number)),
  );
  process.kill(child, "SIGSTOP"); // as one that is busy, or waits for its disk
  parent.kill("SIGKILL");
  const next = await engineIn(dataDir);
  expect((await ask(next.readerTarget, "SELECT 1")).text).toBe("1\n");
  expect(await identityOf(child)).toBeUndefined();
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // no such process
  }
}

test("a second server on the same folder is refused, and the first goes on", async () => {
  const engine = await engineIn(await folder());
  const second = withEngine({ dataDir: engine.dataDir });
  await expect(second).rejects.toThrow(
    `expected to be the only one to use "${embeddedPaths(engine.dataDir).root}", but process ${engine.server.pid()} has it open`,
  );
  expect((await ask(engine.readerTarget, "SELECT 1")).text).toBe("1\n");
});

test("a torn deduplication log is cut to whole records, and still drops repeated inserts", async () => {
  const dataDir = await folder();
  const first = await engineIn(dataDir);
  await ask(first.target, "CREATE DATABASE assay");
  await ask(first.target, table);
  const data = await block(first.target, 100);
  expect((await insert(first.target, data, "one")).text).toBe("");
  await first.stop();
  const root = embeddedPaths(dataDir).root;
  const logs: string[] = [];
  for await (const file of fs.glob("store/*/*/deduplication_logs/*.txt", { cwd: root }))
    logs.push(path.join(root, file));
  expect(logs).toHaveLength(1);
  await fs.appendFile(logs[0]!, "1\tall_2_2_0\t1234");
  const second = await engineIn(dataDir);
  expect(second.logged).toEqual([expect.stringContaining("cut 16 bytes of a torn record")]);
  expect((await insert(second.target, data, "two")).text).toBe("");
  await second.stop();
  const third = await engineIn(dataDir);
  for (const token of ["one", "two"]) await insert(third.target, data, token);
  expect(await count(third.target)).toBe(200);
});

test("takes a block from the spool folder under the same rules as a posted one", async () => {
  const engine = await engineIn(await folder());
  const { target } = engine;
  await ask(target, "CREATE DATABASE assay");
  await ask(target, table);
  const data = await block(target, 1000);
  const name = `${randomUUID()}.native`;
  await fs.writeFile(path.join(target.spoolDir!, name), data);
  const query = "INSERT INTO assay.t FORMAT Native";
  const params = { query, assay_spool: name, insert_deduplication_token: "t", ...exactly };
  for (let i = 0; i < 2; i++) expect((await ask(target, "", params)).text).toBe("");
  expect(await count(target)).toBe(1000);
  await insert(target, data, "t");
  expect(await count(target)).toBe(1000); // the same token, whichever way it came
  const kept = await fs.readFile(path.join(target.spoolDir!, name));
  expect(sha256(kept)).toBe(sha256(data));
  expect(await fs.readdir(target.spoolDir!)).toEqual([name]); // posted bodies leave nothing behind

  const link = `${randomUUID()}.native`;
  await fs.symlink("/etc/passwd", path.join(target.spoolDir!, link));
  const bad = [
    "../writer.password",
    "/etc/passwd",
    `x/${name}`,
    name.replace("native", "csv"),
    `${name}\0`,
    "",
    link,
  ];
  for (const assay_spool of bad) {
    expect(
      (await ask(target, "", { ...params, assay_spool })).status,
      assay_spool,
    ).toBeGreaterThanOrEqual(400);
  }
  const missing = await ask(target, "", { ...params, assay_spool: `${randomUUID()}.native` });
  expect(missing.text).toContain("(FILE_DOESNT_EXIST)");
  const reader = await ask(engine.readerTarget, "", { ...params, assay_spool: name });
  expect(reader.text).toContain("(READONLY)");
  const select = await ask(target, "SELECT 1", { assay_spool: name });
  expect(select.status).toBe(400);
  expect(await count(target)).toBe(1000);
});

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
