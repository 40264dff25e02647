/**
 * Labels into the store: rows of `evaluations`, with the facts of the record that they are about. A reviewer's later label
 * of a record takes the earlier one's place.
 */
import { createHash } from "node:crypto";
import type { ClickHouseClient } from "@clickhouse/client";
import { insertEvaluations, type EvaluationRow } from "@assay/clickhouse";
import type { Store } from "../store.ts";
import { drawnSql } from "./draw.ts";
import { levelsOf, rulesOf } from "./rules.ts";

export interface Label {
  metric: string;
  /** 32 and 16 hex digits; no span: the judged one of the trace, or its last answer. */
  traceId: string;
  spanId?: string | undefined;
  reviewer: string;
  /** From 1 to the metric's highest; undefined: it cannot be judged. */
  score?: number | undefined;
  comment?: string | undefined;
  /** That a judged record was drawn, of a sample made elsewhere. */
  probability?: number | undefined;
}

export interface WrittenLabels {
  stored: number;
  /** By the place in the list. */
  problems: { at: number; problem: string }[];
}

interface Facts {
  trace_id: string;
  span_id: string;
  [column: string]: string | number;
}

const SHARED = [
  "project", "response_id", "session_id", "user_id", "service", "environment", "release", "provider", "model", "prompt_version", "prompt_hash",
] as const; // prettier-ignore

export interface LabelWriting {
  store: Store;
  writer: ClickHouseClient;
  /** Of the queue; see draw.ts. */
  share: number;
  nowMs: number;
}

export async function writeLabels(
  labels: readonly Label[],
  { store, writer, share, nowMs }: LabelWriting,
): Promise<WrittenLabels> {
  const problems: WrittenLabels["problems"] = [];
  const rows: EvaluationRow[] = [];
  const byMetric = Map.groupBy(
    labels.map((label, at) => ({ label, at })),
    ({ label }) => label.metric,
  );
  for (const [metric, some] of byMetric) {
    const traces = [...new Set(some.map(({ label }) => label.traceId))];
    const rules = await rulesOf(store, metric);
    const highest = levelsOf(rules);
    const judged = await judgedFacts(store, { metric, traces, share });
    const answered = await spanFacts(store, traces);
    const leases = await leasesOf(store, metric, traces);
    for (const { label, at } of some) {
      const facts = factsOf(label, judged) ?? factsOf(label, answered);
      const { score } = label;
      const isOutside = score !== undefined && !(score >= 1 && score <= highest);
      if (isOutside)
        problems.push({ at, problem: `score: expected 1 to ${highest}, got "${score}"` });
      else if (!facts)
        problems.push({
          at,
          problem: `trace_id: expected a stored answer, got "${label.traceId}"`,
        });
      else {
        const drawn = factsOf(label, judged) ? drawnOf(label, facts, leases) : NOT_DRAWN;
        rows.push(rowOf(label, { facts, drawn, highest, version: rules?.version ?? 0, nowMs }));
      }
    }
  }
  if (rows.length > 0) await insertEvaluations(writer, rows, `labels/${tokenOf(rows)}`);
  return { stored: rows.length, problems: problems.toSorted((a, b) => a.at - b.at) };
}

function factsOf(
  { traceId, spanId }: Label,
  facts: ReadonlyMap<string, readonly Facts[]>,
): Facts | undefined {
  return facts.get(traceId)?.find(({ span_id }) => spanId === undefined || span_id === spanId);
}

interface Drawn {
  stratum: string;
  probability: number;
}

const NOT_DRAWN: Drawn = { stratum: "", probability: 1 };

/** By our queue, if the reviewer was given the record; or elsewhere, as whoever brings the labels says. */
function drawnOf(label: Label, facts: Facts, leases: ReadonlySet<string>): Drawn {
  if (label.probability !== undefined) return { stratum: "given", probability: label.probability };
  const wasGiven = leases.has(`${facts.trace_id}/${facts.span_id}/${label.reviewer}`);
  if (!wasGiven || Number(facts["place"]) >= Number(facts["probability"])) return NOT_DRAWN;
  return { stratum: String(facts["label_stratum"]), probability: Number(facts["probability"]) };
}

