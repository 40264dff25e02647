/**
 * What becomes of records: the rule that each falls under, whether it is drawn, and why not. Decided in SQL, where the
 * records lie, so that of all traffic only what is drawn ever leaves the store.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { oneBlock, positionSql } from "@assay/clickhouse";
import { lowered } from "./budget.ts";
import type { Condition, Profile } from "./config.ts";
import {
  AROUND_WINDOW,
  candidatesSql,
  OF_WINDOW,
  windowParameters,
  type Window,
} from "./records.ts";
import type { DecisionRow, Reason } from "./rows.ts";
import { REST } from "./sampling.ts";

/** A record that a judge is to see. */
export interface Drawn {
  /** 32 hex digits. */
  traceId: string;
  stratum: string;
  judgeProbability: number;
}

interface Rule {
  name: string;
  probability: number;
  minimum: number;
}

interface Sql {
  text: string;
  params: Record<string, unknown>;
}

/**
 * Decides on the traces of a window and keeps that, once: the traffic is counted by it, and begun again the window has
 * the same records, whatever the configuration is by then.
 * @returns what became of how many records
 */
export async function decideWindow(
  client: ClickHouseClient,
  {
    collectorId,
    window,
    settleMs,
    profiles,
    factorOf,
    nowUnixMs,
  }: {
    collectorId: string;
    window: Window;
    /** How long nothing may come of a trace before it has settled. */
    settleMs: number;
    profiles: readonly Profile[];
    /** What the budget multiplies the probability of a stratum by, down to its minimum. */
    factorOf: (stratum: string) => number;
    nowUnixMs: number;
  },
): Promise<ReadonlyMap<Reason, number>> {
  const name = nameOf(collectorId, window);
  const { text, params } = decisionsSql(
    { condition: OF_WINDOW, around: AROUND_WINDOW },
    profiles,
    factorOf,
  );
  await client.command({
    query: `INSERT INTO assay.judge_decisions (${COLUMNS.join(", ")}, decided_at, decided_in)
      SELECT ${COLUMNS.join(", ")}, fromUnixTimestamp64Milli({now:Int64}), {name:String} FROM (${text})`,
    query_params: {
      ...params,
      ...windowParameters(collectorId, window, settleMs),
      now: Math.floor(nowUnixMs),
      name,
    },
    clickhouse_settings: oneBlock(`${name}/decisions`),
  });
  const rows = await ofWindow<{ reason: Reason; records: number }>(
    client,
    name,
    "reason, toFloat64(records) AS records",
  );
  return new Map(rows.map(({ reason, records }) => [reason, records]));
}

/** The records of a window that a judge is to see, as it was decided. */
export async function drawnIn(
  client: ClickHouseClient,
  collectorId: string,
  window: Window,
): Promise<Drawn[]> {
  const rows = await ofWindow<{ drawn: [traceId: string, rule: string, probability: number][] }>(
    client,
    nameOf(collectorId, window),
    "arrayMap(one -> (lower(hex(one.trace_id)), one.rule, one.probability), chosen) AS drawn",
  );
  return rows.flatMap(({ drawn }) =>
    drawn.map(([traceId, stratum, judgeProbability]) => ({ traceId, stratum, judgeProbability })),
  );
}

function nameOf(collectorId: string, { fromUnixMs, toUnixMs }: Window): string {
  return `${collectorId}/${fromUnixMs}-${toUnixMs}`;
}

const COLUMNS = [
  "trace_id", "span_id", "project", "event_time", "rule", "reason", "configured", "probability", "environment", "release", "model", "weight",
]; // prettier-ignore

async function ofWindow<Row>(
  client: ClickHouseClient,
  name: string,
  columns: string,
): Promise<Row[]> {
  const result = await client.query({
    query: `SELECT ${columns} FROM assay.judge_windows WHERE decided_in = {name:String}`,
    query_params: { name },
    format: "JSONEachRow",
    clickhouse_settings: { output_format_json_named_tuples_as_objects: 0 },
  });
  return result.json<Row>();
}

