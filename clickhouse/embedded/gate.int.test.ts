import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./testing-http.ts";
import { withEngine } from "./testing.ts";
import type { TestEngine } from "./testing.ts";

let engine: TestEngine;
let secret: string;
let written: string;
let folder: string;

beforeAll(async () => {
  engine = await withEngine();
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "assay-gate-"));
  secret = path.join(folder, "secret.csv");
  written = path.join(folder, "written");
  await fs.writeFile(secret, "1,the-secret\n");
  await ask(engine.target, "CREATE DATABASE assay");
  await ask(
    engine.target,
    "CREATE TABLE assay.t (a UInt32, s String) ENGINE = MergeTree ORDER BY a",
  );
  await ask(engine.target, "INSERT INTO assay.t VALUES (1, 'x')");
});

afterAll(async () => {
  await engine?.stop();
  await fs.rm(folder, { recursive: true, force: true });
});

const fill = (sql: string): string =>
  sql.replaceAll("SECRET", secret).replaceAll("WRITTEN", written);

/** Neither user may: files, other hosts, programs, the engine's end. */
const outside = [
  "SELECT file('SECRET')",
  "SELECT FiLe /* c */ ('SECRET')",
  "SELECT `file`('SECRET')",
  "SELECT \"file\"('SECRET')",
  "SELECT file\n--x\n('SECRET')",
  "WITH (SELECT file('SECRET')) AS x SELECT x",
  "WITH x AS (SELECT * FROM file('SECRET')) SELECT * FROM x",
  "SELECT * FROM t WHERE s IN (SELECT file('SECRET'))",
  "SELECT arrayMap(p -> file(p), ['SECRET'])",
  "SELECT * FROM file('SECRET', 'CSV', 'a Int, s String')",
  "SELECT 1 IN file('SECRET', 'CSV', 'a Int')",
  "SELECT * FROM view(SELECT file('SECRET'))",
  "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT file('SECRET')))",
  "SELECT * FROM `SECRET`",
  "SELECT * FROM 'SECRET'",
  "SELECT * FROM default.`SECRET`",
  "SELECT * FROM loop(file('SECRET'))",
  "SELECT * FROM filesystem('/')",
  "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a Int')",
  "SELECT * FROM remote('127.0.0.1:1', system.one)",
  "SELECT * FROM remoteSecure('127.0.0.1:1', system.one)",
  "SELECT * FROM s3('http://127.0.0.1:1/b', 'CSV', 'a Int')",
  "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
  "SELECT * FROM sqlite('SECRET', 't')",
  "SELECT * FROM executable('x.sh', 'CSV', 'a Int')",
  "SELECT * FROM clusterAllReplicas('default', system.one)",
  "SELECT * FROM eval('SELECT 1') SETTINGS allow_experimental_eval_table_function = 1",
  "SELECT hasColumnInTable('127.0.0.1:1', 'u', 'p', 'system', 'one', 'dummy')",
  "SELECT aiGenerate('x', 'y')",
  "SELECT 1 INTO OUTFILE 'WRITTEN'",
  "SELECT 1 into/**/outfile 'WRITTEN' TRUNCATE FORMAT CSV",
  "SHOW TABLES INTO OUTFILE 'WRITTEN'",
  "(SELECT 1) INTO OUTFILE 'WRITTEN'",
  "EXPLAIN SELECT 1 INTO OUTFILE 'WRITTEN'",
  "SELECT 1; SELECT 1 INTO OUTFILE 'WRITTEN'",
  "SELECT 1 FORMAT CSV; SELECT file('SECRET')",
  "SHOW TABLES WHERE name = file('SECRET')",
  "SYSTEM SHUTDOWN",
  "SYSTEM KILL",
  "EXECUTE AS writer SELECT 1",
  "CREATE USER x",
  "GRANT ALL ON *.* TO x",
  "BACKUP TABLE t TO File('WRITTEN')",
];

/** What the writer must not define or load. */
const writerOutside = [
  "CREATE TABLE f (a Int) ENGINE = File(CSV, 'SECRET')",
  "CREATE TABLE f ENGINE = URL('http://127.0.0.1:1/', CSV) AS SELECT 1 AS a",
  "CREATE TABLE f (a Int) ENGINE = Executable('x.sh', CSV)",
  "CREATE TABLE f AS file('SECRET')",
  "CREATE VIEW v AS SELECT file('SECRET')",
  "CREATE FUNCTION f AS x -> file(x)",
  "CREATE TABLE f (a String DEFAULT file('SECRET')) ENGINE = Memory",
  "CREATE DATABASE f ENGINE = Filesystem('/')",
  "CREATE DICTIONARY f (a Int) PRIMARY KEY a SOURCE(FILE(PATH 'SECRET' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
  "CREATE DICTIONARY f (a Int) PRIMARY KEY a SOURCE(HTTP(URL 'http://127.0.0.1:1' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
  "CREATE TABLE f (a Int) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = 'WRITTEN/')",
  "ATTACH TABLE f FROM 'SECRET' (a Int) ENGINE = MergeTree ORDER BY a",
  "INSERT INTO FUNCTION file('WRITTEN', 'CSV', 'a Int') SELECT 1",
  "INSERT INTO FUNCTION file('WRITTEN', 'CSV', 'a Int') VALUES (1)",
  "INSERT INTO t FROM INFILE 'SECRET' FORMAT CSV",
  "INSERT INTO t SELECT 1, file('SECRET')",
  "ALTER TABLE t UPDATE s = file('SECRET') WHERE 1",
  "KILL QUERY WHERE 1 SYNC",
];

