/**
 * A store full of spans for the speed of queries, made by the engine itself.
 *
 * The newest day goes in through `ingest`, as a collector's blocks do (`INSERT INTO ingest SELECT … FROM numbers()`), so that facts, content,
 * trace index and every rollup agree. The days before are that day moved, table by table and with other ids: they agree too, and
 * cost a fifth of the time. A trace is an agent, a retrieval, a model call, a tool and a second model call, and traces follow each
 * other evenly. Five projects of 8,000 users each, 12 models of 4 providers; ids are as random as real ones, for the sake of their
 * bytes on disk. Some of the second calls have content of about 2 KB: words whose frequencies fall as in a language, and an order
 * number of its own.
 */
import { oneBlock } from "@assay/clickhouse";
import type { ClickHouseClient } from "@clickhouse/client";

export interface Filling {
  /** Facts a day. */
  spans: number;
  /** Of those, with content. */
  content: number;
  /** Consecutive days; the last of them ends at `toMs`, which is a midnight in UTC. */
  days: number;
  toMs: number;
}

export const SPANS_PER_TRACE = 5;
export const PROJECTS = ["shop", "search", "support", "assistant", "billing"];
const VOCABULARY = 20_000;
const ROWS_PER_INSERT = 100_000;
const DAY_MS = 86_400_000;

/** `progress` is told how many facts there are so far. */
export async function fill(
  client: ClickHouseClient,
  filling: Filling,
  progress: (spans: number) => void,
): Promise<void> {
  const { spans, days } = filling;
  for (let from = 0; from < spans; from += ROWS_PER_INSERT) {
    const batch = from / ROWS_PER_INSERT;
    await client.command({
      query: insertSql(filling, batch, from, Math.min(ROWS_PER_INSERT, spans - from)),
      clickhouse_settings: { ...oneBlock(`bench-query-${batch}`), max_block_size: "10000000" },
    });
    progress(Math.min(spans, from + ROWS_PER_INSERT));
  }
  const columns = await columnsByTable(client);
  for (let day = 1; day < days; day++) {
    for (const [table, names] of columns)
      await client.command({ query: movedSql(filling, table, names, day) });
    progress(spans * (day + 1));
  }
}

/** What a day's rows become when they are moved back by `{d}` days. */
const MOVED: Record<string, string> = {
  event_time: "event_time - toIntervalDay({d})",
  received_at: "received_at - toIntervalDay({d})",
  start: "start - toIntervalDay({d})",
  end: "end - toIntervalDay({d})",
  start_unix_nano: "start_unix_nano - {d} * 86400000000000",
  end_unix_nano: "end_unix_nano - {d} * 86400000000000",
  ts: "ts - toIntervalDay({d})",
  day: "day - {d}",
  trace_id: "sipHash128(trace_id, {d})",
  span_id: "reinterpretAsFixedString(sipHash64(span_id, {d}))",
  parent_span_id:
    "if(parent_span_id = toFixedString('', 8), parent_span_id, reinterpretAsFixedString(sipHash64(parent_span_id, {d})))",
  session_id: "concat(session_id, '-{d}')",
  release: "concat(release, '.{d}')",
};

/** The column that says of which day a row is. */
const DAY_OF: Record<string, string> = {
  spans: "toDate(event_time)",
  span_content: "toDate(event_time)",
  trace_index: "day",
  llm_1m: "toDate(ts)",
  llm_1h: "toDate(ts)",
  llm_1d: "toDate(ts)",
  cost_by_user_1d: "day",
  cost_by_release_1d: "day",
};

async function columnsByTable(client: ClickHouseClient): Promise<[string, string[]][]> {
  const result = await client.query({
    query: `SELECT table, groupArray(name) AS names FROM system.columns
      WHERE database = 'assay' AND table IN {tables:Array(String)} AND default_kind NOT IN ('ALIAS', 'MATERIALIZED')
      GROUP BY table`,
    query_params: { tables: Object.keys(DAY_OF) },
    format: "JSONEachRow",
  });
  const rows = await result.json<{ table: string; names: string[] }>();
  return rows.map(({ table, names }) => [table, names]);
}

function movedSql({ toMs }: Filling, table: string, names: string[], day: number): string {
  const list = names.map((name) => `\`${name}\``).join(", ");
  const select = names.map(
    (name) => `${MOVED[name]?.replaceAll("{d}", String(day)) ?? `\`${name}\``} AS \`m_${name}\``,
  );
  const newest = new Date(toMs - DAY_MS).toISOString().slice(0, 10);
  return `INSERT INTO ${table} (${list}) SELECT ${select.join(", ")} FROM ${table} WHERE ${DAY_OF[table]} = '${newest}'`;
}

/** Id of a trace of the newest day. */
export function traceIdSql(t: string): string {
  return `sipHash128(toUInt64(${t}), 'trace')`;
}

function insertSql(filling: Filling, batch: number, from: number, count: number): string {
  const columns = columnsOf(batch);
  const select = Object.entries(columns).map(([name, sql]) => `${sql} AS ${name}`);
  return `INSERT INTO ingest (${Object.keys(columns).join(", ")})
    WITH (SELECT groupArray(${WORD}) FROM numbers(${VOCABULARY})) AS words
    SELECT ${select.join(",\n ")} FROM (${numbersSql(filling, from, count)}) ORDER BY n`;
}

/** A word of two to five syllables, common ones short. */
const WORD = `arrayStringConcat(arrayMap(i -> substring('babedifogukalemonipurasetovuwayezi', 1 + 2 * (cityHash64(number, i) % 17), 2), range(1 + toUInt8(log10(number + 10)))))`;

