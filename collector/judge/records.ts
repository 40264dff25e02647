/**
 * Traces that have settled: nothing of them has come for a while. Each collector judges the spans that came through it,
 * in the order in which their traces settled, so that where it is is one pair: a time and a trace's id.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { ATTR } from "@assay/instrumentation/conventions";
import { PURPOSE_HEADER } from "./provider.ts";
import { ANSWERING, type Candidate, type SpanContent, type TraceSpan } from "./record.ts";
import type { RecordFacts } from "./sampling.ts";

/** In the order of `(settledUnixMs, traceId)`. */
export interface Position {
  settledUnixMs: number;
  /** 32 hex digits. */
  traceId: string;
}

export interface Window {
  /** Excluded. */
  from: Position;
  /** Included. */
  to: Position;
}

export const START: Position = { settledUnixMs: 0, traceId: "" };

/** A span may say that it began long before it was sent; what is older is not looked for. */
const DAYS_BACK = 8;

/** A judge's calls carry a header; whoever traces the gateway that they go through may have kept it. */
const HEADER = PURPOSE_HEADER.toLowerCase();
const PURPOSE = `concat(attrs_string['http.request.header.${HEADER}'], attrs_json['http.request.header.${HEADER}'])`;

/** The names alone: reading the values of all attributes of all traffic would take longer than all the rest. */
const IS_OWN = `has(attrs_string.keys, 'http.request.header.${HEADER}') OR has(attrs_json.keys, 'http.request.header.${HEADER}')`;

const SETTLED = `
SELECT lower(hex(trace_id)) AS traceId, toUnixTimestamp64Milli(max(received_at)) AS settledUnixMs
FROM assay.spans
WHERE collector_id = {collector:String} AND received_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
  AND event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') - INTERVAL ${DAYS_BACK} DAY
GROUP BY trace_id
HAVING settledUnixMs <= {until:Int64} AND (settledUnixMs, traceId) > ({from:Int64}, {trace:String})`;

/** The end of the next window of at most `limit` traces; undefined when nothing has settled. */
export async function nextPosition(
  client: ClickHouseClient,
  {
    collectorId,
    from,
    untilUnixMs,
    limit,
  }: { collectorId: string; from: Position; untilUnixMs: number; limit: number },
): Promise<Position | undefined> {
  const rows = await query<Position>(
    client,
    `SELECT traceId, toFloat64(settledUnixMs) AS settledUnixMs FROM (${SETTLED} ORDER BY settledUnixMs, traceId LIMIT {limit:UInt32})
     ORDER BY settledUnixMs DESC, traceId DESC LIMIT 1`,
    parameters(collectorId, from, untilUnixMs, { limit }),
  );
  return rows[0];
}

/**
 * Of the traces of a window those with a model's answer: one row each, with what decides whether they are judged. Few
 * are, and only of those the rest is fetched: reading all spans of all traffic took as long as storing them.
 */
export async function candidatesOf(
  client: ClickHouseClient,
  collectorId: string,
  { from, to }: Window,
): Promise<Candidate[]> {
  const rows = await query<CandidateRow>(
    client,
    `SELECT lower(hex(trace_id)) AS traceId, ${ANSWERED.map((_, at) => `tupleElement(a, ${at + 1}) AS ${ANSWERED[at]![0]}`).join(", ")},
       hasDocuments, isOwn
     FROM (
       SELECT trace_id, max(document_count) > 0 AS hasDocuments, max(${IS_OWN}) AS isOwn,
         argMinIf(tuple(${ANSWERED.map(([, sql]) => sql).join(", ")}), (-toInt64(end_unix_nano), span_id), ${ANSWERING_SQL}) AS a
       FROM assay.spans
       WHERE event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') - INTERVAL ${DAYS_BACK} DAY
         AND trace_id IN (SELECT toFixedString(unhex(traceId), 16) FROM (${SETTLED} AND (settledUnixMs, traceId) <= ({until:Int64}, {last:String})))
       GROUP BY trace_id HAVING countIf(${ANSWERING_SQL}) > 0
     )`,
    parameters(collectorId, from, to.settledUnixMs, { last: to.traceId }),
  );
  return rows.map((row) => {
    const { traceId, spanId, eventTimeUnixMs, hasContent, samplingWeight, isOwn, ...facts } = row;
    return {
      facts: { ...facts, hasDocuments: Boolean(facts.hasDocuments) },
      answered: { traceId, spanId, project: facts.project, eventTimeUnixMs, hasContent },
      traceProbability: 1 / Math.max(1, samplingWeight),
      isOwn: Boolean(isOwn),
    };
  });
}

type CandidateRow = RecordFacts &
  Candidate["answered"] & { samplingWeight: number; isOwn: boolean };

/** Of the span whose answer is judged (record.ts): name, and how it is read. */
const ANSWERED: readonly (readonly [name: string, sql: string])[] = [
  ["spanId", "lower(hex(span_id))"],
  ["project", "project"],
  ["environment", "environment"],
  ["release", "release"],
  ["model", "if(response_model = '', request_model, response_model)"],
  ["status", "status"],
  ["inputTokens", "toFloat64(input_tokens)"],
  ["durationMs", "duration_ns / 1e6"],
  ["eventTimeUnixMs", "toFloat64(toUnixTimestamp64Milli(event_time))"],
  ["hasContent", "has_content"],
  ["samplingWeight", "sampling_weight"],
];
const ANSWERING_SQL = `is_model_call AND operation IN (${[...ANSWERING].map((name) => `'${name}'`).join(", ")})`;

