/** Counts of traffic into ClickHouse, each insert under a token: made again it is not stored again. */
import type { ClickHouseClient } from "@clickhouse/client";

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
