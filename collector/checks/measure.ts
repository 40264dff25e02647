/**
 * What can be checked: where it is read, by which labels it can be told apart, and how rows become a number.
 *
 * Every measure is a handful of sums (`Sums`), so that windows of any length are read in one query and a mean is a ratio of
 * summed parts, never a mean of means. Scores are weighted by 1 / inclusion probability.
 */
export type SourceName =
  | "calls"
  | "users"
  | "scores"
  | "judged"
  | "sentinels"
  | "traffic"
  | "outcomes"
  | "traces"
  | "guardrails"
  | "models"
  | "answers";

export interface Source {
  /** Table or subquery with a column `ts`; `{table}` is the rollup of calls, `{outcomes}` that of how they ended. */
  from: string;
  /** Labels and their columns. */
  labels: Readonly<Record<string, string>>;
  /** Windows end on whole multiples of this, in seconds. */
  grain: number;
}

const callLabels = {
  project: "project",
  service: "service",
  environment: "environment",
  provider: "provider",
  model: "request_model",
};

const scoreLabels = {
  project: "project",
  metric: "name",
  judge: "judge_hash",
  service: "service",
  environment: "environment",
  release: "release",
  provider: "provider",
  model: "model",
  stratum: "stratum",
};

/**
 * Each evaluation once, as it was made last: of columns that are named, since there are sixty. `{from}` and `{to}` are bounds of
 * event time.
 */
const evaluations = (purpose: string, status: string): string => `(
  SELECT project, name, judge_hash, service, environment, release, provider, model, stratum, status, norm, inclusion_probability, event_time, evaluation_id,
    toDateTime(event_time) AS ts
  FROM (SELECT project, name, judge_hash, service, environment, release, provider, model, stratum, status, norm, inclusion_probability, event_time, evaluation_id
    FROM evaluations
    WHERE event_time >= fromUnixTimestamp({from:UInt32}) AND event_time < fromUnixTimestamp({to:UInt32}) AND ${purpose}
    ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id)
  WHERE ${status})`;
const SCORED = "status = 'ok' AND norm IS NOT NULL";

/** Calls beside what is known of how they ended, which has a rollup of its own. */
const OUTCOMES = `(
  SELECT project, ts, service, environment, provider, request_model, calls, if(operation = 'execute_tool', spans, 0) AS tool_calls,
    if(operation = 'execute_tool', errors, 0) AS failed_tools, if(operation = 'retrieval', spans, 0) AS retrievals, '' AS outcome, '' AS detail, 0 AS ended
  FROM {table} WHERE ts >= fromUnixTimestamp({from:UInt32}) AND ts < fromUnixTimestamp({to:UInt32})
  UNION ALL
  SELECT project, ts, service, environment, provider, request_model, 0, 0, 0, 0, toString(outcome), toString(detail), spans
  FROM {outcomes} WHERE ts >= fromUnixTimestamp({from:UInt32}) AND ts < fromUnixTimestamp({to:UInt32}))`;

/** Single spans, of short windows only: one row for each trace. */
const TRACES = `(
  SELECT project, any(service) AS service, any(environment) AS environment, max(toDateTime(event_time)) AS ts, trace_id,
    countIf(is_model_call) AS model_calls,
    groupUniqArrayIf(toString(request_model), is_model_call AND status = 'error') AS failed,
    groupUniqArrayIf(toString(request_model), is_model_call AND status = 'ok') AS answered,
    NOT empty(failed) AND NOT empty(answered) AND NOT hasAny(failed, answered) AS fell_back,
    arrayMax(mapValues(sumMap(map(toString(tool_name), toUInt64(operation = 'execute_tool'))))) AS same_tool
  FROM spans
  WHERE event_time >= fromUnixTimestamp({from:UInt32}) AND event_time < fromUnixTimestamp({to:UInt32}) AND operation != ''
  GROUP BY project, trace_id)`;

/** Models that answered for the first time, in projects that were there before. */
const MODELS = `(
  SELECT project, model, first AS ts FROM (
    SELECT project, value AS model, min(first_seen) AS first, min(first) OVER (PARTITION BY project) AS project_first
    FROM sightings WHERE kind = 'model' GROUP BY project, model)
  WHERE first >= project_first + INTERVAL 7 DAY)`;

