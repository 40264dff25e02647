/**
 * `GET /api/v1/export`: spans of a range as CSV, JSON Lines, OTLP JSON or Parquet, oldest first.
 *
 * The range is read in windows of time, one query after the other and none before the client has taken what came of the last:
 * memory stays small whatever the size. At most `limit` spans; the trailers say how many there were, and whether
 * there are more. A connection that ends without them ended early. Parquet is made by ClickHouse in one query (its file ends in an index of
 * its own, without which it cannot be read); its spans are in no order, and the count comes beforehand as a header.
 */
import type { Readable } from "node:stream";
import { z } from "zod";
import { contentKey, readContentOf } from "./content.ts";
import type { ApiCall, Streamed } from "./endpoint.ts";
import { badParameter } from "./errors.ts";
import { csvHeader, csvRow } from "./export-csv.ts";
import { otlpLine } from "./export-otlp.ts";
import {
  checkRange,
  nanos,
  readParameters,
  statusFilter,
  time,
  wholeNumber,
} from "./parameters.ts";
import { type DetailRow, type FactRow, pickFacts, spanDetails, spanFacts } from "./span-facts.ts";
import { type FieldGroup, columnsOf, fieldsOfSpan, filterShape, spanConditions } from "./spans.ts";
import { MAX_EXPORT_SECONDS, type Store } from "./store.ts";

const FORMATS = ["csv", "jsonl", "otlp", "parquet"] as const;
type ExportFormat = (typeof FORMATS)[number];
const MAX_SPANS = 10_000_000;
const FIRST_WINDOW_MS = 600_000;
const LONGEST_WINDOW_MS = 86_400_000;
/** A window of fewer spans is followed by a longer one, of more by a shorter. */
const SPARSE = 10_000;
const DENSE = 200_000;
/** Spans whose content is read at once. */
const WITH_CONTENT = 200;

export const EXPORT_MEDIA = {
  "text/csv": "format=csv: a line of names, then a line a span; maps and content as JSON text",
  "application/x-ndjson": "format=jsonl or otlp: a JSON object a line",
  "application/vnd.apache.parquet": "format=parquet",
};
const CONTENT_TYPES: Record<ExportFormat, string> = {
  csv: "text/csv; charset=utf-8",
  jsonl: "application/x-ndjson; charset=utf-8",
  otlp: "application/x-ndjson; charset=utf-8",
  parquet: "application/vnd.apache.parquet",
};
const EXTENSIONS: Record<ExportFormat, string> = {
  csv: "csv",
  jsonl: "jsonl",
  otlp: "otlp.jsonl",
  parquet: "parquet",
};

export function exportShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    format: z.enum(FORMATS, { message: `one of ${FORMATS.join(", ")}` }),
    status: statusFilter.optional(),
    ...filterShape,
    fields: fieldsOfSpan.optional(),
    limit: wholeNumber(1, MAX_SPANS).default(100_000),
  };
}

interface Export {
  fromMs: number;
  toMs: number;
  format: ExportFormat;
  fields: readonly FieldGroup[];
  limit: number;
  conditions: { sql: string[]; parameters: Record<string, unknown> };
}

/** A span with what the groups asked for add to it. */
export type ExportedSpan = FactRow &
  Partial<DetailRow> & { content?: Record<string, unknown> | null };

export async function exportSpans({ store, query, nowMs }: ApiCall): Promise<Streamed> {
  const wanted = readExport(query, nowMs);
  const { format } = wanted;
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  const name = `spans-${day(wanted.fromMs)}-${day(wanted.toMs)}.${EXTENSIONS[format]}`;
  const headers = {
    "Content-Type": CONTENT_TYPES[format],
    "Content-Disposition": `attachment; filename="${name}"`,
    "Cache-Control": "no-store",
  };
  if (format === "parquet") return parquet(store, wanted, headers);
  const counted = { spans: 0, truncated: false };
  return {
    headers,
    body: lines(store, wanted, counted),
    trailers: {
      names: ["Assay-Row-Count", "Assay-Truncated"],
      values: () => ({
        "Assay-Row-Count": String(counted.spans),
        "Assay-Truncated": String(counted.truncated),
      }),
    },
  };
}

function readExport(query: ApiCall["query"], nowMs: number): Export {
  const { from, to, format, status, fields, limit, ...filters } = readParameters(
    exportShape(nowMs),
    query,
  );
  checkRange(from, to);
  if (format === "parquet" && fields?.includes("content"))
    throw badParameter("fields", "no content with format=parquet", "content");
  const conditions = spanConditions(filters);
  if (status) {
    conditions.sql.push("s.status = {status:String}");
    conditions.parameters["status"] = status;
  }
  // OTLP has attributes, events and links: without them it is not the span that was sent.
  const all: FieldGroup[] = ["core", "model", "usage", "details"];
  const groups = format === "otlp" ? [...all, ...(fields ?? [])] : (fields ?? all.slice(0, 3));
  return { fromMs: from, toMs: to, format, fields: groups, limit, conditions };
}