/** Decisions on records that a condition on spans gives, kept nowhere. */
export async function decisionsOn(
  client: ClickHouseClient,
  {
    condition,
    params,
    profiles,
    nowUnixMs,
  }: {
    condition: string;
    params: Record<string, unknown>;
    profiles: readonly Profile[];
    nowUnixMs: number;
  },
): Promise<DecisionRow[]> {
  const sql = decisionsSql({ condition, around: condition }, profiles, () => 1);
  const result = await client.query({
    query: `SELECT * REPLACE (lower(hex(trace_id)) AS trace_id, lower(hex(span_id)) AS span_id, toUnixTimestamp(event_time) AS event_time), {now:UInt32} AS decided_at
      FROM (SELECT ${COLUMNS.join(", ")} FROM (${sql.text})) ORDER BY trace_id`,
    query_params: { ...params, ...sql.params, now: Math.floor(nowUnixMs / 1_000) },
    format: "JSONEachRow",
  });
  return result.json<DecisionRow>();
}

function decisionsSql(
  { condition, around }: { condition: string; around: string },
  profiles: readonly Profile[],
  factorOf: (stratum: string) => number,
): Sql {
  const isByDocuments = profiles.some(({ strata }) =>
    strata.some(({ when }) => when.has_documents !== undefined),
  );
  const candidates = candidatesSql(condition, { around, withDocuments: isByDocuments });
  const rules: Rule[] = [];
  const params: Record<string, unknown> = {};
  const branches = profilesInOrder(profiles).flatMap((profile, at) =>
    branchesOf(profile, `p${at}`, rules, params),
  );
  const rule = branches.length > 0 ? `multiIf(${branches.join(", ")}, 0)` : "0";
  const factors = new Map(rules.map(({ name }) => [name, factorOf(name)]));
  Object.assign(params, {
    names: rules.map(({ name }) => name),
    configured: rules.map(({ probability }) => probability),
    probabilities: rules.map(({ name, probability, minimum }) =>
      lowered(probability, factors.get(name)!, minimum),
    ),
  });
  const text = `
  SELECT *, multiIf(is_own, 'own', rule_at = 0, 'no_profile', NOT has_content, 'no_content', ${positionSql("judge-sampling")} < probability, 'chosen', 'not_chosen') AS reason
  FROM (
    SELECT *, toUInt32(${rule}) AS rule_at, {names:Array(String)}[rule_at] AS rule,
      {configured:Array(Float64)}[rule_at] AS configured, {probabilities:Array(Float64)}[rule_at] AS probability
    FROM (${candidates})
  )`;
  return { text, params };
}

/** Those that name projects, and the first of those that name none: the order in which one is taken. */
function profilesInOrder(profiles: readonly Profile[]): Profile[] {
  const rest = profiles.find(({ projects }) => projects === undefined);
  return [...profiles.filter(({ projects }) => projects), ...(rest ? [rest] : [])];
}

/** `condition, number of the rule` for each stratum of a profile, and for its rest. */
function branchesOf(
  { projects, strata, rest, minimum }: Profile,
  name: string,
  rules: Rule[],
  params: Record<string, unknown>,
): string[] {
  const isOfProfile = projects ? `has({${name}:Array(String)}, project)` : "1";
  if (projects) params[name] = projects;
  const branch = (condition: string, rule: Rule): string =>
    `${isOfProfile} AND ${condition}, ${rules.push(rule)}`;
  return [
    ...strata.map(({ name: stratum, when, probability }, at) =>
      branch(conditionSql(when, `${name}s${at}`, params), { name: stratum, probability, minimum }),
    ),
    branch("1", { name: REST, probability: rest, minimum }),
  ];
}

/** All that are given must hold. */
function conditionSql(when: Condition, name: string, params: Record<string, unknown>): string {
  const parts = (Object.keys(CONDITIONS) as (keyof Condition)[]).flatMap((key) => {
    const value = when[key];
    if (value === undefined) return [];
    const param = `${name}_${key}`;
    params[param] = typeof value === "boolean" ? Number(value) : value;
    return [CONDITIONS[key].replace("?", param)];
  });
  return parts.length > 0 ? parts.join(" AND ") : "1";
}

const CONDITIONS: Readonly<Record<keyof Condition, string>> = {
  status: "status = {?:String}",
  models: "has({?:Array(String)}, model)",
  environments: "has({?:Array(String)}, environment)",
  releases: "has({?:Array(String)}, release)",
  min_input_tokens: "input_tokens >= {?:UInt32}",
  min_duration_ms: "duration_ms >= {?:Float64}",
  has_documents: "has_documents = {?:UInt8}",
};
