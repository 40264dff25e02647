/**
 * Corrects costs that were stored under wrong or missing prices, so that spans, rollups and trace index stay equal.
 *
 * A correction is a run with an id. Day by day: the journal (`cost_revisions`) is written first, then counted (the
 * differences go to the rollups, under one deduplication token), then applied (the spans change). Every step may be
 * repeated: the journal is written in one insert under a token, counting is deduplicated, applying sets fixed values.
 * What was interrupted is finished from the journal with `finishCostRevisions`, before another run begins: a run reads
 * the costs that the one before left.
 *
 * One server only. On replicas the values to apply would have to be on each of them; a cluster is refused.
 */
import type { ClickHouseClient, ClickHouseSettings } from "@clickhouse/client";
import { oneBlock } from "./one-block.ts";

export interface CostRevisionPlan {
  /** Id of the run: lower-case letters, digits and `_`. */
  run: string;
  /** For people who read the journal. */
  reason: string;
  /** UTC day of the spans, `YYYY-MM-DD`. */
  day: string;
  /**
   * SELECT that gives trace_id, span_id, new_cost (null: unpriced), new_cost_status and new_price_id, a row a span.
   * Spans that are no model calls, or not of the day, are left out.
   */
  changes: string;
}

type Step = "counted" | "applied";

interface OpenDay {
  run: string;
  day: string;
  steps: Step[];
}

/** Whether a correction was begun and not finished. */
export async function hasOpenCostRevisions(client: ClickHouseClient): Promise<boolean> {
  return (await openDays(client)).length > 0;
}

/** Writes a day of a run into the journal; resolves to its number of spans. Planned again, the first plan stays. */
export async function planCostRevisions(
  client: ClickHouseClient,
  plan: CostRevisionPlan,
): Promise<number> {
  checkRun(plan.run);
  await refuseReplicas(client);
  if ((await plannedRows(client, plan)) === 0) {
    await client.command({
      query: JOURNAL.replace("{changes}", plan.changes),
      query_params: { run: plan.run, reason: plan.reason, day: plan.day },
      clickhouse_settings: { ...oneBlock(`plan-${plan.run}-${plan.day}`), join_use_nulls: 0 },
    });
  }
  return plannedRows(client, plan);
}

const JOURNAL = `
INSERT INTO cost_revisions
SELECT
    {run:String} AS run, now64(3) AS revised_at, {reason:String} AS reason, toDate(s.event_time) AS day,
    s.project, s.trace_id, s.span_id, s.event_time, s.service, s.environment, s.release, s.region, s.operation,
    s.is_model_call, s.status, s.provider, s.request_model, s.response_model, s.user_id, s.prompt_name,
    s.prompt_version, s.folded, s.cost, s.cost_status, s.price_id, c.new_cost, c.new_cost_status, c.new_price_id
FROM spans AS s
ANY INNER JOIN ({changes}) AS c ON c.trace_id = s.trace_id AND c.span_id = s.span_id
WHERE toDate(s.event_time) = {day:Date} AND s.is_model_call
ORDER BY s.trace_id, s.span_id`;

/** Counts and applies every planned day that is not done yet, of one run or of all; resolves to the days finished. */
export async function finishCostRevisions(
  client: ClickHouseClient,
  run?: string,
): Promise<string[]> {
  await refuseReplicas(client);
  const open = (await openDays(client)).filter((day) => run === undefined || day.run === run);
  for (const day of open) {
    if (!day.steps.includes("counted")) await count(client, day);
    await apply(client, day);
  }
  return open.map((day) => `${day.run} ${day.day}`);
}

async function openDays(client: ClickHouseClient): Promise<OpenDay[]> {
  const result = await client.query({
    query: `
      SELECT p.run AS run, toString(p.day) AS day, d.steps AS steps
      FROM (SELECT run, day, min(revised_at) AS planned FROM cost_revisions GROUP BY run, day) AS p
      LEFT JOIN (SELECT run, day, groupUniqArray(step) AS steps FROM cost_revision_steps GROUP BY run, day) AS d
        ON d.run = p.run AND d.day = p.day
      WHERE NOT has(d.steps, 'applied')
      ORDER BY p.planned, run, day`,
    format: "JSONEachRow",
  });
  return result.json<OpenDay>();
}

async function count(client: ClickHouseClient, { run, day }: OpenDay): Promise<void> {
  await client.command({
    query: `INSERT INTO cost_revisions_ingest
      SELECT * FROM cost_revisions WHERE run = {run:String} AND day = {day:Date} ORDER BY trace_id, span_id`,
    query_params: { run, day },
    clickhouse_settings: oneBlock(`count-${run}-${day}`),
  });
  await finished(client, run, day, "counted");
}

/** The new values go into a table made for look-ups, because a mutation cannot join. */
async function apply(client: ClickHouseClient, { run, day }: OpenDay): Promise<void> {
  const values = `cost_revision_${run}_${day.replaceAll("-", "")}`;
  const command = (query: string, settings: ClickHouseSettings = {}) =>
    client.command({ query, query_params: { run, day }, clickhouse_settings: settings });
  await command(`CREATE OR REPLACE TABLE ${values} (
      trace_id FixedString(16), span_id FixedString(8),
      cost Nullable(Decimal(38, 12)), cost_status String, price_id String
    ) ENGINE = Join(ANY, LEFT, trace_id, span_id)`);
  await command(`INSERT INTO ${values}
      SELECT trace_id, span_id, new_cost, new_cost_status, new_price_id
      FROM cost_revisions WHERE run = {run:String} AND day = {day:Date}`);
  const value = (column: string) => `joinGet('assay.${values}', '${column}', trace_id, span_id)`;
  // The literal date, not a parameter: a mutation is kept as text and may run after a restart.
  await command(
    `ALTER TABLE spans
      UPDATE cost = ${value("cost")}, cost_status = ${value("cost_status")}, price_id = ${value("price_id")}
      IN PARTITION '${day}'
      WHERE is_model_call AND ${value("cost_status")} != ''`,
    { mutations_sync: "1" },
  );
  await finished(client, run, day, "applied");
  await command(`DROP TABLE IF EXISTS ${values} SYNC`);
}

async function finished(
  client: ClickHouseClient,
  run: string,
  day: string,
  step: Step,
): Promise<void> {
  await client.insert({
    table: "cost_revision_steps",
    columns: ["run", "day", "step"],
    values: [{ run, day, step }],
    format: "JSONEachRow",
    clickhouse_settings: { async_insert: 0, insert_deduplication_token: `${step}-${run}-${day}` },
  });
}

async function plannedRows(client: ClickHouseClient, plan: CostRevisionPlan): Promise<number> {
  const result = await client.query({
    query:
      "SELECT toUInt32(count()) AS rows FROM cost_revisions WHERE run = {run:String} AND day = {day:Date}",
    query_params: { run: plan.run, day: plan.day },
    format: "JSONEachRow",
  });
  const [row] = await result.json<{ rows: number }>();
  return row?.rows ?? 0;
}

function checkRun(run: string): void {
  if (/^[a-z0-9_]{1,64}$/.test(run)) return;
  throw new RangeError(
    `run of a cost revision: expected lower-case letters, digits and _, got "${run}"`,
  );
}

async function refuseReplicas(client: ClickHouseClient): Promise<void> {
  const result = await client.query({
    query: "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'spans'",
    format: "JSONEachRow",
  });
  const [row] = await result.json<{ engine: string }>();
  if (!row?.engine.startsWith("Replicated")) return;
  throw new Error(`cost revisions: expected spans in one server's MergeTree, got "${row.engine}"`);
}
