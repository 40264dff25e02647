/**
 * The store's own count of what was inserted: rows by place (row-places.ts), for reconciliation batch by batch and for the
 * ledger of all settled ones. It reads a few narrow columns; tables beside `spans` are asked only when rows of theirs are
 * expected there.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { ROW_TABLES, rowPlace, ROWS_OF_TABLE, type RowTable, tableOf } from "../row-places.ts";
import type { Settled } from "./ledger.ts";

/** Counts of one place, as rows of `batch` (when `byBatch`), `place`, `rows`. */
export function countSql(places: Iterable<string>, where: string, byBatch: boolean): string {
  const tables = new Set<RowTable>(["spans", ...Array.from(places, tableOf)]);
  const batch = byBatch ? "toString(s.batch)" : "''";
  return ROW_TABLES.filter((table) => tables.has(table))
    .map((table) => {
      const day = "toString(toDate(s.event_time))";
      const place = table === "spans" ? day : `concat(${day}, '${rowPlace(table, "")}')`;
      const rows = table === "span_content" ? `AND s.${ROWS_OF_TABLE[table]}` : "";
      return `SELECT ${batch} AS number, ${place} AS place, toString(count()) AS rows
              FROM assay.${table} AS s
              WHERE s.collector_id = {id:String} AND ${where} ${rows}
              GROUP BY number, place`;
    })
    .join(" UNION ALL ");
}

export async function countStored(
  client: ClickHouseClient,
  { logId, from, through, without, rowsByDay }: Settled,
): Promise<Map<string, number>> {
  const where =
    "s.batch > {from:UInt64} AND s.batch <= {through:UInt64} AND NOT has({without:Array(UInt64)}, s.batch)";
  const result = await client.query({
    query: countSql(rowsByDay.keys(), where, false),
    query_params: { id: logId, from, through, without },
    format: "JSONEachRow",
  });
  const rows = await result.json<{ place: string; rows: string }>();
  return new Map(rows.map(({ place, rows: count }) => [place, Number(count)]));
}
