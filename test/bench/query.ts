/**
 * How fast does the query API answer? `npm run bench:query -- --spans 100000000`
 *
 * Fills an embedded engine with a month of spans (query-spans.ts), starts the query API on it and asks each kind of
 * question with four clients at once, over HTTP. Prints the 50th and 95th percentile beside the bar, the engine's CPU time (which
 * other work on the machine changes less), and what lies on disk.
 *
 *     --spans 100000000    facts in all; --content: those with content (a twentieth), --days 30
 *     --rounds 20          how often each question is asked; --clients 4 at once
 *     --data DIR           keep the store there, and use what an earlier run left
 *     --text-index         make the optional text index first, and measure what that takes
 *     --strict             exit 1 when a 95th percentile misses its bar
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";

import {
  type EmbeddedServer,
  createClickHouse,
  migrate,
  startEmbeddedServer,
} from "@assay/clickhouse";
import { startQueryApi } from "@assay/query-api";
import { TEXT_INDEX_SQL } from "../../query-api/text-index.ts";
import { KINDS, type QuestionKind, type Subject } from "./query-questions.ts";
import { useOf } from "./proc.ts";
import { SPANS_PER_TRACE, fill } from "./query-spans.ts";

const DAY_MS = 86_400_000;
const QUIET_MS = 5_000;
const LONGEST_QUIET_MS = 600_000;

const { values: options } = parseArgs({
  options: {
    spans: { type: "string", default: "100000000" },
    content: { type: "string" },
    days: { type: "string", default: "30" },
    rounds: { type: "string", default: "20" },
    clients: { type: "string", default: "4" },
    data: { type: "string" },
    "text-index": { type: "boolean", default: false },
    strict: { type: "boolean", default: false },
  },
});
const days = Number(options.days);
const spansADay = Math.ceil(Number(options.spans) / days / SPANS_PER_TRACE) * SPANS_PER_TRACE;
const content = Number(options.content ?? Number(options.spans) / 20);

const dataDir = options.data ?? (await mkdtemp(join(tmpdir(), "assay-bench-")));
try {
  const server = await startEmbeddedServer({
    dataDir,
    address: { host: "127.0.0.1", port: 0 },
    memoryMb: 2048,
    log: (level, message) => level !== "info" && console.log(level, message),
  });
  try {
    if (!(await bench(server)) && options.strict) process.exitCode = 1;
  } finally {
    await server.stop();
  }
} finally {
  if (options.data === undefined) await rm(dataDir, { recursive: true, force: true });
}

async function bench(server: EmbeddedServer): Promise<boolean> {
  const writer = createClickHouse(server.target, { requestTimeoutMs: 600_000 });
  const retentionDays = { content: 400, spans: 400, llm_1m: 400 }; // a store that is kept does not shrink while it is used
  await migrate(writer, { log: () => {}, retentionDays });
  await filled(writer);
  if (options["text-index"]) await makeTextIndex(writer);
  await quiet(writer);
  await printSizes(writer);
  const subject = await readSubject(writer);
  await writer.close();
  const api = await startQueryApi({
    address: { host: "127.0.0.1", port: 0 },
    target: { ...server.target, username: "reader", password: "" },
    log: (level, message) => console.log(level, message),
  });
  let met = true;
  try {
    console.log(
      "\n| question | p50 ms | p95 ms | slowest | engine CPU ms each | bar |\n| --- | --- | --- | --- | --- | --- |",
    );
    for (const [name, kind] of Object.entries(KINDS))
      met =
        (await measureKind(
          { url: `http://127.0.0.1:${api.address.port}`, pid: server.pid()! },
          name,
          kind,
          subject,
        )) && met;
  } finally {
    await api.stop();
  }
  return met;
}

async function filled(writer: ClickHouseClient): Promise<void> {
  const [found] = await rowsOf<{ n: number }>(writer, "SELECT toFloat64(count()) AS n FROM spans");
  if ((found?.n ?? 0) > 0) return console.log(`using ${found!.n} spans that are there`);
  const start = performance.now();
  let told = 0;
  const filling = {
    spans: spansADay,
    content: Math.round(content / days),
    days,
    toMs: Math.floor(Date.now() / DAY_MS) * DAY_MS,
  };
  await fill(writer, filling, (done) => {
    if (done - told < spansADay) return;
    told = done;
    console.log(`${done} spans, ${Math.round((performance.now() - start) / 1000)} s`);
  });
}

async function makeTextIndex(writer: ClickHouseClient): Promise<void> {
  const start = performance.now();
  for (const query of TEXT_INDEX_SQL)
    await writer.command({ query, clickhouse_settings: { mutations_sync: "0" } });
  await until(writer, "SELECT toFloat64(count()) AS n FROM system.mutations WHERE NOT is_done");
  console.log(`text index made in ${Math.round((performance.now() - start) / 1000)} s`);
}

/** Until nothing has been merged for a while. */
async function quiet(writer: ClickHouseClient): Promise<void> {
  const deadline = Date.now() + LONGEST_QUIET_MS;
  for (
    let silentSince = Date.now();
    Date.now() - silentSince < QUIET_MS && Date.now() < deadline;
  ) {
    await delay(500);
    const [row] = await rowsOf<{ n: number }>(
      writer,
      "SELECT toFloat64(count()) AS n FROM system.merges",
    );
    if ((row?.n ?? 0) > 0) silentSince = Date.now();
  }
}

async function until(writer: ClickHouseClient, sql: string): Promise<void> {
  const deadline = Date.now() + 3 * LONGEST_QUIET_MS;
  while ((await rowsOf<{ n: number }>(writer, sql))[0]?.n !== 0) {
    if (Date.now() > deadline) throw new Error(`expected this to become 0: ${sql}`);
    await delay(1000);
  }
}

