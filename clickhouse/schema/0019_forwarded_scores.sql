-- A score that another Assay's judge sent on (`assay.evaluation.source` is `judge`) is a judge's score here too: with its place
-- on the scale, who judged, and how likely the record was to be judged, so that means are weighted as they are there.
--
-- The view is made anew (0014 says why). Nobody may insert meanwhile: stop all collectors but one.

DROP VIEW IF EXISTS evaluations_mv {{on_cluster}};

CREATE MATERIALIZED VIEW IF NOT EXISTS evaluations_mv {{on_cluster}} TO evaluations AS
WITH
    s.attrs_string['assay.evaluation.source'] = 'judge' AS is_judge,
    s.attrs_string['assay.evaluation.status'] AS sent_status,
    toFloat64OrNull(s.attrs_string['assay.evaluation.norm']) AS sent_norm,
    toFloat64OrZero(s.attrs_string['assay.evaluation.trace_probability']) AS kept,
    toFloat64OrZero(s.attrs_string['assay.evaluation.judge_probability']) AS judged
SELECT
    s.project AS project,
    s.name AS name,
    s.event_time AS event_time,
    if(s.end_unix_nano = 0, s.event_time, fromUnixTimestamp64Nano(toInt64(least(s.end_unix_nano, 9223372036854775807)), 'UTC')) AS evaluated_at,
    -- Of everything that was said and of nothing that depends on the way it came. A judge's has an id of its own, which is kept
    -- when its probability is corrected; hashed, it cannot be that of a score that was made here.
    if(is_judge AND s.attrs_string['assay.evaluation.id'] != '',
        sipHash128(s.project, s.attrs_string['assay.evaluation.id']),
        sipHash128(s.project, s.service, s.name, s.start_unix_nano, s.trace_id, s.span_id, s.response_id, s.session_id, s.error_type,
            mapKeys(s.attrs_double), mapValues(s.attrs_double), mapKeys(s.attrs_string), mapValues(s.attrs_string))) AS evaluation_id,
    s.trace_id AS trace_id,
    s.span_id AS span_id,
    s.response_id AS response_id,
    s.session_id AS session_id,
    s.user_id AS user_id,
    s.service AS service,
    s.environment AS environment,
    s.release AS release,
    if(is_judge, 'judge', 'otlp') AS source,
    if(s.attrs_string['gen_ai.evaluator.name'] = '', toString(s.scope_name), s.attrs_string['gen_ai.evaluator.name']) AS evaluator,
    if(mapContains(s.attrs_double, 'gen_ai.evaluation.score.value'), s.attrs_double['gen_ai.evaluation.score.value'], NULL) AS score,
    s.attrs_string['gen_ai.evaluation.score.label'] AS label,
    s.attrs_string['gen_ai.evaluation.explanation'] AS explanation,
    s.error_type AS error_type,
    multiIf(
        is_judge AND sent_status IN ('ok', 'abstain', 'not_applicable', 'failed'), sent_status,
        s.error_type != '', 'failed',
        score IS NULL AND label = '', 'not_applicable',
        'ok') AS status,
    if(is_judge AND sent_norm BETWEEN 0 AND 1, sent_norm, NULL) AS norm,
    if(is_judge, toUInt16OrZero(s.attrs_string['assay.evaluation.metric_version']), 0) AS metric_version,
    if(is_judge, s.attrs_string['assay.evaluation.role'], '') AS role,
    if(is_judge, s.attrs_string['assay.evaluation.purpose'], '') AS purpose,
    if(is_judge, s.attrs_string['assay.evaluation.judge_hash'], '') AS judge_hash,
    if(is_judge, s.attrs_string['assay.evaluation.strategy'], '') AS strategy,
    if(is_judge AND kept > 0 AND kept <= 1, kept, 1) AS trace_probability,
    if(is_judge AND judged > 0 AND judged <= 1, judged, 1) AS judge_probability,
    if(is_judge, s.attrs_string['assay.evaluation.stratum'], '') AS stratum,
    if(is_judge, s.attrs_string['assay.evaluation.provider'], '') AS provider,
    if(is_judge, s.attrs_string['assay.evaluation.model'], '') AS model,
    if(is_judge, s.attrs_string['assay.evaluation.prompt_version'], '') AS prompt_version,
    if(is_judge, s.attrs_string['assay.evaluation.judge_model'], '') AS judge_model,
    if(is_judge, toUInt32OrZero(s.attrs_string['assay.evaluation.input_tokens']), 0) AS input_tokens,
    if(is_judge, toUInt32OrZero(s.attrs_string['assay.evaluation.output_tokens']), 0) AS output_tokens,
    if(is_judge, toDecimal128OrNull(s.attrs_string['assay.evaluation.cost'], 12), NULL) AS cost,
    if(is_judge, toUInt32OrZero(s.attrs_string['assay.evaluation.latency_ms']), 0) AS latency_ms,
    mapFilter((k, v) -> k NOT IN ('gen_ai.evaluator.name', 'gen_ai.evaluation.score.label', 'gen_ai.evaluation.explanation')
        AND NOT (is_judge AND startsWith(k, 'assay.evaluation.')), s.attrs_string) AS attributes,
    s.received_at AS received_at,
    s.collector_id AS collector_id,
    s.batch AS batch
FROM ingest AS s
WHERE s.row_kind = 'evaluation';
