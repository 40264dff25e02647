/** Rows of `assay.evaluations`, from judges and from people, inserted under a token: made again they are not stored again. */
import { Readable } from "node:stream";
import type { ClickHouseClient } from "@clickhouse/client";

/** By column; ids as hex digits. Rows may have different columns; those that one lacks have their defaults. */
export type EvaluationRow = Record<string, string | number | boolean | null>;

const IDS = new Set(["evaluation_id", "trace_id", "span_id"]);

export async function insertEvaluations(
  client: ClickHouseClient,
  rows: readonly EvaluationRow[],
  token: string,
): Promise<void> {
  await insertRows(client, { table: "assay.evaluations", rows, token });
}

/** The same for another table whose ids have these names. */
export async function insertRows(
  client: ClickHouseClient,
  { table, rows, token }: { table: string; rows: readonly EvaluationRow[]; token: string },
): Promise<void> {
  if (rows.length === 0) return;
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].toSorted();
  const lines = rows.map(
    (row) => `${names.map((name) => (name in row ? field(name, row[name]!) : "")).join("\t")}\n`,
  );
  await client.insert({
    table,
    columns: names as [string, ...string[]],
    values: Readable.from([lines.join("")], { objectMode: false }),
    format: "TabSeparated",
    clickhouse_settings: {
      insert_deduplication_token: token,
      async_insert: 0,
      // What a row lacks has its column's default.
      input_format_tsv_empty_as_default: 1,
    },
  });
}

/** As TabSeparated reads it: ids are bytes, which JSON could not carry. */
function field(name: string, value: EvaluationRow[string]): string {
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
