/** Every panel on the real engine, as the data source would ask it, against rows that were worked out by hand. */
import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dashboardOf } from "./dashboard.ts";
import { DASHBOARDS } from "./dashboards.ts";
import type { Cell } from "./hand-checked/expected.ts";
import { EXPECTED } from "./hand-checked/panels.ts";
import { at, CHOICES, NOON, writeRecords } from "./hand-checked/records.ts";
import type { PanelSpec } from "./panel.ts";
import { RULES } from "./rules.ts";
import { sentSql } from "./testing-sql.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** What is stored where is not known by hand. */
const STORE = "Store by table";
let engine: TestEngine;
let client: ClickHouseClient;
let reader: ClickHouseClient;

type Row = Record<string, unknown>;

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  reader = createClickHouse(engine.readerTarget);
  await migrate(client, { log: () => {} });
  await writeRecords(client);
});
afterAll(async () => {
  await Promise.all([client?.close(), reader?.close()]);
  await engine?.stop();
});

interface Asked {
  sql: string;
  dashboard?: string;
  /** Seconds, up to `to`. @default a day */
  seconds?: number;
  /** @default noon */
  to?: number;
  stepS?: number;
}

function asSent({ sql, dashboard, seconds = DAY, to = NOON, stepS = HOUR }: Asked): string {
  const { oneProject } = DASHBOARDS.find(({ uid }) => uid === dashboard) ?? {};
  const choices = oneProject ? { ...CHOICES, project: ["shop"] } : CHOICES;
  return sentSql(sql, { fromS: to - seconds, toS: to, stepS, choices });
}

async function rowsOf(asked: Asked): Promise<Row[]> {
  const result = await reader.query({ query: asSent(asked), format: "JSONEachRow" });
  return result.json();
}

interface Panel extends PanelSpec {
  dashboard: string;
}
const PANELS: readonly Panel[] = DASHBOARDS.flatMap(({ uid, rows }) =>
  rows.flatMap(({ panels }) => panels.map((panel) => ({ ...panel, dashboard: uid }))),
);

test("every panel has its rows by hand, and no others are there", () => {
  const titles = (uid: string): string[] =>
    PANELS.filter(({ dashboard, title }) => dashboard === uid && title !== STORE).map(
      ({ title }) => title,
    );
  expect(Object.keys(EXPECTED).sort()).toEqual(DASHBOARDS.map(({ uid }) => uid).sort());
  for (const [uid, panels] of Object.entries(EXPECTED))
    expect([uid, Object.keys(panels).sort()]).toEqual([uid, titles(uid).sort()]);
});

/** A sketch keeps seven bits of a number beside the first. */
const SKETCH = 1 / 128;

function matching(cell: Cell): unknown {
  if (typeof cell === "number") return closeTo(cell, 1e-7);
  if (cell === null || typeof cell === "string") return cell;
  return closeTo(cell.about, SKETCH);
}

const closeTo = (number: number, relative: number): unknown =>
  expect.toSatisfy(
    (found: number) => Math.abs(found - number) <= relative * Math.max(1e-3, Math.abs(number)),
    `about ${number}`,
  );

describe.each(PANELS.filter(({ title }) => title !== STORE))(
  "$dashboard: $title",
  ({ dashboard, title, kind, sql, traceColumn }) => {
    test("answers with what was worked out by hand", async () => {
      const [columns, ...expected] = EXPECTED[dashboard]![title]!;
      const names = columns.split(" ");
      if (kind === "timeseries") expect(names[0]).toBe("time");
      const rows = await rowsOf({ sql, dashboard });
      expect(rows.map((row) => Object.keys(row))).toEqual(rows.map(() => names));
      expect(rows.map((row) => Object.values(row))).toEqual(
        expected.map((cells) => cells.map(matching)),
      );
      if (traceColumn) expect(rows[0]![traceColumn]).toMatch(/^[0-9a-f]{32}$/);
    });

    test("has no row, or nothing in it, where there was nothing", async () => {
      const rows = await rowsOf({ sql, dashboard, seconds: HOUR, to: at("01-01 12:00") });
      for (const row of rows)
        for (const value of Object.values(row)) expect([null, 0, 1, ""]).toContain(value);
    });
  },
);

test("Store by table: says of every table how many rows it has", async () => {
  const { sql } = PANELS.find(({ title }) => title === STORE)!;
  const rows = await rowsOf({ sql });
  expect(rows.map(({ table }) => table)).toEqual(
    expect.arrayContaining(["spans", "evaluations", "check_results", "collector_metrics"]),
  );
  for (const { table, rows: stored, bytes, parts } of rows) {
    const counted = await rowsOf({ sql: `SELECT count() AS rows FROM assay.${String(table)}` });
    expect({ table, rows: stored }).toEqual({ table, ...counted[0] });
    expect(Math.min(Number(bytes), Number(parts))).toBeGreaterThan(0);
  }
});

