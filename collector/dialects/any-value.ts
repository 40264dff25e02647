/**
 * AnyValue as a JavaScript value and back. Only spans of another instrumentation come here, so values are built whole.
 *
 * An int64 beyond 2^53 becomes its decimal text; bytes and values nested deeper than `MAX_VALUE_DEPTH` are `undefined`:
 * nothing is translated from them, and they stay where they are in the span.
 */
import { ANY_VALUE_FIELDS, KEY_VALUE_FIELDS, LIST_FIELDS } from "../otlp/messages.ts";
import { MAX_VALUE_DEPTH, type WireReader } from "../otlp/wire.ts";

const TWO_32 = 2 ** 32;

/** Reads the AnyValue that ends at `end`; of several members the last one counts. */
function readAnyValue(reader: WireReader, end: number, depth = 1): unknown {
  let value: unknown;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // string_value = 1
        value = readText(reader, reader.delimited(end));
        break;
      case 0x10: // bool_value = 2
        reader.varint64(end);
        value = (reader.low | reader.high) !== 0;
        break;
      case 0x18: // int_value = 3
        value = readInt(reader, end);
        break;
      case 0x21: // double_value = 4
        reader.fixed64(end);
        value = reader.view.getFloat64(reader.at - 8, true);
        break;
      case 0x2a: // array_value = 5
        value = readList(reader, reader.delimited(end), depth + 1);
        break;
      case 0x32: // kvlist_value = 6
        value = readMembers(reader, reader.delimited(end), depth + 1);
        break;
      default:
        reader.skipUnknown(tag, end, ANY_VALUE_FIELDS & ~(1 << 7), "AnyValue");
    }
  }
  return value;
}

function readInt(reader: WireReader, end: number): number | string {
  reader.varint64(end);
  const number = (reader.high | 0) * TWO_32 + reader.low;
  if (Number.isSafeInteger(number)) return number;
  return String(BigInt.asIntN(64, (BigInt(reader.high) << 32n) | BigInt(reader.low)));
}

export function readText(reader: WireReader, end: number): string {
  const { body, at } = reader;
  reader.at = end;
  return Buffer.from(body.buffer, body.byteOffset + at, end - at).toString();
}

function readList(reader: WireReader, end: number, depth: number): unknown {
  const list: unknown[] = [];
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag !== 0x0a /* values = 1 */) {
      reader.skipUnknown(tag, end, LIST_FIELDS, "ArrayValue");
      continue;
    }
    const stop = reader.delimited(end);
    if (depth > MAX_VALUE_DEPTH) reader.at = stop;
    else list.push(readAnyValue(reader, stop, depth));
  }
  return depth > MAX_VALUE_DEPTH ? undefined : list;
}

function readMembers(reader: WireReader, end: number, depth: number): unknown {
  // Without a prototype: the keys are the sender's.
  const members = Object.create(null) as Record<string, unknown>;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag !== 0x0a /* values = 1 */) {
      reader.skipUnknown(tag, end, LIST_FIELDS, "KeyValueList");
      continue;
    }
    const stop = reader.delimited(end);
    if (depth > MAX_VALUE_DEPTH) reader.at = stop;
    else {
      const [key, value] = readKeyValue(reader, stop, depth);
      members[key] = value;
    }
  }
  return depth > MAX_VALUE_DEPTH ? undefined : members;
}

export function readKeyValue(reader: WireReader, end: number, depth = 1): [string, unknown] {
  let key = "";
  let value: unknown;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* key = 1 */) key = readText(reader, reader.delimited(end));
    else if (tag === 0x12 /* value = 2 */)
      value = readAnyValue(reader, reader.delimited(end), depth);
    else reader.skipUnknown(tag, end, KEY_VALUE_FIELDS, "KeyValue");
  }
  return [key, value];
}

/** What a canonical attribute may be. Whole numbers are written as ints. */
export type Canonical = string | number | boolean | readonly string[];

export function keyValueBytes(key: string, value: Canonical): Buffer {
  return Buffer.concat([delimited(0x0a, Buffer.from(key)), delimited(0x12, anyValueBytes(value))]);
}

function anyValueBytes(value: Canonical): Buffer {
  switch (typeof value) {
    case "string":
      return delimited(0x0a, Buffer.from(value));
    case "boolean":
      return Buffer.from([0x10, value ? 1 : 0]);
    case "number":
      return Number.isSafeInteger(value) && value >= 0 ? intBytes(value) : doubleBytes(value);
    default:
      return delimited(
        0x2a,
        Buffer.concat(value.map((item) => delimited(0x0a, anyValueBytes(item)))),
      );
  }
}

function intBytes(value: number): Buffer {
  return Buffer.concat([Buffer.from([0x18]), varint(value)]);
}

function doubleBytes(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0x21;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

export function delimited(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag]), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  while (value >= 0x80) {
    bytes.push((value % 0x80) | 0x80);
    value = Math.floor(value / 0x80);
  }
  bytes.push(value);
  return Buffer.from(bytes);
}
