/**
 * Traces that started in a time range, newest first, page by page.
 *
 * A trace starts with its earliest span, whether or not that is a root: a trace whose root lives in a system that we do
 * not see is listed too. Found in widening windows like spans; a candidate's true start and totals then come from
 * `trace_index`. A trace that began before the window is left to a wider one, so that order and cursor stay exact.
 *
 * Filters match a trace when one span has all of the named values (looked for up to MATCH_MS after the page's newest
 * start); `status=ok` when no span failed. With `project`, start and totals are those of the trace's part in it.
 */
import { type Place, readCursor, writeCursor } from "./cursor.ts";
import { checkRange, nanos, readParameters, type RawQuery } from "./parameters.ts";
import { listShape, spanConditions, windowStarts } from "./spans.ts";
import type { Store } from "./store.ts";

const MATCH_MS = 3_600_000;
const WINDOWS_MS = [300_000, 3_600_000, 86_400_000];
/** Candidates per query at most; more means that nearly all of them began before the range. */
const MAX_CANDIDATES = 100_000;

interface Candidate {
  trace_id: string;
  first: string;
}

interface TotalsRow {
  trace_id: string;
  start: string;
  end: string;
  spans: string;
  errors: string;
  calls: string;
  unpriced_calls: string;
  input_tokens: string;
  output_tokens: string;
  cost: string;
  root_name: string;
  root_service: string;
  projects: string[];
}

interface DetailRow {
  trace_id: string;
  first_name: string;
  first_service: string;
  services: string[];
  models: string[];
  session_id: string;
  user_id: string;
  generated: boolean | number;
}

interface Search {
  fromMs: number;
  toMs: number;
  before: Place | undefined;
  limit: number;
  status: "ok" | "error" | undefined;
  projects: string[] | undefined;
  conditions: { sql: string[]; parameters: Record<string, unknown> };
}

export async function listTraces(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<Record<string, unknown>> {
  const { from, to, status, limit, cursor, project, ...filters } = readParameters(
    listShape(nowMs),
    query,
  );
  checkRange(from, to);
  const before = cursor === undefined ? undefined : readCursor(cursor);
  const search: Search = {
    fromMs: from,
    toMs: to,
    before,
    limit,
    status,
    projects: project,
    conditions: spanConditions(filters),
  };
  const found = await findTraces(store, search);
  const page = found.slice(0, limit);
  const details = await readDetails(store, page, project);
  const last = page.at(-1);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    traces: page.map((row) => traceOf(row, details.get(row.trace_id))),
    next_cursor:
      found.length > limit && last
        ? writeCursor({ time: last.start, traceId: last.trace_id, spanId: "" })
        : null,
  };
}

/** Up to limit + 1 traces. */
async function findTraces(store: Store, search: Search): Promise<TotalsRow[]> {
  const upperMs = search.before
    ? Math.min(search.toMs, Number(BigInt(search.before.time) / 1_000_000n) + 1)
    : search.toMs;
  let found: TotalsRow[] = [];
  for (const startMs of windowStarts(search.fromMs, upperMs, WINDOWS_MS)) {
    let most = 2 * (search.limit + 1);
    let complete = false;
    while (!complete && found.length <= search.limit) {
      const candidates = await findCandidates(store, search, startMs, upperMs, most);
      complete = candidates.length < most || most >= MAX_CANDIDATES;
      found = await confirm(store, search, startMs, candidates, complete);
      most = Math.min(most * 8, MAX_CANDIDATES);
    }
    if (found.length > search.limit) break;
  }
  return found.slice(0, search.limit + 1);
}

function findCandidates(
  store: Store,
  search: Search,
  startMs: number,
  upperMs: number,
  most: number,
): Promise<Candidate[]> {
  const matches = [
    ...search.conditions.sql,
    ...(search.status === "error" ? ["s.status = 'error'"] : []),
  ];
  const filtered = matches.length > 0 || search.status === "ok";
  const having = [
    "first < fromUnixTimestamp64Nano({to:Int64}, 'UTC')",
    ...(matches.length > 0 ? [`countIf(${matches.join(" AND ")}) > 0`] : []),
    ...(search.status === "ok" ? ["countIf(s.status = 'error') = 0"] : []),
    ...(search.before
      ? [
          "(first, id) < (fromUnixTimestamp64Nano({at:Int64}, 'UTC'), toFixedString(unhex({at_trace:String}), 16))",
        ]
      : []),
  ];
  return store.rows<Candidate>({
    sql: `SELECT lower(hex(id)) AS trace_id, toString(toUnixTimestamp64Nano(first)) AS first
FROM (
  SELECT s.trace_id AS id, min(s.event_time) AS first
  FROM assay.spans AS s
  WHERE s.event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')
    AND s.event_time < fromUnixTimestamp64Nano({until:Int64}, 'UTC')
    ${search.projects ? "AND s.project IN {projects:Array(String)}" : ""}
  GROUP BY s.trace_id
  HAVING ${having.join(" AND ")}
  ORDER BY first DESC, id DESC
  LIMIT {most:UInt32}
)`,
    parameters: {
      ...search.conditions.parameters,
      ...(search.projects && { projects: search.projects }),
      ...(search.before && { at: search.before.time, at_trace: search.before.traceId }),
      from: nanos(startMs),
      to: nanos(search.toMs),
      until: nanos(filtered ? upperMs + MATCH_MS : upperMs),
      most,
    },
  });
}

