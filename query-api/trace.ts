/**
 * One trace: every span that is stored of it, in all projects, as a tree in depth-first order.
 *
 * `spans` carries each span once with `depth`, `orphan` and `children`, so that neither a client nor we recurse over
 * depths that strangers choose. At most MAX_SPANS, earliest first.
 */
import { ApiError } from "./errors.ts";
import { type SpanContent, readContent } from "./content.ts";
import { bySpan, readEvaluations } from "./evaluations.ts";
import { sumUsd } from "./money.ts";
import {
  DETAIL_COLUMNS,
  type DetailRow,
  FACT_COLUMNS,
  type FactRow,
  type SpanFacts,
  pickFacts,
  spanDetails,
  spanFacts,
} from "./span-facts.ts";
import type { Store } from "./store.ts";
import { buildTree } from "./trace-tree.ts";
import { type TracePlace, findTrace, placeParameters } from "./trace-place.ts";

const MAX_SPANS = 10_000;

const WHERE = `
WHERE s.project IN {projects:Array(String)} AND s.trace_id = toFixedString(unhex({trace:String}), 16)
  AND s.event_time BETWEEN fromUnixTimestamp64Nano({start:Int64}, 'UTC') AND fromUnixTimestamp64Nano({end:Int64}, 'UTC')`;

// A span that was sent twice (another collector, a later resend) is shown once.
const SPANS_SQL = `
SELECT ${FACT_COLUMNS}, ${DETAIL_COLUMNS}
FROM assay.spans AS s ${WHERE}
ORDER BY s.event_time, s.span_id
LIMIT 1 BY s.trace_id, s.span_id
LIMIT {limit:UInt32}`;

const SPAN_SQL = `
SELECT ${FACT_COLUMNS}, ${DETAIL_COLUMNS}
FROM assay.spans AS s ${WHERE} AND s.span_id = toFixedString(unhex({span:String}), 8)
ORDER BY s.event_time LIMIT 1`;

export interface TraceOptions {
  content: boolean;
  /** @default MAX_SPANS */
  maxSpans?: number;
}

export async function readTrace(
  store: Store,
  traceId: string,
  options: TraceOptions,
): Promise<Record<string, unknown>> {
  const place = await findTrace(store, traceId);
  const maxSpans = options.maxSpans ?? MAX_SPANS;
  const [rows, found] = await Promise.all([
    store.rows<FactRow & DetailRow>({
      sql: SPANS_SQL,
      parameters: { ...placeParameters(place), limit: maxSpans + 1 },
      threads: 1,
      isFlat: true,
    }),
    options.content ? readContent(store, place) : undefined,
  ]);
  // The index outlives dropped days by less than one merge; a trace without spans is gone.
  if (rows.length === 0) throw new ApiError("trace_not_found", undefined, { trace_id: traceId });
  const evaluations = await readEvaluations(store, place, responsesOf(rows));
  const shown = rows.slice(0, maxSpans);
  const nodes = buildTree(
    shown.map((row) => ({ ...spanFacts(pickFacts(row)), ...spanDetails(row) })),
  );
  const evaluationsOf = bySpan(
    evaluations,
    nodes.map((node) => node.span),
  );
  return {
    trace_id: traceId,
    projects: place.projects,
    ...extent(
      place,
      nodes.map((node) => node.span),
    ),
    totals: totalsOf(nodes.map((node) => node.span)),
    truncated: rows.length > maxSpans,
    ...(found && { content_truncated: found.truncated }),
    generated: nodes.some((node) => node.span.generated),
    evaluations: evaluationsOf.get("") ?? [],
    roots: nodes.filter((node) => node.depth === 0).map((node) => node.span.span_id),
    spans: nodes.map(({ span, depth, orphan, children }) => ({
      ...span,
      depth,
      orphan,
      children,
      offset_ms: millisecondsBetween(place.start, span.time_unix_nano),
      evaluations: evaluationsOf.get(span.span_id) ?? [],
      ...(found && { content: found.content.get(span.span_id) ?? null }),
    })),
  };
}

/** One span with its content and its evaluations. */
export async function readSpan(
  store: Store,
  traceId: string,
  spanId: string,
): Promise<Record<string, unknown>> {
  const place = await findTrace(store, traceId);
  const [rows, found] = await Promise.all([
    store.rows<FactRow & DetailRow>({
      sql: SPAN_SQL,
      parameters: { ...placeParameters(place), span: spanId },
      threads: 1,
      isFlat: true,
    }),
    readContent(store, place, spanId),
  ]);
  const evaluations = await readEvaluations(store, place, responsesOf(rows));
  const row = rows[0];
  if (!row) throw new ApiError("span_not_found", undefined, { trace_id: traceId, span_id: spanId });
  const content: SpanContent | null = found.content.get(spanId) ?? null;
  const facts = spanFacts(pickFacts(row));
  return {
    ...facts,
    ...spanDetails(row),
    evaluations: bySpan(evaluations, [facts]).get(spanId) ?? [],
    content,
    content_truncated: found.truncated,
  };
}

function responsesOf(rows: readonly FactRow[]): string[] {
  return rows.map((row) => row.response_id);
}

function extent(place: TracePlace, spans: readonly SpanFacts[]): Record<string, unknown> {
  return {
    start: spans.reduce((least, span) => (span.time < least ? span.time : least), spans[0]!.time),
    start_unix_nano: place.start,
    end_unix_nano: place.end,
    duration_ms: millisecondsBetween(place.start, place.end),
  };
}

type TokenField = `${"input" | "cache_read" | "cache_write" | "output" | "reasoning"}_tokens`;

function totalsOf(spans: readonly SpanFacts[]): Record<string, unknown> {
  const calls = spans.filter((span) => span.is_model_call);
  const sum = (field: TokenField): number => calls.reduce((total, span) => total + span[field], 0);
  const priced = spans.flatMap((span) => (span.cost === null ? [] : [span.cost]));
  return {
    spans: spans.length,
    errors: spans.filter((span) => span.status === "error").length,
    calls: calls.length,
    unpriced_calls: calls.filter((span) => span.cost === null).length,
    input_tokens: sum("input_tokens"),
    cache_read_tokens: sum("cache_read_tokens"),
    cache_write_tokens: sum("cache_write_tokens"),
    output_tokens: sum("output_tokens"),
    reasoning_tokens: sum("reasoning_tokens"),
    cost: priced.length > 0 ? sumUsd(priced) : null,
  };
}

function millisecondsBetween(start: string, end: string): number {
  return Number(BigInt(end) - BigInt(start)) / 1e6;
}
