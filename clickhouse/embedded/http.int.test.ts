import { Readable } from "node:stream";
import zlib from "node:zlib";
import { ClickHouseError } from "@clickhouse/client";
import type { ClickHouseClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClickHouse } from "../client.ts";
import { ask, until } from "./testing-http.ts";
import { withEngine } from "./testing.ts";
import type { TestEngine } from "./testing.ts";

let engine: TestEngine;
let writer: ClickHouseClient;
let reader: ClickHouseClient;

beforeAll(async () => {
  engine = await withEngine();
  await ask(engine.target, "CREATE DATABASE assay");
  writer = createClickHouse(engine.target);
  reader = createClickHouse(engine.readerTarget);
  await writer.command({
    query: `CREATE TABLE events (id UInt32, name LowCardinality(String) DEFAULT 'none', at DateTime64(3, 'UTC') DEFAULT 0)
      ENGINE = MergeTree ORDER BY id`,
  });
});

afterAll(async () => {
  await writer?.close();
  await reader?.close();
  await engine?.stop();
});

async function rows(query: string, client = writer): Promise<unknown[]> {
  return (await client.query({ query, format: "JSONCompactEachRow" })).json();
}

async function emptied(): Promise<void> {
  await writer.command({ query: "TRUNCATE TABLE events" });
}

test("answers pings", async () => {
  expect(await writer.ping()).toEqual({ success: true });
  expect(await reader.ping({ select: true })).toEqual({ success: true });
  for (const path of ["/", "/ping"])
    expect(await (await fetch(engine.target.url + path)).text()).toBe("Ok.\n");
});

