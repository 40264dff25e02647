/**
 * How many days each kind of row is kept. `{{days:NAME}}` in a migration file is one of these names.
 *
 * The days stand in the tables' TTL. A changed number is applied at the next start, to rows that are already there too.
 */
import type { ClickHouseClient } from "@clickhouse/client";

export const retention = {
  spans: { days: 90, tables: ["spans", "trace_index"] },
  content: { days: 30, tables: ["span_content", "answers_1d"] },
  evaluations: {
    days: 400,
    tables: [
      "evaluations",
      "traffic_1h",
      "experiment_runs",
      "experiment_outputs",
      "canary_answers",
      "judge_attacks",
    ],
  },
  label_leases: { days: 30, tables: ["label_leases"] },
  judge_decisions: { days: 30, tables: ["judge_decisions", "judge_windows"] },
  check_results: { days: 400, tables: ["check_results", "incidents"] },
  guardrail_1m: { days: 90, tables: ["guardrail_1m"] },
  collector_metrics: { days: 35, tables: ["collector_metrics"] },
  llm_1m: { days: 35, tables: ["llm_1m"] },
  llm_1h: { days: 400, tables: ["llm_1h", "outcomes_1m"] },
  llm_1d: { days: 1830, tables: ["llm_1d"] },
  cost_by_user_1d: { days: 400, tables: ["cost_by_user_1d"] },
  cost_by_release_1d: { days: 1830, tables: ["cost_by_release_1d"] },
  cost_revisions: { days: 1830, tables: ["cost_revisions"] },
} as const satisfies Record<string, { days: number; tables: readonly string[] }>;

export type RetentionName = keyof typeof retention;
export type RetentionDays = Record<RetentionName, number>;

/** Fifty years. A DateTime ends in 2106: a TTL beyond it would wrap around and delete everything at once. */
const MAX_DAYS = 18_250;

/** The defaults, overridden by `wanted`. */
export function retentionDays(
  wanted: Partial<Record<RetentionName, number | undefined>> = {},
): RetentionDays {
  const days = {} as RetentionDays;
  for (const name of Object.keys(retention) as RetentionName[]) {
    days[name] = wanted[name] ?? retention[name].days;
    if (Number.isInteger(days[name]) && days[name] >= 1 && days[name] <= MAX_DAYS) continue;
    throw new RangeError(
      `retention of ${name}: expected whole days from 1 to ${MAX_DAYS}, got "${days[name]}"`,
    );
  }
  return days;
}

interface TableTtl {
  name: string;
  engine_full: string;
}

/** `… TTL toDateTime(event_time) + toIntervalDay(90) SETTINGS …`, as the engine writes it. */
const TTL = /\bTTL (.+? \+ toIntervalDay\()(\d+)\)/;

/** Brings the TTL of every table to `days`; resolves to the names of the tables that were changed. */
export async function applyRetention(
  client: ClickHouseClient,
  days: RetentionDays,
  onCluster: string,
): Promise<string[]> {
  const current = await readTtls(client);
  const changed: string[] = [];
  for (const [name, { tables }] of Object.entries(retention)) {
    const wanted = days[name as RetentionName];
    for (const table of tables) {
      const ttl = TTL.exec(current.get(table) ?? "");
      if (!ttl || Number(ttl[2]) === wanted) continue;
      await client.command({
        query: `ALTER TABLE ${table} ${onCluster} MODIFY TTL ${ttl[1]}${wanted})`,
      });
      changed.push(table);
    }
  }
  return changed;
}

async function readTtls(client: ClickHouseClient): Promise<Map<string, string>> {
  const result = await client.query({
    query:
      "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'",
    format: "JSONEachRow",
  });
  const rows = await result.json<TableTtl>();
  return new Map(rows.map((row) => [row.name, row.engine_full]));
}
