/**
 * What all columns under construction have in common, in the bytes that ClickHouse's Native format wants.
 *
 * A column is written only where a row has a value of its own; the rows in between, and those up to the end of the
 * block, are filled with the column's filler (empty, 0, null, or what the resource says) when the next value or the
 * end comes. So a span costs what it carries, not what the table could hold.
 *
 * Buffers grow and are used again for the next block: half of the price of a block is touching fresh memory. They
 * shrink only when a block needed far less than they have. Rows must be written in ascending order.
 */
import { endianness } from "node:os";

if (endianness() !== "LE") throw new Error("the encoder needs a little-endian machine");

export interface Column {
  /** What the format has before the column's data in a block that is not empty. */
  readonly prefix: Uint8Array;
  /** Bytes that a block of so many rows would have now. */
  byteLength(rows: number): number;
  /** Forgets all rows from this one on: those of a record that turned out malformed. */
  truncate(rows: number): void;
  /** Fills up to `rows` and adds the column's bytes to `chunks`. */
  finish(rows: number, chunks: Uint8Array[]): void;
  /** Starts again; chunks given out stay valid until something is written. */
  reset(): void;
}

export const NO_PREFIX: Uint8Array = new Uint8Array(0);

export const MIN_BYTES = 4096;
/** A buffer below this is not worth giving back. */
const SHRINK_FROM_BYTES = 4 << 20;
const SHRINK_BELOW_SHARE = 1 / 16;

/** Not zeroed: whatever is read back has been written. Always the whole of its ArrayBuffer. */
export function allocate(bytes: number): Uint8Array {
  const buffer = Buffer.allocUnsafeSlow((bytes + 7) & ~7);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

export function enlarged(old: Uint8Array, used: number, needed: number): Uint8Array {
  const bytes = allocate(Math.max(needed, old.length * 2));
  bytes.set(old.subarray(0, used));
  return bytes;
}

export function farTooLarge(capacity: number, used: number): boolean {
  return capacity > SHRINK_FROM_BYTES && used < capacity * SHRINK_BELOW_SHARE;
}

/** Writes a length as a varint; returns where what follows begins. */
export function putLength(bytes: Uint8Array, at: number, length: number): number {
  while (length >= 0x80) {
    bytes[at++] = (length & 0x7f) | 0x80;
    length >>>= 7;
  }
  bytes[at++] = length;
  return at;
}

/** Repeats what lies between `from` and `to` until `end`, which is a whole number of times away. */
export function repeat(bytes: Uint8Array, from: number, to: number, end: number): void {
  let filled = to;
  while (filled < end) {
    const length = Math.min(filled - from, end - filled);
    bytes.copyWithin(filled, from, from + length);
    filled += length;
  }
}
