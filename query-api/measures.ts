/**
 * What can be measured of model calls, each with its unit and its SQL over a rollup `r`. Ratios are of sums, never means of
 * ratios; percentiles come from merged sketches. A division by nothing is null.
 */

export interface Measure {
  unit: "calls" | "tokens" | "USD" | "USD/call" | "share" | "ms" | "tokens/s" | "USD/1M tokens";
  /** A number, or for USD a decimal string. */
  sql: string;
  /** Only the tiers with latency sketches can tell. */
  sketches?: true;
}

const sum = (column: string): string => `sum(r.${column})`;
const number = (sql: string): string => `toFloat64(${sql})`;
const ratio = (part: string, whole: string): string =>
  `if(${whole} = 0, NULL, toFloat64(${part}) / toFloat64(${whole}))`;
const percentile = (sketch: string, merge: string, index: number): string =>
  `if(isFinite((${merge}(0.5, 0.95, 0.99)(r.${sketch}) AS ${sketch}_q)[${index}]), toFloat64(${sketch}_q[${index}]), NULL)`;
const latency = (index: number): Measure => ({
  unit: "ms",
  sql: percentile("duration_ms_sketch", "quantilesBFloat16Merge", index),
  sketches: true,
});
const firstToken = (index: number): Measure => ({
  unit: "ms",
  sql: percentile("ttft_ms_sketch", "quantilesBFloat16IfMerge", index),
  sketches: true,
});
const tokens = (column: string): Measure => ({ unit: "tokens", sql: number(sum(column)) });

const PRICED = "(sum(r.calls) - sum(r.unpriced_calls))";

export const MEASURES = {
  calls: { unit: "calls", sql: number(sum("calls")) },
  errors: { unit: "calls", sql: number(sum("errors")), sketches: true },
  error_share: { unit: "share", sql: ratio(sum("errors"), sum("calls")), sketches: true },
  unpriced_calls: { unit: "calls", sql: number(sum("unpriced_calls")) },
  unpriced_share: { unit: "share", sql: ratio(sum("unpriced_calls"), sum("calls")) },
  estimated_calls: { unit: "calls", sql: number(sum("estimated_calls")), sketches: true },
  input_tokens: tokens("input_tokens"),
  cache_read_tokens: tokens("cache_read_tokens"),
  cache_write_tokens: tokens("cache_write_tokens"),
  output_tokens: tokens("output_tokens"),
  reasoning_tokens: tokens("reasoning_tokens"),
  audio_input_tokens: tokens("audio_input_tokens"),
  audio_output_tokens: tokens("audio_output_tokens"),
  total_tokens: { unit: "tokens", sql: number("sum(r.input_tokens) + sum(r.output_tokens)") },
  cached_share: { unit: "share", sql: ratio(sum("cache_read_tokens"), sum("input_tokens")) },
  cost: {
    unit: "USD",
    sql: `if(${PRICED} > 0, toDecimalString(sum(r.cost), 12), NULL)`,
  },
  cost_per_call: { unit: "USD/call", sql: ratio("sum(r.cost)", PRICED) },
  cost_per_million_tokens: {
    unit: "USD/1M tokens",
    sql: ratio("sum(r.cost) * 1000000", "sum(r.input_tokens) + sum(r.output_tokens)"),
  },
  latency_mean: {
    unit: "ms",
    sql: ratio("sum(r.duration_ns) / 1e6", sum("calls")),
    sketches: true,
  },
  latency_p50: latency(1),
  latency_p95: latency(2),
  latency_p99: latency(3),
  ttft_p50: firstToken(1),
  ttft_p95: firstToken(2),
  ttft_p99: firstToken(3),
  output_tokens_per_second: {
    unit: "tokens/s",
    sql: ratio("sum(r.output_tokens) * 1e9", sum("duration_ns")),
    sketches: true,
  },
} as const satisfies Record<string, Measure>;

export type MeasureName = keyof typeof MEASURES;
export const MEASURE_NAMES = Object.keys(MEASURES) as MeasureName[];
