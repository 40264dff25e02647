/**
 * `GET /api/v1/search`: spans whose content has all of the given words, newest first, page by page.
 *
 * A word is a run of ASCII letters and digits or of any other letters; case does not matter for ASCII letters. What stands in double quotes
 * must be there as it is written. All of a row's content is searched as one text, by the very expression that the optional text
 * index is made of (docs/query-speed.md): with the index the engine finds the rows by it, without it reads the range.
 */
import { z } from "zod";
import { instant, range } from "./answers.ts";
import { type Place, readCursor, writeCursor } from "./cursor.ts";
import { badParameter } from "./errors.ts";
import {
  anyOf,
  checkRange,
  nanos,
  readParameters,
  time,
  wholeNumber,
  type RawQuery,
} from "./parameters.ts";
import { windowStarts } from "./spans.ts";
import type { Store } from "./store.ts";
import { CONTENT_TEXT, SEARCHED_PARTS } from "./text-index.ts";

/** Searched first; if it does not fill a page, all of the range is. */
const WINDOWS_MS = [3_600_000];
const MAX_WORDS = 16;
const SNIPPET_BEFORE = 80;
const SNIPPET = 240;

export function searchShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    q: z
      .string({ message: "words" })
      .min(1, "words")
      .max(400, "up to 400 characters")
      .describe('Words, all of which must occur; a phrase in "double quotes"'),
    project: anyOf.optional(),
    limit: wholeNumber(1, 100).default(20),
    cursor: z.string({ message: "one cursor" }).optional(),
  };
}

export const searchAnswer = z.looseObject({
  ...range,
  words: z.array(z.string()).describe("What was searched for"),
  matches: z.array(
    z.looseObject({
      project: z.string(),
      trace_id: z.string(),
      span_id: z.string(),
      time: instant,
      parts: z.array(z.string()).describe("Parts of the content that have one of the words"),
      snippet: z.string().describe("Around the first word, as stored"),
    }),
  ),
  next_cursor: z.string().nullable(),
});

interface Words {
  words: string[];
  phrases: string[];
}

/** @throws ApiError where there is no word, or too many */
export function wordsOf(q: string): Words {
  const lower = q.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()); // as the engine's lower() does
  const phrases = [...lower.matchAll(/"([^"]*)"/g)]
    .map((found) => found[1]!.trim())
    .filter(Boolean);
  const words = [...new Set(lower.split(/[^0-9a-z\u0080-\u{10ffff}]+/u).filter(Boolean))];
  if (words.length > 0 && words.length <= MAX_WORDS) return { words, phrases };
  throw badParameter("q", `1 to ${MAX_WORDS} words`, q.slice(0, 200));
}

interface PlaceRow {
  project: string;
  trace_id: string;
  span_id: string;
  at: string;
}

type Match = z.input<typeof searchAnswer>["matches"][number];

export async function searchContent(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<z.input<typeof searchAnswer>> {
  const { from, to, q, project, limit, cursor } = readParameters(searchShape(nowMs), query);
  checkRange(from, to);
  const sought = wordsOf(q);
  const before = cursor === undefined ? undefined : readCursor(cursor);
  const upperMs = before ? Math.min(to, Number(BigInt(before.time) / 1_000_000n) + 1) : to;
  let places: PlaceRow[] = [];
  for (const startMs of windowStarts(from, upperMs, WINDOWS_MS)) {
    places = await store.rows<PlaceRow>({
      sql: placesSql(sought, project !== undefined, before),
      parameters: {
        ...searchedFor(sought),
        ...(project && { projects: project }),
        ...(before && {
          at: before.time,
          at_trace: before.traceId,
          at_span: before.spanId || "0".repeat(16),
        }),
        from: nanos(startMs),
        to: nanos(to),
        limit: limit + 1,
      },
    });
    if (places.length > limit) break;
  }
  const page = places.slice(0, limit);
  const last = page.at(-1);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    words: sought.words,
    matches: page.length === 0 ? [] : await readSnippets(store, page, sought),
    next_cursor:
      places.length > limit && last
        ? writeCursor({ time: last.at, traceId: last.trace_id, spanId: last.span_id })
        : null,
  };
}

