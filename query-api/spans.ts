/**
 * Spans, newest first, page by page.
 *
 * The sort key of `spans` begins with the project, not the time, so "newest" is searched in widening windows: the last
 * five minutes of the range first, then as much as these lead one to expect a page in. Each window's answer is exact for what
 * it holds; a busy project never reads more than the last minutes for a page.
 */
import { z } from "zod";
import { type Place, readCursor, writeCursor } from "./cursor.ts";
import { badParameter } from "./errors.ts";
import {
  anyOf,
  checkRange,
  namesOf,
  nanos,
  readParameters,
  statusFilter,
  time,
  wholeNumber,
  type RawQuery,
} from "./parameters.ts";
import { contentKey, readContentOf } from "./content.ts";
import {
  COLUMN_GROUPS,
  DETAIL_COLUMNS,
  type DetailRow,
  type FactRow,
  pickFacts,
  spanDetails,
  spanFacts,
} from "./span-facts.ts";
import type { Store } from "./store.ts";

const HOUR_MS = 3_600_000;
const FIRST_WINDOW_MS = HOUR_MS / 12;
const LEAST_WIDER = 2;
const MOST_WIDER = 24;
/** What comes unevenly is not missed by a little. */
const SPARE = 1.5;
const WIDEST_MS = 7 * 24 * HOUR_MS;
/** Windows in which more threads would cost more than they read. */
const FEW_ROWS_MS = HOUR_MS;

/** Filter parameters and the column that each is compared with. */
const SPAN_FILTERS = {
  project: "s.project",
  service: "s.service",
  environment: "s.environment",
  model: "if(s.response_model = '', s.request_model, s.response_model)",
  provider: "s.provider",
  operation: "s.operation",
  session: "s.session_id",
  user: "s.user_id",
} as const;
export type SpanFilters = Partial<Record<keyof typeof SPAN_FILTERS, string[] | undefined>>;

/** SQL over `assay.spans AS s` and its parameters; every name comes from SPAN_FILTERS. */
export function spanConditions(filters: SpanFilters): {
  sql: string[];
  parameters: Record<string, unknown>;
} {
  const given = Object.entries(SPAN_FILTERS).flatMap(([name, column]) => {
    const values = filters[name as keyof typeof SPAN_FILTERS];
    return values ? [{ name, column, values }] : [];
  });
  return {
    sql: given.map(({ name, column }) => `${column} IN {f_${name}:Array(String)}`),
    parameters: Object.fromEntries(given.map(({ name, values }) => [`f_${name}`, values])),
  };
}

export const filterShape = {
  project: anyOf.optional(),
  service: anyOf.optional(),
  environment: anyOf.optional(),
  model: anyOf.optional(),
  provider: anyOf.optional(),
  operation: anyOf.optional(),
  session: anyOf.optional(),
  user: anyOf.optional(),
};

export function listShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    status: statusFilter.optional(),
    ...filterShape,
    limit: wholeNumber(1, 1000).default(100),
    cursor: z.string({ message: "one cursor" }).optional(),
  };
}

/** `core` is always there. */
const FIELD_GROUPS = ["core", "model", "usage", "details", "content"] as const;
export type FieldGroup = (typeof FIELD_GROUPS)[number];
export const fieldsOfSpan = namesOf(FIELD_GROUPS).describe(
  `a comma list of ${FIELD_GROUPS.join(", ")}; core is always there`,
);
export const DEFAULT_FIELDS: readonly FieldGroup[] = ["core", "model", "usage"];
/** Content may be large. */
const MOST_WITH_CONTENT = 100;

export function spansShape(nowMs: number) {
  return { ...listShape(nowMs), fields: fieldsOfSpan.optional() };
}

/** The columns of these groups; content is not among them. */
export function columnsOf(fields: readonly FieldGroup[]): string {
  const facts = (["core", "model", "usage"] as const).filter(
    (group) => group === "core" || fields.includes(group),
  );
  const lists = facts.map((group): string => COLUMN_GROUPS[group]);
  return [...lists, ...(fields.includes("details") ? [DETAIL_COLUMNS] : [])].join(",");
}

/** The starts of the windows to search, widening; the last is the range itself. */
export function windowStarts(fromMs: number, upperMs: number, widths: readonly number[]): number[] {
  return [...widths.map((width) => upperMs - width).filter((start) => start > fromMs), fromMs];
}

/** A span's place in the order, and its project. */
export interface PlaceRow {
  project: string;
  trace_id: string;
  span_id: string;
  at: string;
}

interface Search {
  fromMs: number;
  toMs: number;
  before: Place | undefined;
  conditions: { sql: string[]; parameters: Record<string, unknown> };
}

export async function listSpans(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<Record<string, unknown>> {
  const { from, to, status, limit, cursor, fields, ...filters } = readParameters(
    spansShape(nowMs),
    query,
  );
  checkRange(from, to);
  if (fields?.includes("content") && limit > MOST_WITH_CONTENT)
    throw badParameter("limit", `up to ${MOST_WITH_CONTENT} with content`, String(limit));
  const conditions = spanConditions(filters);
  if (status) {
    conditions.sql.push("s.status = {status:String}");
    conditions.parameters["status"] = status;
  }
  const before = cursor === undefined ? undefined : readCursor(cursor);
  const places = await findPlaces(store, { fromMs: from, toMs: to, before, conditions }, limit + 1);
  const page = await readPage(store, places.slice(0, limit), fields ?? DEFAULT_FIELDS);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    spans: page,
    next_cursor: places.length > limit ? cursorAfter(places[limit - 1]!) : null,
  };
}