/** Of each prompt that was asked more than once: how likely two of its answers are the same. */
const ANSWERS = `(
  SELECT project, model, toDateTime(day) AS ts, prompt, sum(alike) AS asked, sum(alike * (alike - 1)) / (asked * (asked - 1)) AS agreement
  FROM (SELECT project, model, day, prompt, answer, toFloat64(sum(calls)) AS alike FROM answers_1d
    WHERE day >= toDate(fromUnixTimestamp({from:UInt32})) AND day <= toDate(fromUnixTimestamp({to:UInt32}))
    GROUP BY project, model, day, prompt, answer)
  GROUP BY project, model, day, prompt HAVING asked > 1)`;

export const sources: Record<SourceName, Source> = {
  calls: { from: "{table}", labels: callLabels, grain: 60 },
  users: {
    from: "(SELECT *, toDateTime(day, 'UTC') AS ts FROM cost_by_user_1d)",
    labels: {
      project: "project",
      user: "user_id",
      provider: "provider",
      model: "request_model",
    },
    grain: 86_400,
  },
  scores: {
    from: evaluations("purpose IN ('', 'traffic')", SCORED),
    labels: scoreLabels,
    grain: 60,
  },
  judged: {
    from: evaluations("judge_hash != ''", "status IN ('ok', 'abstain', 'failed')"),
    labels: scoreLabels,
    grain: 60,
  },
  sentinels: {
    from: evaluations("purpose = 'sentinel'", SCORED),
    labels: scoreLabels,
    grain: 60,
  },
  traffic: {
    from: `(
      SELECT project, hour AS ts, sum(records) AS chosen, 0 AS done FROM traffic_1h
      WHERE reason = 'chosen' AND hour >= fromUnixTimestamp({from:UInt32}) AND hour < fromUnixTimestamp({to:UInt32})
      GROUP BY project, ts
      UNION ALL
      SELECT project, toStartOfHour(toDateTime(event_time)) AS ts, 0 AS chosen, uniqExact(trace_id, span_id) AS done FROM evaluations
      WHERE judge_hash != '' AND purpose IN ('', 'traffic') AND sample_index = 0
        AND event_time >= fromUnixTimestamp({from:UInt32}) AND event_time < fromUnixTimestamp({to:UInt32})
      GROUP BY project, ts)`,
    labels: { project: "project" },
    grain: 3_600,
  },
  outcomes: { from: OUTCOMES, labels: callLabels, grain: 60 },
  traces: {
    from: TRACES,
    labels: { project: "project", service: "service", environment: "environment" },
    grain: 60,
  },
  guardrails: {
    from: "guardrail_1m",
    labels: {
      project: "project",
      service: "service",
      environment: "environment",
      release: "release",
      guard: "guard",
      rule: "check_name",
      stage: "stage",
    },
    grain: 60,
  },
  models: { from: MODELS, labels: { project: "project", model: "model" }, grain: 60 },
  answers: { from: ANSWERS, labels: { project: "project", model: "model" }, grain: 86_400 },
};

/** Sums over the records of a window; `y` is what is measured, `w` what a record stands for. */
export interface Sums {
  n: number;
  w: number;
  w2: number;
  wy: number;
  w2y: number;
  w2y2: number;
  /** Of measures that are no sums. */
  quantile: number;
}

export interface Measure {
  source: SourceName;
  subject:
    | "errors"
    | "quality"
    | "cost"
    | "tokens"
    | "latency"
    | "traffic"
    | "judge"
    | "retrieval"
    | "tools"
    | "guardrails"
    | "models";
  unit: string;
  /** What a person calls it. */
  title: string;
  /**
   * `ratio`: wy / w of things that are or are not; `mean`: wy / w; `rate`: wy an hour; `count`: n of the window;
   * `quantile`: as the sketch says.
   */
  kind: "ratio" | "mean" | "rate" | "count" | "quantile";
  /** SQL of some of the sums; those left out follow: w = w2 = n, the rest 0. */
  sums: Partial<Record<keyof Sums, string>>;
  where?: string;
  /** Where a series has no record there is none of what is bad: known, and good. @default false */
  absentIsGood?: boolean;
  /** Lower is worse, as for scores. @default "up" */
  worse?: "up" | "down";
  /** Spans or evaluations that are the worst of it, for links: SQL order. */
  worst?: string;
  /** Among which spans. @default "is_model_call" */
  worstWhere?: string;
}

const weighted = (y: string): Measure["sums"] => ({
  n: "count()",
  w: "sum(1 / inclusion_probability)",
  w2: "sum(pow(1 / inclusion_probability, 2))",
  wy: `sum((${y}) / inclusion_probability)`,
  w2y: `sum((${y}) * pow(1 / inclusion_probability, 2))`,
  w2y2: `sum(pow(${y}, 2) * pow(1 / inclusion_probability, 2))`,
});