/** The candidates that truly started in the window and come before whatever was cut off, with their totals. */
async function confirm(
  store: Store,
  search: Search,
  startMs: number,
  candidates: Candidate[],
  complete: boolean,
): Promise<TotalsRow[]> {
  if (candidates.length === 0) return [];
  const rows = await readTotals(
    store,
    candidates.map((c) => c.trace_id),
    search.projects,
  );
  // A trace's true start is never after its first span in the window: what was cut off started before `floor`.
  const lowest = candidates.reduce(
    (least, c) => (BigInt(c.first) < least ? BigInt(c.first) : least),
    2n ** 63n,
  );
  const floor = complete ? BigInt(nanos(startMs)) : lowest;
  const wanted = rows.filter(
    (row) => BigInt(row.start) >= floor && (search.status !== "ok" || Number(row.errors) === 0),
  );
  return wanted.toSorted(newestFirst);
}

function newestFirst(a: TotalsRow, b: TotalsRow): number {
  const difference = BigInt(b.start) - BigInt(a.start);
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return a.trace_id < b.trace_id ? 1 : -1;
}

function readTotals(
  store: Store,
  ids: string[],
  projects: string[] | undefined,
): Promise<TotalsRow[]> {
  return store.rows<TotalsRow>({
    sql: `SELECT lower(hex(i.trace_id)) AS trace_id, toString(toUnixTimestamp64Nano(min(i.start))) AS start,
  toString(toUnixTimestamp64Nano(max(i.end))) AS end, toString(sum(i.spans)) AS spans, toString(sum(i.errors)) AS errors,
  toString(sum(i.calls)) AS calls, toString(sum(i.unpriced_calls)) AS unpriced_calls,
  toString(sum(i.input_tokens)) AS input_tokens, toString(sum(i.output_tokens)) AS output_tokens,
  toDecimalString(sum(i.cost), 12) AS cost, max(i.root_name) AS root_name, max(i.root_service) AS root_service,
  arraySort(groupUniqArray(i.project)) AS projects
FROM assay.trace_index AS i
WHERE i.trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
  ${projects ? "AND i.project IN {projects:Array(String)}" : ""}
GROUP BY i.trace_id`,
    parameters: { ids, ...(projects && { projects }) },
  });
}

async function readDetails(
  store: Store,
  page: TotalsRow[],
  projects: string[] | undefined,
): Promise<Map<string, DetailRow>> {
  if (page.length === 0) return new Map();
  const rows = await store.rows<DetailRow>({
    sql: `SELECT lower(hex(s.trace_id)) AS trace_id, argMin(s.name, s.event_time) AS first_name,
  argMin(s.service, s.event_time) AS first_service, arraySort(groupUniqArray(20)(s.service)) AS services,
  arraySort(groupUniqArrayIf(20)(if(s.response_model = '', s.request_model, s.response_model), s.is_model_call)) AS models,
  max(s.session_id) AS session_id, max(s.user_id) AS user_id,
  max(s.attrs_bool['assay.generated'] OR s.attrs_string['assay.generated'] = 'true'
    OR s.resource['assay.generated'] IN ('true', '{"boolValue":true}')) AS generated
FROM assay.spans AS s
WHERE s.trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
  AND s.project IN {projects:Array(String)}
  AND s.event_time BETWEEN fromUnixTimestamp64Nano({start:Int64}, 'UTC') AND fromUnixTimestamp64Nano({end:Int64}, 'UTC')
GROUP BY s.trace_id`,
    parameters: {
      ids: page.map((row) => row.trace_id),
      projects: projects ?? [...new Set(page.flatMap((row) => row.projects))],
      start: page
        .map((row) => BigInt(row.start))
        .reduce((a, b) => (a < b ? a : b))
        .toString(),
      end: page
        .map((row) => BigInt(row.end))
        .reduce((a, b) => (a > b ? a : b))
        .toString(),
    },
  });
  return new Map(rows.map((row) => [row.trace_id, row]));
}

function traceOf(row: TotalsRow, details: DetailRow | undefined): Record<string, unknown> {
  const unpriced = Number(row.unpriced_calls);
  const calls = Number(row.calls);
  return {
    trace_id: row.trace_id,
    name: row.root_name || details?.first_name || "",
    service: row.root_service || details?.first_service || "",
    root_missing: row.root_name === "",
    projects: row.projects,
    services: details?.services ?? [],
    models: details?.models ?? [],
    session_id: details?.session_id ?? "",
    user_id: details?.user_id ?? "",
    start: isoNanos(row.start),
    start_unix_nano: row.start,
    duration_ms: Number(BigInt(row.end) - BigInt(row.start)) / 1e6,
    status: Number(row.errors) > 0 ? "error" : "ok",
    spans: Number(row.spans),
    errors: Number(row.errors),
    calls,
    unpriced_calls: unpriced,
    input_tokens: Number(row.input_tokens),
    output_tokens: Number(row.output_tokens),
    cost: calls > unpriced ? row.cost : null,
    generated: Boolean(details?.generated),
  };
}

function isoNanos(nano: string): string {
  const time = BigInt(nano);
  const seconds = new Date(Number(time / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${(time % 1_000_000_000n).toString().padStart(9, "0")}Z`;
}
