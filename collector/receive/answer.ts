/**
 * The bodies of answers, in the request's own format: ExportTraceServiceResponse for 200, google.rpc.Status else.
 * Both are two fields and are written by hand.
 */
import type { Format } from "./media.ts";

/** Longest message of a partial success; senders log it as one line. */
const MAX_MESSAGE_BYTES = 1024;
/** Reasons named in a message; the rest is summed up. */
const MAX_REASONS = 5;

export interface PartialSuccess {
  rejectedSpans: number;
  message: string;
}

/** `partial` stays unset when everything was accepted without a warning. */
export function successBody(format: Format, partial?: PartialSuccess): Buffer {
  if (format === "json") {
    if (partial === undefined) return Buffer.from("{}");
    const { rejectedSpans, message } = partial;
    // int64 is text in protobuf's JSON.
    const fields = { rejectedSpans: String(rejectedSpans), errorMessage: message };
    return Buffer.from(JSON.stringify({ partialSuccess: fields }));
  }
  if (partial === undefined) return Buffer.alloc(0);
  return delimited(1, numberAndText(partial.rejectedSpans, partial.message));
}

export function statusBody(format: Format, code: number, message: string): Buffer {
  const text = cut(message);
  if (format === "json") return Buffer.from(JSON.stringify({ code, message: text }));
  return numberAndText(code, text);
}

/** `3 spans rejected: 2× trace_id length 12; 1× span_id length 0` */
export function partialSuccess(
  rejectedSpans: number,
  reasons: ReadonlyMap<string, number>,
  warnings: ReadonlyMap<string, number>,
): PartialSuccess | undefined {
  if (rejectedSpans === 0 && warnings.size === 0) return undefined;
  const parts: string[] = [];
  if (rejectedSpans > 0) {
    const noun = rejectedSpans === 1 ? "span" : "spans";
    parts.push(`${rejectedSpans} ${noun} rejected: ${listed(reasons)}`);
  }
  if (warnings.size > 0) parts.push(`warnings: ${listed(warnings)}`);
  return { rejectedSpans, message: cut(parts.join(". ")) };
}

function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const named = sorted.slice(0, MAX_REASONS).map(([text, count]) => `${count}× ${text}`);
  const others = sorted.slice(MAX_REASONS).reduce((sum, [, count]) => sum + count, 0);
  if (others > 0) named.push(`${others}× other`);
  return named.join("; ");
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_MESSAGE_BYTES) return text;
  // A character that was cut in two becomes a replacement mark, up to two bytes longer than what it replaces.
  return `${bytes.toString("utf8", 0, MAX_MESSAGE_BYTES - 8)}…`;
}

/** Fields 1 (varint) and 2 (string): both Status and ExportTracePartialSuccess. */
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
