/** The rules that make every span count exactly once, each against the real engine and this schema. */
import type { ClickHouseClient } from "@clickhouse/client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { findInconsistencies } from "../test/faults/consistency.ts";
import { createClickHouse } from "./client.ts";
import { finishCostRevisions, planCostRevisions } from "./cost-revisions.ts";
import { withEngine, type TestEngine } from "./embedded/testing.ts";
import { migrate } from "./migrate.ts";
import { retention } from "./retention.ts";
import { oneBlock } from "./one-block.ts";
import { FIRST_DAY, insertSpans } from "./testing-spans.ts";

const SPANS = { from: 0, count: 3000, days: 3 };

let engine: TestEngine;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  // The rows have fixed dates; with the usual retention the engine would drop them as they come.
  const forever = Object.fromEntries(Object.keys(retention).map((name) => [name, 18_250]));
  await migrate(client, { log: () => undefined, retentionDays: forever });
});

afterAll(async () => {
  await client.close();
  await engine.stop();
});

beforeEach(async () => {
  for (const { name } of await mergeTrees()) {
    if (name !== "migrations") await client.command({ query: `TRUNCATE TABLE ${name}` });
  }
});

async function rows<T>(query: string): Promise<T[]> {
  return (await client.query({ query, format: "JSONEachRow" })).json<T>();
}

async function mergeTrees(): Promise<{ name: string; create_table_query: string }[]> {
  return rows(
    "SELECT name, create_table_query FROM system.tables WHERE database = 'assay' AND engine LIKE '%MergeTree' ORDER BY name",
  );
}

/** What a person would add up: spans in every table, and the money. */
async function totals(): Promise<Record<string, string>> {
  const sums = [
    "llm_1m",
    "llm_1h",
    "llm_1d",
    "cost_by_user_1d",
    "cost_by_release_1d",
    "trace_index",
  ].map(
    (table) =>
      `(SELECT concat(toString(sum(spans)), ' ', toString(sum(cost)), ' ', toString(sum(unpriced_calls))) FROM ${table}) AS ${table}`,
  );
  const [row] = await rows<Record<string, string>>(
    `SELECT (SELECT toString(count()) FROM spans) AS spans, (SELECT toString(count()) FROM span_content) AS content, ${sums.join(", ")}`,
  );
  return row!;
}

let tokens = 0;
const freshToken = (): string => `token-${process.pid}-${++tokens}`;

