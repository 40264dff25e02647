/** What the canaries answered, in ClickHouse. */
import type { ClickHouseClient } from "@clickhouse/client";

export interface CanaryAnswerRow {
  project: string;
  target: string;
  canary: string;
  /** 32 hex digits. */
  request_hash: string;
  /** Unix seconds. */
  round: number;
  run: number;
  asked_at: string;
  status: string;
  answer: string;
  matches: boolean | null;
  served_model: string;
  fingerprint: string;
  input_tokens: number;
  output_tokens: number;
  /** USD. */
  cost: string | null;
  latency_ms: number;
}

export async function insertAnswers(
  client: ClickHouseClient,
  rows: readonly CanaryAnswerRow[],
  token: string,
): Promise<void> {
  if (rows.length === 0) return;
  await client.insert({
    table: "assay.canary_answers",
    values: rows,
    format: "JSONEachRow",
    clickhouse_settings: { insert_deduplication_token: token, async_insert: 0 },
  });
}

/** Of a round: `target/canary/run` of what is there, and `judge hash/sentinel`. */
export async function doneOf(
  client: ClickHouseClient,
  roundS: number,
): Promise<{ answers: Set<string>; sentinels: Set<string> }> {
  const rows = async (query: string): Promise<{ key: string }[]> => {
    const result = await client.query({
      query,
      query_params: { round: roundS },
      format: "JSONEachRow",
    });
    return result.json();
  };
  const [answers, sentinels] = await Promise.all([
    rows(
      "SELECT concat(target, '\\n', canary, '\\n', toString(run)) AS key FROM assay.canary_answers WHERE round = toDateTime({round:UInt32}, 'UTC')",
    ),
    rows(
      "SELECT concat(judge_hash, '\\n', attributes['sentinel']) AS key FROM assay.evaluations WHERE purpose = 'sentinel' AND event_time = toDateTime({round:UInt32}, 'UTC')",
    ),
  ]);
  return {
    answers: new Set(answers.map(({ key }) => key)),
    sentinels: new Set(sentinels.map(({ key }) => key)),
  };
}

/** USD since midnight (UTC), of canaries, their judges and sentinels. */
export async function canariesSpentToday(
  client: ClickHouseClient,
  nowUnixMs: number,
): Promise<number> {
  const result = await client.query({
    query: `
      SELECT toFloat64(ifNull((SELECT sum(cost) FROM assay.canary_answers WHERE asked_at >= toStartOfDay(fromUnixTimestamp64Milli({now:Int64}, 'UTC'))), 0))
        + toFloat64(ifNull((SELECT sum(cost) FROM assay.evaluations WHERE purpose IN ('canary', 'sentinel') AND evaluated_at >= toStartOfDay(fromUnixTimestamp64Milli({now:Int64}, 'UTC'))), 0)) AS usd`,
    query_params: { now: Math.floor(nowUnixMs) },
    format: "JSONEachRow",
  });
  const [row] = await result.json<{ usd: number }>();
  return row?.usd ?? 0;
}
