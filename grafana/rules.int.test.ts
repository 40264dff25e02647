/** Every alert rule against data that must make it fire, that must not, and that ends it, on the real engine with a moved clock. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createEncoder } from "../collector/encode/encoder.ts";
import { transcodeTraces } from "../collector/otlp/json.ts";
import { validateTraces } from "../collector/otlp/validate.ts";
import { createMetricsHistory, type Sample } from "../collector/telemetry/history.ts";
import { PIPELINE_RULES } from "./pipeline-rules.ts";
import { CHECK_CASES, type Figures, RULE_CASES } from "./rule-cases.ts";
import { CHECK_RULES, OWN_CHECK_RULES, RULES } from "./rules.ts";
import { sentSql } from "./testing-sql.ts";

/** A whole minute, two days ago. */
const END = Math.floor(Date.now() / 60_000) * 60 - 2 * 86_400;
let engine: TestEngine;
let client: ClickHouseClient;
let reader: ClickHouseClient;

const collectorOf = (rule: string, what: string): string => `${rule}: ${what}`;

/** Minutes of which there are figures. */
const MINUTES = 360;

interface Reporting {
  collector: string;
  figures: readonly Figures[];
  /** Minutes before the end that the figures say, where they do not say it themselves. @default MINUTES */
  whole?: number;
}

/** What collectors wrote by themselves, minute by minute, up to a minute before `end`: as rows. */
async function written(reporting: readonly Reporting[], end = END): Promise<object[]> {
  const rows: object[] = [];
  const kept = { insert: async ({ values }: { values: object[] }) => void rows.push(...values) };
  vi.useFakeTimers({
    now: (end - MINUTES * 60) * 1_000,
    toFake: ["setTimeout", "clearTimeout", "Date"],
  });
  const minute = (): number => (end * 1_000 - Date.now()) / 60_000;
  const histories = reporting.map(({ collector, figures, whole = MINUTES }) =>
    createMetricsHistory({
      collectorId: collector,
      read: readerOf(figures, { minute, whole, end }),
      log: (_level, message) => expect(message).toBe(""),
    }),
  );
  try {
    for (const history of histories) history.start(kept as unknown as ClickHouseClient);
    await vi.advanceTimersByTimeAsync((MINUTES - 1) * 60_000);
  } finally {
    vi.useRealTimers();
  }
  return rows;
}

/** /metrics of a collector: a counter goes on, a gauge is there while a figure says it. */
function readerOf(
  figures: readonly Figures[],
  { minute, whole, end }: { minute: () => number; whole: number; end: number },
): () => Promise<Sample[]> {
  const counted = new Map<Figures, number>();
  return async () =>
    figures.flatMap((one): Sample[] => {
      const { name, value, daysFromEnd, increase, labels = {}, from = whole, to = 0 } = one;
      const isNow = minute() > to && minute() <= from;
      if (increase === undefined)
        return isNow ? [{ name, isCounter: false, labels, value: daysFromEnd ? end + value! * 86_400 : value! }] : [];
      if (isNow) counted.set(one, (counted.get(one) ?? 0) + increase);
      return counted.has(one) ? [{ name, isCounter: true, labels, value: counted.get(one)! }] : [];
    });
} // prettier-ignore

const CASES: Reporting[] = RULE_CASES.map(({ rule, what, figures }) => ({
  collector: collectorOf(rule, what),
  figures,
  whole: RULES.find(({ uid }) => uid === rule)!.seconds / 60,
}));

function resultRows(): object[] {
  const checks = [
    ...CHECK_RULES.map(({ title, severity }) => ({ check_name: title, severity })),
    { check_name: "my-own", severity: "page" },
    { check_name: "my-other", severity: "ticket" },
  ];
  return checks.flatMap((check) =>
    CHECK_CASES.flatMap(({ what, states, minutesAgo }) =>
      states.map((state, i) => ({
        ...check,
        project: what,
        series: "model=m",
        state,
        event_time: END - (minutesAgo + 1 - i) * 60,
        evaluated_at: END - (minutesAgo - i) * 60,
      })),
    ),
  );
}

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  reader = createClickHouse(engine.readerTarget);
  await migrate(client, { log: () => {} });
  const insert = (table: string, values: object[]) =>
    client.insert({ table, values, format: "JSONEachRow" });
  await insert("collector_metrics", await written(CASES));
  await insert("check_results", resultRows());
});
afterAll(async () => {
  await Promise.all([client?.close(), reader?.close()]);
  await engine?.stop();
});

/** Through the collector's own encoder. */
async function store(resourceSpans: object[]): Promise<void> {
  const { body } = transcodeTraces(Buffer.from(JSON.stringify({ resourceSpans })));
  const { spanCount, rejected } = validateTraces(body);
  expect(rejected).toEqual([]);
  const encoder = createEncoder({
    priceBook: loadPriceBook(),
    collectorId: "c",
    maxSpanAgeMs: 7 * 86_400_000,
  });
  encoder.append({ seq: 1, signal: "traces", body, spanCount, rejected, receivedAtUnixMs: END * 1_000 }); // prettier-ignore
  const { url, username, password } = engine.target;
  const response = await fetch(`${url}/?database=assay&query=INSERT+INTO+ingest+FORMAT+Native`, {
    method: "POST",
    headers: { "X-ClickHouse-User": username, "X-ClickHouse-Key": password },
    body: new Uint8Array(Buffer.concat(encoder.finish(1).chunks)),
  });
  expect(await response.text()).toBe("");
}

