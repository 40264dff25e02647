/**
 * How long a dashboard's queries take: `npm run bench:dashboards -- --spans 10000000`. The spans are made by the engine and go through
 * the views into every rollup, over `--days` (30); beside them judged scores, results of checks and the collector's figures as such
 * a service has them. Each dashboard is asked as it opens: its own range (or `--range 365d`), everything chosen, one query after the
 * other. The engine is started anew before the first round, which so finds nothing in its caches.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { DASHBOARDS } from "../../grafana/dashboards.ts";
import type { DashboardSpec } from "../../grafana/panel.ts";
import { sentSql } from "../../grafana/testing-sql.ts";

const BLOCK = 500_000;
const LIMIT_MS = 1_000;
/** Points that a chart of usual width has. */
const POINTS = 500;

const { values } = parseArgs({
  options: {
    spans: { type: "string", default: "10000000" },
    rounds: { type: "string", default: "3" },
    days: { type: "string", default: "30" },
    range: { type: "string" },
  },
});
const DAYS = Number(values.days);
const spans = Number(values.spans);
const rounds = Number(values.rounds);
if (!Number.isInteger(spans) || spans < 1)
  throw new Error(`--spans: expected a whole number, got "${values.spans}"`);

const NOW = Math.floor(Date.now() / 3_600_000) * 3_600;
const START = NOW - DAYS * 86_400;

async function fill(client: ClickHouseClient): Promise<void> {
  for (let from = 0; from < spans; from += BLOCK) await insertBlock(client, from);
  const run = (query: string) => client.command({ query });
  await run(`INSERT INTO evaluations (project, name, event_time, evaluated_at, evaluation_id, trace_id, span_id, source, evaluator, role, judge_hash, status, score, norm, model, release, judge_probability, latency_ms, cost)
    SELECT if(number % 7 = 0, 'search', 'support'), arrayJoin(['composite', 'faithfulness', 'relevance']) AS metric, toDateTime64(${START} + number * ${86_400 / 2_000}, 3, 'UTC') AS at, at,
      MD5(concat(metric, toString(number))), MD5(toString(number)), toFixedString('', 8), 'judge', 'gpt', if(metric = 'composite', 'composite', 'cheap'), 'abcdef012345',
      if(metric != 'composite' AND number % 50 = 0, 'failed', 'ok') AS how, if(how = 'ok', 4, NULL), if(how = 'ok', (cityHash64(number) % 100) / 100, NULL), concat('model-', toString(number % 4)), 'r1', 0.1, 900, 0.0001
    FROM numbers(${2_000 * DAYS})`);
  await run(`INSERT INTO check_results (check_name, project, series, event_time, evaluated_at, severity, state, estimate, threshold, reason)
    SELECT concat('check-', toString(number % 35)), if(number % 2 = 0, 'search', 'support'), concat('model=model-', toString(intDiv(number, 35) % 4)), ${NOW} - intDiv(number, 83) * 60 AS at, at, 'page',
      if(number % 97 = 0, 'firing', 'ok'), 0.5, 1, 'why' FROM numbers(${83 * 1_440 * 2})`);
  await run(`INSERT INTO collector_metrics (name, collector_id, ts, labels, value, increase)
    SELECT if(number % 160 < ${FIGURES.length}, ${JSON.stringify(FIGURES).replaceAll('"', "'")}[number % 160 + 1], concat('assay_other_', toString(number % 160))), 'c1', ${NOW} - intDiv(number, 160) * 60,
      map('reason', 'overload', 'code', '241', 'destination', 'd'), 1, 1 FROM numbers(${160 * 1_440 * 7})`);
  await run(`INSERT INTO guardrail_1m (project, ts, service, guard, check_name, stage, action, checks, matches, latency_ms_sketch)
    SELECT 'support', ${NOW} - intDiv(number, 60) * 60, concat('service-', toString(number % 3)), 'main', concat('rule-', toString(number % 5)), 'input', if(number % 4 = 0, 'block', 'pass'), 10, 1,
      quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32(number % 20)) FROM numbers(${60 * 1_440}) GROUP BY number`);
  // What merges have done after a while.
  for (const table of ["llm_1h", "llm_1d", "outcomes_1m", "cost_by_user_1d", "cost_by_release_1d"])
    await run(`OPTIMIZE TABLE ${table} FINAL`);
}