/** All spans that tell what was asked, found or answered, of a few traces that began in a range. */
export async function spansOf(
  client: ClickHouseClient,
  traces: readonly { traceId: string; eventTimeUnixMs: number }[],
): Promise<Map<string, TraceSpan[]>> {
  if (traces.length === 0) return new Map();
  const times = traces.map(({ eventTimeUnixMs }) => eventTimeUnixMs);
  return tracesWhere(
    client,
    `event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') - INTERVAL 1 DAY AND event_time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC') + INTERVAL 1 DAY
       AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))`,
    {
      from: Math.floor(Math.min(...times)),
      to: Math.ceil(Math.max(...times)),
      traces: traces.map(({ traceId }) => traceId),
    },
  );
}

/** The spans that tell of a record, by trace, in the order of their time; each once. */
export async function tracesWhere(
  client: ClickHouseClient,
  condition: string,
  params: Record<string, unknown>,
): Promise<Map<string, TraceSpan[]>> {
  const rows = await query<TraceSpan>(
    client,
    `SELECT lower(hex(trace_id)) AS traceId, lower(hex(span_id)) AS spanId, project,
       toFloat64(toUnixTimestamp64Milli(event_time)) AS eventTimeUnixMs, end_unix_nano / 1e6 AS endUnixMs, duration_ns / 1e6 AS durationMs,
       operation, is_model_call AS isModelCall, has_content AS hasContent, environment, release, service, provider,
       if(response_model = '', request_model, response_model) AS model, status, toFloat64(input_tokens) AS inputTokens,
       session_id AS sessionId, user_id AS userId, response_id AS responseId, prompt_version AS promptVersion,
       prompt_hash AS promptHash, sampling_weight AS samplingWeight, document_count AS documentCount,
       toFloat64(toUnixTimestamp64Milli(received_at)) AS receivedAtUnixMs, attrs_string['${ATTR.assayReference}'] AS reference,
       ${PURPOSE} AS purpose
     FROM assay.spans
     WHERE ${condition}
       AND (is_model_call OR operation = 'retrieval' OR attrs_string['${ATTR.assayReference}'] != '' OR purpose != '')
     ORDER BY traceId, eventTimeUnixMs
     LIMIT 1 BY traceId, spanId`,
    params,
  );
  return Map.groupBy(rows, ({ traceId }) => traceId);
}

/** A page of the traces with a model's call that began in a range, whichever collector they came through. */
export async function pageOf(
  client: ClickHouseClient,
  range: {
    fromUnixMs: number;
    toUnixMs: number;
    settledUnixMs: number;
    project?: string | undefined;
  },
  after: PagePosition,
  limit: number,
): Promise<PagePosition[]> {
  const { project, fromUnixMs, toUnixMs, settledUnixMs } = range;
  return query<PagePosition>(
    client,
    `SELECT traceId, toFloat64(began) AS beganUnixMs FROM (
       SELECT lower(hex(trace_id)) AS traceId, toUnixTimestamp64Milli(min(event_time)) AS began
       FROM assay.spans
       WHERE event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
         AND is_model_call ${project === undefined ? "" : "AND project = {project:String}"}
       GROUP BY trace_id
       HAVING toUnixTimestamp64Milli(max(received_at)) <= {settled:Int64} AND (began, traceId) > ({after:Int64}, {trace:String})
     ) ORDER BY began, traceId LIMIT {limit:UInt32}`,
    {
      from: Math.floor(fromUnixMs),
      to: Math.floor(toUnixMs),
      settled: Math.floor(settledUnixMs),
      after: Math.floor(after.beganUnixMs),
      trace: after.traceId,
      limit,
      ...(project === undefined ? {} : { project }),
    },
  );
}

export interface PagePosition {
  beganUnixMs: number;
  /** 32 hex digits. */
  traceId: string;
}

/** By trace and span, of the traces given. */
export async function contentsOf(
  client: ClickHouseClient,
  traces: readonly { traceId: string; eventTimeUnixMs: number; project: string }[],
): Promise<Map<string, Map<string, SpanContent>>> {
  if (traces.length === 0) return new Map();
  const times = traces.map(({ eventTimeUnixMs }) => eventTimeUnixMs);
  const rows = await query<SpanContent & { traceId: string }>(
    client,
    `SELECT lower(hex(trace_id)) AS traceId, lower(hex(span_id)) AS spanId,
       argMax(content_input, length(content_input)) AS input, argMax(content_output, length(content_output)) AS output,
       any(content_query) AS query, argMax(content_documents, length(content_documents)) AS documents
     FROM assay.span_content
     WHERE project IN {projects:Array(String)} AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
       AND event_time >= fromUnixTimestamp64Milli({least:Int64}, 'UTC') - INTERVAL 1 DAY
       AND event_time <= fromUnixTimestamp64Milli({most:Int64}, 'UTC') + INTERVAL 1 DAY
     GROUP BY trace_id, span_id`,
    {
      projects: [...new Set(traces.map(({ project }) => project))],
      traces: traces.map(({ traceId }) => traceId),
      least: Math.floor(Math.min(...times)),
      most: Math.ceil(Math.max(...times)),
    },
  );
  return new Map(
    [...Map.groupBy(rows, ({ traceId }) => traceId)].map(([traceId, spans]) => [
      traceId,
      new Map(spans.map((span) => [span.spanId, span])),
    ]),
  );
}

function parameters(
  collectorId: string,
  from: Position,
  until: number,
  more: object,
): Record<string, unknown> {
  return {
    collector: collectorId,
    from: Math.floor(from.settledUnixMs),
    trace: from.traceId,
    until: Math.floor(until),
    ...more,
  };
}

async function query<Row>(
  client: ClickHouseClient,
  text: string,
  params: Record<string, unknown>,
): Promise<Row[]> {
  const result = await client.query({ query: text, query_params: params, format: "JSONEachRow" });
  return result.json<Row>();
}