/** The longest word is looked for as a text first: that is twice as quick as taking a text apart into words. */
function searchedFor({ words, phrases }: Words): Record<string, unknown> {
  const rarest = words.toSorted((a, b) => b.length - a.length)[0] ?? "";
  return { words, phrases, rarest };
}

function matchSql({ phrases }: Words): string {
  const all = `position(${CONTENT_TEXT}, {rarest:String}) > 0 AND hasAllTokens(${CONTENT_TEXT}, {words:Array(String)})`;
  return phrases.length === 0
    ? all
    : `${all} AND arrayAll(p -> position(${CONTENT_TEXT}, p) > 0, {phrases:Array(String)})`;
}

function placesSql(sought: Words, ofProject: boolean, before: Place | undefined): string {
  const where = [
    "event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')",
    "event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')",
    ...(ofProject ? ["project IN {projects:Array(String)}"] : []),
    ...(before
      ? [
          `(event_time, trace_id, span_id) < (fromUnixTimestamp64Nano({at:Int64}, 'UTC'),
    toFixedString(unhex({at_trace:String}), 16), toFixedString(unhex({at_span:String}), 8))`,
          "event_time <= fromUnixTimestamp64Nano({at:Int64}, 'UTC')",
        ]
      : []),
    matchSql(sought),
  ];
  return `SELECT toString(c.project) AS project, lower(hex(c.trace)) AS trace_id, lower(hex(c.span)) AS span_id, toString(toUnixTimestamp64Nano(c.first)) AS at
FROM (
  SELECT project, trace_id AS trace, span_id AS span, event_time AS first
  FROM assay.span_content
  WHERE ${where.join("\n    AND ")}
  ORDER BY event_time DESC, trace_id DESC, span_id DESC
  LIMIT 1 BY trace_id, span_id
  LIMIT {limit:UInt32}
) AS c
ORDER BY c.first DESC, c.trace DESC, c.span DESC`;
}

/** Only of the page's rows: text is never carried through the search itself. */
async function readSnippets(
  store: Store,
  page: readonly PlaceRow[],
  sought: Words,
): Promise<Match[]> {
  const parts = SEARCHED_PARTS.map(
    (part) => `if(hasAnyTokens(lower(content_${part}), {words:Array(String)}), '${part}', '')`,
  ).join(", ");
  const [first = ""] = sought.phrases.length > 0 ? sought.phrases : sought.words;
  const rows = await store.rows<Match>({
    sql: `SELECT toString(project) AS project, lower(hex(trace)) AS trace_id, lower(hex(span)) AS span_id,
  concat(replaceOne(toString(first), ' ', 'T'), 'Z') AS time, parts,
  substringUTF8(toValidUTF8(substring(whole, greatest(1, toInt64(place) - ${SNIPPET_BEFORE}), ${4 * SNIPPET})), 1, ${SNIPPET}) AS snippet
FROM (
  SELECT project, trace_id AS trace, span_id AS span, event_time AS first, arrayFilter(p -> p != '', [${parts}]) AS parts,
    concat(${SEARCHED_PARTS.map((part) => `content_${part}`).join(", ' ', ")}) AS whole, position(lower(whole), {sought:String}) AS place
  FROM assay.span_content
  WHERE project IN {projects:Array(String)}
    AND event_time BETWEEN fromUnixTimestamp64Nano({first:Int64}, 'UTC') AND fromUnixTimestamp64Nano({last:Int64}, 'UTC')
    AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
    AND has({spans:Array(String)}, concat(lower(hex(trace_id)), lower(hex(span_id))))
    AND ${matchSql(sought)}
  ORDER BY event_time DESC, trace_id DESC, span_id DESC
  LIMIT 1 BY trace_id, span_id
)
ORDER BY first DESC, trace DESC, span DESC`,
    parameters: {
      ...searchedFor(sought),
      sought: first,
      projects: [...new Set(page.map((row) => row.project))],
      traces: [...new Set(page.map((row) => row.trace_id))],
      spans: page.map((row) => row.trace_id + row.span_id),
      first: page.at(-1)!.at,
      last: page[0]!.at,
    },
  });
  return rows;
}
