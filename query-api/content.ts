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
SELECT lower(hex(id)) AS span_id, NOT room AS skipped, ${shown}
FROM (
  SELECT *, sum(${bytes}) OVER (ORDER BY first_time, id ROWS UNBOUNDED PRECEDING) <= {max_bytes:UInt64} AS room
  FROM (
    SELECT c.span_id AS id, min(c.event_time) AS first_time, ${longest}
    FROM assay.span_content AS c
    WHERE c.project IN {projects:Array(String)} AND c.trace_id = toFixedString(unhex({trace:String}), 16)
      AND c.event_time BETWEEN fromUnixTimestamp64Nano({start:Int64}, 'UTC') - INTERVAL 10 MINUTE
        AND fromUnixTimestamp64Nano({end:Int64}, 'UTC') + INTERVAL 1 HOUR
      AND ({span:String} = '' OR c.span_id = toFixedString(unhex({span:String}), 8))
    GROUP BY c.span_id
  )
)`;

/** Content by span id; `truncated` when some of it was left out. */
export async function readContent(
  store: Store,
  place: TracePlace,
  spanId = "",
): Promise<{ content: Map<string, SpanContent>; truncated: boolean }> {
  const parameters = { ...placeParameters(place), span: spanId, max_bytes: MAX_CONTENT_BYTES };
  const rows = await store.rows<ContentRow>({ sql: SQL, parameters });
  const kept = rows.filter((row) => !row.skipped);
  return {
    content: new Map(kept.map((row) => [row.span_id, contentOf(row)])),
    truncated: kept.length < rows.length,
  };
}

function contentOf(row: ContentRow): SpanContent {
  const parts = PARTS.map((part) => [part, row[`content_${part}`]] as const);
  const sent = parts.filter(
    (entry): entry is readonly [(typeof PARTS)[number], string] => entry[1] !== "",
  );
  return Object.fromEntries(sent.map(([part, text]) => [part, jsonOrText(text)]));
}
