/** What earlier judging left in the store. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Part } from "@assay/statistics/composite";
import type { SpentBefore } from "./money.ts";

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

/** USD that judging of traffic has cost since midnight and in this month (UTC), as far as it is known. */
export async function spentBefore(
  client: ClickHouseClient,
  nowUnixMs: number,
): Promise<SpentBefore[]> {
  const result = await client.query({
    query: `
      SELECT stratum, toFloat64(ifNull(sumIf(usd, judged_at >= toStartOfDay(fromUnixTimestamp64Milli({now:Int64}, 'UTC'))), 0)) AS today, toFloat64(sum(usd)) AS month FROM (
        SELECT any(e.stratum) AS stratum, any(e.cost) AS usd, max(e.evaluated_at) AS judged_at FROM assay.evaluations AS e
        WHERE e.source = 'judge' AND e.purpose IN ('', 'traffic', 'audit', 'retest', 'shadow')
          AND e.evaluated_at >= toStartOfMonth(fromUnixTimestamp64Milli({now:Int64}, 'UTC'))
        GROUP BY e.evaluation_id)
      WHERE usd IS NOT NULL GROUP BY stratum`,
    query_params: { now: Math.floor(nowUnixMs) },
    format: "JSONEachRow",
  });
  return result.json<SpentBefore>();
}
