/** Every query of every panel and rule on the real engine, as the data source would send it. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dashboardOf } from "./dashboard.ts";
import { DASHBOARDS } from "./dashboards.ts";
import { RULES } from "./rules.ts";
import { sentSql } from "./testing-sql.ts";

const NOW_S = Math.floor(Date.now() / 1_000);
const DAY_S = 86_400;
let engine: TestEngine;
let client: ClickHouseClient;
let reader: ClickHouseClient;

/** What is chosen in the variables. */
const CHOICES: Record<string, string[]> = {
  project: ["support", "search"],
  guard: ["main"],
  collector: ["c1"],
  model: ["model-0", "model-1"],
  check: ["page-check", "ticket-check", "fallback-share"],
};

async function rowsOf(
  sql: string,
  fromS = NOW_S - DAY_S,
  toS = NOW_S,
): Promise<Record<string, unknown>[]> {
  const query = sentSql(sql, { fromS, toS, choices: CHOICES });
  const result = await reader.query({ query, format: "JSONEachRow" });
  return result.json();
}

const id = (n: number, length: number): string => String(n).padStart(length, "0");

/** 60 chats of two models, a retrieval beside each, half an hour ago; every tenth failed, every sixth has no price. */
function spans() {
  return Array.from({ length: 60 }, (_, n) => {
    const at = NOW_S - 1_800 - n;
    const shared = {
      project: n % 3 === 0 ? "search" : "support", trace_id: id(n, 16), event_time: `${at}.000000000`, received_at: `${at}.000`,
      start_unix_nano: `${at}000000000`, end_unix_nano: `${at}500000000`, duration_ns: 500_000_000, collector_id: "log-1",
    }; // prettier-ignore
    return [
      {
        ...shared, span_id: id(n, 8), operation: "chat", is_model_call: true, status: n % 10 === 0 ? "error" : "ok", provider: "openai",
        error_type: n % 10 === 0 ? "429" : "", finish_reasons: n % 15 === 1 ? ["length"] : ["stop"], temperature: 0,
        request_model: `model-${n % 2}`, response_model: n % 10 === 0 ? "" : `model-${n % 2}`, release: "r1", prompt_version: "1", prompt_hash: id(n % 5, 32),
        user_id: `u${n % 4}`, input_tokens: 100, output_tokens: 20, cache_read_tokens: 50, ttft_ns: n % 2 ? 100_000_000 : 0,
        cost: n % 6 === 0 ? null : "0.010000000000", cost_status: n % 6 === 0 ? "unpriced" : "priced",
        has_content: true, content_output: n % 10 < 5 ? "the same" : "another",
      }, // prettier-ignore
      {
        ...shared,
        span_id: id(n + 100, 8),
        operation: "retrieval",
        status: "ok",
        document_count: n % 4 === 0 ? 0 : 3,
      },
    ];
  }).flat();
}

/** Two minutes of a collector's figures. */
function figures() {
  const one = (name: string, value: number, increase = 0, labels = {}) =>
    [NOW_S - 180, NOW_S - 120].map((ts) => ({
      name,
      collector_id: "c1",
      ts,
      labels,
      value,
      increase,
    }));
  return [
    one("otelcol_receiver_accepted_spans_total", 1_000, 500),
    one("otelcol_receiver_refused_spans_total", 10, 5),
    one("assay_receiver_accepted_requests_total", 100, 50),
    one("assay_receiver_refused_requests_total", 2, 1, { reason: "overload" }),
    one("assay_ledger_residual_spans", 0),
    one("assay_outage_runway_seconds", 7_200),
    one("assay_insert_oldest_unsent_age_seconds", 2),
    one("otelcol_exporter_queue_size", 25),
    one("otelcol_exporter_queue_capacity", 100),
    one("assay_log_sync_seconds_sum", 1, 0.4),
    one("assay_log_sync_seconds_count", 100, 40),
    one("assay_log_sync_seconds_max", 0.1),
    one("otelcol_exporter_sent_spans_total", 900, 450),
    one("assay_insert_failed_attempts_total", 4, 2, { code: "241" }),
    one("assay_forward_pending_spans", 7, 0, { destination: "d" }),
    one("otelcol_process_uptime", 600),
    one("otelcol_process_memory_rss", 2e8),
    one("otelcol_process_cpu_seconds", 60, 30),
    one("nodejs_eventloop_lag_p99_seconds", 0.01),
    one("assay_encode_unpriced_spans_total", 20, 10),
    one("assay_checks_lag_seconds", 3),
  ].flat();
}

