/** Every query of every panel and rule on the real engine, as the data source would send it. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DASHBOARDS } from "./dashboards.ts";
import { RULES } from "./rules.ts";

const NOW_S = Math.floor(Date.now() / 1_000);
const DAY_S = 86_400;
let engine: TestEngine;
let client: ClickHouseClient;
let reader: ClickHouseClient;

/** As the plugin fills them in. */
function sent(sql: string, fromS: number, toS: number): string {
  return sql
    .replace(
      /\$__timeFilter\(([^)]+)\)/g,
      `$1 >= toDateTime(${fromS}) AND $1 <= toDateTime(${toS})`,
    )
    .replace(
      /\$__timeInterval\(([^)]+)\)/g,
      "toStartOfInterval(toDateTime($1), INTERVAL 3600 second)",
    )
    .replaceAll("$__fromTime", `toDateTime(${fromS})`)
    .replaceAll("$__toTime", `toDateTime(${toS})`)
    .replaceAll("${project:singlequote}", "'support','search'");
}

async function rowsOf(
  sql: string,
  fromS = NOW_S - DAY_S,
  toS = NOW_S,
): Promise<Record<string, unknown>[]> {
  const result = await reader.query({ query: sent(sql, fromS, toS), format: "JSONEachRow" });
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
        request_model: `model-${n % 2}`, response_model: `model-${n % 2}`, release: "r1", prompt_version: "1", prompt_hash: id(n % 5, 32),
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

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  reader = createClickHouse(engine.readerTarget);
  await migrate(client, { log: () => {} });
  const insert = (table: string, values: object[]) =>
    client.insert({ table: `assay.${table}`, values, format: "JSONEachRow" });
  await insert("ingest", spans());
  await insert("evaluations", evaluations());
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

describe("numbers by hand", () => {
  test("50 of 60 calls are priced, at a cent each", async () => {
    expect(await rowsOf(panelOf("assay-cost", "Spent in the range"))).toEqual([{ usd: 0.5 }]);
    expect(await rowsOf(panelOf("assay-cost", "A call"))).toEqual([{ usd: 0.01 }]);
    expect(await rowsOf(panelOf("assay-cost", "Calls without a price"))).toEqual([{ calls: 10 }]);
    const byModel = await rowsOf(panelOf("assay-cost", "By project and model"));
    expect(byModel.reduce((sum, row) => sum + Number(row["usd"]), 0)).toBeCloseTo(0.5, 12);
    const byUser = await rowsOf(panelOf("assay-cost", "By user"));
    expect(byUser.reduce((sum, row) => sum + Number(row["calls"]), 0)).toBe(60);
  });

  test("20 scores of 0.5 that were all judged, 40 of 1 of which one in ten was", async () => {
    const [score] = await rowsOf(panelOf("assay-quality", "Weighted score"));
    expect(score!["mean"]).toBeCloseTo((20 * 0.5 + 400 * 1) / 420, 12);
    expect(await rowsOf(panelOf("assay-quality", "Records scored"))).toEqual([{ records: 60 }]);
    const [failed] = await rowsOf(panelOf("assay-quality", "Judgements that failed"));
    expect(failed!["share"]).toBeCloseTo(0.2, 12);
    const [band] = await rowsOf(panelOf("assay-quality", "By model and release"));
    expect(Number(band!["low"])).toBeLessThan(Number(band!["mean"]));
    expect(Number(band!["high"])).toBeGreaterThan(Number(band!["mean"]));
  });

  test("a tenth is judged; a quarter of the retrievals found nothing", async () => {
    expect(
      (await rowsOf(panelOf("assay-judges", "Share of the traffic that is judged")))[0]!["share"],
    ).toBe(0.1);
    const nothing = await rowsOf(panelOf("assay-rag", "Retrievals that found nothing"));
    expect(
      nothing.reduce((sum, row) => sum + Number(row["share"]), 0) / nothing.length,
    ).toBeCloseTo(0.25, 1);
  });
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

  const fires = async (uid: string): Promise<boolean> => {
    const { sql, above, seconds } = RULES.find((rule) => rule.uid === uid)!;
    const rows = await rowsOf(sql, NOW_S - Math.max(seconds, 3_600), NOW_S);
    return rows.some(({ value }) => Number(value) > above);
  };

  test("what must fire fires, what must not does not", async () => {
    expect(await fires("assay-checks-page")).toBe(true);
    expect(await fires("assay-checks-ticket")).toBe(true);
    // Fifteen minutes ago.
    expect(await fires("assay-checks-stale")).toBe(true);
    expect(await fires("assay-ingest-lag")).toBe(false);
  });
});
