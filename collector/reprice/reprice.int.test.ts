/** A correction of costs, whole and killed: spans, rollups and journal agree, and nothing is counted twice. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate, retention, oneBlock } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { formatUsd } from "@assay/instrumentation/pricing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { FIRST_DAY, insertSpans } from "../../clickhouse/testing-spans.ts";
import { findInconsistencies } from "../../test/faults/consistency.ts";
import { readLedgerLines } from "../../query-api/ledger/lines.ts";
import { createStore } from "../../query-api/store.ts";
import { parsePriceBook } from "../own-prices.ts";
import { runRepriceCommand } from "./command.ts";

/** At least: each stops the command or the engine somewhere else. More by hand: ASSAY_TEST_KILLS=100. */
const KILLS = Number(process.env["ASSAY_TEST_KILLS"] ?? 6);
const SPANS = { from: 0, count: 9_000, days: 3 };
const PERIOD = ["--from", FIRST_DAY, "--to", "2026-02-02"];
const PRICES = `
prices:
  - { model: "model-*", usd_per_million: { input: 3, output: 12 } }
  - { model: model-2, project: search, usd_per_million: { input: 0, output: 0 } }
`;
/** What PRICES make of a call, said in SQL. */
const EXPECTED =
  "if(request_model = 'model-2' AND project = 'search', toDecimal128(0, 12), toDecimal128('0.000003', 12) * input_tokens + toDecimal128('0.000012', 12) * output_tokens)";

let engine: TestEngine;
let client: ClickHouseClient;
let dir: string;

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  const forever = Object.fromEntries(Object.keys(retention).map((name) => [name, 18_250]));
  await migrate(client, { log: () => undefined, retentionDays: forever });
  dir = await mkdtemp(join(tmpdir(), "assay-reprice-"));
  await writeFile(join(dir, "prices.yaml"), PRICES);
});

afterAll(async () => {
  await client.close();
  await engine.stop();
  await rm(dir, { recursive: true, force: true });
});

let tokens = 0;
beforeEach(async () => {
  const tables = await rows<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = 'assay' AND engine LIKE '%MergeTree' AND name != 'migrations'",
  );
  for (const { name } of tables) await client.command({ query: `TRUNCATE TABLE ${name}` });
  await insertSpans(client, SPANS, oneBlock(`reprice-${++tokens}`));
});

async function rows<T>(query: string): Promise<T[]> {
  return (await client.query({ query, format: "JSONEachRow" })).json<T>();
}

async function run(...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  await runRepriceCommand(args, {
    book: parsePriceBook(PRICES, "prices.yaml"),
    connect: async () => createClickHouse(engine.target, { requestTimeoutMs: 60_000 }),
    print: (line) => void printed.push(line),
  });
  return printed;
}

async function sums(): Promise<Record<string, unknown> | undefined> {
  const [row] = await rows<Record<string, unknown>>(`SELECT
    (SELECT toString(sum(cost)) FROM spans) AS spans,
    (SELECT toString(sum(cost)) FROM llm_1d) AS days,
    (SELECT toString(sum(cost)) FROM trace_index) AS traces,
    (SELECT toUInt32(count()) FROM spans WHERE is_model_call AND (cost != ${EXPECTED} OR cost IS NULL)) AS wrong`);
  return row;
}

async function expectCorrected(before: string): Promise<void> {
  expect(await findInconsistencies(client)).toEqual([]);
  const now = await sums();
  expect(now).toMatchObject({ wrong: 0, days: now?.["spans"], traces: now?.["spans"] });
  const store = createStore(client);
  const fromMs = Date.parse(FIRST_DAY);
  const ledger = await readLedgerLines(store, {
    fromMs,
    toMs: fromMs + 3 * 86_400_000,
    filters: {},
  });
  let spent = 0n;
  for (const { byBucket, picoUsd, status } of ledger) {
    spent += picoUsd ?? 0n;
    const buckets = Object.values(byBucket ?? {}).reduce((sum, micro) => sum + micro, 0n);
    expect(buckets / 1_000_000n, status).toBe(picoUsd);
  }
  const [{ spans } = { spans: "" }] = await rows<{ spans: string }>(
    "SELECT toDecimalString(sum(cost), 12) AS spans FROM spans",
  );
  expect(formatUsd(spent), "the ledger").toBe(spans);
  const [journal] = await rows<{ difference: string; twice: number }>(`SELECT
    toString(sum(ifNull(new_cost, 0)) - sum(ifNull(old_cost, 0))) AS difference,
    toUInt32(count() - uniqExact(trace_id, span_id)) AS twice FROM cost_revisions`);
  expect(journal?.twice, "each call is corrected once").toBe(0);
  const [sum] = await rows<{ whole: number }>(
    `SELECT toDecimal128('${before}', 12) + toDecimal128('${journal?.difference}', 12) = toDecimal128('${String(now?.["spans"])}', 12) AS whole`,
  );
  expect(sum?.whole, "what was, and the journal, is what is").toBe(1);
}

