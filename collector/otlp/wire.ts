/**
 * Protobuf primitives over the bytes of a request: tags, lengths, varints, skipping.
 *
 * Nothing is decoded that the caller does not ask for, and nothing is allocated: a 64-bit integer comes back as two
 * 32-bit halves (`low`, `high`), a message as the position of its end. Every read stays inside the bounds it is given.
 * Anything a protobuf parser may not accept throws `PermanentError`: the same bytes will never be better.
 */
import { PermanentError } from "../stages.ts";

/** Groups may nest, in unknown fields only; protobuf's own parsers stop at this depth too. */
const MAX_GROUP_DEPTH = 100;

/** An attribute's value may nest this deep, the outermost counted; below that nothing is read. */
export const MAX_VALUE_DEPTH = 32;

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
export const WIRE_DELIMITED = 2;
const WIRE_START_GROUP = 3;
const WIRE_END_GROUP = 4;
const WIRE_FIXED32 = 5;

function malformed(what: string, at: number): PermanentError {
  return new PermanentError(`malformed protobuf: ${what} at byte ${at}`);
}

/** A position in a body. Not reentrant: `low` and `high` belong to the last 64-bit read. */
export class WireReader {
  body: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.body.buffer);
  at = 0;
  /** Halves of the last 64-bit value, as unsigned (`>>> 0`) 32-bit numbers. */
  low = 0;
  high = 0;

  reset(body: Uint8Array): void {
    this.body = body;
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.at = 0;
  }

  /** Field number × 8 + wire type. The caller has seen that `at < end`. */
  tag(end: number): number {
    const first = this.body[this.at]!;
    if (first >= 8 && first < 0x80) {
      this.at++;
      return first;
    }
    return this.#longTag(end);
  }

  #longTag(end: number): number {
    const start = this.at;
    this.varint64(end);
    if (this.high !== 0) throw malformed("field number beyond 2^29-1", start);
    if (this.low < 8) throw malformed("field number 0", start);
    return this.low;
  }

  /** Reads a length and returns where the message or string ends; `at` is then its first byte. */
  delimited(end: number): number {
    const at = this.at;
    if (at < end) {
      const first = this.body[at]!;
      if (first < 0x80) {
        const stop = at + 1 + first;
        if (stop > end) throw malformed(`length ${first} with ${end - at - 1} bytes left`, at);
        this.at = at + 1;
        return stop;
      }
    }
    return this.#longDelimited(end);
  }

  #longDelimited(end: number): number {
    const start = this.at;
    this.varint64(end);
    const left = end - this.at;
    if (this.high !== 0 || this.low > left) {
      throw malformed(`length ${this.high * 2 ** 32 + this.low} with ${left} bytes left`, start);
    }
    return this.at + this.low;
  }

  /** The low 32 bits of a varint, unsigned: what protobuf keeps of a uint32, an enum or a bool's number. */
  varint32(end: number): number {
    const at = this.at;
    if (at < end) {
      const first = this.body[at]!;
      if (first < 0x80) {
        this.at = at + 1;
        return first;
      }
    }
    this.varint64(end);
    return this.low;
  }

  /** Reads a varint of up to ten bytes into `low` and `high`. */
  varint64(end: number): void {
    const body = this.body;
    let at = this.at;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw malformed("varint cut short", this.at);
      const byte = body[at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.at = at;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw malformed("varint of more than 10 bytes", this.at);
  }

  /** Reads a fixed64 or a double into `low` and `high`. */
  fixed64(end: number): void {
    const at = this.at;
    if (at + 8 > end) throw malformed("8-byte value cut short", at);
    this.low = this.view.getUint32(at, true);
    this.high = this.view.getUint32(at + 4, true);
    this.at = at + 8;
  }

  fixed32(end: number): number {
    const at = this.at;
    if (at + 4 > end) throw malformed("4-byte value cut short", at);
    this.at = at + 4;
    return this.view.getUint32(at, true);
  }

  /** Passes over the value of a field that was not asked for. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case WIRE_VARINT:
        this.varint32(end);
        return;
      case WIRE_FIXED64:
        this.fixed64(end);
        return;
      case WIRE_DELIMITED:
        this.at = this.delimited(end);
        return;
      case WIRE_START_GROUP:
        this.#skipGroup(tag, end);
        return;
      case WIRE_FIXED32:
        this.fixed32(end);
        return;
      case WIRE_END_GROUP:
        throw malformed("end of a group that was not begun", this.at);
      default:
        throw malformed(`wire type ${tag & 7}`, this.at);
    }
  }

  #skipGroup(tag: number, end: number): void {
    const open = [tag >>> 3];
    while (open.length > 0) {
      if (this.at >= end) throw malformed("group without an end", this.at);
      const inner = this.tag(end);
      if ((inner & 7) === WIRE_START_GROUP) {
        if (open.length === MAX_GROUP_DEPTH) {
          throw malformed(`groups nested more than ${MAX_GROUP_DEPTH} deep`, this.at);
        }
        open.push(inner >>> 3);
      } else if ((inner & 7) === WIRE_END_GROUP) {
        if (open.pop() !== inner >>> 3) throw malformed("end of another group", this.at);
      } else this.skip(inner, end);
    }
  }

  /**
   * What to do with a tag that no case took: a field the message has (`fields`, one bit per number), with another
   * wire type than it must have, is malformed; any other field is passed over.
   */
  skipUnknown(tag: number, end: number, fields: number, message: string): void {
    const field = tag >>> 3;
    if (field < 32 && (fields >>> field) & 1) {
      throw malformed(`${message} field ${field} with wire type ${tag & 7}`, this.at);
    }
    this.skip(tag, end);
  }
}

/** The bit set of a message's fields, for `skipUnknown`. */
export function fieldBits(...fields: readonly number[]): number {
  return fields.reduce((bits, field) => bits | (1 << field), 0);
}
