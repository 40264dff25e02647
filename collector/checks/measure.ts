/**
 * What can be checked: where it is read, by which labels it can be told apart, and how rows become a number.
 *
 * Every measure is a handful of sums (`Sums`), so that windows of any length are read in one query and a mean is a ratio of
 * summed parts, never a mean of means. Scores are weighted by 1 / inclusion probability.
 */
export type SourceName = "calls" | "users" | "scores" | "judged" | "sentinels" | "traffic";

export interface Source {
  /** Table or subquery with a column `ts`; `{table}` is the rollup. */
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

/** Each evaluation once; `{from}` and `{to}` are bounds of event time. */
const EVALUATIONS = `(
  SELECT *, inclusion_probability, toDateTime(event_time) AS ts
  FROM (SELECT *, inclusion_probability FROM evaluations
    WHERE event_time >= fromUnixTimestamp({from:UInt32}) AND event_time < fromUnixTimestamp({to:UInt32})
    ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id)
  WHERE `;

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
    from: `${EVALUATIONS} status = 'ok' AND norm IS NOT NULL AND purpose IN ('', 'traffic'))`,
    labels: scoreLabels,
    grain: 60,
  },
  judged: {
    from: `${EVALUATIONS} judge_hash != '' AND status IN ('ok', 'abstain', 'failed'))`,
    labels: scoreLabels,
    grain: 60,
  },
  sentinels: {
    from: `${EVALUATIONS} status = 'ok' AND norm IS NOT NULL AND purpose = 'sentinel')`,
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
  subject: "errors" | "quality" | "cost" | "tokens" | "latency" | "traffic" | "judge";
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
  /** Lower is worse, as for scores. @default "up" */
  worse?: "up" | "down";
  /** Spans or evaluations that are the worst of it, for links: SQL order. */
  worst?: string;
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
} as const satisfies Record<string, Measure>;

export type MeasureName = keyof typeof measures;
