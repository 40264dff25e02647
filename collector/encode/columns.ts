/**
 * Columns under construction, in the bytes that ClickHouse's Native format wants.
 *
 * A column is written only where a row has a value of its own; the rows in between, and those up to the end of the
 * block, are filled with the default (empty, 0, null) when the next value or the end comes. So a span costs what it
 * carries, not what the table could hold.
 *
 * Buffers grow and are used again for the next block: half of the price of a block is touching fresh memory. They
 * shrink only when a block needed far less than they have. `mark` and `rollback` undo the rows of a record that turned
 * out malformed. Rows must be written in ascending order.
 */
import { endianness } from "node:os";
import { SHORT, validUtf8 } from "./utf8.ts";

if (endianness() !== "LE") throw new Error("the encoder needs a little-endian machine");

export interface Column {
  /** Remembers the present state for `rollback`. */
  mark(): void;
  rollback(): void;
  /** Fills up to `rows` and adds the column's bytes to `chunks`. */
  finish(rows: number, chunks: Uint8Array[]): void;
  /** Starts again; chunks given out stay valid until something is written. */
  reset(): void;
  readonly byteLength: number;
}

const MIN_BYTES = 4096;
/** A buffer below this is not worth giving back. */
const SHRINK_FROM_BYTES = 4 << 20;
const SHRINK_BELOW_SHARE = 1 / 16;

/** Not zeroed: whatever is read back has been written. */
function allocate(bytes: number): Uint8Array {
  const buffer = Buffer.allocUnsafeSlow((bytes + 7) & ~7);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function enlarged(old: Uint8Array, used: number, needed: number): Uint8Array {
  const bytes = allocate(Math.max(needed, old.length * 2));
  bytes.set(old.subarray(0, used));
  return bytes;
}

function farTooLarge(capacity: number, used: number): boolean {
  return capacity > SHRINK_FROM_BYTES && used < capacity * SHRINK_BELOW_SHARE;
}

/** Length as a varint, then the bytes. */
export class StringColumn implements Column {
  bytes: Uint8Array = allocate(MIN_BYTES);
  at = 0;
  rows = 0;
  #markAt = 0;
  #markRows = 0;

  get byteLength(): number {
    return this.at;
  }

  /** Writes text from `source`, repaired where it is not UTF-8. */
  put(row: number, source: Uint8Array, from: number, to: number): void {
    if (this.rows !== row) this.pad(row);
    this.rows = row + 1;
    const length = to - from;
    let at = this.at;
    if (at + length + 5 > this.bytes.length) this.#reserve(length + 5);
    const bytes = this.bytes;
    if (length < SHORT) {
      bytes[at++] = length;
      let seen = 0;
      for (let i = from; i < to; i++) {
        const byte = source[i]!;
        seen |= byte;
        bytes[at++] = byte;
      }
      if (seen < 0x80) this.at = at;
      else this.#putChecked(source.subarray(from, to));
      return;
    }
    this.#putChecked(source.subarray(from, to));
  }

  #putChecked(bytes: Uint8Array): void {
    this.#putWhole(validUtf8(bytes));
  }

  #putWhole(bytes: Uint8Array): void {
    const length = bytes.length;
    if (this.at + length + 5 > this.bytes.length) this.#reserve(length + 5);
    let at = this.#putLength(length, this.at);
    if (length < SHORT) {
      const own = this.bytes;
      for (let i = 0; i < length; i++) own[at++] = bytes[i]!;
      this.at = at;
      return;
    }
    this.bytes.set(bytes, at);
    this.at = at + length;
  }

  #putLength(length: number, at: number): number {
    const bytes = this.bytes;
    while (length >= 0x80) {
      bytes[at++] = (length & 0x7f) | 0x80;
      length >>>= 7;
    }
    bytes[at++] = length;
    return at;
  }

  /** Writes text that is known to be valid UTF-8. */
  putValid(row: number, bytes: Uint8Array): void {
    if (this.rows !== row) this.pad(row);
    this.rows = row + 1;
    this.#putWhole(bytes);
  }

  /** Writes `count` strings that are in this column's own form already. */
  putEncoded(row: number, encoded: Uint8Array, count: number): void {
    if (this.rows !== row) this.pad(row);
    this.rows = row + count;
    const length = encoded.length;
    if (this.at + length > this.bytes.length) this.#reserve(length);
    const bytes = this.bytes;
    let at = this.at;
    if (length < SHORT) for (let i = 0; i < length; i++) bytes[at++] = encoded[i]!;
    else {
      bytes.set(encoded, at);
      at += length;
    }
    this.at = at;
  }

  pad(rows: number): void {
    const missing = rows - this.rows;
    if (missing <= 0) return;
    if (this.at + missing > this.bytes.length) this.#reserve(missing);
    this.bytes.fill(0, this.at, this.at + missing);
    this.at += missing;
    this.rows = rows;
  }

  #reserve(more: number): void {
    this.bytes = enlarged(this.bytes, this.at, this.at + more);
  }

  mark(): void {
    this.#markAt = this.at;
    this.#markRows = this.rows;
  }

  rollback(): void {
    this.at = this.#markAt;
    this.rows = this.#markRows;
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    this.pad(rows);
    chunks.push(this.bytes.subarray(0, this.at));
  }

  reset(): void {
    if (farTooLarge(this.bytes.length, this.at)) this.bytes = allocate(this.bytes.length >> 2);
    this.at = 0;
    this.rows = 0;
  }
}

