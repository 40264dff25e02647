/** Decisions into ClickHouse, each insert under a token: made again it is not stored again. Traffic is counted from them. */
import type { ClickHouseClient } from "@clickhouse/client";
import { insertRows } from "@assay/clickhouse";

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
  environment: string;
  release: string;
  /** That answered. */
  model: string;
  /** How many records it stands for, by what was sampled before it came here. */
  weight: number;
}

/** Of a backfill. */
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

/** Which of these traces a decision is known of. */
export async function decidedOf(
  client: ClickHouseClient,
  traceIds: readonly string[],
): Promise<Set<string>> {
  const result = await client.query({
    query: `SELECT DISTINCT lower(hex(trace_id)) AS id FROM assay.judge_decisions
      WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))`,
    query_params: { traces: traceIds },
    format: "JSONEachRow",
  });
  return new Set((await result.json<{ id: string }>()).map(({ id }) => id));
}

/**
 * Scores of traces that were chosen with a lower probability before, once more with the one that they have now: with
 * all others of the period, they are a sample of that. The newest row of an evaluation is the one that counts.
 */
export async function raiseProbability(
  client: ClickHouseClient,
  { traceIds, probability }: { traceIds: readonly string[]; probability: number },
  token: string,
): Promise<void> {
  if (traceIds.length === 0) return;
  await client.command({
    query: `INSERT INTO assay.evaluations
      SELECT e.* REPLACE (e.judge_probability * {probability:Float64} / before.probability AS judge_probability, now64(9) AS evaluated_at, now64(3) AS received_at)
      FROM (SELECT * FROM assay.evaluations WHERE source = 'judge' AND purpose IN ('traffic', 'audit', 'shadow', 'retest')
        AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16)) ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id) AS e
      INNER JOIN (
        SELECT trace_id, argMax(judge_probability, evaluated_at) AS probability FROM assay.evaluations
        WHERE source = 'judge' AND purpose = 'traffic' AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
        GROUP BY trace_id HAVING probability < {probability:Float64}
      ) AS before ON before.trace_id = e.trace_id`,
    query_params: { traces: traceIds, probability },
    clickhouse_settings: { insert_deduplication_token: token, async_insert: 0 },
  });
}