/** Twenty checks a minute of which one blocked, and one failed. */
function guardrailRows() {
  const shared = {
    project: "support",
    ts: NOW_S - 1_200,
    service: "web",
    guard: "main",
    check_name: "pii",
    stage: "input",
    error: "",
  };
  return [
    { ...shared, action: "pass", checks: 18, matches: 0 },
    { ...shared, action: "block", checks: 1, matches: 2 },
    { ...shared, action: "pass", error: "timeout", checks: 1, matches: 0 },
  ];
}

function evaluations() {
  return Array.from({ length: 60 }, (_, n) =>
    ["composite", "faithfulness", "relevance"].map((name, at) => ({
      project: "support", name, event_time: `${NOW_S - 1_800 - n}.000`, evaluated_at: `${NOW_S - 600}.000`,
      evaluation_id: `${at}${id(n, 15)}`, trace_id: id(n, 16), span_id: id(n, 8), source: "judge", evaluator: "m", judge_hash: "abcdef0123",
      role: name === "composite" ? "composite" : "cheap", model: `model-${n % 2}`, release: "r1", latency_ms: 900, cost: "0.000100000000",
      status: name !== "composite" && n % 5 === 0 ? "failed" : "ok", error_type: name !== "composite" && n % 5 === 0 ? "timeout" : "",
      norm: name !== "composite" && n % 5 === 0 ? null : n < 20 ? 0.5 : 1, judge_probability: n < 20 ? 1 : 0.1, reference: n % 2 ? "golden" : "",
    })),
  ).flat(); // prettier-ignore
}

/** People on ten records, a second opinion of the judge on five, and sentinels; and a block that somebody calls wrong. */
function otherEvaluations() {
  const one = (n: number, kind: string, more: object) => ({
    project: "support", name: "relevance", event_time: `${NOW_S - 1_800 - n}.000`, evaluated_at: `${NOW_S - 600}.000`, evaluation_id: `${kind}${id(n, 15)}`,
    trace_id: id(n, 16), span_id: id(n, 8), status: "ok", norm: 1, ...more,
  }); // prettier-ignore
  const judge = { source: "judge", evaluator: "m", judge_hash: "abcdef0123" };
  return [
    ...Array.from({ length: 10 }, (_, i) =>
      one(21 + i, "h", {
        source: "human",
        role: "human",
        evaluator: "ada",
        purpose: "audit",
        norm: i < 5 ? 1 : 0.5,
      }),
    ),
    ...[21, 22, 23, 24, 26].map((n) => one(n, "r", { ...judge, purpose: "retest", norm: 0.9 })),
    ...Array.from({ length: 5 }, (_, i) =>
      one(200 + i, "s", { ...judge, purpose: "sentinel", norm: 0.8 }),
    ),
    one(300, "g", {
      name: "guardrail_block",
      source: "otlp",
      evaluator: "ada",
      purpose: "audit",
      norm: 0,
    }),
  ];
}

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  reader = createClickHouse(engine.readerTarget);
  await migrate(client, { log: () => {} });
  const insert = (table: string, values: object[]) =>
    client.insert({ table: `assay.${table}`, values, format: "JSONEachRow" });
  await insert("ingest", spans());
  await insert("evaluations", evaluations());
  await insert("evaluations", otherEvaluations());
  // One of them again, made by another collector: it counts once.
  await insert("evaluations", evaluations().slice(0, 3));
  const hour = Math.floor(NOW_S / 3_600) * 3_600;
  await insert(
    "check_results",
    ["page", "ticket"].flatMap(
      (severity) =>
      ["ok", "firing"].map((state, n) => ({
        check_name: `${severity}-check`, project: "support", series: "", event_time: NOW_S - 900 + n * 60, evaluated_at: NOW_S - 900 + n * 60,
        severity, state, reason: "why", worst_traces: ["a".repeat(32)],
      })), // prettier-ignore
    ),
  );
  await insert("check_results", [
    {
      check_name: "fallback-share", project: "support", series: "service=web", event_time: NOW_S - 600, evaluated_at: NOW_S - 600, severity: "page", state: "ok",
      estimate: 0.25, threshold: 0.05,
    },
  ]); // prettier-ignore
  await insert("collector_metrics", figures());
  await insert("guardrail_1m", guardrailRows());
  await client.command({
    query: `INSERT INTO assay.guardrail_1m (project, ts, guard, check_name, stage, action, latency_ms_sketch)
      SELECT 'support', toDateTime(${NOW_S - 1_200}), 'main', 'pii', 'input', 'pass', quantilesBFloat16State(0.5, 0.95, 0.99)(toFloat32(20)) FROM numbers(20)`,
  });
  // A week ago half as much was spent.
  await insert("llm_1h", [
    {
      project: "support",
      ts: NOW_S - 7 * DAY_S - 3_600,
      operation: "chat",
      is_model_call: true,
      status: "ok",
      calls: 25,
      spans: 25,
      cost: "0.25",
    },
  ]);
  await insert("incidents", [
    {
      incident_id: "i1",
      at: `${NOW_S - 900}.000`,
      project: "support",
      subject: "cost",
      event: "open",
      severity: "page",
      title: "cost is $12",
    },
    {
      incident_id: "i1",
      at: `${NOW_S - 600}.000`,
      project: "support",
      subject: "cost",
      event: "acknowledge",
      by: "Ada",
    },
  ]);
  await insert("price_book", [
    {
      price_id: "p", provider: "openai", model: "model-0", valid_from: "2026-01-01",
      rates: JSON.stringify([{ aboveInputTokens: 0, picoUsd: { input: 2_000_000, cacheRead: 500_000 } }]), per_request: "0",
    },
  ]); // prettier-ignore
  await insert("traffic_1h", [
    { project: "support", hour, stratum: "rest", reason: "chosen", records: 10, weight: 10 },
    { project: "support", hour, stratum: "rest", reason: "not_chosen", records: 90, weight: 90 },
  ]);
}, 60_000);
afterAll(async () => {
  await Promise.all([client?.close(), reader?.close()]);
  await engine?.stop();
});

