/**
 * Traces that have settled: nothing of them has come for a while. Each collector judges the spans that came through it, a
 * window of time after the other: those traces whose last span was received in it.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { ATTR } from "@assay/instrumentation/conventions";
import { PURPOSE_HEADER } from "./provider.ts";
import { ANSWERING, type SpanContent, type TraceSpan } from "./record.ts";

export interface Window {
  /** When the last spans of its traces were received: after this, in unix milliseconds. */
  fromUnixMs: number;
  /** Until this, included. */
  toUnixMs: number;
}

/** A span may say that it began long before it was sent; what is older is not looked for. */
const DAYS_BACK = 8;

/** A judge's calls carry a header; whoever traces the gateway that they go through may have kept it. */
const HEADER = PURPOSE_HEADER.toLowerCase();
/** The names alone: reading the values of all attributes of all traffic would take longer than all the rest. */
const IS_OWN = `has(attrs_string.keys, 'http.request.header.${HEADER}') OR has(attrs_json.keys, 'http.request.header.${HEADER}')`;

const OF_COLLECTOR = `collector_id = {collector:String}
  AND event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') - INTERVAL ${DAYS_BACK} DAY`;
const RECEIVED_AFTER = "received_at > fromUnixTimestamp64Milli({from:Int64}, 'UTC')";
const RECEIVED_UNTIL = "received_at <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')";

/** When the next span was received; undefined: none was. */
export async function nextReceived(
  client: ClickHouseClient,
  collectorId: string,
  afterUnixMs: number,
): Promise<number | undefined> {
  const [row] = await query<{ found: number; at: number }>(
    client,
    `SELECT toFloat64(count()) AS found, toFloat64(toUnixTimestamp64Milli(min(received_at))) AS at
     FROM assay.spans WHERE ${OF_COLLECTOR} AND ${RECEIVED_AFTER}`,
    { collector: collectorId, from: Math.floor(afterUnixMs) },
  );
  return row && row.found > 0 ? row.at : undefined;
}

/** What was received in a window, or not long before. */
export const AROUND_WINDOW = `event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') - INTERVAL ${DAYS_BACK} DAY
  AND received_at > fromUnixTimestamp64Milli({from:Int64}, 'UTC') - INTERVAL {lookback:UInt32} SECOND AND ${RECEIVED_UNTIL}`;

/**
 * Spans of the traces of a window, as a condition on `assay.spans`: of those of which something was received in it those of
 * which nothing came in the time after it in which traces settle. What came long before the window is not looked at: the
 * trace was decided on then.
 */
export const OF_WINDOW = `${AROUND_WINDOW}
  AND trace_id IN (
    SELECT DISTINCT trace_id FROM assay.spans WHERE ${OF_COLLECTOR} AND ${RECEIVED_AFTER} AND ${RECEIVED_UNTIL}
      AND trace_id NOT IN (
        SELECT trace_id FROM assay.spans WHERE ${OF_COLLECTOR}
          AND received_at > fromUnixTimestamp64Milli({to:Int64}, 'UTC') AND received_at <= fromUnixTimestamp64Milli({settled:Int64}, 'UTC')
      )
  )`;

const LEAST_LOOKBACK_S = 60;

/** @param settleMs how long nothing may come of a trace before it has settled */
export function windowParameters(
  collectorId: string,
  { fromUnixMs, toUnixMs }: Window,
  settleMs: number,
): Record<string, unknown> {
  return {
    collector: collectorId,
    from: Math.floor(fromUnixMs),
    to: Math.floor(toUnixMs),
    settled: Math.floor(toUnixMs + settleMs),
    lookback: Math.max(LEAST_LOOKBACK_S, Math.ceil(settleMs / 1_000)),
  };
}

/**
 * Of the traces with a model's answer one row each, with what decides whether they are judged. Few are, and only of those
 * the rest is fetched: reading all spans of all traffic took as long as storing them.
 * @param condition of the traces' spans
 * @param around of these and maybe others: a condition without a subquery, whose set the engine would not have made in time
 * @param withDocuments whether it matters if any were retrieved
 */