/** A fixed number of 32-bit words a row: UInt32, Int64, Float64, FixedString(16), Decimal(38, 12) … */
export class WordColumn implements Column {
  words: Uint32Array;
  rows = 0;
  readonly width: number;
  #markRows = 0;

  constructor(width: number) {
    this.width = width;
    this.words = new Uint32Array(allocate(MIN_BYTES).buffer);
  }

  get byteLength(): number {
    return this.rows * this.width * 4;
  }

  /** Where in `words` the row's first word is to be written; the rest of them follow. All must be written. */
  slot(row: number): number {
    const at = row * this.width;
    if (at + this.width > this.words.length) this.#reserve(at + this.width);
    if (this.rows < row) this.words.fill(0, this.rows * this.width, at);
    this.rows = row + 1;
    return at;
  }

  put(row: number, word: number): void {
    const at = this.slot(row); // before `this.words` is read: it may replace them
    this.words[at] = word;
  }

  put64(row: number, low: number, high: number): void {
    const at = this.slot(row);
    this.words[at] = low;
    this.words[at + 1] = high;
  }

  pad(rows: number): void {
    if (this.rows < rows) {
      const words = rows * this.width;
      if (words > this.words.length) this.#reserve(words);
      this.words.fill(0, this.rows * this.width, words);
      this.rows = rows;
    }
  }

  #reserve(words: number): void {
    const old = new Uint8Array(this.words.buffer);
    const used = this.rows * this.width * 4;
    this.words = new Uint32Array(enlarged(old, used, words * 4).buffer);
  }

  mark(): void {
    this.#markRows = this.rows;
  }

  rollback(): void {
    this.rows = this.#markRows;
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    this.pad(rows);
    chunks.push(new Uint8Array(this.words.buffer, 0, rows * this.width * 4));
  }

  reset(): void {
    const capacity = this.words.byteLength;
    if (farTooLarge(capacity, this.byteLength)) {
      this.words = new Uint32Array(allocate(capacity >> 2).buffer);
    }
    this.rows = 0;
  }
}

/** One or two bytes a row: Bool, UInt16, and the null map of a Nullable. */
export class ByteColumn implements Column {
  bytes: Uint8Array = allocate(MIN_BYTES);
  rows = 0;
  readonly width: 1 | 2;
  readonly #filler: number;
  #markRows = 0;

