/** What the page asks the API, and the parts of the answers that it shows. */
import { useEffect, useState } from "preact/hooks";

interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}
export interface CostRow {
  time?: string;
  project?: string;
  model?: string;
  provider?: string;
  calls: number;
  errors: number;
  unpriced_calls: number;
  estimated_calls: number;
  input_tokens: number;
  output_tokens: number;
  cost: string | null;
  latency_ms: Percentiles;
}
export interface Costs {
  from: string;
  to: string;
  tier: string;
  rows: CostRow[];
  totals: CostRow;
}
export interface QualityRow {
  time?: string;
  metric: string;
  project?: string;
  model?: string;
  release?: string;
  mean: number | null;
  low: number | null;
  high: number | null;
  n: number;
  effective_n: number;
  too_few: boolean;
  failed: number;
  abstained: number;
  not_applicable: number;
  with_reference: number;
  judges: number;
  /** The mean if all that failed were the worst, or the best, score. */
  worst_case: { low: number; high: number } | null;
  /** So many failed that the mean may hide something. */
  unreliable: boolean;
  /** What people would say. */
  calibrated: { labels: number; mean: number; low: number; high: number } | null;
}
export interface QualityAnswer {
  from: string;
  to: string;
  rows: QualityRow[];
}
interface Judged {
  evaluation_id: string;
  metric: string;
  project: string;
  trace_id: string;
  span_id: string;
  time: string;
  norm: number | null;
  label: string;
  explanation: string;
  /** JSON: quotations for a judge's score, the scores that a composite is made of. */
  evidence: string;
  evaluator: string;
  model: string;
  inclusion_probability: number;
  injection_suspected: boolean;
}
export interface Judgements {
  evaluations: Judged[];
}
export interface JudgeRow {
  judge_hash: string;
  metric: string;
  judge: string;
  role: string;
  strategy: string;
  judgements: number;
  ok: number;
  failed: number;
  usd_per_thousand: number | null;
  p95_ms: number;
  people: {
    records: number;
    kappa_quadratic: { kappa: number; low: number; high: number } | null;
  } | null;
  gate: {
    state: "passed" | "failed" | "open";
    conditions: { name: string; expected: string; value: number | null; state: string }[];
  };
}
export interface Judges {
  judges: JudgeRow[];
  comparison?: {
    records: number;
    too_few: boolean;
    exact: number | null;
    within_one: number | null;
    kappa_quadratic: { kappa: number; low: number; high: number } | null;
    verdict: string;
  };
}
/** Why a trace was judged, or was not. */
export interface WhyJudged {
  why: string;
  decision: { rule: string } | null;
  metrics: readonly unknown[];
}

export interface NextLabel {
  waiting: number;
  highest: number;
  rules: { definition: string; scores: string[] } | null;
  task: {
    project: string;
    trace_id: string;
    span_id: string;
    input: unknown;
    output: unknown;
    documents: unknown[];
    reference: string | null;
  } | null;
}
export interface ExperimentRun {
  experiment: string;
  run: string;
  started_at: string;
  finished_at: string | null;
  model: string;
  prompt_version: string;
  dataset_hash: string;
  items: number;
  failed: number;
  metrics: {
    metric: string;
    mean: number | null;
    low: number | null;
    high: number | null;
    n: number;
  }[];
}
export interface Experiments {
  runs: ExperimentRun[];
  comparison?: {
    first: string;
    second: string;
    same_dataset: boolean;
    metrics: {
      metric: string;
      difference: number | null;
      low: number | null;
      high: number | null;
      n: number;
      better: number;
      worse: number;
      stands: boolean;
    }[];
    items: {
      item: string;
      question: string;
      reference: string;
      first_answer: string;
      second_answer: string;
      difference: number;
    }[];
  };
}
export interface DeterminismAnswer {
  coverage: number | null;
  active: {
    cost: string | null;
    targets: {
      target: string;
      canaries: number;
      answers: number;
      agreement: number | null;
      agreement_plain: number | null;
      tar_5: number | null;
      pinned: { share: number } | null;
      fingerprints: string[];
    }[];
  };
  models: {
    model: string;
    prompts: number;
    answers: number;
    agreement: number | null;
    agreement_plain: number | null;
    tar_5: number | null;
  }[];
}
type Causes = Record<
  "volume" | "model_mix" | "tokens_per_call" | "cache" | "price" | "other",
  string
