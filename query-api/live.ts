/**
 * `GET /api/v1/spans/live`: spans as they are stored, as server-sent events.
 *
 * Each client is a query a second for what arrived since, with its filters; so there may be MAX clients. A span is sent once. What
 * takes more than OVERLAP_MS from its receipt into the store is missed here (and in every list). Of more than MAX_SPANS
 * in a second the newest are sent, and an event `skipped` says how many were not. A comment every HEARTBEAT_MS keeps
 * proxies from closing the connection. A client that does not take what is sent is dropped by whoever sends it (stream.ts).
 */
import type { ApiCall, Streamed } from "./endpoint.ts";
import { ApiError } from "./errors.ts";
import { readParameters, statusFilter } from "./parameters.ts";
import {
  DEFAULT_FIELDS,
  type PlaceRow,
  fieldsOfSpan,
  filterShape,
  readPage,
  spanConditions,
} from "./spans.ts";
import type { Store } from "./store.ts";

const POLL_MS = 1_000;
export const HEARTBEAT_MS = 15_000;
const OVERLAP_MS = 10_000;
const MAX_SPANS = 200;
/** Looked at in one poll; beyond that the count of what was skipped is a least. */
const MAX_FOUND = 5_000;

/** Who follows, and who was dropped for being slow. */
export interface LiveClients {
  following: number;
  dropped: number;
  readonly most: number;
  /** After so long without a span a comment is sent. */
  readonly heartbeatMs: number;
}

export function liveShape() {
  return { status: statusFilter.optional(), ...filterShape, fields: fieldsOfSpan.optional() };
}

export async function followSpans({
  store,
  query,
  live,
  signal,
  nowMs,
}: ApiCall): Promise<Streamed> {
  const { status, fields, ...filters } = readParameters(liveShape(), query);
  const conditions = spanConditions(filters);
  if (status) {
    conditions.sql.push("s.status = {status:String}");
    conditions.parameters["status"] = status;
  }
  if (live.following >= live.most) throw new ApiError("too_many_live");
  const arrivals = arrivalsOf(store, conditions, nowMs);
  await arrivals(); // what is wrong is answered as an error, not as a stream that ends
  live.following++;
  return {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    },
    body: events({ store, arrivals, fields: fields ?? DEFAULT_FIELDS, live, signal }),
  };
}

interface Following {
  store: Store;
  arrivals: () => Promise<PlaceRow[]>;
  fields: Parameters<typeof readPage>[2];
  live: LiveClients;
  signal: AbortSignal;
}

async function* events({
  store,
  arrivals,
  fields,
  live,
  signal,
}: Following): AsyncGenerator<string> {
  try {
    yield `: following\n\nretry: ${5 * POLL_MS}\n\n`;
    let silentSince = performance.now();
    while (!signal.aborted) {
      const found = await arrivals();
      const sent = found.slice(0, MAX_SPANS);
      const spans = await readPage(store, sent, fields);
      if (spans.length > 0) yield spans.toReversed().map(spanEvent).join("");
      if (found.length > sent.length)
        yield `event: skipped\ndata: ${JSON.stringify({ spans: found.length - sent.length })}\n\n`;
      if (found.length > 0) silentSince = performance.now();
      else if (performance.now() - silentSince >= live.heartbeatMs) {
        yield ": nothing new\n\n";
        silentSince = performance.now();
      }
      await pause(POLL_MS, signal);
    }
  } finally {
    live.following--;
  }
}

function spanEvent(span: Record<string, unknown>): string {
  return `event: span\nid: ${String(span["span_id"])}\ndata: ${JSON.stringify(span)}\n\n`;
}

/** What arrived since the last look, newest first. */
function arrivalsOf(
  store: Store,
  conditions: { sql: string[]; parameters: Record<string, unknown> },
  startMs: number,
): () => Promise<PlaceRow[]> {
  let seen = new Set<string>();
  let begun = false;
  let sinceMs = startMs;
  return async () => {
    const fromMs = sinceMs - OVERLAP_MS;
    const askedMs = Date.now();
    const rows = await store.rows<PlaceRow>({
      sql: `SELECT s.project AS project, lower(hex(s.trace_id)) AS trace_id, lower(hex(s.span_id)) AS span_id,
  toString(toUnixTimestamp64Nano(s.event_time)) AS at
FROM assay.spans AS s
WHERE s.received_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
  AND s.event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') - INTERVAL 1 DAY
  ${conditions.sql.map((condition) => `AND ${condition}`).join(" ")}
ORDER BY s.event_time DESC, s.trace_id DESC, s.span_id DESC
LIMIT 1 BY s.trace_id, s.span_id
LIMIT ${MAX_FOUND}`,
      parameters: { ...conditions.parameters, from: fromMs },
    });
    const known = seen;
    seen = new Set(rows.map(keyOf));
    sinceMs = Math.max(sinceMs, askedMs);
    const fresh = begun ? rows.filter((row) => !known.has(keyOf(row))) : [];
    begun = true;
    return fresh;
  };
}

function keyOf({ trace_id, span_id }: PlaceRow): string {
  return trace_id + span_id;
}

/** Ends early when the client goes away. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
