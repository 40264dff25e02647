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
