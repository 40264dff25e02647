import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { ClickHouseClient } from "@clickhouse/client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { createClickHouse } from "./client.ts";
import { withEngine, type TestEngine } from "./embedded/testing.ts";
import {
  migrate,
  readMigrations,
  schemaVersion,
  statementsOf,
  type MigrateOptions,
} from "./migrate.ts";
import { retention, retentionDays } from "./retention.ts";
import { splitStatements } from "./statements.ts";
import { oneBlock } from "./one-block.ts";
import { insertSpans } from "./testing-spans.ts";

const SCHEMA_DIR = join(import.meta.dirname, "schema");
const log = (): void => undefined;

/** The days on which each release, prompt version and model was seen. */
const SEEN = `SELECT project, kind, service, environment, value, day, toUInt32(sum(spans)) AS spans, toDate(min(first_seen)) AS first
  FROM sightings GROUP BY ALL ORDER BY ALL`;
const ENDED = `SELECT outcome, detail, toUInt32(sum(spans)) AS spans FROM outcomes_1m GROUP BY ALL ORDER BY ALL`;

/** The rows have fixed dates; with the usual retention the engine would drop them as they come. */
const forever = (): Record<string, number> =>
  Object.fromEntries(Object.keys(retention).map((name) => [name, 18_250]));

let engine: TestEngine;
let client: ClickHouseClient;
let dirs: string[] = [];

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
});

afterAll(async () => {
  await client.close();
  await engine.stop();
});

afterEach(async () => {
  await client.command({ query: "DROP DATABASE IF EXISTS assay SYNC" });
  await client.command({
    query: "CREATE DATABASE assay",
    http_headers: { "X-ClickHouse-Database": "default" },
  });
  for (const dir of dirs) await rm(dir, { recursive: true });
  dirs = [];
});

/** A copy of the schema that a test may change. */
async function copyOfSchema(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "assay-schema-"));
  dirs.push(dir);
  await cp(SCHEMA_DIR, dir, { recursive: true });
  return dir;
}

async function rows<T>(query: string): Promise<T[]> {
  return (await client.query({ query, format: "JSONEachRow" })).json<T>();
}

/** The statement as ClickHouse's own parser understands it; the embedded engine has no cluster to run it on. */
async function parsed(statement: string): Promise<string> {
  const result = await client.query({
    query: "SELECT formatQuerySingleLine({statement:String}) AS text",
    query_params: { statement },
    format: "JSONEachRow",
  });
  return (await result.json<{ text: string }>())[0]!.text;
}

const run = (options: Partial<MigrateOptions> = {}) => migrate(client, { log, ...options });