/** What the columns are made of: n the span, t its trace, p its place in it, h and r random numbers of trace and span. */
function numbersSql({ spans, content, toMs }: Filling, from: number, count: number): string {
  const traces = Math.ceil(spans / SPANS_PER_TRACE);
  const everyNth = Math.max(1, Math.round(traces / Math.max(1, content)));
  const stepNs = Math.floor((DAY_MS * 1e6) / traces);
  return `SELECT number + ${from} AS n, intDiv(n, ${SPANS_PER_TRACE}) AS t, n % ${SPANS_PER_TRACE} AS p,
      cityHash64(t, 'trace') AS h, cityHash64(n, 'span') AS r, p IN (2, 4) AS is_call, h % 40000 AS u,
      p = 4 AND t % ${everyNth} = 0 AND ${content} > 0 AS told,
      toUInt64(${toMs - DAY_MS}) * 1000000 + t * ${stepNs} + p * 210000000 + r % 1000000 AS start
    FROM numbers(${count})`;
}

function columnsOf(batch: number): Record<string, string> {
  const pick = (values: readonly string[], index: string): string =>
    `[${values.map((value) => `'${value}'`).join(", ")}][1 + ${index}]`;
  const call = (sql: string, other: string): string => `if(is_call, ${sql}, ${other})`;
  return {
    project: pick(PROJECTS, "u % 5"),
    trace_id: traceIdSql("t"),
    span_id: "reinterpretAsFixedString(cityHash64(n, 'id'))",
    parent_span_id:
      "if(p = 0, toFixedString('', 8), reinterpretAsFixedString(cityHash64(n - p, 'id')))",
    event_time: "fromUnixTimestamp64Nano(toInt64(start), 'UTC')",
    start_unix_nano: "start",
    duration_ns: "toUInt64(1000000 * exp(4 + (r % 4096) / 700))",
    end_unix_nano: "start + duration_ns",
    name: `multiIf(p = 0, 'answer', p = 1, 'retrieval kb', p = 3, 'execute_tool lookup', concat('chat ', request_model))`,
    kind: "if(p = 0, 1, 3)",
    status: "if(r % 97 = 0, 'error', 'ok')",
    error_type: "if(r % 97 = 0, 'timeout', '')",
    service: `concat(project, '-', ${pick(["api", "worker"], "h % 2")})`,
    service_version: "concat('1.', toString(t % 3))",
    environment: "if(h % 19 = 0, 'staging', 'production')",
    release: "service_version",
    region: pick(["eu-west-1", "us-east-1", "ap-south-1"], "h % 3"),
    operation: pick(["invoke_agent", "retrieval", "chat", "execute_tool", "chat"], "p"),
    is_model_call: "toBool(is_call)",
    provider: call(pick(["openai", "anthropic", "gcp.gemini", "mistral_ai"], "m % 4"), "''"),
    request_model: call("concat('model-', toString(intDiv(h, 64) % 3 + 3 * (u % 4) AS m))", "''"),
    response_model: "request_model",
    response_id: call("concat('chatcmpl-', base58Encode(reinterpretAsString(r)), hex(u))", "''"),
    finish_reasons: call("['stop']", "[]"),
    tool_name: "if(p = 3, 'lookup', '')",
    data_source: "if(p = 1, 'kb', '')",
    document_count: "toUInt32(if(p = 1, r % 12, 0))",
    session_id: "concat('s-', hex(cityHash64(intDiv(t, 7), u)))",
    user_id: "concat('user-', toString(u))",
    prompt_name: call("'answer'", "''"),
    prompt_version: call("concat('v', toString(t % 4))", "''"),
    prompt_hash: call("lower(hex(sipHash128(h % 100000)))", "''"),
    temperature: call("0.2", "NULL"),
    usage_source: call("'reported'", "''"),
    input_tokens: `toUInt32(${call("200 + r % 4000", "0")})`,
    cache_read_tokens: `toUInt32(${call("if(r % 3 = 0, r % 200, 0)", "0")})`,
    output_tokens: `toUInt32(${call("20 + intDiv(r, 4096) % 780", "0")})`,
    cost: call(
      "if(r % 211 = 0, NULL, toDecimal128('0.00000015', 12) * (1 + m) * input_tokens + toDecimal128('0.0000006', 12) * (1 + m) * output_tokens)",
      "NULL",
    ),
    cost_status: call("if(r % 211 = 0, 'unpriced', 'priced')", "''"),
    price_id: "if(cost_status = 'priced', concat(provider, '/', request_model, '@2026-01-01'), '')",
    ttft_ns: `toUInt64(${call("duration_ns / 5", "0")})`,
    is_stream: "toBool(is_call)",
    attrs_string:
      "if(p = 0, map('http.route', '/answer', 'customer.plan', if(h % 5 = 0, 'pro', 'free')), map())",
    resource:
      "map('service.name', service, 'service.version', service_version, 'host.name', concat('host-', toString(h % 24)))",
    scope_name: "'bench'",
    has_content: "toBool(told)",
    content_input: `if(told, concat('[{"role":"user","parts":[{"type":"text","content":"order-', toString(n), ' ', ${text("n", 200)}, '"}]}]'), '')`,
    content_output: `if(told, concat('[{"role":"assistant","parts":[{"type":"text","content":"', ${text("n + 1", 90)}, '"}]}]'), '')`,
    received_at: "toDateTime64(event_time + toIntervalSecond(1), 3, 'UTC')",
    collector_id: "'bench'",
    batch: `toUInt64(${batch})`,
  };
}

/** Words of which the k-th is taken about 1/k as often as the first. */
function text(seed: string, words: number): string {
  const index = `1 + toUInt32(pow(${VOCABULARY}, (cityHash64(${seed}, i) % 1000003) / 1000003) - 1)`;
  return `arrayStringConcat(arrayMap(i -> words[${index}], range(${words} - r % 40)), ' ')`;
}
