/** Every alert rule against data that must make it fire, that must not, and that ends it, on the real engine with a moved clock. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PIPELINE_RULES } from "./pipeline-rules.ts";
import { CHECK_CASES, RULE_CASES } from "./rule-cases.ts";
import { CHECK_RULES, OWN_CHECK_RULES, RULES } from "./rules.ts";
import { sentSql } from "./testing-sql.ts";

/** A whole minute, two days ago. */
const END = Math.floor(Date.now() / 60_000) * 60 - 2 * 86_400;
let engine: TestEngine;
let client: ClickHouseClient;
let reader: ClickHouseClient;

const collectorOf = (rule: string, what: string): string => `${rule}: ${what}`;

function figureRows(): object[] {
  return RULE_CASES.flatMap(({ rule, what, figures }) => {
    const whole = RULES.find(({ uid }) => uid === rule)!.seconds / 60;
    return figures.flatMap(
      ({ name, value = 0, daysFromEnd, increase = 0, labels = {}, from = whole, to = 0 }) =>
        Array.from({ length: Math.round(from - to) }, (_, i) => ({
          name,
          collector_id: collectorOf(rule, what),
          ts: END - 60 - Math.round(to * 60) - i * 60,
          labels,
          value: daysFromEnd ? END + value * 86_400 : value,
          increase,
        })),
    );
  });
}

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
  await insert("collector_metrics", figureRows());
  await insert("check_results", resultRows());
});
afterAll(async () => {
  await Promise.all([client?.close(), reader?.close()]);
  await engine?.stop();
});

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
    const at = END - 86_400;
    const write = (from: number, to: number, increase: number, shift = 0) =>
      client.insert({
        table: "collector_metrics",
        values: Array.from({ length: from - to }, (_, i) => ({
          name: "otelcol_receiver_accepted_spans_total", collector_id: "c", ts: at + shift - (from - i) * 60, increase,
        })),
        format: "JSONEachRow",
      }); // prettier-ignore
    await write(60, 12, 100);
    expect(await firing("assay-no-spans", "value", at)).toHaveLength(1);
    expect(await firing("assay-no-spans", "value", at - 15 * 60)).toHaveLength(0);
    await write(5, 4, 1);
    expect(await firing("assay-no-spans", "value", at)).toHaveLength(0);
    await write(60, 12, 1, -4 * 3_600);
    expect(await firing("assay-no-spans", "value", at - 4 * 3_600)).toHaveLength(0);
  });

  test("clock-skew: of a service whose spans have odd times, not of others or few", async () => {
    const span = (service: string, n: number, anomalies: number) =>
      Array.from({ length: n }, (_, i) => ({
        project: "p", service, event_time: `${END - 300}.000000000`, trace_id: String(i).padStart(16, "0"), span_id: String(i).padStart(8, "0"), anomalies,
      })); // prettier-ignore
    await client.insert({
      table: "spans",
      values: [...span("odd", 200, 1), ...span("right", 200, 0), ...span("few", 20, 1)],
      format: "JSONEachRow",
    });
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
