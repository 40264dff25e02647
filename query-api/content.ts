/**
 * Prompts, answers, documents and tool payloads of a trace's spans.
 *
 * They live apart from the facts and only come when asked for. A span may have several content rows (content that
 * arrives later); for each part the longest wins, since a later row either repeats a part or leaves it empty. Messages that
 * came as log events, a row each, are put together in the order of their time where there is no row that has them all.
 * Such events may come a little before the span or after it. Answers stay below MAX_CONTENT_BYTES: earlier spans first, `truncated` says that some were left out.
 */
import { jsonOrText } from "./json-text.ts";
import type { Store } from "./store.ts";
import { type TracePlace, placeParameters } from "./trace-place.ts";

const MAX_CONTENT_BYTES = 32 * 1024 * 1024;

const PARTS = [
  "system",
  "input",
  "output",
  "tools",
  "query",
  "documents",
  "arguments",
  "result",
] as const;
export type SpanContent = Partial<Record<(typeof PARTS)[number], unknown>>;

interface ContentRow {
  trace_id: string;
  span_id: string;
  skipped: number;
  [part: string]: unknown;
}

const longest = PARTS.map((part) => {
  const content = `c.content_${part}`;
  const whole = `argMaxIf(${content}, length(${content}), c.row_kind != 'message')`;
  return part === "input" || part === "output"
    ? `if(${whole} = '', ${joinedMessages(content)}, ${whole}) AS ${part}`
    : `${whole} AS ${part}`;
}).join(", ");

/** Each row holds a JSON array of one message. One that came twice has the same time and text. */
function joinedMessages(content: string): string {
  const rows = `groupArrayIf((c.event_time, c.batch, c._part_offset, ${content}), c.row_kind = 'message' AND ${content} != '')`;
  const messages = `arrayDistinct(arrayMap(m -> (m.1, m.4), arraySort(${rows})))`;
  const inner = `arrayStringConcat(arrayMap(m -> substring(m.2, 2, length(m.2) - 2), ${messages}), ',')`;
  return `if(${inner} = '', '', concat('[', ${inner}, ']'))`;
}

const bytes = PARTS.map((part) => `length(${part})`).join(" + ");
const shown = PARTS.map((part) => `if(room, ${part}, '') AS content_${part}`).join(", ");

const SQL = `
SELECT lower(hex(trace)) AS trace_id, lower(hex(id)) AS span_id, NOT room AS skipped, ${shown}
FROM (
  SELECT *, sum(${bytes}) OVER (ORDER BY first_time, id ROWS UNBOUNDED PRECEDING) <= {max_bytes:UInt64} AS room
  FROM (
    SELECT c.trace_id AS trace, c.span_id AS id, min(c.event_time) AS first_time, ${longest}
    FROM assay.span_content AS c
    WHERE c.project IN {projects:Array(String)}
      AND c.trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
      AND c.event_time BETWEEN fromUnixTimestamp64Nano({start:Int64}, 'UTC') - INTERVAL 10 MINUTE
        AND fromUnixTimestamp64Nano({end:Int64}, 'UTC') + INTERVAL 1 HOUR
      AND (empty({spans:Array(String)}) OR has({spans:Array(String)}, lower(hex(c.span_id))))
    GROUP BY c.trace_id, c.span_id
  )
)`;

/** Content by span id; `truncated` when some of it was left out. */
export async function readContent(
  store: Store,
  place: TracePlace,
  spanId = "",
): Promise<{ content: Map<string, SpanContent>; truncated: boolean }> {
  const { trace, ...where } = placeParameters(place);
  const rows = await store.rows<ContentRow>({
    sql: SQL,
    parameters: {
      ...where,
      traces: [trace],
      spans: spanId === "" ? [] : [spanId],
      max_bytes: MAX_CONTENT_BYTES,
    },
  });
  const kept = rows.filter((row) => !row.skipped);
  return {
    content: new Map(kept.map((row) => [row.span_id, contentOf(row)])),
    truncated: kept.length < rows.length,
  };
}

interface Placed {
  project: string;
  trace_id: string;
  span_id: string;
  time_unix_nano: string;
}

/** Content of spans of several traces, as `contentKey` names them. What has no room is left out. */
export async function readContentOf(
  store: Store,
  spans: readonly Placed[],
): Promise<Map<string, SpanContent>> {
  if (spans.length === 0) return new Map();
  const times = spans.map((span) => BigInt(span.time_unix_nano));
  const rows = await store.rows<ContentRow>({
    sql: SQL,
    parameters: {
      projects: [...new Set(spans.map((span) => span.project))],
      traces: [...new Set(spans.map((span) => span.trace_id))],
      spans: [...new Set(spans.map((span) => span.span_id))],
      start: times.reduce((a, b) => (a < b ? a : b)).toString(),
      end: times.reduce((a, b) => (a > b ? a : b)).toString(),
      max_bytes: MAX_CONTENT_BYTES,
    },
  });
  return new Map(
    rows.filter((row) => !row.skipped).map((row) => [contentKey(row), contentOf(row)]),
  );
}

export function contentKey(span: { trace_id: string; span_id: string }): string {
  return `${span.trace_id}/${span.span_id}`;
}

function contentOf(row: ContentRow): SpanContent {
  const parts = PARTS.map((part) => [part, row[`content_${part}`]] as const);
  const sent = parts.filter(
    (entry): entry is readonly [(typeof PARTS)[number], string] => entry[1] !== "",
  );
  return Object.fromEntries(sent.map(([part, text]) => [part, jsonOrText(text)]));
}
