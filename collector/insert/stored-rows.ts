/**
 * The store's own count of what the ledger says is there: rows of `spans` by day (its partitions), of settled batches
 * only. It reads two narrow columns and the name of the partition; the caller spaces it out by what it takes.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Settled } from "./ledger.ts";

export async function countStored(
  client: ClickHouseClient,
  { logId, from, through, without }: Settled,
): Promise<Map<string, number>> {
  const result = await client.query({
    query: `SELECT toString(toDate(s.event_time)) AS day, toString(count()) AS rows
            FROM assay.spans AS s
            WHERE s.collector_id = {id:String} AND s.batch > {from:UInt64} AND s.batch <= {through:UInt64}
              AND NOT has({without:Array(UInt64)}, s.batch)
            GROUP BY day`,
    query_params: { id: logId, from, through, without },
    format: "JSONEachRow",
  });
  const rows = await result.json<{ day: string; rows: string }>();
  return new Map(rows.map(({ day, rows: count }) => [day, Number(count)]));
}
