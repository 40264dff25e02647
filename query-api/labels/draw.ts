/**
 * Which judged records people are asked about, and how likely each was to be. The draw is a hash of the trace's id against
 * the record's probability, as the judge's own sample is (collector/judge/sampling.ts), so that it needs no memory: the
 * same records are drawn after a restart, and more of them when the share is raised.
 *
 * Records that were judged badly, or that two judges differ about, are drawn four times as often: people learn most there.
 * Drawn records are shown in the order of hash / probability (Ohlsson's sequential Poisson sampling), so that labels are a
 * proper sample after any number of them.
 */
import { positionSql } from "@assay/clickhouse";

const MORE_OFTEN = 4;
/** Norm below which it was judged badly, and distance from which two judges differ. */
const BAD = 0.5;
const APART = 0.5;

/** Judged records of a metric, each once, with `place` (0 to 1), `probability` and `stratum`. `more` limits the rows. */
export function drawnSql(more: string): string {
  return `SELECT *, ${positionSql("human-sampling")} AS place, ${positionSql("label-double")} AS double_place,
  if(norm < ${BAD} OR apart >= ${APART}, 'doubtful', 'plain') AS label_stratum,
  least(1, {share:Float64} * if(label_stratum = 'doubtful', ${MORE_OFTEN}, 1)) AS probability
FROM (
  SELECT trace_id, span_id, argMaxIf(assumeNotNull(norm), evaluated_at, purpose != 'audit') AS norm, max(assumeNotNull(norm_each)) - min(assumeNotNull(norm_each)) AS apart,
    countIf(purpose != 'audit') AS firsts, any(project) AS project, any(event_time) AS event_time,
    anyIf(trace_probability, purpose != 'audit') AS trace_probability, anyIf(judge_probability, purpose != 'audit') AS judge_probability,
    argMaxIf(score, evaluated_at, purpose != 'audit') AS judge_score, argMaxIf(explanation, evaluated_at, purpose != 'audit') AS judge_explanation,
    argMaxIf(evaluator, evaluated_at, purpose != 'audit') AS judge, any(response_id) AS response_id, any(session_id) AS session_id, any(user_id) AS user_id,
    any(service) AS service, any(environment) AS environment, any(release) AS release, any(provider) AS provider, any(model) AS model,
    any(prompt_version) AS prompt_version, any(prompt_hash) AS prompt_hash, any(reference) AS reference
  FROM (
    SELECT *, norm AS norm_each FROM assay.evaluations
    WHERE name = {metric:String} AND role IN ('cheap', 'strong') AND purpose IN ('', 'traffic', 'audit') AND status = 'ok' AND norm IS NOT NULL AND ${more}
    ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id)
  GROUP BY trace_id, span_id HAVING firsts > 0)`;
}
