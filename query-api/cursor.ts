/**
 * Cursors: where the next page of a newest-first list begins.
 *
 * A cursor is the last row's place, (time, ids), not an offset: rows that arrive meanwhile neither repeat nor push out
 * what has not been shown. Opaque to clients, checked when it comes back.
 */
import { z } from "zod";
import { badParameter } from "./errors.ts";

export interface Place {
  /** Nanoseconds since 1970, as text. */
  time: string;
  traceId: string;
  /** Empty in lists of traces. */
  spanId: string;
}

const placeSchema = z.tuple([
  z.string().regex(/^\d{1,19}$/),
  z.string().regex(/^[0-9a-f]{32}$/),
  z.string().regex(/^([0-9a-f]{16})?$/),
]);

export function writeCursor(place: Place): string {
  return Buffer.from(JSON.stringify([place.time, place.traceId, place.spanId])).toString(
    "base64url",
  );
}

/** @throws ApiError when the text is no cursor of ours */
export function readCursor(text: string): Place {
  try {
    const [time, traceId, spanId] = placeSchema.parse(
      JSON.parse(Buffer.from(text, "base64url").toString("utf8")),
    );
    if (BigInt(time) < 2n ** 63n) return { time, traceId, spanId };
  } catch {
    // Falls through: whatever is wrong with it, the answer is the same.
  }
  throw badParameter("cursor", "the next_cursor of an earlier answer", text.slice(0, 200));
}
