/**
 * The bodies of answers, in the request's own format: Export…ServiceResponse for success, google.rpc.Status else.
 * They have a handful of fields and are written by hand.
 *
 * A Status carries what a sender needs to act on it: RetryInfo when the same request may be sent again (without it a
 * gRPC sender treats RESOURCE_EXHAUSTED as final), BadRequest when its content is at fault.
 */
import type { Signal } from "../stages.ts";
import type { Format } from "./media.ts";
import type { Refusal } from "./refusal.ts";

/** Longest message of a partial success or a Status; senders log it as one line. */
const MAX_MESSAGE_BYTES = 1024;
/** Reasons named in a message; the rest is summed up. */
const MAX_REASONS = 5;

const INVALID_ARGUMENT = 3;

export interface PartialSuccess {
  /** Spans or log records. */
  rejected: number;
  message: string;
}

/** What a request is made of, in words and in the JSON of a partial success. */
const ITEMS: Record<Signal, { one: string; field: string }> = {
  traces: { one: "span", field: "rejectedSpans" },
  logs: { one: "log record", field: "rejectedLogRecords" },
};

/** `partial` stays unset when everything was accepted without a warning. */
export function successBody(
  { signal, format }: { signal: Signal; format: Format },
  partial?: PartialSuccess,
): Buffer {
  if (format === "json") {
    if (partial === undefined) return Buffer.from("{}");
    const { field } = ITEMS[signal];
    // int64 is text in protobuf's JSON.
    const fields = { [field]: String(partial.rejected), errorMessage: partial.message };
    return Buffer.from(JSON.stringify({ partialSuccess: fields }));
  }
  if (partial === undefined) return Buffer.alloc(0);
  return delimited(1, numberAndText(partial.rejected, partial.message));
}

type Explained = Pick<Refusal, "rpcCode" | "message" | "retryAfterSeconds">;

/** google.rpc.Status with its details. */
export function statusBody(format: Format, refusal: Explained): Buffer {
  const message = cut(refusal.message);
  const details = detailsOf(refusal, message);
  if (format === "json") {
    const fields = { code: refusal.rpcCode, message };
    const listed = details.map(({ type, json }) => ({ "@type": type, ...json }));
    return Buffer.from(
      JSON.stringify(listed.length === 0 ? fields : { ...fields, details: listed }),
    );
  }
  const any = details.map(({ type, protobuf }) =>
    delimited(3, Buffer.concat([delimited(1, Buffer.from(type)), delimited(2, protobuf)])),
  );
  return Buffer.concat([numberAndText(refusal.rpcCode, message), ...any]);
}

interface Detail {
  type: string;
  json: object;
  protobuf: Buffer;
}

function detailsOf({ rpcCode, retryAfterSeconds }: Explained, message: string): Detail[] {
  if (retryAfterSeconds !== undefined) {
    return [
      {
        type: "type.googleapis.com/google.rpc.RetryInfo",
        json: { retryDelay: `${retryAfterSeconds}s` },
        protobuf: delimited(1, numberAndText(retryAfterSeconds, "")),
      },
    ];
  }
  if (rpcCode !== INVALID_ARGUMENT) return [];
  const violation = Buffer.concat([
    delimited(1, Buffer.from("body")),
    delimited(2, Buffer.from(message)),
  ]);
  return [
    {
      type: "type.googleapis.com/google.rpc.BadRequest",
      json: { fieldViolations: [{ field: "body", description: message }] },
      protobuf: delimited(1, violation),
    },
  ];
}

/** `3 spans rejected: 2× trace_id length 12; 1× span_id length 0` */
export function partialSuccess(
  signal: Signal,
  rejected: number,
  reasons: ReadonlyMap<string, number>,
  warnings: ReadonlyMap<string, number>,
): PartialSuccess | undefined {
  if (rejected === 0 && warnings.size === 0) return undefined;
  const parts: string[] = [];
  if (rejected > 0) {
    const { one } = ITEMS[signal];
    parts.push(`${rejected} ${rejected === 1 ? one : `${one}s`} rejected: ${listed(reasons)}`);
  }
  if (warnings.size > 0) parts.push(`warnings: ${listed(warnings)}`);
  return { rejected, message: cut(parts.join(". ")) };
}

function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const named = sorted.slice(0, MAX_REASONS).map(([text, count]) => `${count}× ${text}`);
  const others = sorted.slice(MAX_REASONS).reduce((sum, [, count]) => sum + count, 0);
  if (others > 0) named.push(`${others}× other`);
  return named.join("; ");
}

/** At most 1 KiB of `text`. */
export function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_MESSAGE_BYTES) return text;
  // A character that was cut in two becomes a replacement mark, up to two bytes longer than what it replaces.
  return `${bytes.toString("utf8", 0, MAX_MESSAGE_BYTES - 8)}…`;
}

/** Fields 1 (varint) and 2 (string): Status, Export…PartialSuccess, and the seconds of a Duration. */
function numberAndText(number: number, text: string): Buffer {
  const first = number === 0 ? Buffer.alloc(0) : Buffer.from([0x08, ...varint(number)]);
  return text === "" ? first : Buffer.concat([first, delimited(2, Buffer.from(text))]);
}

function delimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(content.length)]), content]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}
