/** A judgement, or a composite of several → a row of `evaluations`. */
import type { EvaluationRow } from "@assay/clickhouse";
import { formatUsd } from "@assay/instrumentation/pricing";
import type { Composite } from "@assay/statistics/composite";
import type { AskFailed, Spent } from "./ask.ts";
import type { Judge, Profile } from "./config.ts";
import { hashOf, scoreId } from "./judge-hash.ts";
import type { Judgement } from "./judging.ts";
import type { JudgedRecord } from "./prompt.ts";
import type { ReferenceFrom, TraceRecord } from "./record.ts";
import { textMetric, textMetricHash, type AnswerForm, type TextMetric } from "./text-metrics.ts";
import { vectorMetricHash, type VectorMetric } from "./vector-metrics.ts";

/** What all rows of a record share. */
export interface Chosen {
  record: TraceRecord;
  stratum: string;
  judgeProbability: number;
  referenceFrom: ReferenceFrom;
  purpose: JudgingPurpose;
}

/**
 * Why it was judged. `audit`: by a second judge, of those that the first judged; `shadow`: by one on trial; `retest`: by
 * the same one once more; `canary`, `sentinel`: not of traffic at all.
 */
type JudgingPurpose = "traffic" | "audit" | "shadow" | "retest" | "canary" | "sentinel";

export type ScoreRow = EvaluationRow;

function shared(chosen: Chosen): ScoreRow {
  const { record, stratum, judgeProbability, referenceFrom, purpose } = chosen;
  const { answered } = record;
  return {
    project: answered.project,
    event_time: seconds(answered.eventTimeUnixMs),
    evaluated_at: seconds(Date.now()),
    trace_id: answered.traceId,
    span_id: answered.spanId,
    response_id: answered.responseId,
    session_id: answered.sessionId,
    user_id: answered.userId,
    service: answered.service,
    environment: answered.environment,
    release: answered.release,
    source: "judge",
    purpose,
    trace_probability: record.traceProbability,
    judge_probability: judgeProbability,
    stratum,
    provider: answered.provider,
    model: answered.model,
    prompt_version: answered.promptVersion,
    prompt_hash: answered.promptHash,
    reference: referenceFrom,
    received_at: seconds(Date.now()),
  };
}

function idOf({ record, purpose }: Chosen, metric: string, judgeHash: string): string {
  const { traceId, spanId } = record.answered;
  return scoreId({ record: `${traceId}/${spanId}`, metric, judgeHash, sampleIndex: 0, purpose });
}

export function judgementRow(judge: Judge, judgement: Judgement, chosen: Chosen): ScoreRow {
  const { outcome } = judgement;
  const { answered } = chosen.record;
  const scored = outcome.status === "ok" ? outcome : undefined;
  const expected = scored?.expected;
  return {
    ...shared(chosen),
    name: judge.metric.metric,
    evaluation_id: idOf(chosen, judge.metric.metric, judge.hash),
    evaluator: judge.model,
    status: outcome.status,
    score: scored?.score ?? null,
    score_expected: expected?.expected ?? null,
    norm: scored?.norm ?? null,
    entropy: expected?.entropy ?? null,
    mass: expected?.mass ?? null,
    label: scored?.label ?? "",
    error_type: reasonOf(outcome),
    explanation: explanationOf(outcome),
    evidence: scored && scored.evidence.length > 0 ? JSON.stringify(scored.evidence) : "",
    attributes: mapText(scored?.measures ?? {}),
    metric_version: judge.metric.version,
    role: judge.role,
    judge_hash: judge.hash,
    strategy: strategyOf(judge),
    judge_requested_model: judge.model,
    judge_model: judgement.model,
    judge_fingerprint: judgement.fingerprint,
    temperature: judge.temperature,
    attempts: Math.min(255, judgement.attempts),
    repaired: judgement.repaired,
    cache_hit: judgement.cacheHit,
    input_tokens: judgement.inputTokens,
    output_tokens: judgement.outputTokens,
    cost: judgement.picoUsd === undefined ? null : formatUsd(judgement.picoUsd),
    latency_ms: Math.round(judgement.latencyMs),
    injection_suspected: judgement.injectionSuspected,
    same_family: familyOf(judge.model) === familyOf(answered.model),
  };
}

/** Undefined: there is none. */
export function normOf({ outcome }: Judgement): number | undefined {
  return outcome.status === "ok" ? outcome.norm : undefined;
}