  constructor(width: 1 | 2, filler: 0 | 1 = 0) {
    this.width = width;
    this.#filler = filler;
  }

  get byteLength(): number {
    return this.rows * this.width;
  }

  put(row: number, value: number): void {
    this.pad(row);
    const at = row * this.width;
    if (at + this.width > this.bytes.length) this.#reserve(at, at + this.width);
    this.bytes[at] = value;
    if (this.width === 2) this.bytes[at + 1] = value >>> 8;
    this.rows = row + 1;
  }

  pad(rows: number): void {
    if (this.rows >= rows) return;
    const from = this.rows * this.width;
    const to = rows * this.width;
    if (to > this.bytes.length) this.#reserve(from, to);
    this.bytes.fill(this.#filler, from, to);
    this.rows = rows;
  }

  #reserve(used: number, needed: number): void {
    this.bytes = enlarged(this.bytes, used, needed);
  }

  mark(): void {
    this.#markRows = this.rows;
  }

  rollback(): void {
    this.rows = this.#markRows;
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    this.pad(rows);
    chunks.push(this.bytes.subarray(0, rows * this.width));
  }

  reset(): void {
    this.rows = 0;
  }
}

/** Null until a row gives a value: null map first, then the values. */
export class NullableColumn implements Column {
  readonly #present = new ByteColumn(1, 1);
  readonly #values: WordColumn;

  constructor(width: number) {
    this.#values = new WordColumn(width);
  }

  get byteLength(): number {
    return this.#present.byteLength + this.#values.byteLength;
  }

  put64(row: number, low: number, high: number): void {
    this.#present.put(row, 0);
    this.#values.put64(row, low, high);
  }

  /** Int128 from its low 64 bits, which must not be negative as such. */
  put128(row: number, low: number, high: number, upperLow: number, upperHigh: number): void {
    this.#present.put(row, 0);
    const at = this.#values.slot(row);
    const words = this.#values.words;
    words[at] = low;
    words[at + 1] = high;
    words[at + 2] = upperLow;
    words[at + 3] = upperHigh;
  }

  mark(): void {
    this.#present.mark();
    this.#values.mark();
  }

  rollback(): void {
    this.#present.rollback();
    this.#values.rollback();
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    this.#present.finish(rows, chunks);
    this.#values.finish(rows, chunks);
  }

  reset(): void {
    this.#present.reset();
    this.#values.reset();
  }
}

/** Entries of any number a row: where each row's entries end, then the entries' own columns. */
export class ListColumn<const Entries extends readonly [Column, ...Column[]]> implements Column {
  readonly entries: Entries;
  /** Entries of all rows so far. */
  total = 0;
  readonly #ends = new WordColumn(2);
  #markTotal = 0;

  constructor(entries: Entries) {
    this.entries = entries;
  }

  get byteLength(): number {
    let bytes = this.#ends.byteLength;
    for (const column of this.entries) bytes += column.byteLength;
    return bytes;
  }

  /** Adds entries to a row, and returns the index in the entries' columns at which the first is to be written. */
  add(row: number, count = 1): number {
    const first = this.total;
    if (this.#ends.rows < row) this.#pad(row);
    this.total += count;
    this.#ends.put64(row, this.total, 0);
    return first;
  }

  #pad(rows: number): void {
    for (let row = this.#ends.rows; row < rows; row++) this.#ends.put64(row, this.total, 0);
  }

  mark(): void {
    this.#markTotal = this.total;
    this.#ends.mark();
    for (const column of this.entries) column.mark();
  }

  rollback(): void {
    this.total = this.#markTotal;
    this.#ends.rollback();
    for (const column of this.entries) column.rollback();
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    this.#pad(rows);
    this.#ends.finish(rows, chunks);
    for (const column of this.entries) column.finish(this.total, chunks);
  }

  reset(): void {
    this.total = 0;
    this.#ends.reset();
    for (const column of this.entries) column.reset();
  }
}