describe("migrate", () => {
  test("applies every file once and records it", async () => {
    const files = await readMigrations(SCHEMA_DIR);
    const newest = files.at(-1)!.version;
    expect(await schemaVersion(client)).toBe(0);
    expect(await run()).toEqual({ applied: files.map((file) => file.name), version: newest });
    expect(await run()).toEqual({ applied: [], version: newest });
    expect(await schemaVersion(client)).toBe(newest);
    const recorded = await rows("SELECT version, name, checksum FROM migrations ORDER BY version");
    expect(recorded).toEqual(
      files.map(({ version, name, checksum }) => ({ version, name, checksum })),
    );
  });

  test("two processes at once apply each file once", async () => {
    const { url, username, password } = engine.target;
    const program = `
      const { createClient } = await import("@clickhouse/client");
      const { migrate } = await import("./migrate.ts");
      const client = createClient(${JSON.stringify({ url, username, password, database: "assay" })});
      const report = await migrate(client, { log: () => {} });
      await client.close();
      console.log(JSON.stringify(report));`;
    const start = () =>
      promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
        cwd: import.meta.dirname,
      });
    const outputs = await Promise.all([start(), start(), start()]);
    const applied = outputs.flatMap(
      ({ stdout }) => (JSON.parse(stdout) as { applied: string[] }).applied,
    );
    const files = await readMigrations(SCHEMA_DIR);
    expect(applied.sort()).toEqual(files.map((file) => file.name));
    expect(await rows("SELECT toUInt32(count()) AS n FROM migrations")).toEqual([
      { n: files.length },
    ]);
    expect(
      await rows(
        "SELECT name FROM system.tables WHERE database = 'assay' AND name = 'migration_lock'",
      ),
    ).toEqual([]);
  });

  test("goes on where a run was interrupted", async () => {
    const dir = await copyOfSchema();
    await writeFile(
      join(dir, "9000_broken.sql"),
      "CREATE TABLE IF NOT EXISTS made (x UInt8) ENGINE = Memory; SELECT nonsense;",
    );
    await expect(run({ schemaDir: dir })).rejects.toThrow(
      'migration 9000_broken failed at "SELECT nonsense"',
    );
    await writeFile(
      join(dir, "9000_broken.sql"),
      "CREATE TABLE IF NOT EXISTS made (x UInt8) ENGINE = Memory;",
    );
    expect(await run({ schemaDir: dir })).toEqual({ applied: ["9000_broken"], version: 9000 });
  });

  test("takes the lock of a process that died", async () => {
    await client.command({ query: "CREATE TABLE migration_lock (touched UInt64) ENGINE = Null" });
    const messages: string[] = [];
    const report = await run({ log: (_, message) => void messages.push(message) });
    expect(report.applied.length).toBeGreaterThan(0);
    expect(messages[0]).toContain("another process is migrating");
  });

  test("a database of before there were fewer tables keeps what it has", async () => {
    const retentionDays = forever();
    const dir = await copyOfSchema();
    for (const file of await readdir(dir))
      if (file > "0016") await rm(join(dir, file), { recursive: true });
    await run({ schemaDir: dir, retentionDays });
    await insertSpans(client, { from: 0, count: 600, days: 2 }, oneBlock("before"));
    const seen = await rows(SEEN);
    const ended = await rows(ENDED);
    await run({ retentionDays });
    expect(await rows(SEEN)).toEqual(seen);
    expect(await rows(ENDED)).toEqual(ended);
    await insertSpans(client, { from: 600, count: 600, days: 2 }, oneBlock("after"));
    await insertSpans(client, { from: 600, count: 600, days: 2 }, oneBlock("after"));
    expect(
      await rows(
        "SELECT toUInt32(sum(spans)) AS counted, (SELECT toUInt32(count()) FROM spans WHERE operation != '') AS stored FROM llm_1h",
      ),
    ).toEqual([{ counted: 1000, stored: 1000 }]);
    const [cost] = await rows<{ p50: number }>(
      "SELECT quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(call_usd_sketch)[1] AS p50 FROM llm_1h",
    );
    expect(cost!.p50).toBeGreaterThan(0);
  });

  test("refuses a database that is newer than the code", async () => {
    const dir = await copyOfSchema();
    await writeFile(join(dir, "9000_future.sql"), "SELECT 1;");
    await run({ schemaDir: dir });
    await expect(run()).rejects.toThrow(
      /the database has migration 9000_future, and this version of Assay knows/,
    );
  });

  test("refuses an applied file that changed", async () => {
    await run();
    const dir = await copyOfSchema();
    const file = join(dir, "0002_rollups.sql");
    await writeFile(file, `${await readFile(file, "utf8")}\n-- one line more\n`);
    await expect(run({ schemaDir: dir })).rejects.toThrow(
      /0002_rollups was applied with checksum \w{32}/,
    );
    await rm(file);
    await expect(run({ schemaDir: dir })).rejects.toThrow("has no such file");
  });

  test("brings the retention of existing tables to the settings", async () => {
    const days = async () =>
      Object.fromEntries(
        (
          await rows<{ name: string; days: string }>(
            "SELECT name, extract(engine_full, 'toIntervalDay\\\\((\\\\d+)\\\\)') AS days FROM system.tables WHERE database = 'assay' AND days != ''",
          )
        ).map((row) => [row.name, Number(row.days)]),
      );
    const defaults = {
      spans: 90, trace_index: 90, span_content: 30, evaluations: 400, traffic_1h: 400, experiment_runs: 400, experiment_outputs: 400, canary_answers: 400, judge_decisions: 30, judge_windows: 30, judge_attacks: 400, label_leases: 30, check_results: 400, guardrail_1m: 90, llm_1m: 35, llm_1h: 400, llm_1d: 1830, cost_by_user_1d: 400, cost_by_release_1d: 1830, cost_revisions: 1830, outcomes_1m: 400, answers_1d: 30, collector_metrics: 35, incidents: 400, leases: 1,
    }; // prettier-ignore
    await run();
    expect(await days()).toEqual(defaults);
    await run({ retentionDays: { spans: 7, content: 3 } });
    expect(await days()).toEqual({
      ...defaults,
      spans: 7,
      trace_index: 7,
      span_content: 3,
      answers_1d: 3,
    });
    await run();
    expect(await days()).toEqual(defaults);
  });

  test("refuses a retention that is no number of days", () => {
    expect(() => retentionDays({ spans: 0 })).toThrow(
      'retention of spans: expected whole days from 1 to 18250, got "0"',
    );
  });

  // Its table would know blocks under other tokens after the next restart: docs/decisions/0004-exactly-once.md.
  test("no view is changed in place", async () => {
    for (const { name, sql } of await readMigrations(SCHEMA_DIR))
      expect(
        splitStatements(sql).filter((one) => /\bMODIFY\s+QUERY\b/i.test(one)),
        name,
      ).toEqual([]);
  });

  test("every statement for a cluster is one that ClickHouse can parse", async () => {
    await run();
    for (const migration of await readMigrations(SCHEMA_DIR)) {
      for (const statement of statementsOf(migration, {
        cluster: "main",
        retentionDays: retentionDays(),
      })) {
        expect(statement).toContain("ON CLUSTER 'main'");
        expect(statement).not.toMatch(/ENGINE = (Aggregating)?MergeTree/);
        expect(await parsed(statement)).toMatch(/^(CREATE|ALTER|DROP) .* ON CLUSTER main( |$)/);
      }
    }
  });
});
