/** How many retrieved documents a value holds, without parsing them. */
import type { WireReader } from "../otlp/wire.ts";
import { ARRAY, nextEntry, STRING } from "./any-value.ts";

/** Elements of a list, or of the JSON array in a text; undefined when it is neither. */
export function countDocuments(
  reader: WireReader,
  type: number,
  at: number,
  end: number,
): number | undefined {
  if (type === ARRAY) return countList(reader, at, end);
  return type === STRING ? countJsonArray(reader.body, at, end) : undefined;
}

function countList(reader: WireReader, at: number, end: number): number {
  let count = 0;
  reader.at = at;
  for (let next = nextEntry(reader, end); next >= 0; next = nextEntry(reader, end)) {
    reader.at = next;
    count++;
  }
  return count;
}

const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Counts commas outside of strings at depth one; text that is no JSON array gives undefined or some number. */
function countJsonArray(body: Uint8Array, at: number, end: number): number | undefined {
  while (at < end && SPACES.has(body[at]!)) at++;
  if (body[at] !== OPEN_ARRAY || at >= end) return undefined;
  let depth = 0;
  let commas = 0;
  let empty = true;
  for (; at < end; at++) {
    const byte = body[at]!;
    if (byte === QUOTE) at = endOfString(body, at, end);
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      if (--depth === 0) return empty ? 0 : commas + 1;
    } else if (byte === COMMA && depth === 1) commas++;
    else if (SPACES.has(byte)) continue;
    if (depth > 1 || byte !== OPEN_ARRAY) empty = false;
  }
  return undefined;
}

/** Where the closing quote is, or `end`. */
function endOfString(body: Uint8Array, at: number, end: number): number {
  for (at++; at < end; at++) {
    if (body[at] === BACKSLASH) at++;
    else if (body[at] === QUOTE) return at;
  }
  return end;
}
