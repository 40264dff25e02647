/**
 * The form in which nearly every attribute comes: the key, then a value with one member, nothing else.
 *
 * Read here without a call per field. `read` says no to whatever has another form, malformed bytes included, and then
 * has no effect: the general reading of the caller decides. So nothing is accepted here that would be refused there.
 */
const KEY = 0x0a;
const VALUE = 0x12;
/** Members of AnyValue, as tags. */
const STRING = 0x0a;
const BOOL = 0x10;
const INT = 0x18;
const DOUBLE = 0x21;

export class CommonKeyValue {
  /** Where key and value lie; a number's content is its varint or its eight bytes. */
  keyAt = 0;
  keyEnd = 0;
  /** Field number of the member of AnyValue: string, bool, int or double. */
  type = 0;
  valueAt = 0;
  valueEnd = 0;

  /** Reads a length-delimited KeyValue, `at` being its length; returns where it ends, or -1. */
  read(body: Uint8Array, at: number, end: number): number {
    if (at + 6 > end) return -1;
    let length = body[at++]!;
    if (length >= 0x80) {
      const more = body[at++]!;
      if (more >= 0x80) return -1;
      length = (length & 0x7f) | (more << 7);
    }
    const stop = at + length;
    if (stop > end || length < 5 || body[at] !== KEY) return -1;
    const keyLength = body[at + 1]!;
    const keyEnd = at + 2 + keyLength;
    if (keyLength >= 0x80 || keyEnd + 3 > stop || body[keyEnd] !== VALUE) return -1;
    const keyAt = at + 2;
    at = keyEnd + 2;
    let valueLength = body[keyEnd + 1]!;
    if (valueLength >= 0x80) {
      const more = body[at++]!;
      if (more >= 0x80) return -1;
      valueLength = (valueLength & 0x7f) | (more << 7);
    }
    if (at + valueLength !== stop || valueLength < 2) return -1;
    const valueAt = this.#contentOf(body, at, stop);
    if (valueAt < 0) return -1;
    this.keyAt = keyAt;
    this.keyEnd = keyEnd;
    this.type = body[at]! >>> 3;
    this.valueAt = valueAt;
    this.valueEnd = stop;
    return stop;
  }

  /** Where the content of the AnyValue's only member begins, which must end with it; -1 if it is not so. */
  #contentOf(body: Uint8Array, at: number, stop: number): number {
    const first = body[at + 1]!;
    switch (body[at]) {
      case STRING: {
        if (first < 0x80) return at + 2 + first === stop ? at + 2 : -1;
        if (at + 3 > stop) return -1;
        const second = body[at + 2]!;
        return second < 0x80 && at + 3 + ((first & 0x7f) | (second << 7)) === stop ? at + 3 : -1;
      }
      case BOOL:
      case INT:
        return isVarint(body, at + 1, stop) ? at + 1 : -1;
      case DOUBLE:
        return at + 9 === stop ? at + 1 : -1;
      default:
        return -1;
    }
  }
}

/** Whether one varint of at most ten bytes lies there, and nothing else. */
function isVarint(body: Uint8Array, at: number, stop: number): boolean {
  if (stop - at > 10 || body[stop - 1]! >= 0x80) return false;
  for (; at < stop - 1; at++) if (body[at]! < 0x80) return false;
  return true;
}
