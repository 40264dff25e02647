/** Attributes as OTLP's KeyValue messages, with the types that the SDK's own exporters give them. */
import type { Attributes, AttributeValue } from "@opentelemetry/api";
import { MessageWriter } from "./message-writer.ts";

/** The names of attributes repeat: each is written once. */
const keys = new Map<string, Uint8Array>();
const MAX_KEYS = 2_048;
/** Of maps and lists inside one another; what is deeper is written as if it had no value. */
const MAX_DEPTH = 32;
const keyWriter = new MessageWriter(256);

const KEY = 0x0a; // KeyValue.key = 1
const VALUE = 0x12; // KeyValue.value = 2

/** @param tag of the field that holds the attributes */
export function writeAttributes(writer: MessageWriter, tag: number, attributes: Attributes): void {
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) writeKeyValue(writer, tag, key, value, 0);
  }
}

function writeKeyValue(
  writer: MessageWriter,
  tag: number,
  key: string,
  value: unknown,
  depth: number,
): void {
  const name = keyOf(key);
  writer.varint(tag);
  const most = mostBytes(value);
  const start = writer.begin(name.length + 2 + most);
  writer.raw(name);
  writer.varint(VALUE);
  const inner = writer.begin(most);
  writeValue(writer, value as AttributeValue, depth);
  writer.end(inner);
  writer.end(start);
}

/** Of a value at most: a number is ten bytes and their tag. */
function mostBytes(value: unknown): number {
  if (typeof value === "string") return value.length * 3 + 5;
  return typeof value === "object" ? Infinity : 11;
}

/** The fields of an AnyValue. */
function writeValue(writer: MessageWriter, value: unknown, depth: number): void {
  switch (typeof value) {
    case "string":
      writer.varint(0x0a); // string_value = 1
      writer.text(value);
      return;
    case "boolean":
      writer.varint(0x10); // bool_value = 2
      writer.varint(value ? 1 : 0);
      return;
    case "number":
      writeNumber(writer, value);
      return;
    case "object":
      if (value !== null && depth < MAX_DEPTH) writeObject(writer, value, depth + 1);
      return;
    default:
  }
}

function writeNumber(writer: MessageWriter, value: number): void {
  if (Number.isSafeInteger(value)) {
    writer.varint(0x18); // int_value = 3
    writer.int64(value);
  } else {
    writer.varint(0x21); // double_value = 4
    writer.double(value);
  }
}

function writeObject(writer: MessageWriter, value: object, depth: number): void {
  if (value instanceof Uint8Array) {
    writer.varint(0x3a); // bytes_value = 7
    writer.bytes(value);
    return;
  }
  writer.varint(Array.isArray(value) ? 0x2a : 0x32); // array_value = 5, kvlist_value = 6
  const start = writer.begin();
  if (Array.isArray(value)) for (const item of value) writeItem(writer, item, depth);
  else
    for (const [key, member] of Object.entries(value))
      writeKeyValue(writer, 0x0a /* values = 1 */, key, member, depth);
  writer.end(start);
}

function writeItem(writer: MessageWriter, item: unknown, depth: number): void {
  writer.varint(0x0a); // ArrayValue.values = 1
  const start = writer.begin();
  writeValue(writer, item, depth);
  writer.end(start);
}

/** Tag, length and text of a KeyValue's key. */
function keyOf(key: string): Uint8Array {
  const known = keys.get(key);
  if (known) return known;
  keyWriter.varint(KEY);
  keyWriter.text(key);
  const written = keyWriter.finish();
  if (keys.size < MAX_KEYS) keys.set(key, written);
  return written;
}