describe("over more than 45 days", () => {
  const byDay = PANELS.filter(({ sql }) => sql.includes("assay.llm_1d"));
  test.each(byDay)("$dashboard: $title: days say what hours say", async ({ sql, dashboard }) => {
    const [hours, days] = [44, 46].map((count) =>
      rowsOf({ sql, dashboard, seconds: count * DAY, stepS: DAY }),
    );
    const of = await hours;
    expect(of!.length).toBeGreaterThan(0);
    expect(await days).toEqual(of);
  });
});

test.each(DASHBOARDS)("$uid: what can be chosen", async ({ variables = [] }) => {
  const all = { guard: ["main", "spare"], collector: ["c1", "c2", "c3"], model: ["big", "small"] };
  const check = ["answers-differ", "cost-spike", "fallback-share", "latency-p95", "quality-drop"];
  for (const { sql, name } of variables) {
    const rows = await rowsOf({ sql });
    expect(rows.map((row) => Object.values(row)[0])).toEqual({ ...all, check }[name]);
  }
});

test("deployments are marked where a release or a prompt's version was seen first", async () => {
  const { annotations } = dashboardOf(DASHBOARDS[0]!) as unknown as {
    annotations: { list: { target: { rawSql: string } }[] };
  };
  // W and M had brought release r1 and version 1 of "web" before.
  expect(await rowsOf({ sql: annotations.list[0]!.target.rawSql })).toEqual([
    { time: "2035-03-16 11:10:00", text: "api: prompt answer 2", tags: "prompt" },
    { time: "2035-03-16 11:10:00", text: "api: release r2", tags: "release" },
    { time: "2035-03-16 11:30:00", text: "web: prompt answer 1", tags: "prompt" },
    { time: "2035-03-16 11:30:00", text: "web: release r1", tags: "release" },
  ]);
});

describe("rules", () => {
  test.each(RULES)("$uid gives numbers by labels, once each", async ({ sql, seconds }) => {
    const rows = await rowsOf({ sql, seconds: Math.max(seconds, DAY) });
    const labels = rows.map((row) => JSON.stringify({ ...row, value: undefined }));
    expect(new Set(labels).size).toBe(rows.length);
    for (const row of rows) {
      // A second number, a truth value or a list is refused by the alert engine.
      const kinds = Object.values(row).map((value) => typeof value);
      expect(kinds.filter((kind) => kind === "number")).toHaveLength(1);
      expect(kinds.filter((kind) => kind !== "string" && kind !== "number")).toEqual([]);
      expect(row).not.toHaveProperty("time");
    }
  });
});

/** Every hour of a day each fortnight: single spans have a partition a day, and an insert may go to a hundred. */
describe("with a year of calls", () => {
  const FORTNIGHTS = 26;
  const YEAR = FORTNIGHTS * 14 * DAY;

  beforeAll(async () => {
    const columns = {
      project: "'shop'",
      trace_id: "unhex(lower(hex(MD5(toString(number)))))",
      span_id: "reinterpretAsFixedString(toUInt64(number + 1))",
      event_time: `toDateTime64(${NOON - YEAR} + intDiv(number, 24) * ${14 * DAY} + number % 24 * ${HOUR}, 9, 'UTC')`,
      duration_ns: "1000000",
      status: "'ok'",
      service: "'web'",
      operation: "'chat'",
      is_model_call: "1",
      request_model: "'big'",
      response_model: "'big'",
      cost: "0.001",
    };
    await client.command({
      query: `INSERT INTO assay.ingest (${Object.keys(columns).join(", ")}) SELECT ${Object.values(columns).join(", ")} FROM numbers(${FORTNIGHTS * 24})`,
    });
  });

  test.each(PANELS)("$dashboard: $title reads no single spans", async ({ sql, dashboard }) => {
    const query = `EXPLAIN ESTIMATE ${asSent({ sql, dashboard, seconds: YEAR, stepS: DAY })}`;
    const result = await reader.query({ query, format: "JSONEachRow" });
    const read = await result.json<{ table: string; rows: number }>();
    for (const { table, rows } of read) {
      expect(table).not.toMatch(/^(spans|span_content|trace_index|llm_1m)$/);
      // Hours are read where a panel shows single hours; calls, whose hours are many, by day.
      if (table === "llm_1h" && sql.includes("assay.llm_1d")) expect(rows).toBe(0);
    }
  });
});
