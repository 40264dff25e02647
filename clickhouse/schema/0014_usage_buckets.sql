-- What else is charged than tokens of text: each is a part of a kind that the spans have already, or is charged by the piece,
-- so that no sum changes. `service_tier` decides the price.

ALTER TABLE ingest {{on_cluster}}
    ADD COLUMN IF NOT EXISTS cache_write_1h_tokens UInt32 AFTER audio_output_tokens,      -- part of cache_write_tokens: kept for an hour
    ADD COLUMN IF NOT EXISTS cache_read_audio_tokens UInt32 AFTER cache_write_1h_tokens,  -- part of cache_read_tokens and of audio_input_tokens
    ADD COLUMN IF NOT EXISTS image_input_tokens UInt32 AFTER cache_read_audio_tokens,     -- part of input_tokens
    ADD COLUMN IF NOT EXISTS image_output_tokens UInt32 AFTER image_input_tokens,         -- part of output_tokens
    ADD COLUMN IF NOT EXISTS web_searches UInt32 AFTER image_output_tokens,               -- run by the provider, charged by the piece
    ADD COLUMN IF NOT EXISTS file_searches UInt32 AFTER web_searches,                     -- the same
    ADD COLUMN IF NOT EXISTS service_tier LowCardinality(String) AFTER file_searches;     -- as the provider calls it: batch, flex, priority; empty when not said

ALTER TABLE spans {{on_cluster}}
    ADD COLUMN IF NOT EXISTS cache_write_1h_tokens UInt32 CODEC(T64, ZSTD(1)) AFTER audio_output_tokens,      -- part of cache_write_tokens: kept for an hour
    ADD COLUMN IF NOT EXISTS cache_read_audio_tokens UInt32 CODEC(T64, ZSTD(1)) AFTER cache_write_1h_tokens,  -- part of cache_read_tokens and of audio_input_tokens
    ADD COLUMN IF NOT EXISTS image_input_tokens UInt32 CODEC(T64, ZSTD(1)) AFTER cache_read_audio_tokens,     -- part of input_tokens
    ADD COLUMN IF NOT EXISTS image_output_tokens UInt32 CODEC(T64, ZSTD(1)) AFTER image_input_tokens,         -- part of output_tokens
    ADD COLUMN IF NOT EXISTS web_searches UInt32 CODEC(T64, ZSTD(1)) AFTER image_output_tokens,               -- run by the provider, charged by the piece
    ADD COLUMN IF NOT EXISTS file_searches UInt32 CODEC(T64, ZSTD(1)) AFTER web_searches,                     -- the same
    ADD COLUMN IF NOT EXISTS service_tier LowCardinality(String) AFTER file_searches;                         -- as the provider calls it: batch, flex, priority; empty when not said

-- Made anew: a view changed by MODIFY QUERY takes other deduplication tokens after the next restart of the engine, and a block
-- in doubt would be stored twice. Nobody may insert meanwhile: stop all collectors but one.
DROP VIEW IF EXISTS spans_mv {{on_cluster}};

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_mv {{on_cluster}} TO spans AS
SELECT
    project, trace_id, span_id, parent_span_id, event_time, start_unix_nano, end_unix_nano, duration_ns,
    anomalies, name, kind, status, status_code, status_message, flags, trace_state, service, service_version,
    environment, release, region, operation, is_model_call, provider, request_model, response_model,
    response_id, output_type, finish_reasons, error_type, server_address, agent_name, tool_name, tool_call_id,
    data_source, top_k, document_count, session_id, user_id, prompt_name, prompt_version, prompt_hash,
    temperature, top_p, seed, max_tokens, is_stream, usage_source, input_tokens, cache_read_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens,
    cache_write_1h_tokens, cache_read_audio_tokens, image_input_tokens, image_output_tokens, web_searches,
    file_searches, service_tier, cost,
    cost_status, price_id, reported_cost, reported_cost_source, ttft_ns, folded, attrs_string, attrs_int,
    attrs_double, attrs_bool, attrs_json, resource, resource_schema_url, scope_name, scope_version,
    scope_schema_url, scope_attributes, event_times, event_names, event_attributes, link_trace_ids,
    link_span_ids, link_attributes, dropped_attributes, dropped_events, dropped_links, has_content,
    received_at, collector_id, batch
FROM ingest
WHERE row_kind = 'span';

-- With the new columns.
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
