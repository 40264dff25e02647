-- For people and for Grafana's query editor: the same rows with ids in hex and times as times.
--
-- A filter on a hex id cannot use an index: to find one span or trace among many, filter `spans` by
-- `trace_id = unhex('…')`, or give a project and a time range beside the id.

CREATE OR REPLACE VIEW v_spans {{on_cluster}} AS
SELECT
    s.project AS project,
    lower(hex(s.trace_id)) AS trace_id,
    lower(hex(s.span_id)) AS span_id,
    if(s.parent_span_id = toFixedString('', 8), '', lower(hex(s.parent_span_id))) AS parent_span_id,
    fromUnixTimestamp64Nano(toInt64(s.start_unix_nano), 'UTC') AS start_time,
    fromUnixTimestamp64Nano(toInt64(s.end_unix_nano), 'UTC') AS end_time,
    s.duration_ns / 1e6 AS duration_ms,
    s.ttft_ns / 1e6 AS ttft_ms,
    s.* EXCEPT (project, trace_id, span_id, parent_span_id, start_unix_nano, end_unix_nano, duration_ns, ttft_ns, link_trace_ids, link_span_ids),
    s.sampling_weight AS sampling_weight,
    s.sampling_threshold_valid AS sampling_threshold_valid,
    arrayMap(id -> lower(hex(id)), s.link_trace_ids) AS link_trace_ids,
    arrayMap(id -> lower(hex(id)), s.link_span_ids) AS link_span_ids
FROM spans AS s;

CREATE OR REPLACE VIEW v_span_content {{on_cluster}} AS
SELECT
    c.project AS project,
    lower(hex(c.trace_id)) AS trace_id,
    lower(hex(c.span_id)) AS span_id,
    c.* EXCEPT (project, trace_id, span_id)
FROM span_content AS c;

-- One row per trace and project: a trace may cross projects, and each sees its own part.
CREATE OR REPLACE VIEW v_traces {{on_cluster}} AS
SELECT
    t.project AS project,
    lower(hex(t.trace_id)) AS trace_id,
    min(t.start) AS start_time,
    max(t.end) AS end_time,
    (toUnixTimestamp64Nano(end_time) - toUnixTimestamp64Nano(start_time)) / 1e6 AS duration_ms,
    max(t.root_name) AS root_name,
    max(t.root_service) AS root_service,
    sum(t.spans) AS spans,
    sum(t.errors) AS errors,
    sum(t.calls) AS calls,
    sum(t.unpriced_calls) AS unpriced_calls,
    sum(t.input_tokens) AS input_tokens,
    sum(t.output_tokens) AS output_tokens,
    sum(t.cost) AS cost
FROM trace_index AS t
GROUP BY t.project, t.trace_id;

CREATE OR REPLACE VIEW v_evaluations {{on_cluster}} AS
SELECT
    e.project AS project,
    e.name AS name,
    e.event_time AS event_time,
    lower(hex(e.evaluation_id)) AS evaluation_id,
    if(e.trace_id = toFixedString('', 16), '', lower(hex(e.trace_id))) AS trace_id,
    if(e.span_id = toFixedString('', 8), '', lower(hex(e.span_id))) AS span_id,
    e.inclusion_probability AS inclusion_probability,
    e.* EXCEPT (project, name, event_time, evaluation_id, trace_id, span_id)
FROM evaluations AS e;

-- One row for each check that ran. Reads `spans`: give a project and a time range.
CREATE OR REPLACE VIEW v_guardrail_results {{on_cluster}} AS
SELECT
    r.project AS project,
    r.event_time AS event_time,
    lower(hex(r.trace_id)) AS trace_id,
    lower(hex(r.span_id)) AS span_id,
    r.service AS service,
    r.environment AS environment,
    r.release AS release,
    r.session_id AS session_id,
    r.user_id AS user_id,
    r.texts['assay.guardrail.name'] AS guard,
    r.texts['assay.guardrail.check'] AS check_name,
    r.texts['assay.guardrail.version'] AS version,
    r.texts['assay.guardrail.stage'] AS stage,
    r.texts['assay.guardrail.action'] AS action,
    r.texts['assay.guardrail.error'] AS error,
    r.texts['assay.guardrail.reason'] AS reason,
    arrayMap(one -> JSONExtractString(one, 'stringValue'),
        JSONExtractArrayRaw(r.texts['assay.guardrail.match_types'], 'values')) AS match_types,
    toUInt32OrZero(r.texts['assay.guardrail.match_count']) AS matches,
    toFloat64OrNull(r.texts['assay.guardrail.risk']) AS risk,
    toFloat64OrZero(r.texts['assay.guardrail.latency_ms']) AS latency_ms
FROM
(
    SELECT
        s.project, s.event_time, s.trace_id, s.span_id, s.service, s.environment, s.release, s.session_id, s.user_id,
        CAST(arrayMap(
            pair -> (JSONExtractString(pair, 'key'), coalesce(
                nullIf(JSONExtractString(pair, 'value', 'stringValue'), ''),
                nullIf(JSONExtractString(pair, 'value', 'intValue'), ''),
                nullIf(JSONExtractRaw(pair, 'value', 'doubleValue'), ''),
                nullIf(JSONExtractRaw(pair, 'value', 'arrayValue'), ''),
                '')),
            JSONExtractArrayRaw(event.2)), 'Map(String, String)') AS texts
    FROM spans AS s
    ARRAY JOIN arrayFilter(event -> event.1 = 'assay.guardrail.result', arrayZip(s.event_names, s.event_attributes)) AS event
    WHERE has(s.event_names, 'assay.guardrail.result')
) AS r;

-- Releases, prompt versions and answering models by when they were seen first: deployments, for what draws or watches them.
CREATE OR REPLACE VIEW sightings {{on_cluster}} AS
SELECT
    r.project AS project,
    found.1 AS kind,                      -- release | prompt | model
    r.service AS service,
    r.environment AS environment,
    found.2 AS value,                     -- a prompt's: its name and version
    r.day AS day,
    min(r.first_seen) AS first_seen,
    max(r.last_seen) AS last_seen,
    sum(r.spans) AS spans
FROM cost_by_release_1d AS r
ARRAY JOIN arrayFilter(one -> one.2 != '', [
        ('release', toString(r.release)),
        ('prompt', if(r.prompt_version = '', '', if(r.prompt_name = 'other' OR r.prompt_version = 'other', 'other', concat(toString(r.prompt_name), ' ', toString(r.prompt_version))))),
        ('model', toString(r.response_model))]) AS found
GROUP BY project, kind, service, environment, value, day;