function rowOf(
  label: Label,
  { facts, drawn, highest, version, nowMs }: { facts: Facts; drawn: Drawn; highest: number; version: number; nowMs: number },
): EvaluationRow {
  const { metric, reviewer, score, comment = "" } = label;
  const now = (nowMs / 1_000).toFixed(3);
  return {
    ...Object.fromEntries(SHARED.map((name) => [name, facts[name] ?? ""])),
    name: metric,
    event_time: String(facts["event_time"]),
    evaluated_at: now,
    received_at: now,
    evaluation_id: hex32(["label", metric, facts.trace_id, facts.span_id, reviewer]),
    trace_id: facts.trace_id,
    span_id: facts.span_id,
    source: "label",
    role: "human",
    purpose: "label",
    evaluator: reviewer,
    status: score === undefined ? "abstain" : "ok",
    score: score ?? null,
    norm: score === undefined ? null : (score - 1) / (highest - 1),
    label: score === undefined ? "" : String(score),
    explanation: comment,
    metric_version: version,
    trace_probability: Number(facts["trace_probability"] ?? 1),
    judge_probability: Number(facts["judge_probability"] ?? 1) * drawn.probability,
    stratum: drawn.stratum,
  };
} // prettier-ignore

async function judgedFacts(
  store: Store,
  { metric, traces, share }: { metric: string; traces: readonly string[]; share: number },
): Promise<Map<string, Facts[]>> {
  const rows = await store.rows<Facts>({
    sql: `SELECT ${SHARED.join(", ")}, lower(hex(trace_id)) AS trace_id, lower(hex(span_id)) AS span_id, toString(event_time) AS event_time,
  trace_probability, judge_probability, place, probability, label_stratum
FROM (${drawnSql("trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))")})`,
    parameters: { metric, traces, share },
  });
  return Map.groupBy(rows, ({ trace_id }) => trace_id);
}

/** Calls of models, the last first. */
async function spanFacts(store: Store, traces: readonly string[]): Promise<Map<string, Facts[]>> {
  const own = SHARED.filter((name) => name !== "model").map((name) => `s.${name} AS ${name}`);
  const rows = await store.rows<Facts>({
    sql: `SELECT ${own.join(", ")}, if(s.response_model = '', s.request_model, s.response_model) AS model,
  lower(hex(s.trace_id)) AS trace_id, lower(hex(s.span_id)) AS span_id, toString(s.event_time) AS event_time
FROM assay.spans AS s
WHERE s.trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16)) AND s.is_model_call AND s.operation IN ('chat', 'text_completion', 'generate_content')
ORDER BY s.trace_id, s.end_unix_nano DESC, s.span_id LIMIT 1 BY s.trace_id, s.span_id`,
    parameters: { traces },
  });
  return Map.groupBy(rows, ({ trace_id }) => trace_id);
}

/** Who was given which record, as `trace/span/reviewer`. */
async function leasesOf(
  store: Store,
  metric: string,
  traces: readonly string[],
): Promise<Set<string>> {
  const rows = await store.rows<{ given: string }>({
    sql: `SELECT DISTINCT concat(lower(hex(trace_id)), '/', lower(hex(span_id)), '/', reviewer) AS given FROM assay.label_leases
WHERE metric = {metric:String} AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))`,
    parameters: { metric, traces },
  });
  return new Set(rows.map(({ given }) => given));
}

function hex32(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** The same labels sent twice at once are stored once; given again later they are the newer ones. */
function tokenOf(rows: readonly EvaluationRow[]): string {
  return hex32(rows.map((row) => JSON.stringify(row)));
}