const modelCalls = "is_model_call";

/** A share of calls (or of what `n` counts) that ended in a certain way. */
const ended = (condition: string, n = "sum(calls)"): Measure["sums"] => ({
  n: `toFloat64(${n})`,
  wy: `toFloat64(sumIf(ended, ${condition}))`,
});
/** As providers and their SDKs say it: too many requests, and errors of their own. */
const REFUSED = "outcome = 'error' AND match(detail, '^429$|RateLimit|Throttl')";
const PROVIDERS =
  "outcome = 'error' AND match(detail, '^(429|5[0-9][0-9])$|RateLimit|Throttl|Timeout|Overloaded|InternalServer|ServiceUnavailable|Connection')";

export const measures = {
  errors: {
    source: "calls",
    subject: "errors",
    unit: "ratio",
    title: "share of failed calls",
    kind: "ratio",
    sums: { n: "sum(calls)", wy: "sum(errors)" },
    where: modelCalls,
    worst: "status = 'error' DESC, event_time DESC",
  },
  unpriced: {
    source: "calls",
    subject: "cost",
    unit: "ratio",
    title: "share of calls without a price",
    kind: "ratio",
    sums: { n: "sum(calls)", wy: "sum(unpriced_calls)" },
    where: modelCalls,
    absentIsGood: true,
    worst: "isNull(cost) DESC, event_time DESC",
  },
  cost: {
    source: "calls",
    subject: "cost",
    unit: "usd/h",
    title: "cost",
    kind: "rate",
    sums: { n: "sum(calls)", wy: "toFloat64(sum(cost))" },
    where: modelCalls,
    worst: "cost DESC",
  },
  /** By day: only what is looked at over whole days. */
  cost_of_user: {
    source: "users",
    subject: "cost",
    unit: "usd/h",
    title: "cost of a user",
    kind: "rate",
    sums: { n: "sum(calls)", wy: "toFloat64(sum(cost))" },
  },
  cost_per_call: {
    source: "calls",
    subject: "cost",
    unit: "usd",
    title: "cost per call",
    kind: "mean",
    sums: { n: "sum(calls)", wy: "toFloat64(sum(cost))" },
    where: modelCalls,
    worst: "cost DESC",
  },
  tokens: {
    source: "calls",
    subject: "tokens",
    unit: "tokens/h",
    title: "tokens",
    kind: "rate",
    sums: { n: "sum(calls)", wy: "sum(input_tokens) + sum(output_tokens)" },
    where: modelCalls,
    worst: "input_tokens + output_tokens DESC",
  },
  latency_p95: {
    source: "calls",
    subject: "latency",
    unit: "ms",
    title: "P95 latency",
    kind: "quantile",
    sums: {
      n: "sum(calls)",
      quantile: "quantilesBFloat16Merge(0.5, 0.95, 0.99)(duration_ms_sketch)[2]",
    },
    where: modelCalls,
    worst: "duration_ns DESC",
  },
  ttft_p95: {
    source: "calls",
    subject: "latency",
    unit: "ms",
    title: "P95 time to first token",
    kind: "quantile",
    sums: {
      n: "sum(ttft_calls)",
      quantile: "quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(ttft_ms_sketch)[2]",
    },
    where: "is_model_call AND ttft_calls > 0",
    worst: "ttft_ns DESC",
  },
  calls: {
    source: "calls",
    subject: "traffic",
    unit: "calls",
    title: "calls",
    kind: "count",
    sums: { n: "sum(calls)" },
    where: modelCalls,
    worse: "down",
  },
  score: {
    source: "scores",
    subject: "quality",
    unit: "score",
    title: "mean score",
    kind: "mean",
    sums: weighted("norm"),
    worse: "down",
    worst: "norm ASC",
  },
  /** A score below the middle of its scale. */
  bad_answers: {
    source: "scores",
    subject: "quality",
    unit: "ratio",
    title: "share of answers that the judge does not pass",
    kind: "ratio",
    sums: weighted("norm < 0.5"),
    worst: "norm ASC",
  },
  /** Of records that never change. */
  sentinel_score: {
    source: "sentinels",
    subject: "judge",
    unit: "score",
    title: "mean score of the sentinels",
    kind: "mean",
    sums: weighted("norm"),
    worse: "down",
  },
  judge_failures: {
    source: "judged",
    subject: "judge",
    unit: "ratio",
    title: "share of judgements that failed",
    kind: "ratio",
    sums: { n: "count()", wy: "countIf(status = 'failed')" },
  },
  unjudged: {
    source: "traffic",
    subject: "judge",
    unit: "ratio",
    title: "share of chosen records without a judgement",
    kind: "ratio",
    sums: {
      n: "toFloat64(sum(chosen))",
      wy: "greatest(0, toFloat64(sum(chosen)) - toFloat64(sum(done)))",
    },
  },
  rate_limited: {
    source: "outcomes",
    subject: "errors",
    unit: "ratio",
    title: "share of calls that were refused as too many",
    kind: "ratio",
    sums: ended(REFUSED),
    worst: "status = 'error' DESC, event_time DESC",
  },
  provider_errors: {
    source: "outcomes",
    subject: "errors",
    unit: "ratio",
    title: "share of calls that failed on the provider's side (429, 5xx, time-outs)",
    kind: "ratio",
    sums: ended(PROVIDERS),
    worst: "status = 'error' DESC, event_time DESC",
  },
  truncated: {
    source: "outcomes",
    subject: "quality",
    unit: "ratio",
    title: "share of answers that were cut off",
    kind: "ratio",
    sums: ended(
      "outcome = 'finish' AND match(detail, '^(length|max_tokens|MAX_TOKENS|max_output_tokens|incomplete)$')",
    ),
    worst:
      "hasAny(finish_reasons, ['length', 'max_tokens', 'MAX_TOKENS', 'max_output_tokens', 'incomplete']) DESC, event_time DESC",
  },
  empty_answers: {
    source: "outcomes",
    subject: "quality",
    unit: "ratio",
    title: "share of answers without a token",
    kind: "ratio",
    sums: ended("outcome = 'empty'"),
    worst: "output_tokens ASC, event_time DESC",
    worstWhere: "is_model_call AND status = 'ok'",
  },
  empty_retrievals: {
    source: "outcomes",
    subject: "retrieval",
    unit: "ratio",
    title: "share of retrievals that found nothing",
    kind: "ratio",
    sums: ended("outcome = 'documents' AND detail = 'none'", "sum(retrievals)"),
    worst: "document_count ASC, event_time DESC",
    worstWhere: "operation = 'retrieval'",
  },
  tool_failures: {
    source: "outcomes",
    subject: "tools",
    unit: "ratio",
    title: "share of tool calls that failed",
    kind: "ratio",
    sums: { n: "toFloat64(sum(tool_calls))", wy: "toFloat64(sum(failed_tools))" },
    worst: "status = 'error' DESC, event_time DESC",
    worstWhere: "operation = 'execute_tool'",
  },
  fallbacks: {
    source: "traces",
    subject: "errors",
    unit: "ratio",
    title: "share of traces in which a call failed and another model answered",
    kind: "ratio",
    sums: { n: "countIf(model_calls > 0)", wy: "countIf(fell_back)" },
  },
  looping_traces: {
    source: "traces",
    subject: "tools",
    unit: "traces",
    title: "traces in which one tool was called ten times or more",
    kind: "count",
    sums: { n: "countIf(same_tool >= 10)" },
  },
  guardrail_blocks: {
    source: "guardrails",
    subject: "guardrails",
    unit: "ratio",
    title: "share of guardrail checks that blocked",
    kind: "ratio",
    sums: { n: "sum(checks)", wy: "sumIf(checks, action = 'block')" },
  },
  guardrail_bypasses: {
    source: "guardrails",
    subject: "guardrails",
    unit: "checks",
    title: "guardrail checks that failed and let it pass",
    kind: "count",
    sums: { n: "sumIf(checks, error != '' AND action IN ('pass', 'warn'))" },
  },
  pii_hits: {
    source: "guardrails",
    subject: "guardrails",
    unit: "ratio",
    title: "share of checks that found personal data or secrets",
    kind: "ratio",
    sums: { n: "sum(checks)", wy: "sumIf(checks, action != 'pass')" },
    where: "check_name IN ('pii', 'secrets')",
  },
  new_models: {
    source: "models",
    subject: "models",
    unit: "models",
    title: "models that answered for the first time",
    kind: "count",
    sums: { n: "count()" },
    absentIsGood: true,
  },
  agreement: {
    source: "answers",
    subject: "quality",
    unit: "ratio",
    title: "how likely two answers to one prompt are the same",
    kind: "mean",
    sums: { n: "count()", wy: "sum(agreement)", w2y2: "sum(pow(agreement, 2))" },
    worse: "down",
  },
} as const satisfies Record<string, Measure>;

export type MeasureName = keyof typeof measures;
