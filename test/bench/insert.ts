/**
 * What the embedded engine spends on inserts, in CPU seconds per million rows: `npm run bench:insert`
 *
 * Blocks are made by the collector's own encoder from generated requests (2.2 KB a span, unique text, a trace per span),
 * handed over as files, and inserted one after the other as the collector does it.
 *
 *     --blocks 10 --rows 50000       how many blocks, of how many rows
 *     --spans-per-trace 1 --days 1   what the generated spans are like
 *     --merges off|on                on: measured until the engine has merged what it wants to merge
 *     --pause 0                      milliseconds between two inserts
 *     --without NAMES                views and indexes to drop first: `span_content_mv,spans.ix_user`
 *     --sql STATEMENTS               to run before the inserts, separated by semicolons
 *     --schema DIR                   migrations of another folder
 *     --keep DIR                     keep the blocks there, and use those that an earlier run left
 *
 * Prints by phase what the process used (user and kernel apart), how often a byte was written by merges, and what lies
 * on disk.
 */
import { link, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";

import {
  createClickHouse,
  migrate,
  startEmbeddedServer,
  type EmbeddedServer,
} from "@assay/clickhouse";
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { createEncoder } from "../../collector/encode/encoder.ts";
import { blockNameOf, type Plan } from "../../collector/insert/plan.ts";
import { Store } from "../../collector/insert/store.ts";
import { SpanBodies } from "../load/span-body.ts";
import { useOf, type ProcessUse } from "./proc.ts";

const SPANS_PER_REQUEST = 500;
const QUIET_MS = 3_000;
const LONGEST_QUIET_MS = 120_000;

const { values: options } = parseArgs({
  options: {
    blocks: { type: "string", default: "10" },
    rows: { type: "string", default: "50000" },
    "spans-per-trace": { type: "string", default: "1" },
    days: { type: "string", default: "1" },
    merges: { type: "string", default: "on" },
    pause: { type: "string", default: "0" },
    without: { type: "string", default: "" },
    sql: { type: "string", default: "" },
    schema: { type: "string" },
    keep: { type: "string" },
  },
});
const blockCount = Number(options.blocks);
const rowsPerBlock = Number(options.rows);

const work = await mkdtemp(join(tmpdir(), "assay-bench-"));
try {
  const blocks = await makeBlocks(options.keep ?? join(work, "blocks"));
  const server = await startEmbeddedServer({
    dataDir: join(work, "data"),
    address: { host: "127.0.0.1", port: 0 },
    memoryMb: 2048,
    log: (level, message) => level !== "info" && console.log(level, message),
  });
  try {
    await measure(server, blocks);
  } finally {
    await server.stop();
  }
} finally {
  await rm(work, { recursive: true, force: true });
}

/** One more than is measured: the first insert warms up. */
async function makeBlocks(dir: string): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  const numbers = {
    seed: 7,
    spansPerTrace: Number(options["spans-per-trace"]),
    days: Number(options.days),
  };
  const perRequest = Math.min(SPANS_PER_REQUEST, rowsPerBlock);
  const bodies = new SpanBodies(numbers, perRequest);
  const encoder = createEncoder({
    priceBook: loadPriceBook(),
    collectorId: "bench",
    maxSpanAgeMs: 400 * 86_400_000,
  });
  const files: string[] = [];
  for (let block = 0; block <= blockCount; block++) {
    const name = `${rowsPerBlock}-${numbers.spansPerTrace}-${numbers.days}/${block}`;
    const file = join(dir, blockNameOf(name));
    files.push(file);
    if (await stat(file).catch(() => undefined)) continue;
    for (let row = 0; row < rowsPerBlock; row += perRequest) {
      const now = Date.now();
      encoder.append({
        signal: "traces",
        seq: files.length * 10_000 + row,
        body: bodies.body(block * rowsPerBlock + row, BigInt(now) * 1_000_000n),
        spanCount: perRequest,
        rejected: [],
        receivedAtUnixMs: now,
      });
    }
    await writeFile(file, encoder.finish(block + 1).chunks);
  }
  return files;
}

