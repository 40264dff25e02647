/** Rows of check_results: written tick by tick, read once at start so that the checks go on where they were. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Check } from "./definition.ts";
import type { Standing, State } from "./standing.ts";

export interface CheckResult {
  check_name: string;
  project: string;
  series: string;
  /** Unix seconds. */
  event_time: number;
  /** Unix milliseconds. */
  evaluated_at: number;
  labels: Readonly<Record<string, string>>;
  subject: string;
  measure: string;
  unit: string;
  severity: Check["severity"];
  state: State;
  since: number | null;
  estimate: number | null;
  low: number | null;
  high: number | null;
  baseline: number | null;
  threshold: number | null;
  n: number;
  effective_n: number;
  test: string;
  statistic: number | null;
  statistic_limit: number | null;
  detectable: number | null;
  reason: string;
  moved_by: string;
  worst_traces: readonly string[];
  detector: string;
}

/** What `detector` holds. */
export interface Detector {
  standing: Standing;
  memory?: unknown;
  /** When it was looked up what moved it, unix seconds of event time. */
  explainedAt?: number;
}

export async function writeResults(
  client: ClickHouseClient,
  rows: readonly CheckResult[],
): Promise<void> {
  if (rows.length === 0) return;
  const { check_name, event_time } = rows[0]!;
  await client.insert({
    table: "check_results",
    // As text: the engine takes no fraction of a second in a JSON number.
    values: rows.map((row) => ({ ...row, evaluated_at: (row.evaluated_at / 1_000).toFixed(3) })),
    format: "JSONEachRow",
    clickhouse_settings: {
      async_insert: 0,
      // A tick whose answer was lost is written again under its own name.
      insert_deduplication_token: `${check_name}-${event_time}`,
    },
  });
}

/** The newest row of every series that was heard of in the last days. */
export async function readNewest(
  client: ClickHouseClient,
  { from, to }: { from: number; to: number },
): Promise<CheckResult[]> {
  const result = await client.query({
    query: `SELECT * REPLACE (toUnixTimestamp(event_time) AS event_time, toFloat64(toUnixTimestamp64Milli(evaluated_at)) AS evaluated_at,
        if(isNull(since), NULL, toUnixTimestamp(assumeNotNull(since))) AS since, toFloat64(n) AS n)
      FROM (SELECT * FROM check_results
        WHERE event_time >= fromUnixTimestamp({from:UInt32}) AND event_time <= fromUnixTimestamp({to:UInt32})
        ORDER BY event_time DESC, evaluated_at DESC LIMIT 1 BY check_name, project, series)`,
    query_params: { from, to },
    format: "JSONEachRow",
  });
  return result.json<CheckResult>();
}