function reasonOf(outcome: Judgement["outcome"]): string {
  if (outcome.status === "failed") return outcome.failure;
  return outcome.status === "not_applicable" ? outcome.reason : "";
}

/** What the judge said, or why it could not. */
export function explanationOf(outcome: Judgement["outcome"]): string {
  if (outcome.status === "failed") return outcome.detail;
  return outcome.status === "not_applicable" ? "" : outcome.reasoning;
}

/** A Map as ClickHouse reads it; names and numbers need no escapes. */
function mapText(measures: Readonly<Record<string, number>>): string {
  const pairs = Object.entries(measures).map(([name, value]) => `'${name}':'${value}'`);
  return `{${pairs.join(",")}}`;
}

/** Of what decides how parts are weighed. */
export function weightsHash({ weights, missing, gates }: Profile): string {
  return hashOf({ weights, missing, gates });
}

/** Undefined: what the metric needs is missing. */
export function textMetricRow(
  metric: TextMetric,
  { record, form }: { record: JudgedRecord; form: AnswerForm },
  chosen: Chosen,
): ScoreRow | undefined {
  const norm = textMetric(metric, record, form);
  if (norm === undefined) return undefined;
  const hash = textMetricHash(metric, form);
  return {
    ...shared(chosen),
    name: metric,
    evaluation_id: idOf(chosen, metric, hash),
    evaluator: "text",
    status: "ok",
    score: norm,
    norm,
    role: "heuristic",
    judge_hash: hash,
    strategy: "without a model",
  };
}

/** @param found norm, or why there is none */
export function vectorMetricRow(
  metric: VectorMetric,
  { model, found, spent }: { model: string; found: number | AskFailed; spent: Spent },
  chosen: Chosen,
): ScoreRow {
  const hash = vectorMetricHash(metric, model);
  const scored =
    typeof found === "number"
      ? { status: "ok", score: found, norm: found }
      : { status: "failed", error_type: found.failure, explanation: found.detail };
  return {
    ...shared(chosen),
    ...scored,
    name: metric,
    evaluation_id: idOf(chosen, metric, hash),
    evaluator: model,
    role: "heuristic",
    judge_hash: hash,
    strategy: "embeddings",
    judge_requested_model: model,
    judge_model: spent.model,
    attempts: Math.min(255, spent.attempts),
    input_tokens: spent.inputTokens,
    cost: spent.picoUsd === undefined ? null : formatUsd(spent.picoUsd),
    latency_ms: Math.round(spent.latencyMs),
  };
}

export function compositeRow(
  profile: Profile,
  { norm, coverage, variant }: Composite,
  parts: Readonly<Record<string, number | undefined>>,
  chosen: Chosen,
): ScoreRow {
  return {
    ...shared(chosen),
    name: "composite",
    evaluation_id: idOf(
      chosen,
      "composite",
      hashOf([weightsHash(profile), ...[...profile.judges.values()].map(({ hash }) => hash)]),
    ),
    evaluator: "composite",
    status: "ok",
    score: norm,
    norm,
    label: variant.join("+"),
    role: "composite",
    judge_hash: weightsHash(profile),
    coverage,
    evidence: JSON.stringify(parts),
  };
}

/** In words, for people to compare by. */
export function strategyOf(judge: Judge): string {
  const { chainOfThought, examples, logprobs, metric, form, steps, samples } = judge;
  return [
    ...(form === "claims" ? ["claim by claim"] : []),
    ...(form === "documents" ? ["document by document"] : []),
    ...(form === "scores" ? [chainOfThought ? "chain of thought" : "score alone"] : []),
    ...(form === "scores" && !steps ? ["without steps"] : []),
    ...(examples.length > 0 ? [`${examples.length} examples`] : []),
    ...(metric.needs.includes("reference") || judge.referenceGuided ? ["reference"] : []),
    ...(logprobs ? ["expected score"] : []),
    ...(samples > 1 ? [`${samples} samples`] : []),
  ].join(", ");
}

/** `gpt-4.1-mini-2025` and `gpt-4o` are of one family, as far as names tell. */
function familyOf(model: string): string {
  return /[a-z]+/i.exec(model.split("/").at(-1) ?? "")?.[0].toLowerCase() ?? model;
}

function seconds(unixMs: number): string {
  return (unixMs / 1_000).toFixed(3);
}
