/**
 * The walk over what traces and logs have in common: resource, scope, attributes and their values. See validate.ts.
 *
 * One reader for all, because a walk never waits: whoever begins one resets it to the body.
 */
import { CommonKeyValue } from "./key-value.ts";
import {
  ANY_VALUE_FIELDS,
  KEY_VALUE_FIELDS,
  LIST_FIELDS,
  RESOURCE_FIELDS,
  SCOPE_FIELDS,
} from "./messages.ts";
import { MAX_VALUE_DEPTH, WireReader } from "./wire.ts";

export const reader: WireReader = new WireReader();
/** What `walkAttribute` read last, where it returned true. */
export const common: CommonKeyValue = new CommonKeyValue();

export function walkResource(end: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // attributes = 1
        walkAttribute(end);
        break;
      case 0x10: // dropped_attributes_count = 2
        reader.varint32(end);
        break;
      default:
        reader.skipUnknown(tag, end, RESOURCE_FIELDS, "Resource");
    }
  }
}

export function walkScope(end: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // name = 1
      case 0x12: // version = 2
        reader.at = reader.delimited(end);
        break;
      case 0x1a: // attributes = 3
        walkAttribute(end);
        break;
      case 0x20: // dropped_attributes_count = 4
        reader.varint32(end);
        break;
      default:
        reader.skipUnknown(tag, end, SCOPE_FIELDS, "InstrumentationScope");
    }
  }
}

/** An id has its exact length and is not all zeros. */
export function isId(at: number, end: number, length: number): boolean {
  if (end - at !== length) return false;
  const view = reader.view;
  for (let word = at; word < end; word += 4) if (view.getUint32(word) !== 0) return true;
  return false;
}

/** Passes over a KeyValue of which the length comes next; true when it had the common form, and `common` tells what it is. */
export function walkAttribute(end: number): boolean {
  const stop = common.read(reader.body, reader.at, end);
  if (stop < 0) {
    walkKeyValue(reader.delimited(end), 1);
    return false;
  }
  reader.at = stop;
  return true;
}

function walkKeyValue(end: number, depth: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* key = 1 */) reader.at = reader.delimited(end);
    else if (tag === 0x12 /* value = 2 */) walkAnyValue(reader.delimited(end), depth);
    else reader.skipUnknown(tag, end, KEY_VALUE_FIELDS, "KeyValue");
  }
}

/** An AnyValue that ends at `end`. */
export function walkAnyValue(end: number, depth: number): void {
  if (depth > MAX_VALUE_DEPTH) {
    reader.at = end;
    return;
  }
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // string_value = 1
      case 0x3a: // bytes_value = 7
        reader.at = reader.delimited(end);
        break;
      case 0x10: // bool_value = 2
      case 0x18: // int_value = 3
        reader.varint32(end);
        break;
      case 0x21: // double_value = 4
        reader.fixed64(end);
        break;
      case 0x2a: // array_value = 5
        walkArray(reader.delimited(end), depth + 1);
        break;
      case 0x32: // kvlist_value = 6
        walkKeyValueList(reader.delimited(end), depth + 1);
        break;
      default:
        reader.skipUnknown(tag, end, ANY_VALUE_FIELDS, "AnyValue");
    }
  }
}

function walkArray(end: number, depth: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* values = 1 */) walkAnyValue(reader.delimited(end), depth);
    else reader.skipUnknown(tag, end, LIST_FIELDS, "ArrayValue");
  }
}

function walkKeyValueList(end: number, depth: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* values = 1 */) walkKeyValue(reader.delimited(end), depth);
    else reader.skipUnknown(tag, end, LIST_FIELDS, "KeyValueList");
  }
}
