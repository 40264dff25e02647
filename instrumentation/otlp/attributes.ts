/** Attributes as OTLP's KeyValue messages, with the types that the SDK's own exporters give them. */
import type { Attributes, AttributeValue } from "@opentelemetry/api";
import { WrittenJson } from "../canonical-json.ts";
import { MessageWriter } from "./message-writer.ts";

/** The names of attributes repeat, and so do most of their texts from call to call: model, host, currency. */
interface Key {
  /** Tag, length and text. */
  readonly bytes: Uint8Array;
  /** The last short text that it had. */
  text: string | undefined;
  /** The KeyValue of that, from the second time on: what never comes again is not kept. */
  written: Uint8Array | undefined;
}

const keys = new Map<string, Key>();
const MAX_KEYS = 2_048;
/** UTF-16 code units. */
const SHORT_TEXT = 64;
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
  const known = keyOf(key);
  writer.varint(tag);
  const isShort = typeof value === "string" && value.length <= SHORT_TEXT;
  const isAgain = isShort && value === known.text;
  if (isAgain && known.written) return writer.raw(known.written);
  const begun = writer.position;
  const most = mostBytes(value);
  const start = writer.begin(known.bytes.length + 2 + most);
  writer.raw(known.bytes);
  writer.varint(VALUE);
  const inner = writer.begin(most);
  writeValue(writer, value as AttributeValue, depth);
  writer.end(inner);
  writer.end(start);
  if (!isShort) return;
  known.text = value;
  known.written = isAgain ? writer.copySince(begun) : undefined;
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
  if (value instanceof WrittenJson) {
    writer.varint(0x0a); // string_value = 1
    writer.bytes(value.utf8);
    return;
  }
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

function keyOf(key: string): Key {
  const known = keys.get(key);
  if (known) return known;
  keyWriter.varint(KEY);
  keyWriter.text(key);
  const made = { bytes: keyWriter.finish(), text: undefined, written: undefined };
  if (keys.size < MAX_KEYS) keys.set(key, made);
  return made;
}