/** What fires at `end`, by the label. */
async function firing(uid: string, label: string, end = END): Promise<string[]> {
  const { sql, above, seconds } = RULES.find((rule) => rule.uid === uid)!;
  const result = await reader.query({
    query: sentSql(sql, { fromS: end - 60 - seconds, toS: end - 60 }),
    format: "JSONEachRow",
  });
  const rows = await result.json<Record<string, string | number>>();
  return rows.filter(({ value }) => Number(value) > above).map((row) => String(row[label] ?? ""));
}

describe("rules of checks", () => {
  const expected = CHECK_CASES.filter(({ fires }) => fires).map(({ what }) => what);
  test.each([...CHECK_RULES, ...OWN_CHECK_RULES])("$uid", async ({ uid }) => {
    expect(await firing(uid, "project")).toEqual(expected);
  });
});

describe("rules of the pipeline", () => {
  test.each(RULE_CASES)("$rule: $what: $fires", async ({ rule, what, fires }) => {
    expect((await firing(rule, "collector")).includes(collectorOf(rule, what))).toBe(fires);
  });

  test("every one has a case that fires and one that does not, but for those below", () => {
    const others = ["assay-checks-stale", "assay-no-spans", "assay-too-many-parts", "assay-clock-skew"]; // prettier-ignore
    for (const { uid } of PIPELINE_RULES) {
      const kinds = new Set(
        RULE_CASES.filter(({ rule }) => rule === uid).map(({ fires }) => fires),
      );
      expect([uid, kinds.size]).toEqual([uid, others.includes(uid) ? 0 : 2]);
    }
  });

  test("checks-stale: fires three ticks after the newest result, not before, and not where there never was one", async () => {
    const of = (minutes: number) => firing("assay-checks-stale", "value", END + minutes * 60);
    expect(await of(3)).toHaveLength(0);
    expect(await of(8)).toHaveLength(1);
    expect(await of(-10 * 1_440)).toHaveLength(0);
  });

  test("no-spans: fires after ten minutes without a span, not with a few spans, not where there were few before", async () => {
    const day = END - 86_400;
    const firesAfter = async (end: number, ...figures: Figures[]): Promise<boolean> => {
      const values = await written([{ collector: "c", figures }], end);
      await client.insert({ table: "collector_metrics", values, format: "JSONEachRow" });
      return (await firing("assay-no-spans", "value", end)).length === 1;
    };
    const accepted = (increase: number, from: number, to: number): Figures => ({
      name: "otelcol_receiver_accepted_spans_total", increase, from, to,
    }); // prettier-ignore
    expect(await firesAfter(day, accepted(100, 60, 12))).toBe(true);
    expect(await firing("assay-no-spans", "value", day - 15 * 60)).toHaveLength(0);
    expect(await firesAfter(day - 86_400, accepted(100, 60, 12), accepted(1, 5, 4))).toBe(false);
    expect(await firesAfter(day - 2 * 86_400, accepted(1, 60, 12))).toBe(false);
  });

  test("clock-skew: of a service whose spans have odd times, not of others, few, or odd in another way", async () => {
    const at = BigInt(END - 300) * 1_000_000_000n;
    const service = (name: string, n: number, lasts: bigint, more: object[] = []) => ({
      resource: { attributes: [{ key: "service.name", value: { stringValue: name } }] },
      scopeSpans: [
        {
          spans: Array.from({ length: n }, (_, i) => ({
            traceId: Buffer.from(name).toString("hex").slice(0, 6) + String(i).padStart(26, "0"),
            spanId: "a".repeat(16),
            name: "chat",
            startTimeUnixNano: String(at),
            endTimeUnixNano: String(at + lasts),
            attributes: more,
          })),
        },
      ],
    });
    const tokens = [{ key: "gen_ai.usage.input_tokens", value: { intValue: "-1" } }];
    await store([
      service("odd", 200, -1_000_000n),
      service("right", 200, 1_000_000n),
      service("few", 20, -1_000_000n),
      service("without tokens", 200, 1_000_000n, tokens),
    ]);
    const marked = await client.query({ query: "SELECT DISTINCT service FROM spans WHERE anomalies != 0 ORDER BY service", format: "JSONEachRow" }); // prettier-ignore
    expect(await marked.json()).toEqual([{ service: "few" }, { service: "odd" }, { service: "without tokens" }]); // prettier-ignore
    expect(await firing("assay-clock-skew", "service")).toEqual(["odd"]);
  });

  test("too-many-parts: says what is, and this engine is fine", async () => {
    expect(await firing("assay-too-many-parts", "table")).toEqual([]);
    const parts = RULES.find(({ uid }) => uid === "assay-too-many-parts")!;
    const result = await reader.query({ query: parts.sql, format: "JSONEachRow" });
    const rows = await result.json<{ table: string; value: number }>();
    expect(rows.find(({ table }) => table === "check_results")?.value).toBeGreaterThanOrEqual(1);
  });
});
