/** A judgement, or a composite of several → a row of `evaluations`. */
import type { EvaluationRow } from "@assay/clickhouse";
import { formatUsd } from "@assay/instrumentation/pricing";
import type { Composite } from "@assay/statistics/composite";
import type { Judge, Profile } from "./config.ts";
import { hashOf, scoreId } from "./judge-hash.ts";
import type { Judgement } from "./judging.ts";
import type { JudgedRecord } from "./prompt.ts";
import type { TraceRecord } from "./record.ts";
import { textMetric, textMetricHash, type TextMetric } from "./text-metrics.ts";

/** What all rows of a record share. */
export interface Chosen {
  record: TraceRecord;
  stratum: string;
  judgeProbability: number;
  referenceFrom: "span" | "golden" | "";
  /** `audit`: judged by a second judge as well, of those that the first judged. */
  purpose: "traffic" | "audit";
}

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

export function judgementRow(judge: Judge, judgement: Judgement, chosen: Chosen): ScoreRow {
  const { outcome } = judgement;
  const highest = judge.metric.scores.length;
  const { answered } = chosen.record;
  const expected = outcome.status === "ok" ? outcome.expected : undefined;
  return {
    ...shared(chosen),
    name: judge.metric.metric,
    evaluation_id: scoreId({
      record: `${answered.traceId}/${answered.spanId}`,
      metric: judge.metric.metric,
      judgeHash: judge.hash,
      sampleIndex: 0,
      purpose: chosen.purpose,
    }),
    evaluator: judge.model,
    status: outcome.status,
    score: outcome.status === "ok" ? outcome.score : null,
    score_expected: expected?.expected ?? null,
    norm: normOf(judgement, highest) ?? null,
    entropy: expected?.entropy ?? null,
    mass: expected?.mass ?? null,
    label: outcome.status === "ok" ? String(outcome.score) : "",
    error_type:
      outcome.status === "failed"
        ? outcome.failure
        : outcome.status === "not_applicable"
          ? outcome.reason
          : "",
    explanation: outcome.status === "failed" ? outcome.detail : judgement.reasoning,
    evidence: judgement.evidence.length > 0 ? JSON.stringify(judgement.evidence) : "",
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
    input_tokens: judgement.inputTokens,
    output_tokens: judgement.outputTokens,
    cost: judgement.picoUsd === undefined ? null : formatUsd(judgement.picoUsd),
    latency_ms: Math.round(judgement.latencyMs),
    injection_suspected: judgement.injectionSuspected,
    same_family: familyOf(judge.model) === familyOf(answered.model),
  };
}

/** From the expected score where there is one, else from the one given; undefined: there is none. */
export function normOf({ outcome }: Judgement, highest: number): number | undefined {
  if (outcome.status !== "ok") return undefined;
  return ((outcome.expected?.expected ?? outcome.score) - 1) / (highest - 1);
}

/** Of what decides how parts are weighed. */
export function weightsHash({ weights, missing, gates }: Profile): string {
  return hashOf({ weights, missing, gates });
}

/** Undefined: what the metric needs is missing. */
export function textMetricRow(
  metric: TextMetric,
  record: JudgedRecord,
  chosen: Chosen,
): ScoreRow | undefined {
  const norm = textMetric(metric, record);
  if (norm === undefined) return undefined;
  const { answered } = chosen.record;
  const hash = textMetricHash(metric);
  return {
    ...shared(chosen),
    name: metric,
    evaluation_id: scoreId({
      record: `${answered.traceId}/${answered.spanId}`,
      metric,
      judgeHash: hash,
      sampleIndex: 0,
      purpose: chosen.purpose,
    }),
    evaluator: "text",
    status: "ok",
    score: norm,
    norm,
    role: "heuristic",
    judge_hash: hash,
    strategy: "without a model",
  };
}

export function compositeRow(
  profile: Profile,
  { norm, coverage, variant }: Composite,
  parts: Readonly<Record<string, number | undefined>>,
  chosen: Chosen,
): ScoreRow {
  const { answered } = chosen.record;
  return {
    ...shared(chosen),
    name: "composite",
    evaluation_id: scoreId({
      record: `${answered.traceId}/${answered.spanId}`,
      metric: "composite",
      judgeHash: hashOf([
        weightsHash(profile),
        ...[...profile.judges.values()].map(({ hash }) => hash),
      ]),
      sampleIndex: 0,
      purpose: "traffic",
    }),
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
export function strategyOf({ chainOfThought, examples, logprobs, metric }: Judge): string {
  return [
    chainOfThought ? "chain of thought" : "score alone",
    ...(examples.length > 0 ? [`${examples.length} examples`] : []),
    ...(metric.needs.includes("reference") ? ["reference"] : []),
    ...(logprobs ? ["expected score"] : []),
  ].join(", ");
}

/** `gpt-4.1-mini-2025` and `gpt-4o` are of one family, as far as names tell. */
function familyOf(model: string): string {
  return /[a-z]+/i.exec(model.split("/").at(-1) ?? "")?.[0].toLowerCase() ?? model;
}

function seconds(unixMs: number): string {
  return (unixMs / 1_000).toFixed(3);
}
