-- How many spans a span stands for: the sampler that kept it wrote its threshold into the trace state (`ot=th:…`, the
-- OpenTelemetry specification's consistent probability sampling). A threshold T, 14 hex digits with trailing zeros left
-- out, rejects T of 2^56, so that each span kept stands for 2^56 / (2^56 - T). No threshold, or one that cannot be read: 1.
--
-- Computed when it is asked for: nothing is stored, and earlier spans have it too.

ALTER TABLE spans {{on_cluster}}
    ADD COLUMN IF NOT EXISTS sampling_threshold String
        ALIAS extract(extract(trace_state, '(?:^|,)[ \t]*ot=([^,]*)'), '(?:^|;)th:([^;]*)'),
    ADD COLUMN IF NOT EXISTS sampling_threshold_valid Bool
        ALIAS match(sampling_threshold, '^([0-9a-f]{1,14})?$'),
    ADD COLUMN IF NOT EXISTS sampling_weight Float64
        ALIAS if(sampling_threshold_valid,
            exp2(56) / (bitShiftLeft(toUInt64(1), 56) - reinterpretAsUInt64(reverse(unhex(rightPad(sampling_threshold, 14, '0'))))), 1);

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