test.each([
  ["JSON", "application/json; charset=UTF-8", /"data":\s*\[\s*\{\s*"a": 1/],
  ["JSONCompact", "application/json; charset=UTF-8", /\[1, "x"\]/],
  ["JSONEachRow", "application/x-ndjson; charset=UTF-8", /^\{"a":1,"b":"x"\}\n$/],
  ["CSVWithNames", "text/csv; charset=UTF-8; header=present", /^"a","b"\n1,"x"\n$/],
  ["TabSeparated", "text/tab-separated-values; charset=UTF-8", /^1\tx\n$/],
  ["Pretty", "text/plain; charset=UTF-8", /x/],
  ["RowBinary", "application/octet-stream", /^.{2}x$/s],
])("format %s by clause and by default_format", async (format, type, expected) => {
  const byClause = await ask(engine.target, `SELECT 1 AS a, 'x' AS b FORMAT ${format} -- the end`);
  const byDefault = await ask(engine.target, "SELECT 1 AS a, 'x' AS b;", {
    default_format: format,
  });
  for (const answer of [byClause, byDefault]) {
    expect(answer.status).toBe(200);
    expect(answer.text).toMatch(expected);
    expect(answer.headers.get("content-type")).toBe(type);
    expect(answer.headers.get("x-clickhouse-format")).toBe(format);
  }
});

test("answers statements about the schema", async () => {
  expect(await rows("SHOW TABLES")).toEqual([["events"]]);
  expect(await rows("EXISTS TABLE events")).toEqual([[1]]);
  expect((await rows("DESCRIBE TABLE events"))[0]).toEqual(["id", "UInt32", "", "", "", "", ""]);
  expect(JSON.stringify(await rows("SHOW CREATE TABLE events"))).toContain("ORDER BY id");
  expect(JSON.stringify(await rows("EXPLAIN SELECT id FROM events ORDER BY id"))).toContain(
    "Sorting",
  );
});

test("headers: summary, query id, time zone, server", async () => {
  const { headers } = await ask(engine.target, "SELECT number FROM numbers(10)", {
    query_id: "mine-1",
  });
  expect(headers.get("x-clickhouse-query-id")).toBe("mine-1");
  expect(headers.get("x-clickhouse-timezone")).toBe("UTC");
  expect(headers.get("x-clickhouse-server-display-name")).toBe("assay-embedded");
  expect(JSON.parse(headers.get("x-clickhouse-summary")!)).toMatchObject({
    read_rows: "10",
    written_rows: "0",
  });
});

test("binds parameters of many types", async () => {
  const result = await reader.query({
    query: `SELECT {s:String} AS s, {n:Int64} AS n, {f:Float64} AS f, {b:Bool} AS b, {d:DateTime64(3, 'UTC')} AS d,
      {a:Array(String)} AS a, {m:Map(String, UInt8)} AS m, {z:Nullable(String)} AS z, {u:UInt8} IN {l:Array(UInt8)} AS i`,
    query_params: {
      s: "it's \\ a\ttab\nand 'more'",
      n: -5,
      f: 0.25,
      b: true,
      d: new Date(1_700_000_000_123),
      a: ["x'y", "z\\"],
      m: { k: 7 },
      z: null,
      u: 3,
      l: [1, 2, 3],
    },
    format: "JSONEachRow",
  });
  expect(await result.json()).toEqual([
    {
      s: "it's \\ a\ttab\nand 'more'",
      n: -5,
      f: 0.25,
      b: true,
      d: "2023-11-14 22:13:20.123",
      a: ["x'y", "z\\"],
      m: { k: 7 },
      z: null,
      i: 1,
    },
  ]);
});

test("parameters of queries at the same time stay apart", async () => {
  const asked = Array.from({ length: 40 }, async (_, i) => {
    const result = await reader.query({
      query: "SELECT {n:UInt32} AS n",
      query_params: { n: i },
      format: "JSONEachRow",
    });
    return ((await result.json()) as { n: number }[])[0]!.n;
  });
  expect(await Promise.all(asked)).toEqual(Array.from({ length: 40 }, (_, i) => i));
});

test("takes parameters too long for a URL as a form", async () => {
  const list = Array.from({ length: 2000 }, (_, i) => `name-${i}`);
  const result = await reader.query({
    query: "SELECT length({list:Array(String)}) AS n",
    query_params: { list },
    format: "JSONEachRow",
    use_multipart_params: true,
  });
  expect(await result.json()).toEqual([{ n: 2000 }]);
});

test("inserts objects, a stream of objects and raw text, with column defaults", async () => {
  await emptied();
  await writer.insert({
    table: "events",
    values: [{ id: 1 }, { id: 2, name: "b" }],
    format: "JSONEachRow",
  });
  await writer.insert({
    table: "events",
    values: Readable.from([{ id: 3 }, { id: 4 }]),
    format: "JSONEachRow",
  });
  await writer.insert({
    table: "events",
    values: Readable.from(["5,five\n", "6,six\n"], { objectMode: false }),
    format: "CSV",
    columns: ["id", "name"],
  });
  expect(await rows("SELECT id, name FROM events ORDER BY id")).toEqual([
    [1, "none"],
    [2, "b"],
    [3, "none"],
    [4, "none"],
    [5, "five"],
    [6, "six"],
  ]);
});

test("inserts inline values, from a SELECT and as text after FORMAT in the body", async () => {
  await emptied();
  await writer.command({
    query: "INSERT INTO events (id, name) VALUES (1, 'it''s; (a)'), (1 + 1, DEFAULT)",
  });
  await writer.command({ query: "INSERT INTO events (id) SELECT 3" });
  await ask(engine.target, 'INSERT INTO assay.events FORMAT JSONEachRow\n{"id":4,"name":"four"}\n');
  const summary = await ask(engine.target, '{"id":5}', {
    query: "INSERT INTO assay.events FORMAT JSONEachRow",
  });
  expect(JSON.parse(summary.headers.get("x-clickhouse-summary")!)).toMatchObject({
    written_rows: "1",
  });
  expect(await rows("SELECT id, name FROM events ORDER BY id")).toEqual([
    [1, "it's; (a)"],
    [2, "none"],
    [3, "none"],
    [4, "four"],
    [5, "none"],
  ]);
});

test.each([
  "Native",
  "Parquet",
  "RowBinary",
  "ArrowStream",
  "CSVWithNames",
  "TSV",
  "JSONCompactEachRow",
  "Values",
])("what leaves as %s comes back", async (format) => {
  await emptied();
  const query = `SELECT toUInt32(number) AS id, 'n' || id AS name, toDateTime64(number, 3, 'UTC') AS at FROM numbers(1000) FORMAT ${format}`;
  const url = new URL(`?${new URLSearchParams({ query, user: "reader" })}`, engine.target.url);
  const block = await (await fetch(url)).arrayBuffer();
  const answer = await ask(engine.target, block, {
    query: `INSERT INTO assay.events FORMAT ${format}`,
  });
  expect(answer.text).toBe("");
  expect(await rows("SELECT count(), sum(id), uniqExact(name), max(at) FROM events")).toEqual([
    [1000, 499500, 1000, "1970-01-01 00:16:39.000"],
  ]);
});

test("Native goes by name, through exec with a stream", async () => {
  await emptied();
  const url = new URL(
    `?${new URLSearchParams({ query: "SELECT 'n' AS name, toUInt32(7) AS id FORMAT Native", user: "reader" })}`,
    engine.target.url,
  );
  const block = Buffer.from(await (await fetch(url)).arrayBuffer());
  const { stream } = await writer.exec({
    query: "INSERT INTO events FORMAT Native",
    values: Readable.from([block]),
  });
  stream.resume();
  await new Promise((resolve) => stream.on("close", resolve));
  expect(await rows("SELECT id, name FROM events")).toEqual([[7, "n"]]);
});

test("streams 100 MB", async () => {
  const result = await reader.query({
    query: "SELECT number, repeat('x', 100) AS text FROM numbers(1000000)",
    format: "JSONCompactEachRow",
  });
  let count = 0;
  for await (const batch of result.stream()) count += batch.length;
  expect(count).toBe(1_000_000);
});

test("compresses answers on demand and takes compressed requests", async () => {
  const client = createClickHouse({ ...engine.target, embedded: false });
  const result = await client.query({
    query: "SELECT number FROM numbers(100000)",
    format: "JSONCompactEachRow",
  });
  expect(await result.json()).toHaveLength(100_000);
  await emptied();
  await client.insert({ table: "events", values: [{ id: 1 }], format: "JSONEachRow" });
  expect(await rows("SELECT count() FROM events")).toEqual([[1]]);
  await client.close();
  const body = zlib.gzipSync("SELECT 1");
  const auth = {
    "X-ClickHouse-User": "reader",
    "Content-Encoding": "gzip",
    "Accept-Encoding": "identity",
  };
  expect((await ask(engine.target, body, {}, auth)).text).toBe("1\n");
});

test.each([
  ["SELECT * FROM nowhere", 60, "UNKNOWN_TABLE", 404],
  ["SELEC 1", 62, "SYNTAX_ERROR", 400],
  ["SELECT nowhere", 47, "UNKNOWN_IDENTIFIER", 404],
  ["SELECT 1; SELECT 2", 62, "SYNTAX_ERROR", 400],
  ["SELECT throwIf(number = 3) FROM numbers(9)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", 500],
  ["SELECT 1 FORMAT Nothing", 73, "UNKNOWN_FORMAT", 404],
  ["SELECT {a:String}", 456, "UNKNOWN_QUERY_PARAMETER", 500],
])("%s is error %i", async (query, code, type, status) => {
  const answer = await ask(engine.readerTarget, query);
  expect(answer.status).toBe(status);
  expect(answer.headers.get("x-clickhouse-exception-code")).toBe(String(code));
  expect(answer.text).toMatch(
    new RegExp(`^Code: ${code}\\. DB::Exception: [\\s\\S]+ \\(${type}\\) \\(version 2\\d\\.`),
  );
});

test("errors are typed for the client", async () => {
  const failed = writer.query({ query: "SELECT * FROM nowhere", format: "JSONEachRow" });
  await expect(failed).rejects.toBeInstanceOf(ClickHouseError);
  await expect(failed).rejects.toMatchObject({ code: "60", type: "UNKNOWN_TABLE" });
});

test("a failure after the answer began reaches the client", async () => {
  const query =
    "SELECT number, repeat('x', 100), throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_block_size = 1000";
  const format = "JSONCompactEachRow";
  const { status, text } = await ask(engine.target, `${query} FORMAT ${format}`);
  expect(status).toBe(200);
  expect(text.slice(-2_000)).toMatch(/\r\n__exception__\r\n[^]+throwIf[^]+\r\n__exception__\r\n$/);
  // Where the network cuts that block in two, the client knows that there was an error and not which.
  const result = await writer.query({ query, format });
  await expect(result.json()).rejects.toThrow(/throwIf|there was an error in the stream/);
});

test.each([
  ["headers", { "X-ClickHouse-User": "writer", "X-ClickHouse-Key": "PASSWORD" }, {}, 200],
  ["basic authentication", { Authorization: "BASIC" }, {}, 200],
  ["the URL", {}, { user: "writer", password: "PASSWORD" }, 200],
  ["reader without a password", {}, { user: "reader" }, 200],
  ["a wrong password", { "X-ClickHouse-User": "writer", "X-ClickHouse-Key": "no" }, {}, 403],
  ["reader with a password", {}, { user: "reader", password: "x" }, 403],
  ["nobody", {}, {}, 403],
  ["default", { "X-ClickHouse-User": "default" }, {}, 403],
])("authentication: %s", async (_name, headers, params, status) => {
  const { password } = engine.target;
  const fill = (record: Record<string, string>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(record).map(([k, v]) => [
        k,
        v
          .replace("PASSWORD", password)
          .replace("BASIC", `Basic ${Buffer.from(`writer:${password}`).toString("base64")}`),
      ]),
    );
  const answer = await ask(engine.target, "SELECT 1", fill(params), fill(headers));
  expect(answer.status).toBe(status);
  if (status === 403) expect(answer.text).toContain("AUTHENTICATION_FAILED");
});

test.each([
  ["another host", { Host: "evil.example" }],
  ["a page", { Origin: "http://evil.example" }],
  ["another site", { "Sec-Fetch-Site": "cross-site" }],
])("requests from %s are refused", async (_name, headers) => {
  const http = await import("node:http");
  const status = await new Promise((resolve) =>
    http.get(`${engine.target.url}/?query=SELECT+1&user=reader`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }),
  );
  expect(status).toBe(403);
});

test("GET asks only", async () => {
  const auth = { "X-ClickHouse-User": "writer", "X-ClickHouse-Key": engine.target.password };
  const get = (query: string) =>
    fetch(`${engine.target.url}/?${new URLSearchParams({ query })}`, { headers: auth });
  expect(await (await get("SELECT 1")).text()).toBe("1\n");
  const refused = await get("TRUNCATE TABLE assay.events");
  expect(await refused.text()).toContain("(READONLY)");
});

test("settings of the URL hold for that query only", async () => {
  const query = "SELECT getSetting('max_threads')";
  expect((await ask(engine.target, query, { max_threads: "1" })).text).toBe("1\n");
  expect((await ask(engine.target, query)).text).not.toBe("1\n");
  const unknown = await ask(engine.target, query, { no_such_setting: "1" });
  expect([unknown.status, unknown.text]).toEqual([
    404,
    expect.stringContaining("(UNKNOWN_SETTING)"),
  ]);
  const slow = "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1";
  const late = await ask(engine.target, slow, { max_execution_time: "1" });
  expect([late.status, late.text]).toEqual([408, expect.stringContaining("(TIMEOUT_EXCEEDED)")]);
});

const slowQuery =
  "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 AND 'MARK' != ''";

async function running(mark: string): Promise<number> {
  const query = `SELECT count() FROM system.processes WHERE query LIKE '%${mark}%' AND query NOT LIKE '%system.processes%'`;
  return Number((await rows(query))[0]![0 as never]);
}

test("an aborted query stops in the engine", async () => {
  const abort = new AbortController();
  const query = slowQuery.replace("MARK", "abort-me");
  const asked = reader
    .query({ query, format: "JSONEachRow", abort_signal: abort.signal })
    .catch((error: unknown) => error);
  await until("the query runs", async () => ((await running("abort-me")) > 0 ? true : undefined));
  abort.abort();
  expect(await asked).toBeInstanceOf(Error);
  await until(
    "the query stopped",
    async () => ((await running("abort-me")) === 0 ? true : undefined),
    5_000,
  );
});

test("a slow client that leaves in the middle of a result stops it", async () => {
  const abort = new AbortController();
  const url = `${engine.target.url}/?user=reader`;
  const body = "SELECT number, 'leave-me' FROM numbers(100000000000)";
  const response = await fetch(url, { method: "POST", body, signal: abort.signal });
  expect(response.status).toBe(200);
  abort.abort();
  await until(
    "the query stopped",
    async () => ((await running("leave-me")) === 0 ? true : undefined),
    5_000,
  );
});

test("slow reads do not hold up an insert; more than may wait are refused", async () => {
  const abort = new AbortController();
  const body = slowQuery.replace("MARK", "hold-up");
  const url = `${engine.target.url}/?user=reader`;
  let refused = 0;
  const asked = Array.from({ length: 80 }, async () => {
    const response = await fetch(url, { method: "POST", body, signal: abort.signal });
    const text = await response.text();
    if (text.includes("(TOO_MANY_SIMULTANEOUS_QUERIES)")) refused++;
  });
  const settled = Promise.allSettled(asked);
  await until("six run and ten are refused", async () =>
    (await running("hold-up")) === 6 && refused === 10 ? true : undefined,
  );
  const started = performance.now();
  await writer.insert({ table: "events", values: [{ id: 1 }], format: "JSONEachRow" });
  expect(performance.now() - started).toBeLessThan(20_000); // the slow ones take hours
  abort.abort();
  await settled;
  await until(
    "all stopped",
    async () => ((await running("hold-up")) === 0 ? true : undefined),
    20_000,
  );
});

test("a query id runs once at a time", async () => {
  const abort = new AbortController();
  const url = `${engine.target.url}/?user=reader&query_id=twice`;
  const first = fetch(url, {
    method: "POST",
    body: slowQuery.replace("MARK", "twice"),
    signal: abort.signal,
  });
  first.catch(() => undefined);
  await until("it runs", async () => ((await running("twice")) > 0 ? true : undefined));
  expect((await ask(engine.readerTarget, "SELECT 1", { query_id: "twice" })).text).toContain(
    "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
  );
  abort.abort();
});

test("what is not supported says so", async () => {
  expect((await ask(engine.readerTarget, "SELECT 1", { session_id: "s" })).text).toBe("1\n"); // it may keep nothing anyway
  for (const params of [{ session_id: "s" }, { compress: "1" }, { role: "admin" }]) {
    const answer = await ask(
      engine.target,
      "SELECT 1",
      params as unknown as Record<string, string>,
    );
    expect([answer.status, answer.text]).toEqual([
      501,
      expect.stringContaining("does not support"),
    ]);
  }
});

test("Grafana's first question is answered as of its protocol revision", async () => {
  const params = { client_protocol_version: "54460", default_format: "Native", user: "reader" };
  const response = await fetch(`${engine.target.url}/?${new URLSearchParams(params)}`, {
    method: "POST",
    body: "SELECT displayName(), version(), revision(), timezone()",
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(bytes.subarray(0, 10).toString("hex")).toBe("010002ffffffff000401");
  expect(bytes.includes("displayName()\x06String\x00\x0eassay-embedded", 0, "latin1")).toBe(true);
});