test("a dry run says what would change, and changes nothing", async () => {
  const before = await sums();
  const printed = await run(...PERIOD, "--model", "model-1");
  expect(printed).toHaveLength(4); // two days, their sum, and that nothing was changed
  expect(printed[0]).toMatch(
    /^2026-01-30 {2}openai\/model-1 {2}\d+ calls .*had no price\) {2}0\.\d{12} -> \d\.\d{12} USD$/,
  );
  expect(printed.at(-1)).toContain("Nothing was changed");
  expect(await sums()).toEqual(before);
  expect(await rows("SELECT * FROM cost_revisions")).toEqual([]);
});

test("corrects spans, rollups and traces; again, there is nothing left to correct", async () => {
  const before = String((await sums())?.["spans"]);
  const printed = await run(...PERIOD, "--apply", "--reason", "contract");
  await expectCorrected(before);
  expect(printed.at(-2)).toMatch(/^6000 calls: /);
  expect((await run(...PERIOD)).at(-2)).toMatch(/^0 calls: /);
  expect(
    (await rows<{ reason: string }>("SELECT DISTINCT reason FROM cost_revisions"))[0]?.reason,
  ).toBe("contract");
});

test("only what was asked for: unpriced calls, of one day", async () => {
  const printed = await run("--from", FIRST_DAY, "--to", "2026-01-31", "--unpriced");
  const [{ calls } = { calls: 0 }] = await rows<{ calls: number }>(
    `SELECT toUInt32(count()) AS calls FROM spans WHERE is_model_call AND cost IS NULL AND toDate(event_time) = '${FIRST_DAY}'`,
  );
  expect(printed.at(-2)).toMatch(new RegExp(`^${calls} calls: 0\\.0{12} -> `));
});

test("a price that the book has no more stays", async () => {
  await client.command({
    query:
      "ALTER TABLE spans UPDATE request_model = 'gone', response_model = 'gone' WHERE request_model = 'model-3'",
    clickhouse_settings: { mutations_sync: "1" },
  });
  expect((await run(...PERIOD, "--model", "gone")).at(-2)).toMatch(/^0 calls: /);
});

test.each([
  [["--from", "yesterday", "--to", "2026-02-01"], "--from: expected a day like"],
  [["--from", "2026-02-01", "--to", "2026-02-01"], "expected --from before --to"],
  [[...PERIOD, "--apply"], "expected --reason"],
  [[...PERIOD, "--all"], 'got "--all"'],
])("%j is refused", async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message);
});

/** Where to kill: as soon as the engine shows this, or (0) at once. */
const MOMENTS = [
  "SELECT toUInt32(count()) AS n FROM system.tables WHERE database = 'assay' AND startsWith(name, 'cost_plan_')",
  "SELECT toUInt32(uniqExact(run, day)) AS n FROM cost_revisions",
  "SELECT toUInt32(countIf(step = 'counted')) AS n FROM cost_revision_steps",
  "SELECT toUInt32(count()) AS n FROM system.mutations WHERE database = 'assay' AND table = 'spans'",
  "SELECT toUInt32(countIf(step = 'applied')) AS n FROM cost_revision_steps",
];

test(
  `killed ${KILLS} times, the command or the engine, it comes to the same`,
  async () => {
    const before = String((await sums())?.["spans"]);
    for (let kill = 0; kill < KILLS; kill++)
      await killDuring(MOMENTS[kill % MOMENTS.length]!, kill % 2 === 1);
    const last = started();
    expect([await last.exit, last.complaints()]).toEqual([0, ""]);
    await expectCorrected(before);
  },
  60_000 + KILLS * 20_000,
);

function started() {
  const { url, username, password } = engine.target;
  const child = spawn(
    process.execPath,
    ["assay.mjs", "reprice", ...PERIOD, "--apply", "--reason", "killed"],
    {
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
      env: {
        PATH: process.env["PATH"],
        CLICKHOUSE_URL: url.replace("//", `//${username}:${encodeURIComponent(password)}@`),
        ASSAY_PRICES: join(dir, "prices.yaml"),
        ASSAY_DATA: dir,
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const exit = once(child, "exit").then(([code]) => code as number | null);
  return { child, exit, complaints: () => complaints };
}

async function killDuring(moment: string, theEngine: boolean): Promise<void> {
  const seen = async (): Promise<number> => (await rows<{ n: number }>(moment))[0]?.n ?? 0;
  const atFirst = await seen();
  const { child, exit } = started();
  while (child.exitCode === null && (await seen()) === atFirst);
  if (theEngine) process.kill(engine.server.pid()!, "SIGKILL");
  else child.kill("SIGKILL");
  await exit;
  while (!(await client.ping()).success);
}
