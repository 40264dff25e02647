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
  const byColumns = Map.groupBy(rows, (row) => Object.keys(row).toSorted().join());
  for (const [columns, alike] of byColumns) {
    const names = columns.split(",");
    const lines = alike.map(
      (row) => `${names.map((name) => field(name, row[name]!)).join("\t")}\n`,
    );
    await client.insert({
      table: "assay.evaluations",
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

export interface TrafficRow {
  project: string;
  /** Start of the hour, unix seconds. */
  hour: number;
  environment: string;
  release: string;
  model: string;
  stratum: string;
  rule: string;
  reason: "chosen" | "not_chosen" | "no_content";
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
