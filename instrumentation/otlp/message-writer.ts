/**
 * Protobuf messages, written front to back into one buffer that grows and is used again.
 *
 * The length of a message stands before it and is known after it. Room for it is left by how long the message can get: one byte,
 * or four, which is a valid way to write a small number too.
 */
const SHORT = 0x80;
const LONG_LENGTH_BYTES = 4;
/** Copying so few bytes takes less than asking V8 to; must be less than 128, so that the length is one byte. */
const SHORT_COPY = 64;
/** UTF-16 code units to bytes of UTF-8, at most. */
const MAX_UTF8_BYTES = 3;

export class MessageWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(initialBytes = 16 * 1024) {
    this.#bytes = Buffer.allocUnsafe(initialBytes);
  }

  /** Bytes written so far. */
  get position(): number {
    return this.#at;
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /** Forgets what was written after `position`; for when a value could not be. */
  rewind(position: number): void {
    this.#at = position;
  }

  /** What was written; holds until something else is. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A copy of what was written since the last time. */
  finish(): Uint8Array {
    const copy = this.copySince(0);
    this.#at = 0;
    return copy;
  }

  copySince(position: number): Uint8Array {
    return Buffer.from(this.#bytes.subarray(position, this.#at));
  }

  varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  /** Any whole number: negative ones as protobuf's int64. */
  int64(value: number): void {
    if (value >= 0 && Number.isSafeInteger(value)) return this.varint(value);
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 0x80n) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeUInt32LE(value >>> 0, this.#at);
  }

  /** `seconds` and `nanos` as nanoseconds in a fixed64. */
  nanoseconds(seconds: number, nanos: number): void {
    this.#reserve(8);
    // seconds × 10⁹ from its two halves of 16 bits, each of which stays a whole number in a double.
    const upper = Math.floor(seconds / 0x1_0000) * 1e9;
    const lower = (seconds % 0x1_0000) * 1e9 + nanos;
    const low = (upper % 0x1_0000) * 0x1_0000 + (lower % 0x1_0000_0000);
    const carry = Math.floor(low / 0x1_0000_0000);
    const high = Math.floor(upper / 0x1_0000) + Math.floor(lower / 0x1_0000_0000) + carry;
    this.#bytes.writeUInt32LE(low - carry * 0x1_0000_0000, this.#at);
    this.#bytes.writeUInt32LE(high, this.#at + 4);
    this.#at += 8;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** What was written before, such as a tag with a key. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    const into = this.#bytes;
    const start = this.#at;
    if (length > SHORT_COPY) into.set(bytes, start);
    else for (let at = 0; at < length; at++) into[start + at] = bytes[at] as number;
    this.#at = start + length;
  }

  /** Length and UTF-8; lone surrogates become U+FFFD. */
  text(value: string): void {
    if (value.length <= SHORT_COPY && this.#shortAscii(value)) return;
    const most = value.length * MAX_UTF8_BYTES;
    this.#reserve(most + LONG_LENGTH_BYTES);
    const start = this.begin(most);
    this.#at += this.#bytes.write(value, this.#at, "utf8");
    this.end(start);
  }

  /** false: there is something else than ASCII in it, and nothing is written. */
  #shortAscii(value: string): boolean {
    const { length } = value;
    this.#reserve(length + 1);
    const into = this.#bytes;
    const start = this.#at + 1;
    for (let at = 0; at < length; at++) {
      const code = value.charCodeAt(at);
      if (code >= 0x80) return false;
      into[start + at] = code;
    }
    into[start - 1] = length;
    this.#at = start + length;
    return true;
  }

  /** Length and bytes given in hex, as trace ids are. */
  hex(value: string): void {
    const length = value.length >> 1;
    this.varint(length);
    this.#reserve(length);
    const into = this.#bytes;
    const start = this.#at;
    for (let at = 0; at < length; at++)
      into[start + at] =
        (hexDigit(value.charCodeAt(2 * at)) << 4) | hexDigit(value.charCodeAt(2 * at + 1));
    this.#at = start + length;
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  /** Before a message of at most so many bytes; what it returns goes to `end`. */
  begin(mostBytes = Infinity): number {
    this.#reserve(LONG_LENGTH_BYTES);
    const isShort = mostBytes < SHORT;
    this.#at += isShort ? 1 : LONG_LENGTH_BYTES;
    return isShort ? -this.#at : this.#at;
  }

  end(begun: number): void {
    const start = Math.abs(begun);
    const length = this.#at - start;
    if (begun < 0) {
      this.#bytes[start - 1] = length;
      return;
    }
    this.#bytes[start - 4] = (length & 0x7f) | 0x80;
    this.#bytes[start - 3] = ((length >>> 7) & 0x7f) | 0x80;
    this.#bytes[start - 2] = ((length >>> 14) & 0x7f) | 0x80;
    this.#bytes[start - 1] = length >>> 21;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

/** Of 0-9, a-f and A-F: letters have bit 6, and begin at 1. */
function hexDigit(code: number): number {
  return (code & 0xf) + (code >> 6) * 9;
}