export function candidatesSql(
  condition: string,
  { around, withDocuments }: { around: string; withDocuments: boolean },
): string {
  const having = (what: string): string =>
    `trace_id IN (SELECT trace_id FROM assay.spans WHERE ${around} AND ${what})`;
  return `
  SELECT * EXCEPT began, began AS event_time FROM (
  SELECT trace_id, span_id, project, environment, release, if(response_model = '', request_model, response_model) AS model, status,
    input_tokens, duration_ns / 1e6 AS duration_ms, toDateTime(event_time) AS began, has_content, greatest(1, sampling_weight) AS weight,
    ${withDocuments ? having("document_count > 0") : "false"} AS has_documents, ${having(`(${IS_OWN})`)} AS is_own
  FROM assay.spans
  WHERE ${condition} AND ${ANSWERING_SQL}
  ORDER BY trace_id, end_unix_nano DESC, span_id LIMIT 1 BY trace_id)`;
}

/** The span whose answer is judged (record.ts). */
const ANSWERING_SQL = `is_model_call AND operation IN (${[...ANSWERING].map((name) => `'${name}'`).join(", ")})`;

/** Where all spans of a few traces lie: projects, and times between which they began. */
export interface Extent {
  projects: readonly string[];
  fromUnixMs: number;
  toUnixMs: number;
}

/** By the index of traces, which is sorted by their ids; undefined: nothing is known of them any more. */
export async function extentOf(
  client: ClickHouseClient,
  traceIds: readonly string[],
): Promise<Extent | undefined> {
  const [row] = await query<Extent & { found: number }>(
    client,
    `SELECT toFloat64(count()) AS found, groupUniqArray(toString(project)) AS projects,
       toFloat64(toUnixTimestamp64Milli(min(start))) AS fromUnixMs, toFloat64(toUnixTimestamp64Milli(max(least(end, start + INTERVAL 1 DAY)))) AS toUnixMs
     FROM assay.trace_index WHERE ${IS_ONE_OF}`,
    { traces: traceIds },
  );
  return row && row.found > 0 ? row : undefined;
}

const IS_ONE_OF =
  "trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))";

/** Spans, or contents, of a few traces in their extent; with `withinParameters`. Content may come after its span. */
export const WITHIN = `${IS_ONE_OF} AND project IN {projects:Array(String)}
  AND event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND event_time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC') + INTERVAL 1 HOUR`;

export function withinParameters(
  traceIds: readonly string[],
  { projects, fromUnixMs, toUnixMs }: Extent,
): Record<string, unknown> {
  return {
    traces: traceIds,
    projects,
    from: Math.floor(fromUnixMs),
    to: Math.ceil(toUnixMs),
  };
}

/** All spans that tell what was asked, found or answered, by trace, in the order of their time; each once. */
export function spansOf(
  client: ClickHouseClient,
  traceIds: readonly string[],
  extent: Extent,
): Promise<Map<string, TraceSpan[]>> {
  return tracesWhere(client, WITHIN, withinParameters(traceIds, extent));
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
       toFloat64(toUnixTimestamp64Milli(received_at)) AS receivedAtUnixMs, attrs_string['${ATTR.assayReference}'] AS reference
     FROM assay.spans
     WHERE ${condition}
       AND (is_model_call OR operation = 'retrieval' OR attrs_string['${ATTR.assayReference}'] != '')
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
  traceIds: readonly string[],
  extent: Extent,
): Promise<Map<string, Map<string, SpanContent>>> {
  const rows = await query<SpanContent & { traceId: string }>(
    client,
    `SELECT lower(hex(trace_id)) AS traceId, lower(hex(span_id)) AS spanId,
       argMax(content_input, length(content_input)) AS input, argMax(content_output, length(content_output)) AS output,
       any(content_query) AS query, argMax(content_documents, length(content_documents)) AS documents
     FROM assay.span_content
     WHERE ${WITHIN}
     GROUP BY trace_id, span_id`,
    withinParameters(traceIds, extent),
  );
  return new Map(
    [...Map.groupBy(rows, ({ traceId }) => traceId)].map(([traceId, spans]) => [
      traceId,
      new Map(spans.map((span) => [span.spanId, span])),
    ]),
  );
}

async function query<Row>(
  client: ClickHouseClient,
  text: string,
  params: Record<string, unknown>,
): Promise<Row[]> {
  const result = await client.query({ query: text, query_params: params, format: "JSONEachRow" });
  return result.json<Row>();
}