const FIGURES = [
  "otelcol_receiver_accepted_spans_total", "otelcol_receiver_refused_spans_total", "assay_receiver_accepted_requests_total", "assay_receiver_refused_requests_total",
  "assay_ledger_residual_spans", "assay_outage_runway_seconds", "assay_insert_oldest_unsent_age_seconds", "otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity",
  "assay_log_sync_seconds_sum", "assay_log_sync_seconds_count", "assay_log_sync_seconds_max", "otelcol_exporter_sent_spans_total", "assay_insert_failed_attempts_total",
  "assay_forward_pending_spans", "otelcol_process_uptime", "otelcol_process_memory_rss", "otelcol_process_cpu_seconds", "nodejs_eventloop_lag_p99_seconds",
  "assay_encode_unpriced_spans_total", "assay_judge_lag_seconds", "assay_checks_lag_seconds",
]; // prettier-ignore

/** A block holds the spans of a while, as they come: two projects, three services, four models. */
async function insertBlock(client: ClickHouseClient, from: number): Promise<void> {
  const count = Math.min(BLOCK, spans - from);
  const columns: Record<string, string> = {
    project: "if(n % 7 = 0, 'search', 'support')",
    trace_id: "unhex(lower(hex(MD5(toString(intDiv(n, 3))))))",
    span_id: "reinterpretAsFixedString(toUInt64(n + 1))",
    event_time: `toDateTime64(${START} + n * ${(DAYS * 86_400) / spans}, 9, 'UTC')`,
    start_unix_nano: "toUInt64(toUnixTimestamp64Nano(event_time))",
    duration_ns: "toUInt64(1000000 + cityHash64(n) % 9000000000)",
    end_unix_nano: "start_unix_nano + duration_ns",
    name: "'chat'",
    status: "if(cityHash64(n, 1) % 50 = 0, 'error', 'ok')",
    error_type: "if(status = 'error', '429', '')",
    service: "concat('service-', toString(n % 3))",
    environment: "'production'",
    release: `concat('r', toString(intDiv(n, ${Math.ceil(spans / 10)})))`,
    operation: "if(n % 3 = 2, 'retrieval', 'chat')",
    is_model_call: "operation = 'chat'",
    provider: "if(is_model_call, 'openai', '')",
    request_model: "if(is_model_call, concat('model-', toString(cityHash64(n, 2) % 4)), '')",
    response_model: "if(status = 'ok', request_model, '')",
    finish_reasons: "if(is_model_call AND status = 'ok', [if(n % 40 = 0, 'length', 'stop')], [])",
    document_count: "toUInt32(if(operation = 'retrieval', n % 4, 0))",
    user_id: "concat('u', toString(cityHash64(n, 3) % 1000))",
    prompt_name: "'answer'",
    prompt_version: "toString(intDiv(toDayOfMonth(event_time), 10))",
    prompt_hash: "if(is_model_call, lower(hex(MD5(toString(n % 5000)))), '')",
    temperature: "if(n % 20 = 0, 0, 1)",
    input_tokens: "toUInt32(if(is_model_call, 100 + n % 900, 0))",
    cache_read_tokens: "toUInt32(intDiv(input_tokens, 2))",
    output_tokens: "toUInt32(if(is_model_call AND status = 'ok', 10 + n % 90, 0))",
    cost: "if(is_model_call AND n % 10 != 1, toDecimal128(input_tokens, 12) * toDecimal128('0.00000015', 12), NULL)",
    ttft_ns: "toUInt64(if(is_model_call, duration_ns / 4, 0))",
    has_content: "is_model_call AND n % 20 = 0",
    content_output: "if(has_content, concat('answer ', toString(n % 3)), '')",
    received_at: "toDateTime64(event_time, 3)",
    collector_id: "'bench'",
    batch: `toUInt64(${from})`,
  };
  const select = Object.entries(columns).map(([name, sql]) => `${sql} AS ${name}`);
  await client.command({
    query: `INSERT INTO ingest (${Object.keys(columns).join(", ")}) SELECT ${select.join(", ")} FROM (SELECT number + ${from} AS n FROM numbers(${count}))`,
  });
}

