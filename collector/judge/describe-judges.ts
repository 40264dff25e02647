/** Keeps with the scores what the judges' hashes stand for, so that people can judge by the same rules. */
import { createHash } from "node:crypto";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Judge } from "./config.ts";
import { strategyOf } from "./score-row.ts";

/** Again after each start: it may be long ago, and one block is kept once. */
export async function describeJudges(
  client: ClickHouseClient,
  judges: readonly Judge[],
  nowUnixMs: number,
): Promise<void> {
  if (judges.length === 0) return;
  const hashes = judges.map(({ hash, metric }) => `${metric.metric}/${hash}`).toSorted();
  const token = createHash("sha256").update(hashes.join()).digest("hex");
  await client.insert({
    table: "assay.judge_definitions",
    values: judges.map((judge) => ({
      judge_hash: judge.hash,
      metric: judge.metric.metric,
      described_at: (nowUnixMs / 1_000).toFixed(3),
      version: judge.metric.version,
      definition: judge.metric.definition,
      scores: judge.metric.scores,
      model: judge.model,
      role: judge.role,
      strategy: strategyOf(judge),
    })),
    format: "JSONEachRow",
    clickhouse_settings: { insert_deduplication_token: `judges/${token}`, async_insert: 0 },
  });
}