const PANELS = DASHBOARDS.flatMap(({ uid, rows }) =>
  rows.flatMap(({ panels }) => panels.map((panel) => ({ ...panel, dashboard: uid }))),
);

test.each(PANELS)("$dashboard: $title", async ({ kind, sql, traceColumn }) => {
  const rows = await rowsOf(sql);
  expect(rows.length).toBeGreaterThan(0);
  if (kind === "timeseries") expect(rows[0]).toHaveProperty("time");
  if (kind === "stat") expect(Object.values(rows[0]!)[0]).not.toBeNull();
  if (traceColumn) expect(rows[0]![traceColumn]).toMatch(/^[0-9a-f]{32}$/);
  // And over a range with nothing in it.
  await rowsOf(sql, 1_000_000_000, 1_000_003_600);
});

const panelOf = (dashboard: string, title: string): string =>
  PANELS.find((panel) => panel.dashboard === dashboard && panel.title === title)!.sql;

test.each(DASHBOARDS)("$uid: what can be chosen", async ({ variables = [] }) => {
  for (const { sql, name } of variables) {
    const rows = await rowsOf(sql);
    const found = rows.map((row) => Object.values(row)[0]);
    expect(found.length).toBeGreaterThan(0);
    for (const choice of CHOICES[name]!) expect(found).toContain(choice);
  }
});

test("deployments are marked where a release was seen first", async () => {
  const { annotations } = dashboardOf(DASHBOARDS[0]!) as unknown as {
    annotations: { list: { target: { rawSql: string } }[] };
  };
  const rows = await rowsOf(annotations.list[0]!.target.rawSql);
  expect(rows.map(({ text }) => text)).toEqual(
    expect.arrayContaining(["support: release r1", "search: release r1"]),
  );
});

test("no panel reads single spans or their text", () => {
  for (const { sql } of PANELS)
    expect(sql).not.toMatch(/assay\.(spans|span_content|trace_index)\b/);
});