/** What only the writer may. */
const changing = [
  "INSERT INTO t VALUES (2, 'y')",
  "INSERT INTO t SELECT 2, 'y'",
  "CREATE TABLE u (a Int) ENGINE = Memory",
  "CREATE TEMPORARY TABLE u (a Int)",
  "DROP TABLE t",
  "TRUNCATE TABLE t",
  "ALTER TABLE t DELETE WHERE 1",
  "DELETE FROM t WHERE 1",
  "OPTIMIZE TABLE t",
  "RENAME TABLE t TO u",
  "KILL QUERY WHERE 1 ASYNC",
  "SET max_threads = 1",
  "SET readonly = 0",
  "USE system",
  "SYSTEM FLUSH LOGS",
  "SELECT 1 SETTINGS max_memory_usage = 0",
  "SELECT 1 SETTINGS readonly = 0, final = 1",
  "SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 0) SETTINGS final = 1",
];

async function refused(sql: string, user: "writer" | "reader"): Promise<void> {
  const target = user === "writer" ? engine.target : engine.readerTarget;
  const answer = await ask(target, fill(sql), { database: "assay" });
  expect(answer.text).toMatch(/^Code: \d+\. DB::Exception/);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.text).not.toContain("the-secret");
  await expect(fs.access(written)).rejects.toThrow("ENOENT");
  const alive = await ask(engine.readerTarget, "SELECT count() FROM assay.t");
  expect(alive.text).toBe("1\n");
}

test("a condition on a column called engine is no engine", async () => {
  const sql = "SELECT name FROM system.tables WHERE database = 'assay' AND engine = 'MergeTree'";
  expect((await ask(engine.readerTarget, sql)).text).toContain("t\n");
});

test.each(outside)("the reader may not: %s", (sql) => refused(sql, "reader"));
test.each([...outside, ...writerOutside])("the writer may not: %s", (sql) =>
  refused(sql, "writer"),
);
test.each(changing)("only the writer may: %s", (sql) => refused(sql, "reader"));

test.each([
  { max_memory_usage_for_user: "0" },
  { max_server_memory_usage: "0" },
  { dialect: "prql" },
  { assay_spool: "3f2b8f0e-2b6c-4d57-9a4f-0f7a3c1f2a10.native" },
  { default_format: "CSV; SELECT 1 INTO OUTFILE '/tmp/x'" },
  { "max_threads = 1; DROP TABLE assay.t; SET max_threads": "1" },
  { "param_a = 1; DROP TABLE assay.t": "1" },
])("the reader's URL may not carry %j", async (params) => {
  const answer = await ask(
    engine.readerTarget,
    "SELECT 1",
    params as unknown as Record<string, string>,
  );
  expect(answer.status).toBeGreaterThanOrEqual(400);
});

test("quotes in parameters, settings and names stay inside them", async () => {
  const answer = await ask(engine.readerTarget, "SELECT {a:String}", {
    param_a: "'; DROP TABLE assay.t --",
  });
  expect(answer.text).toBe("\\'; DROP TABLE assay.t --\n");
  const named = await ask(engine.readerTarget, "SELECT 1", {
    database: "x`; DROP TABLE assay.t; --",
  });
  expect(named.text).toContain("(ACCESS_DENIED)");
  const table = await ask(engine.readerTarget, "SELECT * FROM {t:Identifier}", { param_t: secret });
  expect(table.text).not.toContain("the-secret");
  expect((await ask(engine.readerTarget, "SELECT count() FROM assay.t")).text).toBe("1\n");
});

test("limits that the reader asks for are kept within the server's", async () => {
  const query = "SELECT getSetting('max_execution_time'), getSetting('max_memory_usage')";
  const half = 512 * 1024 * 1024;
  for (const [seconds, expected] of [
    ["64", 64],
    ["0", 300],
    ["99999", 300],
  ] as const) {
    const answer = await ask(engine.readerTarget, query, {
      max_execution_time: seconds,
      max_memory_usage: "0",
    });
    expect(answer.text).toBe(`${expected}\t${half}\n`);
  }
  const greedy = await ask(
    engine.readerTarget,
    "SELECT length(groupArray(number)) FROM numbers(1000000000)",
  );
  expect(greedy.text).toContain("(MEMORY_LIMIT_EXCEEDED)");
});

test.each([
  "SELECT a, s, file FROM (SELECT a, s, 'into outfile file(1)' AS file FROM assay.t)",
  "WITH x AS (SELECT number FROM numbers(3)) SELECT sum(number) FROM x",
  "SELECT * FROM assay.t SETTINGS additional_table_filters = {'assay.t': 'a = 1'}, final = 1",
  "SELECT 1 AS format ORDER BY format DESC",
  "SELECT format('{}-{}', 'a', 'b')",
  "SELECT * FROM values('a UInt8', 1) UNION ALL SELECT 2",
  "EXPLAIN indexes = 1 SELECT * FROM assay.t WHERE a = 1",
  "SHOW DATABASES",
])("the reader may: %s", async (sql) => {
  const answer = await ask(engine.readerTarget, sql);
  expect([answer.status, answer.text]).toEqual([200, expect.stringMatching(/\S/)]);
});
