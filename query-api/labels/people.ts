/**
 * People's scores in SQL. They are labels given here, and evaluations that services send (`gen_ai.evaluation.result`) and
 * say of that a person made them (`assay.evaluation.source` is `human`), on the metric's own scale from 1; true and false
 * are its ends.
 *
 * Labels with a stratum were drawn for people with a known probability, and stand for all that was judged; the others
 * somebody chose to give: they tell how far people and judges agree, and are in no mean.
 */
export const IS_HUMAN = "(role = 'human' OR attributes['assay.evaluation.source'] = 'human')";

/** One row a record and metric: the mean of its reviewers' norms. `where` limits the rows by columns of `evaluations`. */
export function peopleSql(where: string): string {
  return `SELECT name, trace_id, span_id, avg(human_norm) AS label, groupArray(human_score) AS label_scores,
  groupUniqArray(evaluator) AS reviewers, max(stratum != '') AS is_drawn, minIf(pi, stratum != '') AS label_pi
FROM (
  SELECT name, trace_id, span_id, evaluator, stratum, status, trace_probability * judge_probability AS pi,
    multiIf(norm IS NOT NULL, norm, label = 'true', 1, label = 'false', 0, score >= 1 AND score <= 5, (score - 1) / 4, NULL) AS human_norm,
    1 + 4 * human_norm AS human_score
  FROM assay.evaluations WHERE ${IS_HUMAN} AND ${where}
  ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id)
WHERE status = 'ok' AND human_norm IS NOT NULL
GROUP BY name, trace_id, span_id`;
}
