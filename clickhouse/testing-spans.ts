/** For tests: synthetic rows for `ingest`, made by the engine itself, the same for the same numbers. */
import type { ClickHouseClient, ClickHouseSettings } from "@clickhouse/client";

export interface SyntheticSpans {
  /** First span's number; spans of other numbers are other spans. */
  from: number;
  count: number;
  /** Consecutive days over which they are spread. @default 1 */
  days?: number;
}

/** Chat calls, retrievals and plain spans of three services; some failed, some unpriced, some streamed, some guarded. */
export async function insertSpans(
  client: ClickHouseClient,
  spans: SyntheticSpans,
  settings: ClickHouseSettings,
): Promise<void> {
  await client.command({ query: insertQuery(spans), clickhouse_settings: settings });
}

export const FIRST_DAY = "2026-01-30";

function insertQuery({ from, count, days = 1 }: SyntheticSpans): string {
  const columns: Record<string, string> = {
    project: "if(n % 7 = 0, 'search', 'support')",
    trace_id: "unhex(lower(hex(MD5(toString(intDiv(n, 3))))))",
    span_id: "reinterpretAsFixedString(toUInt64(n + 1))",
    parent_span_id: "if(n % 3 = 0, toFixedString('', 8), reinterpretAsFixedString(toUInt64(n)))",
    event_time: `toDateTime64('${FIRST_DAY} 00:00:00', 9, 'UTC') + toIntervalDay(n % ${days}) + toIntervalMillisecond(n * 137 % 86400000)`,
    start_unix_nano: "toUInt64(toUnixTimestamp64Nano(event_time))",
    duration_ns: "toUInt64(1000000 + cityHash64(n) % 9000000000)",
    end_unix_nano: "start_unix_nano + duration_ns",
    name: "concat('chat ', toString(n % 5))",
    status: "if(n % 11 = 0, 'error', 'ok')",
    service: "concat('service-', toString(n % 3))",
    environment: "'production'",
    release: "concat('r', toString(n % 2))",
    operation: "multiIf(n % 6 = 4, '', n % 6 = 5, 'retrieval', 'chat')",
    is_model_call: "operation = 'chat'",
    provider: "if(is_model_call, 'openai', '')",
    request_model: "if(is_model_call, concat('model-', toString(n % 4)), '')",
    response_model: "request_model",
    user_id: "concat('u', toString(n % 13))",
    prompt_name: "'answer'",
    prompt_version: "toString(n % 2)",
    usage_source: "if(is_model_call, 'reported', '')",
    input_tokens: "toUInt32(if(is_model_call, 100 + n % 900, 0))",
    output_tokens: "toUInt32(if(is_model_call, 10 + n % 90, 0))",
    cost: "if(is_model_call AND n % 10 != 1, toDecimal128(input_tokens, 12) * toDecimal128('0.00000015', 12), NULL)",
    cost_status: "multiIf(NOT is_model_call, '', n % 10 = 1, 'unpriced', 'priced')",
    price_id: "if(cost_status = 'priced', 'openai/model@2026-01-01#00000000', '')",
    ttft_ns: "toUInt64(if(is_model_call AND n % 2 = 0, duration_ns / 4, 0))",
    folded: "toUInt16(if(n % 17 = 0, 2048, 0))",
    attrs_string: "map('n', toString(n))",
    event_times: "if(n % 10 = 0, [start_unix_nano, start_unix_nano], [])",
    event_names: "if(n % 10 = 0, ['assay.guardrail.result', 'other'], [])",
    event_attributes: `if(n % 10 = 0, [concat('[{"key":"assay.guardrail.check","value":{"stringValue":"pii"}},{"key":"assay.guardrail.action","value":{"stringValue":"', if(n % 20 = 0, 'redact', 'pass'), '"}},{"key":"assay.guardrail.match_count","value":{"intValue":"', toString(n % 3), '"}},{"key":"assay.guardrail.latency_ms","value":{"doubleValue":', toString(n % 7 / 10), '}}]'), '[]'], [])`,
    has_content: "is_model_call",
    content_input: "if(is_model_call, concat('question ', toString(n)), '')",
    received_at: "toDateTime64('2026-02-01 00:00:00', 3, 'UTC')",
    collector_id: "'test'",
    batch: `toUInt64(${from})`,
  };
  const select = Object.entries(columns).map(([name, sql]) => `${sql} AS ${name}`);
  return `INSERT INTO ingest (${Object.keys(columns).join(", ")})
    SELECT ${select.join(", ")} FROM (SELECT number + ${from} AS n FROM numbers(${count})) ORDER BY n`;
}
