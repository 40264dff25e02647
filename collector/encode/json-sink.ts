/**
 * JSON text as bytes, in one buffer that is used again and again.
 *
 * Strings come as UTF-8 bytes and are escaped on the way; they never become JavaScript strings.
 */
import { validUtf8 } from "./utf8.ts";

const HEX = Buffer.from("0123456789abcdef");
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The letter after the backslash, for the control characters that have one. */
const SHORT_ESCAPES = new Map([
  [0x08, 0x62],
  [0x09, 0x74],
  [0x0a, 0x6e],
  [0x0c, 0x66],
  [0x0d, 0x72],
]);

const MAX_KEPT_BYTES = 4 << 20;

export class JsonSink {
  bytes: Uint8Array = new Uint8Array(16_384);
  at = 0;

  /** Starts again; bytes taken before are no longer valid. */
  clear(): void {
    this.at = 0;
    if (this.bytes.length > MAX_KEPT_BYTES) this.bytes = new Uint8Array(16_384);
  }

  /** What has been written; a view, valid until the next write. */
  taken(): Uint8Array {
    return this.bytes.subarray(0, this.at);
  }

  /** ASCII, not escaped. */
  raw(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.at++] = text.charCodeAt(i);
  }

  byte(byte: number): void {
    this.#reserve(1);
    this.bytes[this.at++] = byte;
  }

  /** A string in quotes, repaired where it is not UTF-8. */
  string(source: Uint8Array, from: number, to: number): void {
    const text = validUtf8(source.subarray(from, to));
    // Six bytes are the longest escape.
    this.#reserve(text.length * 6 + 2);
    const bytes = this.bytes;
    let at = this.at;
    bytes[at++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const byte = text[i]!;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) bytes[at++] = byte;
      else at = escape(bytes, at, byte);
    }
    bytes[at++] = QUOTE;
    this.at = at;
  }

  base64(source: Uint8Array, from: number, to: number): void {
    this.byte(QUOTE);
    const view = Buffer.from(source.buffer, source.byteOffset + from, to - from);
    this.raw(view.toString("base64"));
    this.byte(QUOTE);
  }

  #reserve(more: number): void {
    const needed = this.at + more;
    if (needed <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    bytes.set(this.taken());
    this.bytes = bytes;
  }
}

function escape(bytes: Uint8Array, at: number, byte: number): number {
  bytes[at++] = BACKSLASH;
  if (byte >= 0x20) {
    bytes[at++] = byte;
    return at;
  }
  const letter = SHORT_ESCAPES.get(byte);
  if (letter !== undefined) {
    bytes[at++] = letter;
    return at;
  }
  bytes[at++] = 0x75; // u00XX
  bytes[at++] = 0x30;
  bytes[at++] = 0x30;
  bytes[at++] = HEX[byte >>> 4]!;
  bytes[at++] = HEX[byte & 15]!;
  return at;
}
