/** A sample of recorded calls with what they asked: the same one for the same period, filters and size. */
import type { Store } from "../store.ts";
import { jsonOrText } from "../json-text.ts";
import { picoUsd } from "../ledger/lines.ts";
import { type ChatMessage, chatMessages } from "./messages.ts";

export interface SampleQuestion {
  fromMs: number;
  toMs: number;
  project: string | undefined;
  /** That answered, or that was asked for. */
  model: string | undefined;
  size: number;
}

export interface RecordedCall {
  traceId: string;
  spanId: string;
  project: string;
  service: string;
  model: string;
  promptName: string;
  promptVersion: string;
  messages: ChatMessage[];
  /** JSON as it was stored, to be stored again. */
  system: string;
  input: string;
  /** Of the trace's retrievals: what a judge holds the answer against. */
  documents: string;
  query: string;
  temperature: number | null;
  topP: number | null;
  maxTokens: number;
  inputTokens: number;
  outputTokens: number;
  durationMs: number;
  picoUsd: bigint;
}

interface Row {
  trace_id: string;
  span_id: string;
  project: string;
  service: string;
  model: string;
  prompt_name: string;
  prompt_version: string;
  system: string;
  input: string;
  documents: string;
  query: string;
  temperature: number | null;
  top_p: number | null;
  max_tokens: number;
  input_tokens: number;
  output_tokens: number;
  duration_ms: number;
  cost: string;
}

/** More are read than asked for: some cannot be asked again. */
const SPARE = 2;

const SQL = (of: { project: boolean; model: boolean }): string => {
  const range = (table: string): string =>
    `${table}.event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND ${table}.event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')`;
  const model = "if(s.response_model = '', s.request_model, s.response_model)";
  return `SELECT lower(hex(s.trace_id)) AS trace_id, lower(hex(s.span_id)) AS span_id, s.project AS project, s.service AS service,
  ${model} AS model, s.prompt_name AS prompt_name, s.prompt_version AS prompt_version,
  c.system AS system, c.input AS input, d.documents AS documents, d.query AS query,
  s.temperature AS temperature, s.top_p AS top_p, toFloat64(s.max_tokens) AS max_tokens, toFloat64(s.input_tokens) AS input_tokens,
  toFloat64(s.output_tokens) AS output_tokens, s.duration_ns / 1e6 AS duration_ms, toDecimalString(ifNull(s.cost, toDecimal128(0, 12)), 12) AS cost
FROM (
  SELECT * FROM assay.spans AS s
  WHERE ${range("s")} AND s.is_model_call AND s.operation = 'chat' AND s.status = 'ok' AND s.has_content AND s.cost IS NOT NULL
    AND s.environment != 'what-if'
    ${of.project ? "AND s.project = {project:String}" : ""}
    ${of.model ? "AND (s.request_model = {model:String} OR s.response_model = {model:String})" : ""}
  ORDER BY sipHash64(s.trace_id, s.span_id) LIMIT {size:UInt32}
) AS s
INNER JOIN (
  SELECT c.trace_id AS trace_id, c.span_id AS span_id, argMax(c.content_system, length(c.content_system)) AS system,
    argMax(c.content_input, length(c.content_input)) AS input, max(c.content_tools != '') AS tools
  FROM assay.span_content AS c WHERE ${range("c")} AND c.row_kind != 'message' GROUP BY trace_id, span_id
) AS c ON c.trace_id = s.trace_id AND c.span_id = s.span_id
LEFT JOIN (
  SELECT c.trace_id AS trace_id, argMax(c.content_documents, length(c.content_documents)) AS documents,
    argMax(c.content_query, length(c.content_documents)) AS query
  FROM assay.span_content AS c WHERE ${range("c")} AND c.content_documents != '' GROUP BY trace_id
) AS d ON d.trace_id = s.trace_id
WHERE NOT c.tools AND c.input != ''
ORDER BY sipHash64(s.trace_id, s.span_id)`;
};

/** @returns the calls that can be asked again, and how many others the sample had */
export async function readSample(
  store: Store,
  { fromMs, toMs, project, model, size }: SampleQuestion,
): Promise<{ calls: RecordedCall[]; leftOut: number }> {
  const rows = await store.rows<Row>({
    sql: SQL({ project: project !== undefined, model: model !== undefined }),
    parameters: { from: fromMs, to: toMs, project, model, size: size * SPARE },
  });
  const calls = rows.flatMap((row) => {
    const messages = chatMessages(jsonOrText(row.system), jsonOrText(row.input));
    return messages === undefined ? [] : [callOf(row, messages)];
  });
  return { calls: calls.slice(0, size), leftOut: rows.length - calls.length };
}

function callOf(row: Row, messages: ChatMessage[]): RecordedCall {
  return {
    traceId: row.trace_id,
    spanId: row.span_id,
    project: row.project,
    service: row.service,
    model: row.model,
    promptName: row.prompt_name,
    promptVersion: row.prompt_version,
    messages,
    system: row.system,
    input: row.input,
    documents: row.documents,
    query: row.query,
    temperature: row.temperature,
    topP: row.top_p,
    maxTokens: row.max_tokens,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    durationMs: row.duration_ms,
    picoUsd: picoUsd(row.cost),
  };
}
