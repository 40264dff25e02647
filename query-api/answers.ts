/**
 * What the answers look like: the OpenAPI document and the client's types are made from these, and the API's tests hold
 * every answer against them. Objects are open: an answer may gain a field, never lose one.
 */
import { z } from "zod";

export const exactUsd = z
  .string()
  .regex(/^-?\d+\.\d{12}$/)
  .describe("USD, 12 decimals, exact");
/** Null: nothing priced. */
export const usd = exactUsd.nullable().describe("USD, 12 decimals, exact; null when unknown");
export const instant = z.string().describe("RFC 3339, UTC");
const share = z.number().nullable().describe("0 to 1; null when it cannot be told");
export const number = z.number().nullable();
const traceId = z.string().regex(/^[0-9a-f]{32}$/);
const spanId = z.string().regex(/^[0-9a-f]{16}$/);
export const range = { from: instant, to: instant };

const percentiles = z.looseObject({ p50: number, p95: number, p99: number });

const metrics = z.looseObject({
  calls: z.number(),
  errors: number,
  unpriced_calls: z.number(),
  estimated_calls: number,
  input_tokens: z.number(),
  cache_read_tokens: z.number(),
  cache_write_tokens: z.number(),
  output_tokens: z.number(),
  reasoning_tokens: z.number(),
  audio_input_tokens: z.number(),
  audio_output_tokens: z.number(),
  cost: usd,
  latency_ms: percentiles,
  ttft_ms: percentiles,
});

export const costsAnswer = z.looseObject({
  ...range,
  tier: z.string().describe("The table that was read"),
  step_seconds: number,
  by: z.array(z.string()),
  rows: z.array(metrics),
  totals: metrics,
});

const span = z.looseObject({
  project: z.string(),
  trace_id: traceId,
  span_id: spanId,
  parent_span_id: spanId.nullable(),
  time: instant,
  duration_ms: z.number(),
  name: z.string(),
  status: z.enum(["ok", "error"]),
  service: z.string(),
  operation: z.string(),
  is_model_call: z.boolean(),
  provider: z.string(),
  request_model: z.string(),
  response_model: z.string(),
  session_id: z.string(),
  user_id: z.string(),
  input_tokens: z.number(),
  cache_read_tokens: z.number(),
  output_tokens: z.number(),
  cost: usd,
  cost_status: z.string(),
  price_id: z.string(),
  reported_cost: usd,
  ttft_ms: number,
});

const cursor = z.string().nullable().describe("Ask again with it for the next page");

const evaluation = z.looseObject({ evaluation_id: z.string(), name: z.string(), score: number });
const spanDetails = span.extend({
  attributes: z.record(z.string(), z.unknown()),
  resource: z.record(z.string(), z.string()),
  events: z.array(z.looseObject({ name: z.string() })),
  evaluations: z.array(evaluation),
});

/** In lists: `core` always, the rest as the groups that were asked for have it. */
const listedSpan = spanDetails
  .omit({ evaluations: true })
  .partial()
  .extend({
    project: z.string(),
    trace_id: traceId,
    span_id: spanId,
    time: instant,
    name: z.string(),
    status: z.enum(["ok", "error"]),
    content: z.unknown().optional(),
  });

export const spansAnswer = z.looseObject({
  ...range,
  spans: z.array(listedSpan),
  next_cursor: cursor,
});

export const spanAnswer = spanDetails.extend({
  content: z.unknown(),
  content_truncated: z.boolean(),
});

export const traceAnswer = z.looseObject({
  trace_id: traceId,
  projects: z.array(z.string()),
  start: instant,
  duration_ms: z.number(),
  totals: z.looseObject({ spans: z.number(), errors: z.number(), calls: z.number(), cost: usd }),
  truncated: z.boolean(),
  evaluations: z.array(evaluation),
  spans: z.array(
    spanDetails.extend({ depth: z.number(), orphan: z.boolean(), offset_ms: z.number() }),
  ),
});

