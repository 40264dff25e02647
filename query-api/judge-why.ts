/**
 * Why was this trace judged, or not? The decision as it was made (rule, probability, place in the draw), and of each
 * metric what became of it, in one sentence and in figures.
 */
import { positionSql } from "@assay/clickhouse";
import { z } from "zod";
import { instant, number } from "./answers.ts";
import { badParameter } from "./errors.ts";
import { readId, readParameters, type RawQuery } from "./parameters.ts";
import type { Store } from "./store.ts";
import { findTrace, placeParameters, type TracePlace } from "./trace-place.ts";

/** How long a trace is given to settle, at most, before its absence means something. */
const SETTLES_WITHIN_MS = 900_000;

export const whyShape = () => ({ trace_id: z.string({ message: "32 hex digits" }) });

export const whyAnswer = z.looseObject({
  trace_id: z.string(),
  judged: z.boolean(),
  why: z.string(),
  decision: z
    .looseObject({
      rule: z.string(),
      reason: z.string(),
      configured_probability: z.number(),
      probability: z.number(),
      position: z.number(),
      decided_at: instant,
    })
    .nullable(),
  metrics: z.array(
    z.looseObject({
      metric: z.string(),
      status: z.string(),
      reason: z.string(),
      purpose: z.string(),
      norm: number,
    }),
  ),
});

interface Decision {
  rule: string;
  reason: string;
  configured_probability: number;
  probability: number;
  /** In the draw: from 0 to 1; drawn when below the probability. */
  position: number;
  decided_at: string;
  project: string;
}

interface MetricOutcome {
  metric: string;
  judge: string;
  purpose: string;
  status: string;
  reason: string;
  explanation: string;
  norm: number | null;
}

const DECISION_SQL = `
SELECT rule, reason, configured AS configured_probability, probability, project,
  ${positionSql("judge-sampling")} AS position,
  concat(replaceOne(toString(decided_at), ' ', 'T'), 'Z') AS decided_at
FROM assay.judge_decisions WHERE trace_id = toFixedString(unhex({trace:String}), 16)
ORDER BY judge_decisions.decided_at DESC LIMIT 1`;

const METRICS_SQL = `
SELECT name AS metric, evaluator AS judge, purpose, status, error_type AS reason, if(status = 'failed', explanation, '') AS explanation, norm
FROM (
  SELECT * FROM assay.evaluations
  WHERE trace_id = toFixedString(unhex({trace:String}), 16) AND source = 'judge' AND role != 'composite' AND project IN {projects:Array(String)}
    AND event_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC') - INTERVAL 1 HOUR
  ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id
) ORDER BY metric, purpose, judge LIMIT 200`;

const ANSWERS_SQL = `
SELECT toFloat64(countIf(is_model_call AND operation IN ('chat', 'text_completion', 'generate_content'))) AS answers,
  toFloat64(toUnixTimestamp64Milli(max(received_at))) AS received
FROM assay.spans
WHERE project IN {projects:Array(String)} AND trace_id = toFixedString(unhex({trace:String}), 16)
  AND event_time BETWEEN fromUnixTimestamp64Nano({start:Int64}, 'UTC') AND fromUnixTimestamp64Nano({end:Int64}, 'UTC')`;

export async function readWhy(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<Record<string, unknown>> {
  const { trace_id } = readParameters(whyShape(), query);
  if (typeof trace_id !== "string") throw badParameter("trace_id", "32 hex digits", "");
  const place = await findTrace(store, readId("trace_id", trace_id, 16));
  const parameters = placeParameters(place);
  const [[decision], metrics] = await Promise.all([
    store.rows<Decision>({ sql: DECISION_SQL, parameters }),
    store.rows<MetricOutcome>({ sql: METRICS_SQL, parameters }),
  ]);
  const judged = metrics.some(({ status }) => status === "ok");
  const why =
    metrics.length > 0 || decision
      ? sentenceOf(decision, metrics)
      : await undecided(store, place, nowMs);
  return { trace_id: place.traceId, judged, why, decision: decision ?? null, metrics };
}

/** Why others than the first judge saw it, or that one again. */
const BESIDE = new Set(["audit", "shadow", "retest"]);

function sentenceOf(decision: Decision | undefined, metrics: readonly MetricOutcome[]): string {
  const own = metrics.filter(({ purpose }) => !BESIDE.has(purpose));
  if (own.length === 0 && decision) return undrawn(decision);
  const without = own.filter(({ status }) => status !== "ok");
  const drawn = decision
    ? `Drawn by rule "${decision.rule}" with probability ${shown(decision.probability)}`
    : "Judged by request";
  if (without.length === 0) return `${drawn}; every metric has a score.`;
  const reasons = without.map(
    ({ metric, status, reason }) => `${metric}: ${REASONS[reason] ?? (reason || status)}`,
  );
  return `${drawn}; without a score: ${reasons.join("; ")}.`;
}

function undrawn({
  reason,
  rule,
  probability,
  configured_probability,
  position,
  project,
}: Decision): string {
  switch (reason) {
    case "chosen":
      return `Drawn by rule "${rule}"; the judge has not come to it yet: it waits for its provider, or works on others.`;
    case "not_chosen": {
      const lowered =
        probability < configured_probability
          ? ` (${shown(configured_probability)} as configured, lowered to keep within the budget)`
          : "";
      return `Not drawn: its place in the draw is ${shown(position)}, and rule "${rule}" takes those below ${shown(probability)}${lowered}.`;
    }
    case "no_content":
      return "Nothing to judge: the content of the answer was not captured.";
    case "own":
      return "It is a call that a judge or a canary made itself.";
    default:
      return `No profile of the judges' configuration is for project "${project}".`;
  }
}

async function undecided(store: Store, place: TracePlace, nowMs: number): Promise<string> {
  const [found] = await store.rows<{ answers: number; received: number }>({
    sql: ANSWERS_SQL,
    parameters: placeParameters(place),
  });
  if (!found || found.answers === 0) return "Nothing to judge: no model answered in this trace.";
  return nowMs - found.received < SETTLES_WITHIN_MS
    ? "Not decided yet: a trace is judged when nothing of it has come for a while."
    : "No judge was at work when it settled: none is configured, it began later, or its decision is past its retention. `assay judge backfill` judges earlier traffic.";
}

const REASONS: Readonly<Record<string, string>> = {
  no_question: "the record has no question",
  no_answer: "the record has no answer",
  no_context: "no documents were retrieved",
  no_reference: "there is no reference answer",
  no_claims: "the text makes no claims",
  budget: "the money for judging was spent",
  expired: "it waited for two days",
  unavailable: "the judge's provider did not answer",
  rate_limit: "the judge's provider took no more calls",
  content_filter: "the judge's provider filtered it",
  refused: "the judge's provider refused the request",
  truncated: "the judge's answer was cut off",
  parse: "the judge's answer was not of the form asked for",
  contract: "the judge answered another task",
  score: "the judge gave a score that does not exist",
};

function shown(probability: number): string {
  return String(Number(probability.toPrecision(3)));
}
