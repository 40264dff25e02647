/** What people scored of records met in traffic: the mean of each record's reviewers, to a whole score. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { OfflineRecord } from "./records-file.ts";

/** Labels given to us, and what services say a person said (docs/labels.md). */
export const IS_HUMAN = "(role = 'human' OR attributes['assay.evaluation.source'] = 'human')";

export async function withPeopleScores(
  client: ClickHouseClient,
  metric: string,
  records: readonly OfflineRecord[],
): Promise<OfflineRecord[]> {
  const result = await client.query({
    query: `
      SELECT lower(hex(trace_id)) AS traceId, round(avg(assumeNotNull(score))) AS people FROM (
        SELECT trace_id, multiIf(label = 'true', 5, label = 'false', 1, score) AS score, status FROM assay.evaluations
        WHERE ${IS_HUMAN} AND name = {metric:String} AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
        ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id)
      WHERE status = 'ok' AND score IS NOT NULL GROUP BY trace_id`,
    query_params: { metric, traces: records.flatMap(({ traffic }) => traffic?.traceId ?? []) },
    format: "JSONEachRow",
  });
  const rows = await result.json<{ traceId: string; people: number }>();
  const scores = new Map(rows.map(({ traceId, people }) => [traceId, people]));
  return records.map((record) => {
    const score = record.traffic && scores.get(record.traffic.traceId);
    return score === undefined ? record : { ...record, peopleScores: { [metric]: score } };
  });
}
