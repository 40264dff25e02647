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
  return encode([place.time, place.traceId, place.spanId]);
}

/** @throws ApiError when the text is no cursor of ours */
export function readCursor(text: string): Place {
  const [time, traceId, spanId] = decode(text, placeSchema);
  if (BigInt(time) >= 2n ** 63n) throw noCursor(text);
  return { time, traceId, spanId };
}

/** In lists of evaluations, newest or worst first. */
export interface EvaluationPlace {
  /** Null where the order is by time alone. */
  norm: number | null;
  time: string;
  id: string;
}

const evaluationSchema = z.tuple([
  z.number().nullable(),
  z.string().regex(/^\d{1,19}$/),
  z.string().regex(/^[0-9a-f]{32}$/),
]);

export function writeEvaluationCursor({ norm, time, id }: EvaluationPlace): string {
  return encode([norm, time, id]);
}

/** @throws ApiError when the text is no cursor of ours */
export function readEvaluationCursor(text: string): EvaluationPlace {
  const [norm, time, id] = decode(text, evaluationSchema);
  if (BigInt(time) >= 2n ** 63n) throw noCursor(text);
  return { norm, time, id };
}

function encode(place: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

function decode<T extends z.ZodType>(text: string, schema: T): z.output<T> {
  try {
    return schema.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  } catch {
    throw noCursor(text); // whatever is wrong with it, the answer is the same
  }
}

function noCursor(text: string): Error {
  return badParameter("cursor", "the next_cursor of an earlier answer", text.slice(0, 200));
}
