/**
 * Spans, newest first, page by page.
 *
 * The sort key of `spans` begins with the project, not the time, so "newest" is searched in widening windows: the last
 * hour of the range first, then a day, then all of it. Each window's answer is exact for what it holds; a busy project
 * never reads more than the last hour for a page.
 */
import { z } from "zod";
import { type Place, readCursor, writeCursor } from "./cursor.ts";
import {
  anyOf,
  checkRange,
  nanos,
  readParameters,
  statusFilter,
  time,
  wholeNumber,
  type RawQuery,
} from "./parameters.ts";
import { FACT_COLUMNS, type FactRow, type SpanFacts, spanFacts } from "./span-facts.ts";
import type { Store } from "./store.ts";

const HOUR_MS = 3_600_000;
const WINDOWS_MS = [HOUR_MS, 24 * HOUR_MS];

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

const filterShape = {
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

/** The starts of the windows to search, widening; the last is the range itself. */
export function windowStarts(fromMs: number, upperMs: number): number[] {
  return [...WINDOWS_MS.map((width) => upperMs - width).filter((start) => start > fromMs), fromMs];
}

export async function listSpans(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<Record<string, unknown>> {
  const { from, to, status, limit, cursor, ...filters } = readParameters(listShape(nowMs), query);
  checkRange(from, to);
  const before = cursor === undefined ? undefined : readCursor(cursor);
  const upperMs = before ? Math.min(to, Number(BigInt(before.time) / 1_000_000n) + 1) : to;
  const conditions = spanConditions(filters);
  if (status) conditions.sql.push("s.status = {status:String}");
  let rows: FactRow[] = [];
  for (const startMs of windowStarts(from, upperMs)) {
    rows = await store.rows<FactRow>({
      sql: pageSql(conditions.sql, before),
      parameters: {
        ...conditions.parameters,
        ...(status && { status }),
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
    if (rows.length > limit) break;
  }
  const page = rows.slice(0, limit).map(spanFacts);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    spans: page,
    next_cursor: rows.length > limit ? cursorAfter(page.at(-1)!) : null,
  };
}

function pageSql(conditions: string[], before: Place | undefined): string {
  const place = `(s.event_time, s.trace_id, s.span_id) <
    (fromUnixTimestamp64Nano({at:Int64}, 'UTC'), toFixedString(unhex({at_trace:String}), 16), toFixedString(unhex({at_span:String}), 8))
    AND s.event_time <= fromUnixTimestamp64Nano({at:Int64}, 'UTC')`;
  const where = [
    "s.event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')",
    "s.event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')",
    ...(before ? [place] : []),
    ...conditions,
  ];
  return `SELECT ${FACT_COLUMNS}
FROM assay.spans AS s
WHERE ${where.join("\n  AND ")}
ORDER BY s.event_time DESC, s.trace_id DESC, s.span_id DESC
LIMIT 1 BY s.trace_id, s.span_id
LIMIT {limit:UInt32}`;
}

function cursorAfter(span: SpanFacts): string {
  return writeCursor({ time: span.time_unix_nano, traceId: span.trace_id, spanId: span.span_id });
}
