/** Texts, each as its length and its bytes. */
import {
  allocate,
  type Column,
  enlarged,
  farTooLarge,
  MIN_BYTES,
  NO_PREFIX,
  putLength,
  repeat,
} from "./column.ts";
import { validUtf8 } from "./utf8.ts";

/**
 * Below this, copying four bytes at a time beats the fixed price of the native calls (45 ns for the view, the check
 * and the copy); what is copied is checked on the way.
 */
const LONG = 200;
/** Room for the longest length. */
const LENGTH_BYTES = 5;
const NOT_ASCII = 0x80808080 | 0;

export class StringColumn implements Column {
  readonly prefix = NO_PREFIX;
  bytes: Uint8Array = allocate(MIN_BYTES);
  at = 0;
  rows = 0;
  #view = new DataView(this.bytes.buffer);

  byteLength(rows: number): number {
    return this.at + rows - this.rows;
  }

  /** Writes text from `source`, of which `view` is a view, repaired where it is not UTF-8. */
  put(row: number, source: Uint8Array, view: DataView, from: number, to: number): void {
    if (this.rows !== row) this.pad(row);
    this.rows = row + 1;
    const length = to - from;
    if (this.at + length + LENGTH_BYTES > this.bytes.length) this.#reserve(length + LENGTH_BYTES);
    if (length >= LONG) {
      this.#putWhole(validUtf8(source.subarray(from, to)));
      return;
    }
    const at = putLength(this.bytes, this.at, length);
    if (this.#copy(source, view, from, to, at)) this.at = at + length;
    else this.#putWhole(validUtf8(source.subarray(from, to)));
  }

  /** Whether all that was copied is ASCII. */
  #copy(source: Uint8Array, view: DataView, from: number, to: number, at: number): boolean {
    let seen = 0;
    if (to - from < 4) {
      const bytes = this.bytes;
      for (; from < to; from++) {
        const byte = source[from]!;
        seen |= byte;
        bytes[at++] = byte;
      }
      return seen < 0x80;
    }
    const own = this.#view;
    // The last word may overlap the one before.
    const end = at + (to - from) - 4;
    const last = view.getInt32(to - 4, true);
    seen = last;
    for (; at < end; at += 4, from += 4) {
      const word = view.getInt32(from, true);
      seen |= word;
      own.setInt32(at, word, true);
    }
    own.setInt32(end, last, true);
    return (seen & NOT_ASCII) === 0;
  }

  #putWhole(bytes: Uint8Array): void {
    const length = bytes.length;
    if (this.at + length + LENGTH_BYTES > this.bytes.length) this.#reserve(length + LENGTH_BYTES);
    const at = putLength(this.bytes, this.at, length);
    this.bytes.set(bytes, at);
    this.at = at + length;
  }

  /** Writes text that is known to be valid UTF-8. */
  putValid(row: number, bytes: Uint8Array): void {
    if (this.rows !== row) this.pad(row);
    this.rows = row + 1;
    this.#putWhole(bytes);
  }

  /** Writes `count` strings that are in this column's own form already, so many times. */
  putEncoded(row: number, encoded: Uint8Array, count: number, times: number): void {
    this.pad(row);
    this.rows = row + count * times;
    const from = this.at;
    const end = from + encoded.length * times;
    if (end > this.bytes.length) this.#reserve(end - from);
    this.bytes.set(encoded, from);
    repeat(this.bytes, from, from + encoded.length, end);
    this.at = end;
  }

  pad(rows: number): void {
    const missing = rows - this.rows;
    if (missing <= 0) return;
    if (this.at + missing > this.bytes.length) this.#reserve(missing);
    if (missing === 1) this.bytes[this.at] = 0;
    else this.bytes.fill(0, this.at, this.at + missing);
    this.at += missing;
    this.rows = rows;
  }

  #reserve(more: number): void {
    this.bytes = enlarged(this.bytes, this.at, this.at + more);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Reads its way from the start: rare, and so no row's place has to be remembered. */
  truncate(rows: number): void {
    if (this.rows <= rows) return;
    let at = 0;
    for (let row = 0; row < rows; row++) at = this.#endOf(at);
    this.at = at;
    this.rows = rows;
  }

  #endOf(at: number): number {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) return at + length;
    }
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    this.pad(rows);
    chunks.push(this.bytes.subarray(0, this.at));
  }

  reset(): void {
    if (farTooLarge(this.bytes.length, this.at)) {
      this.bytes = allocate(this.bytes.length >> 2);
      this.#view = new DataView(this.bytes.buffer);
    }
    this.at = 0;
    this.rows = 0;
  }
}