interface Measured {
  title: string;
  ms: number;
}

async function ask(client: ClickHouseClient, sql: string): Promise<Record<string, unknown>[]> {
  const result = await client.query({ query: sql, format: "JSONEachRow" });
  return result.json();
}

async function measure(client: ClickHouseClient, spec: DashboardSpec): Promise<Measured[]> {
  const seconds = secondsOf(values.range ? `now-${values.range}` : (spec.from ?? "now-7d"));
  const sent = {
    fromS: NOW - seconds,
    toS: NOW,
    stepS: Math.max(60, Math.round(seconds / POINTS)),
  };
  const choices: Record<string, string[]> = {
    project: spec.oneProject ? ["support"] : ["search", "support"],
  };
  for (const { name, sql } of spec.variables ?? [])
    choices[name] = (await ask(client, sentSql(sql, sent))).map((row) =>
      String(Object.values(row)[0]),
    );
  const measured: Measured[] = [];
  for (const { title, sql } of spec.rows.flatMap(({ panels }) => panels)) {
    const query = sentSql(sql, { ...sent, choices });
    const before = performance.now();
    await ask(client, query);
    measured.push({ title, ms: performance.now() - before });
  }
  return measured;
}

function secondsOf(from: string): number {
  const [, count, unit] = /^now-(\d+)([hd])$/.exec(from)!;
  return Number(count) * (unit === "h" ? 3_600 : 86_400);
}

const total = (all: readonly Measured[]): number => all.reduce((sum, { ms }) => sum + ms, 0);

/** Asks every dashboard; how many took too long. */
async function askAll(reader: ClickHouseClient): Promise<number> {
  let slow = 0;
  for (const spec of DASHBOARDS) {
    const all: Measured[][] = [];
    for (let i = 0; i < rounds; i++) all.push(await measure(reader, spec));
    const best = all.toSorted((a, b) => total(a) - total(b))[0]!;
    const [slowest] = best.toSorted((a, b) => b.ms - a.ms);
    console.log(
      `${spec.title.padEnd(32)} ${String(best.length).padStart(3)} queries ${String(Math.round(total(best))).padStart(6)} ms, first time ${Math.round(total(all[0]!))} ms; slowest: ${slowest!.title}, ${Math.round(slowest!.ms)} ms`,
    );
    if (total(best) > LIMIT_MS) slow++;
  }
  return slow;
}

async function withServer<T>(run: (engine: TestEngine) => Promise<T>): Promise<T> {
  const engine = await withEngine({ dataDir, memoryMb: 3_072 });
  try {
    return await run(engine);
  } finally {
    await engine.stop();
  }
}

const dataDir = await mkdtemp(join(tmpdir(), "assay-dashboards-"));
try {
  await withServer(async ({ target }) => {
    const client = createClickHouse(target, { requestTimeoutMs: 600_000 });
    const began = performance.now();
    await migrate(client, { log: () => {} });
    await fill(client);
    await client.close();
    console.log(
      `${spans.toLocaleString("en-US")} spans over ${DAYS} days, made in ${Math.round((performance.now() - began) / 1_000)} s`,
    );
  });
  await withServer(async ({ readerTarget }) => {
    const reader = createClickHouse(readerTarget);
    if ((await askAll(reader)) > 0) process.exitCode = 1;
    await reader.close();
  });
} finally {
  await rm(dataDir, { recursive: true, force: true });
}