/** Only what orders the spans is read to find them: the rest of the columns is then read of a page alone. */
async function findPlaces(store: Store, search: Search, most: number): Promise<PlaceRow[]> {
  const { fromMs, toMs, before, conditions } = search;
  const upperMs = before ? Math.min(toMs, Number(BigInt(before.time) / 1_000_000n) + 1) : toMs;
  let startMs = Math.max(fromMs, upperMs - FIRST_WINDOW_MS);
  for (;;) {
    const found = await store.rows<PlaceRow>({
      sql: placesSql(conditions.sql, before),
      parameters: {
        ...conditions.parameters,
        ...(before && {
          at: before.time,
          at_trace: before.traceId,
          at_span: before.spanId || "0".repeat(16),
        }),
        from: nanos(startMs),
        to: nanos(toMs),
        limit: most,
      },
      isFlat: true,
      ...(upperMs - startMs <= FEW_ROWS_MS && { threads: 1 }),
    });
    if (found.length >= most || startMs <= fromMs) return found;
    startMs = Math.max(fromMs, upperMs - widerWindow(upperMs - startMs, found.length, most));
  }
}

/** Milliseconds in which `wanted` are to be expected, after `found` in so many; Infinity: all that there is. */
export function widerWindow(widthMs: number, found: number, wanted: number): number {
  const times = found === 0 ? MOST_WIDER : Math.max(LEAST_WIDER, (SPARE * wanted) / found);
  const wider = widthMs * Math.min(times, MOST_WIDER);
  return wider > WIDEST_MS ? Infinity : wider;
}

function placesSql(conditions: string[], before: Place | undefined): string {
  const place = `(s.event_time, s.trace_id, s.span_id) <
    (fromUnixTimestamp64Nano({at:Int64}, 'UTC'), toFixedString(unhex({at_trace:String}), 16), toFixedString(unhex({at_span:String}), 8))
    AND s.event_time <= fromUnixTimestamp64Nano({at:Int64}, 'UTC')`;
  const where = [
    "s.event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')",
    "s.event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')",
    ...(before ? [place] : []),
    ...conditions,
  ];
  return `SELECT s.project AS project, lower(hex(s.trace_id)) AS trace_id, lower(hex(s.span_id)) AS span_id,
  toString(toUnixTimestamp64Nano(s.event_time)) AS at
FROM assay.spans AS s
WHERE ${where.join("\n  AND ")}
ORDER BY s.event_time DESC, s.trace_id DESC, s.span_id DESC
LIMIT 1 BY s.trace_id, s.span_id
LIMIT {limit:UInt32}`;
}

/** The spans of these places, in their order. */
export async function readPage(
  store: Store,
  places: readonly PlaceRow[],
  fields: readonly FieldGroup[],
): Promise<Record<string, unknown>[]> {
  if (places.length === 0) return [];
  const rows = await store.rows<FactRow & DetailRow>({
    sql: `SELECT ${columnsOf(fields)}
FROM assay.spans AS s
WHERE s.project IN {projects:Array(String)}
  AND s.event_time BETWEEN fromUnixTimestamp64Nano({first:Int64}, 'UTC') AND fromUnixTimestamp64Nano({last:Int64}, 'UTC')
  AND s.span_id IN reinterpret(unhex({spans:String}), 'Array(FixedString(8))')
  AND s.trace_id IN reinterpret(unhex({traces:String}), 'Array(FixedString(16))')`,
    parameters: {
      projects: [...new Set(places.map(({ project }) => project))],
      spans: places.map(({ span_id }) => span_id).join(""),
      traces: [...new Set(places.map(({ trace_id }) => trace_id))].join(""),
      ...extent(places),
    },
    threads: 1,
    isFlat: true,
  });
  const page = inPlace(places, rows);
  const content = fields.includes("content") ? await readContentOf(store, page) : undefined;
  return page.map((row) => ({
    ...spanFacts(pickFacts(row)),
    ...(fields.includes("details") && spanDetails(row)),
    ...(content && { content: content.get(contentKey(row)) ?? null }),
  }));
}

/** In the order of the places, and each once: to sort sixty columns asks more of the engine. */
function inPlace<Row extends Pick<PlaceRow, "trace_id" | "span_id">>(
  places: readonly PlaceRow[],
  rows: readonly Row[],
): Row[] {
  const byId = new Map(rows.map((row) => [row.trace_id + row.span_id, row]));
  return places.flatMap(({ trace_id, span_id }) => byId.get(trace_id + span_id) ?? []);
}

function extent(places: readonly PlaceRow[]): { first: string; last: string } {
  const times = places.map(({ at }) => BigInt(at));
  const first = times.reduce((a, b) => (a < b ? a : b));
  const last = times.reduce((a, b) => (a > b ? a : b));
  return { first: first.toString(), last: last.toString() };
}

function cursorAfter({ at, trace_id, span_id }: PlaceRow): string {
  return writeCursor({ time: at, traceId: trace_id, spanId: span_id });
}