/** 60 calls, 10 of them without a price, 50 at a cent; 6 failed (n = 0, 10 … 50), of which 0 and 30 have no price. */
const BY_HAND: readonly (readonly [dashboard: string, title: string, row: object])[] = [
  ["assay-cost", "Spent in the range", { usd: 0.5 }],
  ["assay-cost", "Against a week ago", { ratio: 2 }],
  ["assay-guardrails", "Time of a check, 95 of 100", { p95: 20 }],
  ["assay-cost", "A call", { usd: 0.01 }],
  ["assay-cost", "Calls that failed cost", { usd: 0.04 }],
  ["assay-cost", "Calls without a price", { calls: 10 }],
  // 40 calls are of support, 20 of search, which has those that 3 divides: all that 6 divides, too.
  ["assay-cost", "By release and prompt version", { project: "support", calls: 40, usd: 0.4, usd_a_call: 0.01 }],
  // 50 of 100 input tokens of each call came from the cache; of model-0, 30 calls less 6 whose answer names none.
  ["assay-cost", "Input read from a cache", { share: 0.5 }],
  ["assay-cost", "Tokens a call", { input: 100, output: 20 }],
  ["assay-quality", "Weighted score", { mean: (20 * 0.5 + 400 * 1) / 420 }],
  ["assay-quality", "Pass rate", { share: 1 }],
  ["assay-quality", "Quality budget left", { left: 1 }],
  ["assay-quality", "Error budget left", { left: 1 - 6 / 60 / 0.01 }],
  ["assay-quality", "Records scored", { records: 60 }],
  ["assay-quality", "Spent", { usd: 0.5 }],
  // Of 60, every fifth failed for each of two metrics.
  ["assay-quality", "Judgements that failed", { share: 0.2 }],
  // All six that failed had asked for model-0, which usually answers: 30 calls, of which 6 failed.
  ["assay-models", "Models", { provider: "openai", model: "model-0", calls: 30, error_share: 0.2, usd_a_thousand: 10 }],
  ["assay-models", "Why calls fail", { provider: "openai", model: "model-0", operation: "chat", error: "429", count: 6 }],
  ["assay-models", "Traces in which another model answered", { share: 0.25 }],
  ["assay-rag", "By stage", { spans: 60, p50_ms: 500, p95_ms: 500, share_of_time: 0.5 }],
  ["assay-rag", "Input tokens of a call", { tokens: 100 }],
  // Faithful and relevant all of them: 48 that were judged for both.
  ["assay-rag", "Blame", { blame: "good", records: 48, share: 1 }],
  ["assay-judges", "Share of the traffic that is judged", { share: 0.1 }],
  // Two of people's ten fell on records whose judgement failed (25 and 30): of eight, four and four.
  ["assay-judges", "Records that never change", { mean: 0.8 }],
  ["assay-guardrails", "Checks", { checks: 20 }],
  ["assay-guardrails", "Blocked", { share: 0.05 }],
  ["assay-guardrails", "Bypassed", { checks: 1 }],
  ["assay-guardrails", "Blocked, by rule", { rule: "pii", blocked: 1 }],
  ["assay-guardrails", "Share that does something, by rule", { rule: "pii", share: 0.05 }],
  ["assay-guardrails", "Checks that failed, by error", { what: "pii: timeout", failed: 1 }],
  ["assay-guardrails", "Blocked and said to be wrong", { name: "guardrail_block", by: "ada", score: 0 }],
  // Five prompts of twelve answers each.
  ["assay-determinism", "Prompts asked more than once", { prompts: 10 }],
  ["assay-checks", "Firing, page", { firing: 1 }],
  ["assay-checks", "Firing, ticket", { firing: 1 }],
  ["assay-checks", "Held back", { muted: 0 }],
  ["assay-checks", "What people were told of", { project: "support", subject: "cost", over: "open", acknowledged_by: "Ada" }],
  ["assay-collector", "Accepted spans in the range", { spans: 1_000 }],
  ["assay-collector", "Spans that are nowhere", { value: 0 }],
  ["assay-collector", "Outage runway", { value: 7_200 }],
  ["assay-collector", "Age of what is not stored yet", { value: 2 }],
  ["assay-collector", "Queue in use", { collector: "c1", share: 0.25 }],
  ["assay-collector", "Requests not answered with success", { reason: "overload", requests: 2 }],
  ["assay-collector", "Sync of the log, mean and slowest", { mean: 0.01, slowest_since_start: 0.1 }],
  ["assay-collector", "Inserts that failed and were tried again", { code: "241", attempts: 4 }],
  ["assay-collector", "Forwarding: spans that wait", { destination: "d", spans: 7 }],
]; // prettier-ignore

test.each(BY_HAND)("%s: %s, by hand", async (dashboard, title, expected) => {
  const rows = await rowsOf(panelOf(dashboard, title));
  const close = Object.fromEntries(
    Object.entries(expected).map(([name, value]) => [
      name,
      typeof value === "number" ? (expect.closeTo(value, 6) as number) : (value as string),
    ]),
  );
  expect(rows).toEqual(expect.arrayContaining([expect.objectContaining(close)]));
});

test("intervals hold their means", async () => {
  const [band] = await rowsOf(panelOf("assay-quality", "By model and release"));
  expect(Number(band!["low"])).toBeLessThan(Number(band!["mean"]));
  expect(Number(band!["high"])).toBeGreaterThan(Number(band!["mean"]));
});

describe("rules", () => {
  test.each(RULES)("$uid gives numbers by labels, once each", async ({ sql, seconds }) => {
    const rows = await rowsOf(sql, NOW_S - seconds * 4, NOW_S);
    const labels = rows.map((row) => JSON.stringify({ ...row, value: undefined }));
    expect(new Set(labels).size).toBe(rows.length);
    for (const row of rows) {
      const numbers = Object.values(row).filter((value) => typeof value === "number");
      expect(numbers).toHaveLength(1);
      expect(row).not.toHaveProperty("time");
    }
  });
});
