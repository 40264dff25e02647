import type { ClickHouseClient } from "@clickhouse/client";
import type { Judge } from "../config.ts";
import type { AttackReport } from "./suite.ts";

/** A row of `judge_attacks`. */
export async function storeAttacks(
  client: ClickHouseClient,
  { hash, metric }: Pick<Judge, "hash" | "metric">,
  { all, families }: AttackReport,
  nowUnixMs: number,
): Promise<void> {
  const shifts = families.flatMap(({ name, shift }) => (shift === null ? [] : [[name, shift]]));
  await client.insert({
    table: "assay.judge_attacks",
    values: [
      {
        judge_hash: hash,
        metric: metric.metric,
        tried_at: (nowUnixMs / 1_000).toFixed(3),
        attacks: all.n,
        shift: all.shift,
        success: all.success,
        families: Object.fromEntries(shifts) as Record<string, number>,
      },
    ],
    format: "JSONEachRow",
  });
}