async function printSizes(writer: ClickHouseClient): Promise<void> {
  const rows = await rowsOf<{
    table: string;
    rows: number;
    bytes: number;
    parts: number;
    skip: number;
  }>(
    writer,
    `SELECT table, toFloat64(sum(rows)) AS rows, toFloat64(sum(bytes_on_disk)) AS bytes, toFloat64(count()) AS parts,
      toFloat64(sum(secondary_indices_compressed_bytes)) AS skip
    FROM system.parts WHERE active AND database = 'assay' GROUP BY table ORDER BY bytes DESC`,
  );
  console.log(
    "\n| table | rows | MiB | bytes a row | of it skip indexes | parts |\n| --- | --- | --- | --- | --- | --- |",
  );
  for (const { table, rows: count, bytes, parts, skip } of rows)
    console.log(
      `| ${table} | ${count} | ${(bytes / 2 ** 20).toFixed(0)} | ${(bytes / count).toFixed(1)} | ${(skip / count).toFixed(1)} | ${parts} |`,
    );
}

async function readSubject(writer: ClickHouseClient): Promise<Subject> {
  const [end] = await rowsOf<{ ms: number }>(
    writer,
    "SELECT toFloat64(toUnixTimestamp(max(ts))) * 1000 AS ms FROM llm_1d WHERE is_model_call",
  );
  const lastDayMs = (await lastWholeDay(writer)) ?? end!.ms;
  const traces = await rowsOf<{ id: string }>(
    writer,
    "SELECT lower(hex(trace_id)) AS id FROM trace_index WHERE cityHash64(trace_id) % 997 = 0 LIMIT 2000",
  );
  const sessions = await rowsOf<{ session: string; project: string }>(
    writer,
    `SELECT session_id AS session, any(project) AS project FROM spans WHERE cityHash64(session_id) % 997 = 0
      AND toHour(event_time) = 7 AND toMinute(event_time) < 10 GROUP BY session_id LIMIT 500`,
  );
  const orders = await rowsOf<{ order: string; dayMs: number }>(
    writer,
    `SELECT extract(content_input, 'order-(\\\\d+)') AS order, toFloat64(toUnixTimestamp(toStartOfDay(event_time))) * 1000 AS dayMs
      FROM span_content WHERE toHour(event_time) = 7 AND toMinute(event_time) < 5 LIMIT 1 BY toDate(event_time) LIMIT 30`,
  );
  return {
    toMs: lastDayMs + DAY_MS,
    days,
    traces: traces.map(({ id }) => id),
    sessions,
    orders,
    textIndex: options["text-index"],
  };
}

/** The newest day with more than a trace that ran over midnight. */
async function lastWholeDay(writer: ClickHouseClient): Promise<number | undefined> {
  const [row] = await rowsOf<{ ms: number }>(
    writer,
    "SELECT toFloat64(toUnixTimestamp(ts)) * 1000 AS ms FROM llm_1d GROUP BY ts HAVING sum(spans) > 1000 ORDER BY ts DESC LIMIT 1",
  );
  return row?.ms;
}

async function rowsOf<T>(client: ClickHouseClient, query: string): Promise<T[]> {
  const result = await client.query({
    query,
    format: "JSONEachRow",
    clickhouse_settings: { max_execution_time: 600 },
  });
  return result.json<T>();
}

async function measureKind(
  { url, pid }: { url: string; pid: number },
  name: string,
  kind: QuestionKind,
  subject: Subject,
): Promise<boolean> {
  const bar = (subject.textIndex && kind.indexedBarMs) || kind.barMs;
  const rounds = Number(options.rounds);
  const names = Object.keys(kind.questions);
  const tasks = Array.from({ length: rounds * names.length }, (_, i) => ({
    question: names[i % names.length]!,
    round: Math.floor(i / names.length),
  }));
  for (const question of names) await timed(url, kind, question, subject, 1_000); // caches and the statement's check
  const before = await useOf(pid);
  const took = new Map<string, number[]>(names.map((question) => [question, []]));
  const client = async (): Promise<void> => {
    for (let task = tasks.shift(); task; task = tasks.shift())
      took.get(task.question)!.push(await timed(url, kind, task.question, subject, task.round));
  };
  await Promise.all(Array.from({ length: Number(options.clients) }, client));
  const cpuMs = ((await useOf(pid)).cpuSeconds - before.cpuSeconds) * 1000;
  for (const [question, list] of took) printLine(question, list, "", "");
  const all = [...took.values()].flat();
  printLine(`**${name}**`, all, (cpuMs / all.length).toFixed(0), String(bar));
  return percentile(all, 0.95) <= bar;
}

async function timed(
  url: string,
  kind: QuestionKind,
  question: string,
  subject: Subject,
  round: number,
): Promise<number> {
  const asked = kind.questions[question]!(subject, round);
  const start = performance.now();
  const response =
    typeof asked === "string"
      ? await fetch(url + asked)
      : await fetch(url + asked.path, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(asked.body),
        });
  const text = await response.text();
  const ms = performance.now() - start;
  if (!response.ok)
    throw new Error(`${question}: expected 200, got ${response.status}: ${text.slice(0, 300)}`);
  return ms;
}

function printLine(name: string, took: readonly number[], cpu: string, bar: string): void {
  const shown = [0.5, 0.95, 1].map((share) => percentile(took, share).toFixed(0));
  console.log(`| ${name} | ${shown.join(" | ")} | ${cpu} | ${bar} |`);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
