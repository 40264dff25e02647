/**
 * Where a trace lies: its projects and its time, from `trace_index`, which finds them by id alone.
 *
 * A trace may cross projects and days. Reading `spans` with the place's projects and time touches only the parts that
 * hold the trace.
 */
import { ApiError } from "./errors.ts";
import type { Store } from "./store.ts";

export interface TracePlace {
  traceId: string;
  projects: string[];
  /** Nanoseconds since 1970, as text: the first span's time and the last span's end. */
  start: string;
  end: string;
  /** As counted when stored: spans that were sent again count again. */
  spans: number;
}

interface PlaceRow {
  project: string;
  start: string;
  end: string;
  spans: string;
}

// A row for each day and project, and more until the parts that hold them are merged: here they are put together, which asks
// less of the engine.
const SQL = `
SELECT i.project AS project, toString(toUnixTimestamp64Nano(i.start)) AS start,
  toString(toUnixTimestamp64Nano(i.end)) AS end, toString(i.spans) AS spans
FROM assay.trace_index AS i
WHERE i.trace_id = toFixedString(unhex({trace:String}), 16)`;

/** @throws ApiError `trace_not_found` */
export async function findTrace(store: Store, traceId: string): Promise<TracePlace> {
  const rows = await store.rows<PlaceRow>({
    sql: SQL,
    parameters: { trace: traceId },
    threads: 1,
    isFlat: true,
  });
  const first = rows[0];
  if (!first) throw new ApiError("trace_not_found", undefined, { trace_id: traceId });
  return {
    traceId,
    projects: [...new Set(rows.map((row) => row.project))].sort(),
    start: rows.reduce(
      (least, row) => (BigInt(row.start) < BigInt(least) ? row.start : least),
      first.start,
    ),
    end: rows.reduce((most, row) => (BigInt(row.end) > BigInt(most) ? row.end : most), first.end),
    spans: rows.reduce((sum, row) => sum + Number(row.spans), 0),
  };
}

/** The place as query parameters: trace, projects, start, end. */
export function placeParameters(place: TracePlace): Record<string, unknown> {
  return { trace: place.traceId, projects: place.projects, start: place.start, end: place.end };
}