describe("one insert with one token", () => {
  test("fills every table, and the rollups equal the spans they were made from", async () => {
    await insertSpans(client, SPANS, oneBlock(freshToken()));
    await insertSpans(client, { from: 3000, count: 500 }, oneBlock(freshToken()));
    expect(await findInconsistencies(client)).toEqual([]);
    const all = await totals();
    expect(all["spans"]).toBe("3500");
    expect(all["trace_index"]).toMatch(/^3500 /);
    // Spans without an operation are no GenAI spans: every sixth.
    expect(all["llm_1d"]).toMatch(/^2917 /);
    expect(
      new Set([
        all["llm_1m"],
        all["llm_1h"],
        all["llm_1d"],
        all["cost_by_user_1d"],
        all["cost_by_release_1d"],
      ]).size,
    ).toBe(1);
  });

  test("latencies of hours and days are within 1.6 % of the spans'", async () => {
    await insertSpans(client, SPANS, oneBlock(freshToken()));
    const [exact] = await rows<{ q: number[] }>(
      "SELECT quantilesExact(0.5, 0.95, 0.99)(duration_ns / 1e6) AS q FROM spans WHERE operation != ''",
    );
    for (const table of ["llm_1h", "llm_1d"]) {
      const [kept] = await rows<{ q: number[] }>(
        `SELECT quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch) AS q FROM ${table}`,
      );
      const errors = kept!.q.map((value, i) => Math.abs(value / exact!.q[i]! - 1));
      expect(Math.max(...errors), table).toBeLessThan(0.016);
    }
  });

  test("is stored once however often it is sent", async () => {
    const token = freshToken();
    await insertSpans(client, SPANS, oneBlock(token));
    const before = await totals();
    await insertSpans(client, SPANS, oneBlock(token));
    await Promise.all([1, 2, 3].map(() => insertSpans(client, SPANS, oneBlock(token))));
    expect(await totals()).toEqual(before);
    expect(await findInconsistencies(client)).toEqual([]);
  });

  test("the split is part of the token: other block boundaries store rows twice", async () => {
    const token = freshToken();
    await insertSpans(client, SPANS, oneBlock(token));
    const split = {
      max_block_size: "500",
      min_insert_block_size_rows: "500",
      max_insert_block_size: "500",
    };
    await insertSpans(client, SPANS, { ...oneBlock(token), ...split });
    expect(Number((await totals())["spans"])).toBeGreaterThan(SPANS.count);
  });

  test("new rows under an old token are thrown away: a token is never used twice", async () => {
    const token = freshToken();
    await insertSpans(client, SPANS, oneBlock(token));
    await insertSpans(client, { ...SPANS, from: 100_000 }, oneBlock(token));
    expect((await totals())["spans"]).toBe(String(SPANS.count));
  });

  test("a retry after a view that failed brings every table to the same count", async () => {
    const token = freshToken();
    const check = "llm_1h ADD CONSTRAINT broken CHECK spans < 0";
    await client.command({ query: `ALTER TABLE ${check}` });
    await expect(insertSpans(client, SPANS, oneBlock(token))).rejects.toThrow(/[Cc]onstraint/);
    await client.command({ query: "ALTER TABLE llm_1h DROP CONSTRAINT broken" });
    await insertSpans(client, SPANS, oneBlock(token));
    expect((await totals())["spans"]).toBe(String(SPANS.count));
    expect(await findInconsistencies(client)).toEqual([]);
  });

  test("the check sees a rollup that lost or doubled a row", async () => {
    await insertSpans(client, SPANS, oneBlock(freshToken()));
    await client.command({ query: "INSERT INTO llm_1d SELECT * FROM llm_1d LIMIT 1" });
    await client.command({
      query: "ALTER TABLE cost_by_user_1d DELETE WHERE user_id = 'u3'",
      clickhouse_settings: { mutations_sync: "1" },
    });
    const findings = await findInconsistencies(client);
    expect(findings).toHaveLength(2);
    expect(findings[0]).toMatch(/^cost_by_user_1d differs from spans: .*u3.*no row instead of/);
    expect(findings[1]).toMatch(/^llm_1d differs from spans: /);
  });
});

describe("every table", () => {
  test("remembers tokens and syncs what it answers", async () => {
    const wanted = {
      non_replicated_deduplication_window: "100000",
      fsync_after_insert: "1",
      fsync_part_directory: "1",
      min_rows_to_fsync_after_merge: "1",
      old_parts_lifetime: "480",
    };
    const tables = await mergeTrees();
    expect(tables.length).toBeGreaterThanOrEqual(10);
    for (const { name, create_table_query } of tables) {
      const settings = /SETTINGS (.*)$/.exec(create_table_query)?.[1] ?? "";
      const effective = Object.fromEntries(
        settings.split(", ").map((setting) => setting.split(" = ")),
      );
      expect(effective, name).toMatchObject(wanted);
    }
  });

  test("that aggregates has no column which a merge would pick at random", async () => {
    const columns = await rows(
      `SELECT c.table AS table, c.name AS name, c.type AS type FROM system.columns AS c
       INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
       WHERE c.database = 'assay' AND t.engine LIKE 'AggregatingMergeTree' AND NOT c.is_in_sorting_key
         AND c.type NOT LIKE '%AggregateFunction(%'`,
    );
    expect(columns).toEqual([]);
  });
});

