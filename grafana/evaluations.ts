/**
 * Judged scores in SQL: each evaluation once, as it came last, weighed by 1 / the probability that its record was judged.
 * The interval is that of the weighted mean under Poisson sampling: statistics/estimate.ts, hajekFromSums.
 */

/** Of an evaluation that came again, the row that was made last. */
export const NEWEST = "ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id";

/** `e`: traffic's evaluations of the range, with `pi`. */
export const EVALUATIONS = `WITH e AS (
  SELECT *, trace_probability * judge_probability AS pi
  FROM assay.evaluations
  WHERE $__timeFilter(event_time) AND project IN (\${project:singlequote}) AND purpose IN ('', 'traffic')
  ${NEWEST}
)`;

export const SCORED = "status = 'ok' AND norm IS NOT NULL";

const W = `sumIf(1 / pi, ${SCORED})`;
const sum = (term: string): string => `sumIf(assumeNotNull(${term}), ${SCORED})`;

export const MEAN = `${sum("norm / pi")} / nullIf(${W}, 0)`;
const ERROR = `sqrt(greatest(0, ${sum("(1 - pi) / (pi * pi) * norm * norm")} - 2 * (${MEAN}) * ${sum("(1 - pi) / (pi * pi) * norm")} + pow(${MEAN}, 2) * ${sum("(1 - pi) / (pi * pi)")})) / nullIf(${W}, 0)`;
export const LOW = `greatest(0, ${MEAN} - 1.959964 * ${ERROR})`;
export const HIGH = `least(1, ${MEAN} + 1.959964 * ${ERROR})`;
export const COUNT = `countIf(${SCORED})`;
