/** Scores and counts of traffic into ClickHouse, each insert under a token: made again it is not stored again. */
import { Readable } from "node:stream";
import type { ClickHouseClient } from "@clickhouse/client";
import type { ScoreRow } from "./score-row.ts";

const IDS = new Set(["evaluation_id", "trace_id", "span_id"]);

/** Rows may have different columns; those that one lacks have their defaults. */
export async function insertScores(
  client: ClickHouseClient,
  rows: readonly ScoreRow[],
  token: string,
): Promise<void> {
  await insertRows(client, { table: "assay.evaluations", rows, token });
}

async function insertRows(
  client: ClickHouseClient,
  { table, rows, token }: { table: string; rows: readonly ScoreRow[]; token: string },
): Promise<void> {
  const byColumns = Map.groupBy(rows, (row) => Object.keys(row).toSorted().join());
  for (const [columns, alike] of byColumns) {
    const names = columns.split(",");
    const lines = alike.map(
      (row) => `${names.map((name) => field(name, row[name]!)).join("\t")}\n`,
    );
    await client.insert({
      table,
      columns: names as [string, ...string[]],
      values: Readable.from(lines, { objectMode: false }),
      format: "TabSeparated",
      clickhouse_settings: {
        insert_deduplication_token: `${token}/${names.length}`,
        async_insert: 0,
      },
    });
  }
}

/** As TabSeparated reads it: ids are bytes, which JSON could not carry. */
function field(name: string, value: ScoreRow[string]): string {
  if (value === null || value === undefined) return String.raw`\N`;
  if (IDS.has(name)) return String(value).replace(/../g, String.raw`\x$&`);
  if (typeof value !== "string") return String(value);
  return value.replace(/[\\\t\n\r\0]/g, (char) => ESCAPES[char]!);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
  "\0": "\\0",
};

/**
 * What became of a record: `own` is a judge's own call, seen by whoever traces the service that it went through;
 * `no_profile`: the configuration says nothing about its project.
 */
export type Reason = "chosen" | "not_chosen" | "no_content" | "own" | "no_profile";

export interface DecisionRow {
  /** 32 and 16 hex digits. */
  trace_id: string;
  span_id: string;
  project: string;
  event_time: number;
  decided_at: number;
  rule: string;
  reason: Reason;
  configured: number;
  probability: number;
}

export async function insertDecisions(
  client: ClickHouseClient,
  rows: readonly DecisionRow[],
  token: string,
): Promise<void> {
  await insertRows(client, {
    table: "assay.judge_decisions",
    rows: rows.map((row) => ({ ...row })),
    token,
  });
}

export interface TrafficRow {
  project: string;
  /** Start of the hour, unix seconds. */
  hour: number;
  environment: string;
  release: string;
  model: string;
  stratum: string;
  rule: string;
  reason: Reason;
  records: number;
  weight: number;
}

export async function insertTraffic(
  client: ClickHouseClient,
  rows: readonly TrafficRow[],
  token: string,
): Promise<void> {
  if (rows.length === 0) return;
  await client.insert({
    table: "assay.traffic_1h",
    values: rows,
    format: "JSONEachRow",
    clickhouse_settings: { insert_deduplication_token: token, async_insert: 0 },
  });
}
