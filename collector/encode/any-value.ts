/**
 * AnyValue on the wire: which member is set, and its text as JSON.
 *
 * Two kinds of JSON: OTLP's own (`{"intValue":"1"}`), which keeps every type, for attributes without a column; and
 * plain JSON, for messages and documents, whose meaning the GenAI conventions define without OTLP's wrapping.
 */
import { ANY_VALUE_FIELDS, KEY_VALUE_FIELDS, LIST_FIELDS } from "../otlp/messages.ts";
import { MAX_VALUE_DEPTH, type WireReader } from "../otlp/wire.ts";
import { decimalInt64 } from "./int64.ts";
import type { JsonSink } from "./json-sink.ts";

/** The member's field number. */
export const EMPTY = 0;
export const STRING = 1;
export const BOOL = 2;
export const INT = 3;
export const DOUBLE = 4;
export const ARRAY = 5;
export const KEY_VALUES = 6;
const BYTES = 7;
/** A reference into a string table, which only profiles have: no value. */
const STRING_INDEX = 8;

/** Where a value's content lies. A number's content is its varint or its eight bytes. */
export interface ValueSpot {
  type: number;
  at: number;
  end: number;
  hasStringIndex: boolean;
}

/** Finds the member that counts: of several, the last one. Moves the reader to `end`. */
export function findValue(reader: WireReader, end: number, spot: ValueSpot): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // string_value = 1
      case 0x2a: // array_value = 5
      case 0x32: // kvlist_value = 6
      case 0x3a: // bytes_value = 7
        spot.end = reader.delimited(end);
        spot.at = reader.at;
        reader.at = spot.end;
        break;
      case 0x10: // bool_value = 2
      case 0x18: // int_value = 3
        spot.at = reader.at;
        reader.varint32(end);
        spot.end = reader.at;
        break;
      case 0x21: // double_value = 4
        spot.at = reader.at;
        spot.end = spot.at + 8;
        reader.fixed64(end);
        break;
      default:
        if (tag >>> 3 === STRING_INDEX) spot.hasStringIndex = true;
        reader.skipUnknown(tag, end, ANY_VALUE_FIELDS, "AnyValue");
        continue;
    }
    spot.type = tag >>> 3;
  }
}

export type JsonStyle = "otlp" | "plain";

/**
 * Writes the value as JSON. False when it nests deeper than `MAX_VALUE_DEPTH`: what was written is then incomplete.
 * Moves the reader.
 */
export function writeValue(
  sink: JsonSink,
  reader: WireReader,
  spot: Readonly<ValueSpot>,
  style: JsonStyle,
): boolean {
  return style === "otlp"
    ? writeOtlp(sink, reader, spot.type, spot.at, spot.end, 1)
    : writePlain(sink, reader, spot.type, spot.at, spot.end, 1);
}

/** Stands for a value that nests too deep. */
export const DEPTH_LIMIT: Uint8Array = Buffer.from("[depth limit]");

/**
 * Writes one KeyValue as `{"key":…,"value":…}`, after a comma unless it is the first. False when its value nests too
 * deep and was replaced. Moves the reader to `end`.
 */
export function writeKeyValue(
  sink: JsonSink,
  reader: WireReader,
  end: number,
  first: boolean,
): boolean {
  const entry = readEntry(reader, end);
  if (!first) sink.byte(0x2c);
  const start = sink.at;
  const whole = writeEntry(sink, reader, entry, 1);
  if (!whole) {
    sink.at = start;
    sink.raw('{"key":');
    sink.string(reader.body, entry.keyAt, entry.keyEnd);
    sink.raw(',"value":{"stringValue":"[depth limit]"}}');
  }
  reader.at = end;
  return whole;
}

function writeEntry(sink: JsonSink, reader: WireReader, entry: Entry, depth: number): boolean {
  sink.raw('{"key":');
  sink.string(reader.body, entry.keyAt, entry.keyEnd);
  sink.raw(',"value":');
  if (!writeOtlp(sink, reader, entry.type, entry.at, entry.end, depth)) return false;
  sink.byte(0x7d);
  return true;
}

function writeOtlp(
  sink: JsonSink,
  reader: WireReader,
  type: number,
  at: number,
  end: number,
  depth: number,
): boolean {
  if (depth > MAX_VALUE_DEPTH) return false;
  switch (type) {
    case STRING:
      sink.raw('{"stringValue":');
      sink.string(reader.body, at, end);
      break;
    case BOOL:
      sink.raw(readBool(reader, at, end) ? '{"boolValue":true' : '{"boolValue":false');
      break;
    case INT:
      sink.raw(`{"intValue":"${readInt(reader, at, end)}"`);
      break;
    case DOUBLE:
      sink.raw(`{"doubleValue":${otlpDouble(reader.view.getFloat64(at, true))}`);
      break;
    case ARRAY:
    case KEY_VALUES:
      sink.raw(type === ARRAY ? '{"arrayValue":{"values":[' : '{"kvlistValue":{"values":[');
      if (!writeOtlpEntries(sink, reader, type, at, end, depth + 1)) return false;
      sink.raw("]}");
      break;
    case BYTES:
      sink.raw('{"bytesValue":');
      sink.base64(reader.body, at, end);
      break;
    default:
      sink.byte(0x7b);
  }
  sink.byte(0x7d);
  return true;
}