async function* lines(
  store: Store,
  wanted: Export,
  counted: { spans: number; truncated: boolean },
): AsyncGenerator<string> {
  const { format } = wanted;
  if (format === "csv") yield csvHeader(wanted.fields);
  for await (const spans of blocksOf(store, wanted)) {
    const room = wanted.limit - counted.spans;
    counted.truncated = spans.length > room;
    const kept = spans.slice(0, room);
    counted.spans += kept.length;
    if (kept.length > 0) yield textOf(kept, wanted);
    if (counted.truncated) return;
  }
}

function textOf(spans: readonly ExportedSpan[], { format, fields }: Export): string {
  if (format === "otlp") return otlpLine(spans);
  const shown = spans.map((span) => ({
    ...spanFacts(pickFacts(span as FactRow & DetailRow)),
    ...(fields.includes("details") && spanDetails(span as FactRow & DetailRow)),
    ...(span.content !== undefined && { content: span.content }),
  }));
  if (format === "csv") return shown.map((span) => csvRow(span, fields)).join("");
  return shown.map((span) => `${JSON.stringify(span)}\n`).join("");
}

async function* blocksOf(store: Store, wanted: Export): AsyncGenerator<ExportedSpan[]> {
  let width = FIRST_WINDOW_MS;
  for (let start = wanted.fromMs; start < wanted.toMs;) {
    const end = Math.min(start + width, wanted.toMs);
    let inWindow = 0;
    for await (const rows of store.blocks<ExportedSpan>(windowQuery(wanted, start, end))) {
      inWindow += rows.length;
      yield* withContent(store, rows, wanted.fields);
    }
    start = end;
    if (inWindow < SPARSE) width = Math.min(2 * width, LONGEST_WINDOW_MS);
    else if (inWindow > DENSE) width = Math.max(width / 2, 1000);
  }
}

async function* withContent(
  store: Store,
  rows: ExportedSpan[],
  fields: readonly FieldGroup[],
): AsyncGenerator<ExportedSpan[]> {
  if (!fields.includes("content")) return yield rows;
  for (let from = 0; from < rows.length; from += WITH_CONTENT) {
    const part = rows.slice(from, from + WITH_CONTENT);
    const told = part.filter((row) => row.has_content);
    const content = await readContentOf(store, told);
    yield part.map((row) => ({ ...row, content: content.get(contentKey(row)) ?? null }));
  }
}

/** Each span once. */
function windowQuery({ fields, limit, conditions }: Export, startMs: number, endMs: number) {
  return {
    sql: `SELECT ${columnsOf(fields)}
FROM assay.spans AS s
WHERE ${whereSql(conditions.sql)}
ORDER BY s.event_time, s.trace_id, s.span_id
LIMIT 1 BY s.trace_id, s.span_id
LIMIT {limit:UInt32}`,
    parameters: {
      ...conditions.parameters,
      from: nanos(startMs),
      to: nanos(endMs),
      limit: limit + 1,
    },
    seconds: MAX_EXPORT_SECONDS,
  };
}

function whereSql(conditions: readonly string[]): string {
  return [
    "s.event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')",
    "s.event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')",
    ...conditions,
  ].join("\n  AND ");
}

async function parquet(
  store: Store,
  { fields, limit, conditions, fromMs, toMs }: Export,
  headers: Record<string, string>,
): Promise<Streamed> {
  const parameters = { ...conditions.parameters, from: nanos(fromMs), to: nanos(toMs), limit };
  const where = whereSql(conditions.sql);
  const [row] = await store.rows<{ n: number }>({
    sql: `SELECT toFloat64(count()) AS n FROM assay.spans AS s WHERE ${where}`,
    parameters,
  });
  const matching = row?.n ?? 0;
  const body: Readable = await store.bytes(
    {
      sql: `SELECT ${columnsOf(fields)} FROM assay.spans AS s WHERE ${where} LIMIT {limit:UInt32}`,
      parameters,
      seconds: MAX_EXPORT_SECONDS,
    },
    "Parquet",
  );
  return {
    headers: {
      ...headers,
      "Assay-Row-Count": String(Math.min(matching, limit)),
      "Assay-Truncated": String(matching > limit),
    },
    body,
  };
}
