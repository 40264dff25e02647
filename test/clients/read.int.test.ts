/**
 * The read-only SQL endpoint through the clients that people have: `@clickhouse/client`, curl, and clickhouse-connect where
 * `cd test/clients && python3 -m venv venv && venv/bin/pip install -r requirements.txt` was run.
 */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient } from "@clickhouse/client";
import { createClickHouse } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));
const python = `${here}venv/bin/python`;
let engine: TestEngine;

beforeAll(async () => {
  engine = await withEngine();
  const writer = createClickHouse({ ...engine.target, database: "default" as "assay" });
  for (const query of [
    "CREATE DATABASE assay",
    "CREATE TABLE assay.read (name String, cost Nullable(Decimal(38, 12)), attrs Map(LowCardinality(String), String)) ENGINE = MergeTree ORDER BY name",
    "INSERT INTO assay.read SELECT 'chat', 0.25, map('k', 'v')",
  ])
    await writer.command({ query });
  await writer.close();
});

afterAll(() => engine.stop());

test("@clickhouse/client: bound parameters, a stream, a refusal", async () => {
  const client = createClient({
    url: engine.readerTarget.url,
    username: "reader",
    database: "assay",
  });
  const result = await client.query({
    query: "SELECT name, toString(cost) AS cost FROM read WHERE name = {name:String}",
    query_params: { name: "chat" },
    format: "JSONEachRow",
  });
  expect(await result.json()).toEqual([{ name: "chat", cost: "0.25" }]);
  const stream = await client.query({
    query: "SELECT number FROM numbers(100000)",
    format: "JSONEachRow",
  });
  let rows = 0;
  for await (const part of stream.stream()) rows += part.length;
  expect(rows).toBe(100_000);
  await expect(
    client.insert({ table: "read", values: [{ name: "x" }], format: "JSONEachRow" }),
  ).rejects.toThrow(/readonly/);
  await client.close();
});

test("curl: by GET and by POST", async () => {
  const ask = async (...args: string[]) => (await run("curl", ["-sS", ...args])).stdout;
  const { url } = engine.readerTarget;
  expect(await ask(`${url}/?user=reader&query=SELECT+name+FROM+assay.read`)).toBe("chat\n");
  expect(
    await ask("-u", "reader:", url, "--data-binary", "SELECT * FROM assay.read FORMAT JSONEachRow"),
  ).toBe(`{"name":"chat","cost":0.25,"attrs":{"k":"v"}}\n`);
  expect(await ask("-u", "reader:", url, "-d", "DROP TABLE assay.read")).toContain("(READONLY)");
});

const withConnect = test.skipIf(!existsSync(python));

withConnect("clickhouse-connect: parameters, types, a stream, a refusal", async () => {
  const { port } = new URL(engine.readerTarget.url);
  // Not in this process: the engine is another, and this one must answer nothing meanwhile.
  const printed = execFileSync(python, [`${here}read.py`, port], { encoding: "utf8" });
  expect(JSON.parse(printed)).toEqual({
    rows: [["chat", "0.250000000000", { k: "v" }]],
    total: 4_999_950_000,
    refused: true,
  });
});