>;
interface CostPeriod {
  calls: number;
  unpriced_calls: number;
  cost: string;
}
export interface Variance {
  before: CostPeriod;
  after: CostPeriod;
  change: string;
  causes: Causes;
  models: { provider: string; model: string; before: string; after: string; causes: Causes }[];
}
export interface WhatIf {
  calls: number;
  left_out: number;
  cost: string;
  candidates: {
    candidate: string;
    tokens: { ratio: number; low: number | null; high: number | null; source: string };
    cost: string | null;
    low: string | null;
    high: string | null;
    change: string | null;
  }[];
}
export interface ModelRow {
  provider: string;
  model: string;
  calls: number;
  cost: string | null;
  cost_per_call: number | null;
  error_share: { value: number; low: number; high: number };
  latency_p50: number | null;
  latency_p95: number | null;
  output_tokens_per_second: number | null;
  quality: {
    mean: number | null;
    low: number | null;
    high: number | null;
    n: number;
    too_few: boolean;
  } | null;
  pareto: "front" | "beaten" | "perhaps_beaten" | "unknown";
  beaten_by: string[];
}
export interface Models {
  models: ModelRow[];
}
interface Estimate {
  value: number | null;
  low: number | null;
  high: number | null;
}
export interface Budgets {
  budgets: {
    budget: string;
    of: Record<string, string>;
    monthly_usd: number;
    spent: string;
    spent_share: number;
    forecast: number;
    low: number | null;
    high: number | null;
    too_early: boolean;
    burn_rate: number | null;
    exhausted_at: string | null;
    state: "ok" | "warn" | "forecast_over" | "over";
  }[];
}
export interface Ledger {
  calls: number;
  cost: string;
  buckets: { bucket: string; unit: string; quantity: number; cost: string }[];
  unallocated: string;
  unpriced: { provider: string; model: string; calls: number }[];
  anomalies: { anomaly: string; meaning: string; calls: number }[];
  overhead: { purpose: string; cost: string | null }[];
  price_list: { published_on: string; age_days: number };
}
export interface Review {
  spenders?: {
    value: string;
    calls: number;
    cost: string | null;
    cost_share: number | null;
    cost_per_call: number | null;
    cached_share: number | null;
    usd_per_quality_point: Estimate | null;
  }[];
  traces?: {
    trace_id: string;
    project: string;
    name: string;
    start: string;
    calls: number;
    cost: string;
  }[];
  questions?: { asked: number; answered: number; usd_per_answered: Estimate };
}
export interface Sessions {
  sessions: {
    session_id: string;
    project: string;
    user_id: string;
    last: string;
    traces: number;
    calls: number;
    cost: string | null;
  }[];
}
export interface CheckRow {
  check: string;
  project: string;
  series: string;
  unit: string;
  severity: "page" | "ticket" | "info";
  state: string;
  since: string | null;
  estimate: number | null;
  low: number | null;
  high: number | null;
  baseline: number | null;
  threshold: number | null;
  n: number;
  reason: string;
  worst_traces: string[];
}
export interface Incident {
  incident: string;
  project: string;
  subject: string;
  severity: string;
  title: string;
  opened: string;
  over: string | null;
  acknowledged: string | null;
  acknowledged_by: string;
}
export interface Incidents {
  incidents: Incident[];
}
export interface Checks {
  checks: CheckRow[];
}
export interface Projects {
  projects: { project: string; models: string[] }[];
}
export interface TraceRow {
  trace_id: string;
  name: string;
  service: string;
  root_missing: boolean;
  projects: string[];
  models: string[];
  start: string;
  duration_ms: number;
  status: "ok" | "error";
  spans: number;
  errors: number;
  calls: number;
  unpriced_calls: number;
  input_tokens: number;
  output_tokens: number;
  cost: string | null;
  generated: boolean;
}
export interface Traces {
  traces: TraceRow[];
  next_cursor: string | null;
}
export interface Span {
  span_id: string;
  parent_span_id: string | null;
  name: string;
  service: string;
  project: string;
  status: "ok" | "error";
  operation: string;
  is_model_call: boolean;
  duration_ms: number;
  offset_ms: number;
  depth: number;
  orphan: boolean;
  children: string[];
  ttft_ms: number | null;
  cost: string | null;
  cost_status: string;
  time: string;
  input_tokens: number;
  output_tokens: number;
  response_model: string;
  request_model: string;
  reported_cost: string | null;
  reported_cost_source: string;
  [fact: string]: unknown;
}
export interface Evaluation {
  evaluation_id: string;
  name: string;
  score: number | null;
  label: string;
  explanation: string;
  error_type: string;
  evaluator: string;
  source: string;
  evaluated_at: string;
}
/** Without the fields that only have a meaning within the trace. */
export interface SpanDetail extends Span {
  evaluations: Evaluation[];
  attributes: Record<string, unknown>;
  resource: Record<string, unknown>;
  content: Record<string, unknown> | null;
}
export interface Trace {
  trace_id: string;
  projects: string[];
  start: string;
  duration_ms: number;
  truncated: boolean;
  generated: boolean;
  totals: {
    spans: number;
    errors: number;
    calls: number;
    unpriced_calls: number;
    input_tokens: number;
    output_tokens: number;
    cost: string | null;
  };
  spans: Span[];
}

export type Loaded<T> =
  | { state: "loading" }
  | { state: "ready"; value: T }
  | { state: "failed"; message: string };

/** `path` with the parameters that have a value. */
export function address(path: string, parameters: Record<string, string | undefined> = {}): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => !!entry[1]);
  return given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path;
}

async function ask<T>(url: string, init: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  const body = await response.json();
  if (response.ok) return body as T;
  throw new Error(body?.error?.message ?? `the server answered ${response.status}`);
}

function failure(error: unknown): { state: "failed"; message: string } {
  return { state: "failed", message: error instanceof Error ? error.message : String(error) };
}

/** Once, and never what was there before. */
export async function fetchAnswer<T>(url: string, init: RequestInit = {}): Promise<Loaded<T>> {
  return ask<T>(url, init).then((value) => ({ state: "ready", value }), failure);
}

export function sendJson(url: string, body: unknown): Promise<Loaded<unknown>> {
  const headers = { "content-type": "application/json" };
  return fetchAnswer(url, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Keeps showing the last answer while the next is under way; `round` asks again. */
export function useAnswer<T>(url: string, round = 0): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T> & { url?: string }>({ state: "loading" });
  useEffect(() => {
    const stop = new AbortController();
    ask<T>(url, { signal: stop.signal }).then(
      (value) => setLoaded({ state: "ready", value, url }),
      (error: unknown) => {
        if (stop.signal.aborted) return; // Another question took its place.
        setLoaded({ ...failure(error), url });
      },
    );
    return () => stop.abort();
  }, [url, round]);
  return loaded;
}