async function measure(server: EmbeddedServer, blocks: readonly string[]): Promise<void> {
  const client = createClickHouse(server.target);
  try {
    await migrate(client, {
      log: () => undefined,
      ...(options.schema !== undefined && { schemaDir: options.schema }),
    });
    await prepare(client);
    const store = new Store(client, server.target, server.target.spoolDir!);
    await insert(server, store, blocks[0]!);
    await delay(500);
    const phase = await phases(server.pid()!, rowsPerBlock * blockCount);
    for (const block of blocks.slice(1)) {
      await insert(server, store, block);
      if (options.pause !== "0") await delay(Number(options.pause));
    }
    await phase("inserts");
    if (options.merges === "on") {
      await untilQuiet(client);
      await phase("merges after the last insert");
      await phase.total();
    }
    await printMerges(client);
    await printDisk(client);
  } finally {
    await client.close();
  }
}

async function prepare(client: ClickHouseClient): Promise<void> {
  const command = (query: string) => client.command({ query });
  for (const name of options.without.split(",").filter(Boolean)) {
    const [table, index] = name.split(".");
    await command(index ? `ALTER TABLE ${table} DROP INDEX ${index}` : `DROP VIEW ${name}`);
  }
  for (const statement of options.sql.split(";").filter((text) => text.trim() !== ""))
    await command(statement);
  if (options.merges === "off") await command("SYSTEM STOP MERGES");
}

async function insert(server: EmbeddedServer, store: Store, file: string): Promise<void> {
  const block = basename(file);
  const spooled = join(server.target.spoolDir!, block);
  await link(file, spooled);
  const plan = { block } as Plan; // all that an insert reads of it
  await store.insert(plan, block, AbortSignal.timeout(600_000));
  await rm(spooled);
}

/** Prints what the process used since the last phase. */
async function phases(pid: number, rows: number) {
  const start = await useOf(pid);
  let last = start;
  const print = (name: string, from: ProcessUse, to: ProcessUse): void => {
    const perMillion = (seconds: number): string => ((seconds / rows) * 1e6).toFixed(2);
    console.log(
      `${name}: ${perMillion(to.cpuSeconds - from.cpuSeconds)} CPU s per million rows, ` +
        `of it kernel ${perMillion(to.kernelSeconds - from.kernelSeconds)}; peak memory ${to.peakRssMiB} MiB`,
    );
  };
  const phase = async (name: string): Promise<void> => {
    const now = await useOf(pid);
    print(name, last, now);
    last = now;
  };
  return Object.assign(phase, { total: async () => print("together", start, await useOf(pid)) });
}

async function untilQuiet(client: ClickHouseClient): Promise<void> {
  const since = Date.now();
  let quietSince = Date.now();
  while (Date.now() - quietSince < QUIET_MS && Date.now() - since < LONGEST_QUIET_MS) {
    await delay(1_000); // asking costs the engine too
    const [row] = await rowsOf<{ n: string }>(client, "SELECT count() AS n FROM system.merges");
    if (row!.n !== "0") quietSince = Date.now();
  }
}

async function printMerges(client: ClickHouseClient): Promise<void> {
  const events = await rowsOf<{ event: string; value: string }>(
    client,
    `SELECT event, value FROM system.events WHERE event IN
       ('Merge', 'MergedRows', 'MergedUncompressedBytes', 'MergesTimeMilliseconds', 'InsertedRows', 'FileSync', 'FileSyncElapsedMicroseconds')`,
  );
  console.log(events.map(({ event, value }) => `${event} ${value}`).join(", "));
}

async function printDisk(client: ClickHouseClient): Promise<void> {
  const parts = await rowsOf<Record<string, string>>(
    client,
    `SELECT p.table AS table, count() AS parts, sum(p.rows) AS rows, round(sum(p.bytes_on_disk) / sum(p.rows), 1) AS row_bytes,
            max(p.level) AS level, countIf(p.part_type = 'Wide') AS wide, sum(p.files) AS files
     FROM system.parts AS p WHERE p.database = 'assay' AND p.active GROUP BY p.table ORDER BY sum(p.bytes_on_disk) DESC`,
  );
  for (const row of parts) console.log(Object.values(row).join("\t"));
}

async function rowsOf<T>(client: ClickHouseClient, query: string): Promise<T[]> {
  return (await client.query({ query, format: "JSONEachRow" })).json<T>();
}
