-- Percentiles over weeks merge thousands of sketches, and a merge costs what the sketches hold: one number for each of 128 values in
-- every doubling of the latency. By hour and day 32 are enough: a latency is rounded to five bits behind its first, which is within
-- 1.6 %, and a sketch is a third or a fourth as large. `llm_1m` has them as before; so do the hours and days that are there already.
--
-- 131072 is half of the last bit that is kept, 4294705152 (0xFFFC0000) keeps sign, exponent and five bits.
--
-- Views are made anew (0014 says why). Nobody may insert meanwhile: stop all collectors but one.

DROP VIEW IF EXISTS llm_1h_mv {{on_cluster}};

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_1h_mv {{on_cluster}} TO llm_1h AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toStartOfHour(toDateTime(s.event_time, 'UTC')) AS ts,
    if(bitTest(s.folded, 1), 'other', s.service) AS service,
    if(bitTest(s.folded, 2), 'other', s.environment) AS environment,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    if(bitTest(s.folded, 5), 'other', s.response_model) AS response_model,
    if(bitTest(s.folded, 6), 'other', s.operation) AS operation,
    s.is_model_call AS is_model_call,
    s.status AS status,
    toInt64(countIf(s.is_model_call)) AS calls,
    toInt64(count()) AS spans,
    toInt64(countIf(s.status = 'error')) AS errors,
    toInt64(sumIf(s.input_tokens, s.is_model_call)) AS input_tokens,
    toInt64(sumIf(s.cache_read_tokens, s.is_model_call)) AS cache_read_tokens,
    toInt64(sumIf(s.cache_write_tokens, s.is_model_call)) AS cache_write_tokens,
    toInt64(sumIf(s.output_tokens, s.is_model_call)) AS output_tokens,
    toInt64(sumIf(s.reasoning_tokens, s.is_model_call)) AS reasoning_tokens,
    toInt64(sumIf(s.audio_input_tokens, s.is_model_call)) AS audio_input_tokens,
    toInt64(sumIf(s.audio_output_tokens, s.is_model_call)) AS audio_output_tokens,
    sum(ifNull(s.cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls,
    toInt64(countIf(s.is_model_call AND s.usage_source = 'estimated')) AS estimated_calls,
    toInt64(sum(s.duration_ns)) AS duration_ns,
    toInt64(countIf(s.ttft_ns > 0)) AS ttft_calls,
    toInt64(sum(s.ttft_ns)) AS ttft_ns,
    quantilesBFloat16State(0.5, 0.95, 0.99)(reinterpretAsFloat32(toUInt32(bitAnd(reinterpretAsUInt32(toFloat32(s.duration_ns / 1e6)) + 131072, 4294705152)))) AS duration_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(reinterpretAsFloat32(toUInt32(bitAnd(reinterpretAsUInt32(toFloat32(s.ttft_ns / 1e6)) + 131072, 4294705152))), toUInt8(s.ttft_ns > 0)) AS ttft_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(toFloat32(ifNull(s.cost, 0)), toUInt8(s.is_model_call AND s.cost IS NOT NULL)) AS call_usd_sketch
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;

DROP VIEW IF EXISTS llm_1d_mv {{on_cluster}};

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_1d_mv {{on_cluster}} TO llm_1d AS
SELECT
    if(bitTest(s.folded, 0), 'other', s.project) AS project,
    toStartOfDay(toDateTime(s.event_time, 'UTC')) AS ts,
    if(bitTest(s.folded, 1), 'other', s.service) AS service,
    if(bitTest(s.folded, 2), 'other', s.environment) AS environment,
    if(bitTest(s.folded, 3), 'other', s.provider) AS provider,
    if(bitTest(s.folded, 4), 'other', s.request_model) AS request_model,
    if(bitTest(s.folded, 5), 'other', s.response_model) AS response_model,
    if(bitTest(s.folded, 6), 'other', s.operation) AS operation,
    s.is_model_call AS is_model_call,
    s.status AS status,
    toInt64(countIf(s.is_model_call)) AS calls,
    toInt64(count()) AS spans,
    toInt64(countIf(s.status = 'error')) AS errors,
    toInt64(sumIf(s.input_tokens, s.is_model_call)) AS input_tokens,
    toInt64(sumIf(s.cache_read_tokens, s.is_model_call)) AS cache_read_tokens,
    toInt64(sumIf(s.cache_write_tokens, s.is_model_call)) AS cache_write_tokens,
    toInt64(sumIf(s.output_tokens, s.is_model_call)) AS output_tokens,
    toInt64(sumIf(s.reasoning_tokens, s.is_model_call)) AS reasoning_tokens,
    toInt64(sumIf(s.audio_input_tokens, s.is_model_call)) AS audio_input_tokens,
    toInt64(sumIf(s.audio_output_tokens, s.is_model_call)) AS audio_output_tokens,
    sum(ifNull(s.cost, toDecimal128(0, 12))) AS cost,
    toInt64(countIf(s.is_model_call AND s.cost IS NULL)) AS unpriced_calls,
    toInt64(countIf(s.is_model_call AND s.usage_source = 'estimated')) AS estimated_calls,
    toInt64(sum(s.duration_ns)) AS duration_ns,
    toInt64(countIf(s.ttft_ns > 0)) AS ttft_calls,
    toInt64(sum(s.ttft_ns)) AS ttft_ns,
    quantilesBFloat16State(0.5, 0.95, 0.99)(reinterpretAsFloat32(toUInt32(bitAnd(reinterpretAsUInt32(toFloat32(s.duration_ns / 1e6)) + 131072, 4294705152)))) AS duration_ms_sketch,
    quantilesBFloat16IfState(0.5, 0.95, 0.99)(reinterpretAsFloat32(toUInt32(bitAnd(reinterpretAsUInt32(toFloat32(s.ttft_ns / 1e6)) + 131072, 4294705152))), toUInt8(s.ttft_ns > 0)) AS ttft_ms_sketch
FROM ingest AS s
WHERE s.operation != ''
GROUP BY project, ts, service, environment, provider, request_model, response_model, operation, is_model_call, status;
