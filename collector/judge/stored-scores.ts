/** What earlier judging left in the store. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Part } from "@assay/statistics/composite";

export type StoredScore = Part;

/** Of these traces, by `trace/span/metric/judge hash/purpose`. */
export async function storedScores(
  client: ClickHouseClient,
  traceIds: readonly string[],
): Promise<Map<string, StoredScore>> {
  if (traceIds.length === 0) return new Map();
  const result = await client.query({
    query: `
      SELECT concat(lower(hex(trace_id)), '/', lower(hex(span_id))) AS span, name, judge_hash, purpose, argMax(status, evaluated_at) AS status, argMax(norm, evaluated_at) AS norm
      FROM assay.evaluations
      WHERE source = 'judge' AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
      GROUP BY span, name, judge_hash, purpose`,
    query_params: { traces: traceIds },
    format: "JSONEachRow",
  });
  const rows = await result.json<{
    span: string;
    name: string;
    judge_hash: string;
    purpose: string;
    status: Part["status"];
    norm: number | null;
  }>();
  return new Map(
    rows.map(({ span, name, judge_hash, purpose, status, norm }) => [
      `${span}/${name}/${judge_hash}/${purpose}`,
      norm === null ? { status } : { status, norm },
    ]),
  );
}

/** USD that judging of traffic has cost since midnight (UTC), as far as it is known. */
export async function spentToday(client: ClickHouseClient, nowUnixMs: number): Promise<number> {
  const result = await client.query({
    query: `
      SELECT toFloat64(sum(cost)) AS usd FROM (
        SELECT any(cost) AS cost FROM assay.evaluations
        WHERE source = 'judge' AND purpose IN ('', 'traffic', 'audit', 'retest', 'shadow') AND evaluated_at >= toStartOfDay(fromUnixTimestamp64Milli({now:Int64}, 'UTC'))
        GROUP BY evaluation_id)`,
    query_params: { now: Math.floor(nowUnixMs) },
    format: "JSONEachRow",
  });
  const [row] = await result.json<{ usd: number | null }>();
  return row?.usd ?? 0;
}
