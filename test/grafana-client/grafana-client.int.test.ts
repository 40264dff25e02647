/**
 * Grafana's data source against the embedded engine, as far as that is the library by which it asks: clickhouse-go, in each version
 * that a supported data source has, in each its handshake, its types, its errors. Skipped, and counted as skipped, where there is no
 * Go or its modules cannot be had; with Go's build cache warm it takes seconds.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const HERE = import.meta.dirname;
/** Of data sources 4.8, 4.11, 4.19 and the newest. */
const VERSIONS = ["2.32", "2.40", "2.47", "2.50"];
const GO = "go";
const BUILD_MS = 600_000;
const run = promisify(execFile);

function hasGo(): boolean {
  try {
    execFileSync(GO, ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

interface Said {
  step: string;
  ok: boolean;
  answer: unknown;
}

const ASKED = [
  { step: "texts", sql: "SELECT 'a', toLowCardinality('b'), CAST('c' AS LowCardinality(Nullable(String))), CAST('x' AS Enum8('x' = 1))" },
  { step: "numbers", sql: "SELECT toUInt8(1), toInt64(-2), toUInt64(18446744073709551615), toFloat32(0.5), toFloat64(0.25), CAST(NULL AS Nullable(Int32)), true" },
  { step: "money", sql: "SELECT toDecimal128('0.000000000001', 12), toDecimal64('12.50', 2)" },
  { step: "times", sql: "SELECT toDate('2026-11-30'), toDateTime('2026-11-30 12:00:00', 'UTC'), toDateTime64('2026-11-30 12:00:00.123456789', 9, 'UTC')" },
  { step: "lists", sql: "SELECT [1, 2]::Array(UInt8), map('k', 'v'), tuple('a', 1)" },
  { step: "ids", sql: "SELECT toUUID('00112233-4455-6677-8899-aabbccddeeff'), toIPv4('127.0.0.1')" },
  { step: "no rows", sql: "SELECT project FROM assay.llm_1h WHERE 0" },
  { step: "many rows", sql: "SELECT number, toString(number) FROM numbers(300000)", count: true },
  { step: "databases", sql: "SELECT name FROM system.databases WHERE name = 'assay'" },
  { step: "tables", sql: "SELECT name FROM system.tables WHERE database = 'assay' AND name = 'llm_1h'" },
  { step: "columns", sql: "SELECT name, type FROM system.columns WHERE database = 'assay' AND table = 'llm_1h' AND name = 'project'" },
  { step: "functions", sql: "SELECT name FROM system.functions WHERE name = 'toDate'" },
  { step: "version for ad hoc filters", sql: "SELECT version()" },
  { step: "an ad hoc filter", sql: "SELECT count() FROM assay.llm_1h SETTINGS additional_table_filters={'assay.llm_1h': ' project = \\'x\\' '}" },
  { step: "a panel", sql: "SELECT toStartOfInterval(toDateTime(ts), INTERVAL 60 second) AS time, project, sum(calls) AS calls FROM assay.llm_1h WHERE ts >= toDateTime(1000) GROUP BY time, project ORDER BY time" },
  { step: "an unknown column", sql: "SELECT nothing FROM assay.llm_1h" },
  { step: "no SQL", sql: "SELEKT 1" },
  { step: "a write", sql: "DROP TABLE assay.llm_1h" },
  { step: "a file", sql: "SELECT * FROM file('/etc/passwd', 'LineAsString')" },
]; // prettier-ignore

const ANSWERS: Readonly<Record<string, unknown>> = {
  texts: [["a", "b", "c", "x"]],
  // JSON of JavaScript has no larger whole number.
  numbers: [[1, -2, 18446744073709552000, 0.5, 0.25, null, true]],
  money: [["0.000000000001", "12.5"]],
  times: [["2026-11-30T00:00:00Z", "2026-11-30T12:00:00Z", "2026-11-30T12:00:00.123456789Z"]],
  "no rows": [],
  "many rows": 300_000,
  databases: [["assay"]],
  tables: [["llm_1h"]],
  columns: [["project", "LowCardinality(String)"]],
  functions: [["toDate"]],
  "an ad hoc filter": [[0]],
  "a panel": [],
};
const REFUSED: Readonly<Record<string, RegExp>> = {
  "an unknown column": /\b47\b|UNKNOWN_IDENTIFIER/,
  "no SQL": /\b62\b|SYNTAX_ERROR/,
  "a write": /\b164\b|READONLY/,
  "a file": /\b497\b|ACCESS_DENIED/,
};

describe.skipIf(!hasGo())("clickhouse-go", () => {
  let engine: TestEngine;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "assay-grafana-client-"));
    engine = await withEngine();
    const client = createClickHouse(engine.target);
    await migrate(client, { log: () => {} });
    await client.close();
  });
  afterAll(async () => {
    await engine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(program: string, compression: string): Promise<Map<string, Said>> {
    const started = run(program, {
      env: { CLICKHOUSE_ADDRESS: new URL(engine.target.url).host, COMPRESSION: compression },
    });
    started.child.stdin!.end(JSON.stringify(ASKED));
    const { stdout } = await started;
    const said = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Said);
    return new Map(said.map((one) => [one.step, one]));
  }

  test.for(VERSIONS)("%s", { timeout: BUILD_MS }, async (version, { skip }) => {
    const modules = `-modfile=go-${version}.mod`;
    const program = join(folder, version);
    const options = { cwd: HERE, timeout: BUILD_MS };
    await run(GO, ["mod", "download", modules], options).catch(() =>
      skip("Go's modules cannot be had"),
    );
    await run(GO, ["build", modules, "-o", program, "."], options);
    for (const compression of ["none", "gzip"]) {
      const said = await ask(program, compression);
      for (const step of ["ping", "close"])
        expect(said.get(step)).toMatchObject({ step, ok: true });
      for (const [step, answer] of Object.entries(ANSWERS))
        expect(said.get(step)).toEqual({ step, ok: true, answer });
      for (const [step, problem] of Object.entries(REFUSED))
        expect(said.get(step)).toEqual({
          step,
          ok: false,
          answer: expect.stringMatching(problem) as string,
        });
      for (const { step } of ASKED.filter(({ step }) => !(step in REFUSED)))
        expect(said.get(step)?.ok, JSON.stringify(said.get(step))).toBe(true);
    }
  });
});