export const tracesAnswer = z.looseObject({
  ...range,
  traces: z.array(
    z.looseObject({
      trace_id: traceId,
      name: z.string(),
      projects: z.array(z.string()),
      models: z.array(z.string()),
      start: instant,
      duration_ms: z.number(),
      status: z.enum(["ok", "error"]),
      spans: z.number(),
      calls: z.number(),
      cost: usd,
    }),
  ),
  next_cursor: cursor,
});

export const projectsAnswer = z.looseObject({
  projects: z.array(
    z.looseObject({
      project: z.string(),
      calls: z.number(),
      spans: z.number(),
      cost: usd,
      models: z.array(z.string()),
    }),
  ),
});

const interval = { low: number, high: number };

const calibrated = z.looseObject({
  labels: z.number(),
  mean: z.number().describe("That people would give"),
  ...interval,
  lambda: z.number().describe("How far the judge is listened to, from 0 to 1"),
  effective_labels: number,
  pass_rate: z
    .looseObject({ judged: z.number(), share: number, ...interval, sensitivity: z.number() })
    .nullable(),
});

export const qualityAnswer = z.looseObject({
  ...range,
  by: z.array(z.string()),
  rows: z.array(
    z.looseObject({
      metric: z.string(),
      mean: number,
      ...interval,
      n: z.number(),
      effective_n: z.number(),
      too_few: z.boolean(),
      failed: z.number(),
      unreliable: z.boolean().describe("More than 2 % of the judgements failed, weighed"),
      judges: z.number(),
      cost: usd,
      calibrated: calibrated.nullable().describe("Null: too few labels"),
    }),
  ),
});

export const evaluationsAnswer = z.looseObject({
  evaluations: z.array(
    z.looseObject({
      evaluation_id: z.string(),
      metric: z.string(),
      trace_id: z.string(),
      span_id: z.string(),
      time: instant,
      status: z.string(),
      score: number,
      norm: number,
      explanation: z.string().optional(),
      inclusion_probability: number.optional(),
      cost: usd.optional(),
    }),
  ),
  next_cursor: cursor,
});

export const judgesAnswer = z.looseObject({
  ...range,
  judges: z.array(
    z.looseObject({
      judge_hash: z.string(),
      metric: z.string(),
      judge: z.string(),
      judgements: z.number(),
      failed: z.number(),
      usd_per_thousand: number,
      people: z.looseObject({ records: z.number(), exact: share }).nullable(),
      gate: z.looseObject({
        state: z.enum(["passed", "failed", "open"]),
        conditions: z.array(
          z.looseObject({ name: z.string(), expected: z.string(), value: number }),
        ),
      }),
    }),
  ),
  ensembles: z.array(z.looseObject({ metric: z.string(), accuracy: z.number() })),
  fingerprints: z.array(
    z.looseObject({ judge_hash: z.string(), judge_model: z.string(), mean: number }),
  ),
  comparison: z.looseObject({ records: z.number(), exact: share }).optional(),
});

const alike = z.looseObject({ prompts: z.number(), answers: z.number(), agreement: share });

const activeAnswer = z.looseObject({
  cost: usd,
  targets: z.array(
    z.looseObject({
      target: z.string(),
      canaries: z.number(),
      answers: z.number(),
      agreement: share,
      tar_5: share,
      cost: usd,
    }),
  ),
  rounds: z.array(z.looseObject({ target: z.string(), round: instant, agreement: share })),
  judges: z.array(
    z.looseObject({
      judge_hash: z.string(),
      metric: z.string(),
      sentinels: number,
      retests: number,
    }),
  ),
});

export const determinismAnswer = z.looseObject({
  ...range,
  active: activeAnswer,
  calls: z.number(),
  coverage: share,
  overall: alike,
  models: z.array(alike.extend({ model: z.string() })),
  least_alike: z.array(z.looseObject({ prompt_hash: z.string(), agreement: z.number() })),
});

export const errorAnswer = z.looseObject({
  error: z.looseObject({ code: z.string(), message: z.string() }),
});