function writeOtlpEntries(
  sink: JsonSink,
  reader: WireReader,
  type: number,
  at: number,
  end: number,
  depth: number,
): boolean {
  let first = true;
  reader.at = at;
  for (let next = nextEntry(reader, end); next >= 0; next = nextEntry(reader, end)) {
    // Nothing below has been validated.
    if (depth > MAX_VALUE_DEPTH) return false;
    if (!first) sink.byte(0x2c);
    first = false;
    if (type === KEY_VALUES) {
      if (!writeEntry(sink, reader, readEntry(reader, next), depth)) return false;
    } else {
      const element = readElement(reader, next);
      if (!writeOtlp(sink, reader, element.type, element.at, element.end, depth)) return false;
    }
    reader.at = next;
  }
  return true;
}

function writePlain(
  sink: JsonSink,
  reader: WireReader,
  type: number,
  at: number,
  end: number,
  depth: number,
): boolean {
  if (depth > MAX_VALUE_DEPTH) return false;
  switch (type) {
    case STRING:
      sink.string(reader.body, at, end);
      return true;
    case BOOL:
      sink.raw(readBool(reader, at, end) ? "true" : "false");
      return true;
    case INT:
      sink.raw(readInt(reader, at, end));
      return true;
    case DOUBLE:
      sink.raw(plainDouble(reader.view.getFloat64(at, true)));
      return true;
    case BYTES:
      sink.base64(reader.body, at, end);
      return true;
    case ARRAY:
    case KEY_VALUES:
      return writePlainEntries(sink, reader, type, at, end, depth + 1);
    default:
      sink.raw("null");
      return true;
  }
}

function writePlainEntries(
  sink: JsonSink,
  reader: WireReader,
  type: number,
  at: number,
  end: number,
  depth: number,
): boolean {
  const keyed = type === KEY_VALUES;
  sink.byte(keyed ? 0x7b : 0x5b);
  let first = true;
  reader.at = at;
  for (let next = nextEntry(reader, end); next >= 0; next = nextEntry(reader, end)) {
    if (depth > MAX_VALUE_DEPTH) return false;
    if (!first) sink.byte(0x2c);
    first = false;
    const entry = keyed ? readEntry(reader, next) : readElement(reader, next);
    if (keyed) {
      sink.string(reader.body, entry.keyAt, entry.keyEnd);
      sink.byte(0x3a);
    }
    if (!writePlain(sink, reader, entry.type, entry.at, entry.end, depth)) return false;
    reader.at = next;
  }
  sink.byte(keyed ? 0x7d : 0x5d);
  return true;
}

/** Moves to the next element of a list and returns its end, or -1 when there is none. */
export function nextEntry(reader: WireReader, end: number): number {
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* values = 1 */) return reader.delimited(end);
    reader.skipUnknown(tag, end, LIST_FIELDS, "list");
  }
  return -1;
}

export interface Entry extends ValueSpot {
  keyAt: number;
  keyEnd: number;
}

function emptySpot(): Entry {
  return { type: EMPTY, at: 0, end: 0, hasStringIndex: false, keyAt: 0, keyEnd: 0 };
}

/** Reads a list's element and moves the reader to `end`. */
export function readElement(reader: WireReader, end: number): Entry {
  const entry = emptySpot();
  findValue(reader, end, entry);
  return entry;
}

/** Reads a KeyValue and moves the reader to `end`. */
export function readEntry(reader: WireReader, end: number): Entry {
  const entry = emptySpot();
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* key = 1 */) {
      entry.keyEnd = reader.delimited(end);
      entry.keyAt = reader.at;
      reader.at = entry.keyEnd;
    } else if (tag === 0x12 /* value = 2 */) findValue(reader, reader.delimited(end), entry);
    else reader.skipUnknown(tag, end, KEY_VALUE_FIELDS, "KeyValue");
  }
  return entry;
}

export function readBool(reader: WireReader, at: number, end: number): boolean {
  reader.at = at;
  reader.varint64(end);
  return (reader.low | reader.high) !== 0;
}

function readInt(reader: WireReader, at: number, end: number): string {
  reader.at = at;
  reader.varint64(end);
  return decimalInt64(reader.low, reader.high);
}

function otlpDouble(value: number): string {
  return Number.isFinite(value) ? plainDouble(value) : `"${value}"`;
}

/** JSON has no NaN and no infinity. */
function plainDouble(value: number): string {
  if (!Number.isFinite(value)) return "null";
  return Object.is(value, -0) ? "-0.0" : String(value);
}
