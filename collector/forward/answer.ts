/**
 * What a destination said to one request, and how to read it: Export…ServiceResponse for success, google.rpc.Status
 * for anything else (opentelemetry-proto, docs/specification.md). Bodies of others are read with bounds and without
 * trust: what cannot be read counts as empty.
 */
import { PermanentError } from "../stages.ts";
import { WireReader } from "../otlp/wire.ts";

/** Longest answer that is read. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Longest wait that a destination may ask for. */
const MAX_WAIT_MS = 3_600_000;

export type Answer =
  | {
      kind: "accepted";
      /** Spans that the destination says it did not take; never sent again. */
      rejected: number;
      message: string;
    }
  /** May be sent again, no earlier than `afterMs` if that is given. */
  | { kind: "retry"; code: string; message: string; afterMs?: number }
  | { kind: "too-large"; code: string; message: string }
  /** Never to be sent again. */
  | { kind: "permanent"; code: string; message: string };

export interface PartialSuccess {
  rejected: number;
  message: string;
}

/** ExportTraceServiceResponse or ExportLogsServiceResponse. */
export function readPartialSuccess(body: Uint8Array): PartialSuccess {
  const found: PartialSuccess = { rejected: 0, message: "" };
  walk(body, (reader, tag, end) => {
    if (tag !== 0x0a /* partial_success = 1 */) return false;
    const stop = reader.delimited(end);
    while (reader.at < stop) {
      const inner = reader.tag(stop);
      if (inner === 0x08 /* rejected = 1 */) found.rejected = unsigned(reader, stop);
      else if (inner === 0x12 /* error_message = 2 */) found.message = text(reader, stop);
      else reader.skip(inner, stop);
    }
    return true;
  });
  return found;
}

/** The same in JSON, which some answer to protobuf. */
export function readJsonPartialSuccess(body: Uint8Array): PartialSuccess {
  const partial = field(parseJson(body), "partialSuccess");
  const rejected = Number(
    field(partial, "rejectedSpans") ?? field(partial, "rejectedLogRecords") ?? 0,
  );
  const message = field(partial, "errorMessage");
  return {
    rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
    message: typeof message === "string" ? message : "",
  };
}

export interface Status {
  message: string;
  /** From RetryInfo. */
  retryAfterMs: number | undefined;
}

/** google.rpc.Status with its RetryInfo. */
export function readStatus(body: Uint8Array): Status {
  const found: Status = { message: "", retryAfterMs: undefined };
  walk(body, (reader, tag, end) => {
    if (tag === 0x12 /* message = 2 */) found.message = text(reader, end);
    else if (tag === 0x1a /* details = 3 */) {
      found.retryAfterMs ??= readRetryInfo(reader, reader.delimited(end));
    } else return false;
    return true;
  });
  return found;
}

/** The message of a Status in JSON; "" when it is none. */
export function readJsonStatus(body: Uint8Array): string {
  const message = field(parseJson(body), "message");
  return typeof message === "string" ? message : "";
}

/** Seconds or a date. */
export function readRetryAfter(header: string | undefined, nowUnixMs: number): number | undefined {
  const value = header?.trim() ?? "";
  if (/^\d+$/.test(value)) return waitMs(Number(value) * 1000);
  const date = Date.parse(value);
  // A number of another kind ("-1", "1.5") would pass for a year.
  return Number.isNaN(date) || !/[a-z]/i.test(value) ? undefined : waitMs(date - nowUnixMs);
}

function waitMs(ms: number): number {
  return Math.min(MAX_WAIT_MS, Math.max(0, ms));
}

/** Any{ type_url = 1, value = 2 } of RetryInfo{ retry_delay = 1: Duration{ seconds = 1, nanos = 2 } }. */
function readRetryInfo(reader: WireReader, end: number): number | undefined {
  let type = "";
  let value: [number, number] = [0, 0];
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) type = text(reader, end);
    else if (tag === 0x12) {
      const stop = reader.delimited(end);
      value = [reader.at, stop];
      reader.at = stop;
    } else reader.skip(tag, end);
  }
  if (!type.endsWith("/google.rpc.RetryInfo")) return undefined;
  const back = reader.at;
  const ms = readDelay(reader, ...value);
  reader.at = back;
  return ms;
}

function readDelay(reader: WireReader, start: number, end: number): number {
  let ms = 0;
  reader.at = start;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag !== 0x0a) {
      reader.skip(tag, end);
      continue;
    }
    const stop = reader.delimited(end);
    while (reader.at < stop) {
      const inner = reader.tag(stop);
      if (inner === 0x08) ms += unsigned(reader, stop) * 1000;
      else if (inner === 0x10) ms += unsigned(reader, stop) / 1e6;
      else reader.skip(inner, stop);
    }
  }
  return waitMs(ms);
}

type OnField = (reader: WireReader, tag: number, end: number) => boolean;

/** Offers each field; what is not taken is passed over. Bytes that are no protobuf end the walk. */
function walk(body: Uint8Array, onField: OnField): void {
  const reader = new WireReader();
  reader.reset(body);
  try {
    while (reader.at < body.length) {
      const tag = reader.tag(body.length);
      if (!onField(reader, tag, body.length)) reader.skip(tag, body.length);
    }
  } catch (error) {
    // Garbage: what was read before it stands.
    if (!(error instanceof PermanentError)) throw error;
  }
}

function unsigned(reader: WireReader, end: number): number {
  reader.varint64(end);
  // Negative numbers, which have the highest bit, count for nothing.
  return reader.high > 0x7fff_ffff ? 0 : reader.high * 2 ** 32 + reader.low;
}

function text(reader: WireReader, end: number): string {
  const stop = reader.delimited(end);
  const start = reader.at;
  reader.at = stop;
  return Buffer.from(reader.body.subarray(start, Math.min(stop, start + 2000))).toString();
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    // Not JSON: nothing to read.
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}