describe("a cost revision", () => {
  const plan = (run: string, day: string) => ({
    run,
    reason: "a price was missing",
    day,
    changes: `SELECT trace_id, span_id, toNullable(toDecimal128('0.000123', 12)) AS new_cost, 'priced' AS new_cost_status,
                'openai/model@2026-01-15#11111111' AS new_price_id
              FROM spans WHERE is_model_call AND (cost IS NULL OR request_model = 'model-2')`,
  });
  const days = [FIRST_DAY, "2026-01-31", "2026-02-01"];

  async function expectRevised(): Promise<void> {
    expect(await findInconsistencies(client)).toEqual([]);
    const all = await totals();
    expect(
      new Set(
        ["llm_1m", "llm_1h", "llm_1d", "cost_by_user_1d", "cost_by_release_1d", "trace_index"].map(
          (t) => all[t]!.split(" ")[1],
        ),
      ).size,
    ).toBe(1);
    expect(all["trace_index"]).toMatch(/ 0$/);
    const wrong = await rows(
      `SELECT toUInt32(count()) AS n FROM spans INNER JOIN cost_revisions AS r USING (trace_id, span_id)
       WHERE cost != r.new_cost OR cost IS NULL OR price_id != r.new_price_id OR cost_status != r.new_cost_status`,
    );
    expect(wrong).toEqual([{ n: 0 }]);
  }

  test("changes spans, rollups and trace index alike, and only once", async () => {
    await insertSpans(client, SPANS, oneBlock(freshToken()));
    for (const day of days)
      expect(await planCostRevisions(client, plan("run_a", day))).toBeGreaterThanOrEqual(100);
    expect(await finishCostRevisions(client, "run_a")).toEqual(days.map((day) => `run_a ${day}`));
    await expectRevised();
    const before = await totals();
    expect(await finishCostRevisions(client)).toEqual([]);
    await planCostRevisions(client, plan("run_a", FIRST_DAY));
    expect(await finishCostRevisions(client)).toEqual([]);
    expect(await totals()).toEqual(before);
  });

  test("that was killed after any step is finished from the journal", async () => {
    await insertSpans(client, SPANS, oneBlock(freshToken()));
    for (const day of days) await planCostRevisions(client, plan("run_b", day));
    await finishCostRevisions(client, "run_b");
    // As if killed before the steps could be recorded: counted and applied, but nobody knows.
    await client.command({ query: "TRUNCATE TABLE cost_revision_steps" });
    expect(await finishCostRevisions(client)).toHaveLength(3);
    await expectRevised();
  });

  test("that failed halfway through the rollups is finished with the same token", async () => {
    await insertSpans(client, SPANS, oneBlock(freshToken()));
    await planCostRevisions(client, plan("run_c", FIRST_DAY));
    await client.command({ query: "ALTER TABLE llm_1h ADD CONSTRAINT broken CHECK calls > 0" });
    await expect(finishCostRevisions(client)).rejects.toThrow(/[Cc]onstraint/);
    await client.command({ query: "ALTER TABLE llm_1h DROP CONSTRAINT broken" });
    await finishCostRevisions(client);
    expect(await findInconsistencies(client)).toEqual([]);
  });
});

test("views for people show ids in hex and times as times", async () => {
  await insertSpans(client, { from: 0, count: 3 }, oneBlock(freshToken()));
  const [span] = await rows<Record<string, unknown>>("SELECT * FROM v_spans WHERE name = 'chat 1'");
  expect(span).toMatchObject({
    trace_id: "cfcd208495d565ef66e7dff9f98764da",
    span_id: "0200000000000000",
    parent_span_id: "0100000000000000",
    start_time: "2026-01-30 00:00:00.137000000",
    project: "support",
  });
  const [trace] = await rows<Record<string, unknown>>(
    "SELECT * FROM v_traces WHERE project = 'support'",
  );
  expect(trace).toMatchObject({ trace_id: "cfcd208495d565ef66e7dff9f98764da" });
  expect(await rows("SELECT trace_id FROM v_span_content")).toHaveLength(3);
});

describe("the weight of a sampled span", () => {
  test.each([
    ["", 1, true],
    ["x=y", 1, true],
    ["ot=rv:6e6d1a75832a2f", 1, true],
    ["ot=th:0", 1, true],
    ["ot=th:8;rv:6e6d1a75832a2f,x=y", 2, true],
    ["x=y, ot=rv:6e6d1a75832a2f;th:c", 4, true],
    ["ot=th:fd70a4", 100, true],
    ["ot=th:ffffffffffffff", 2 ** 56, true],
    ["ot=th:g", 1, false],
    ["ot=th:123456789abcdef", 1, false],
    ["vendor=ot=th:8", 1, true],
  ])("of the trace state %j is %d", async (traceState, weight, valid) => {
    await client.command({
      query: "INSERT INTO spans (trace_state, event_time) VALUES ({traceState:String}, now64())",
      query_params: { traceState },
    });
    const [row] = await rows<{ sampling_weight: number; sampling_threshold_valid: boolean }>(
      "SELECT sampling_weight, sampling_threshold_valid FROM v_spans",
    );
    expect(row?.sampling_threshold_valid).toBe(valid);
    expect(row?.sampling_weight).toBeCloseTo(weight, weight === 100 ? 3 : 9);
  });
});
