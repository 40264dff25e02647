/** Attribute values as numbers, flags and text, whatever member of AnyValue a sender put them in. */
import type { WireReader } from "../otlp/wire.ts";
import { BOOL, DOUBLE, INT, readBool, STRING } from "./any-value.ts";
import { decimalInt64, int64ToNumber } from "./int64.ts";

/** A number longer than this is none. */
const MAX_DIGITS = 40;
const NUMERIC = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;

/** An int, a double or numeric text; NaN for everything else. Integers beyond 2^53 lose digits. */
export function readNumber(reader: WireReader, type: number, at: number, end: number): number {
  if (type === INT) {
    reader.at = at;
    reader.varint64(end);
    return int64ToNumber(reader.low, reader.high);
  }
  if (type === DOUBLE) return reader.view.getFloat64(at, true);
  if (type !== STRING || end - at > MAX_DIGITS) return Number.NaN;
  const text = latin1(reader.body, at, end);
  return NUMERIC.test(text) ? Number(text) : Number.NaN;
}

/** A bool, 0 or 1, "true" or "false"; undefined for everything else. */
export function readFlag(
  reader: WireReader,
  type: number,
  at: number,
  end: number,
): boolean | undefined {
  if (type === BOOL) return readBool(reader, at, end);
  if (type === STRING && end - at <= 5) {
    const text = latin1(reader.body, at, end).toLowerCase();
    if (text === "true") return true;
    if (text === "false") return false;
  }
  const number = readNumber(reader, type, at, end);
  return number === 0 ? false : number === 1 ? true : undefined;
}

/** An int64 into the reader's `low` and `high`, from an int, a whole double or numeric text. */
export function readInt64(reader: WireReader, type: number, at: number, end: number): boolean {
  if (type === INT) {
    reader.at = at;
    reader.varint64(end);
    return true;
  }
  const number = readNumber(reader, type, at, end);
  if (!Number.isInteger(number)) return false;
  const exact = type === STRING ? wholeNumber(latin1(reader.body, at, end).trim()) : BigInt(number);
  if (exact === undefined || BigInt.asIntN(64, exact) !== exact) return false;
  reader.low = Number(exact & 0xffffffffn);
  reader.high = Number((exact >> 32n) & 0xffffffffn);
  return true;
}

function wholeNumber(text: string): bigint | undefined {
  return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}

/** A number or a flag as text; undefined for structured values and text itself. */
export function scalarText(
  reader: WireReader,
  type: number,
  at: number,
  end: number,
): Uint8Array | undefined {
  switch (type) {
    case BOOL:
      return Buffer.from(readBool(reader, at, end) ? "true" : "false");
    case INT:
      reader.at = at;
      reader.varint64(end);
      return Buffer.from(decimalInt64(reader.low, reader.high));
    case DOUBLE:
      return Buffer.from(String(reader.view.getFloat64(at, true)));
    default:
      return undefined;
  }
}

export function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}

export function utf8(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString();
}
