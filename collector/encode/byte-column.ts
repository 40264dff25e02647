/** Values of one or two bytes (Bool, UInt16), and what may be null. */
import { allocate, type Column, enlarged, MIN_BYTES, NO_PREFIX } from "./column.ts";
import { WordColumn } from "./word-column.ts";

export class ByteColumn implements Column {
  readonly prefix = NO_PREFIX;
  bytes: Uint8Array = allocate(MIN_BYTES);
  rows = 0;
  readonly width: 1 | 2;
  readonly #filler: number;

  constructor(width: 1 | 2, filler: 0 | 1 = 0) {
    this.width = width;
    this.#filler = filler;
  }

  byteLength(rows: number): number {
    return rows * this.width;
  }

  put(row: number, value: number): void {
    if (this.rows !== row) this.pad(row);
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

  truncate(rows: number): void {
    if (this.rows > rows) this.rows = rows;
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
  readonly prefix = NO_PREFIX;
  readonly #present = new ByteColumn(1, 1);
  readonly #values: WordColumn;

  constructor(width: number) {
    this.#values = new WordColumn(width);
  }

  byteLength(rows: number): number {
    return this.#present.byteLength(rows) + this.#values.byteLength(rows);
  }

  put64(row: number, low: number, high: number): void {
    this.#present.put(row, 0);
    this.#values.put64(row, low, high);
  }

  /** Int128, the lowest word first. */
  put128(row: number, low: number, high: number, upperLow: number, upperHigh: number): void {
    this.#present.put(row, 0);
    const at = this.#values.slot(row);
    const words = this.#values.words;
    words[at] = low;
    words[at + 1] = high;
    words[at + 2] = upperLow;
    words[at + 3] = upperHigh;
  }

  truncate(rows: number): void {
    this.#present.truncate(rows);
    this.#values.truncate(rows);
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
