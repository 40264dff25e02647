/** Values of a fixed number of 32-bit words: UInt32, Int64, Float64, FixedString(16), Decimal(38, 12) … */
import {
  allocate,
  type Column,
  enlarged,
  farTooLarge,
  MIN_BYTES,
  NO_PREFIX,
  repeat,
} from "./column.ts";

export class WordColumn implements Column {
  readonly prefix = NO_PREFIX;
  words: Uint32Array;
  rows = 0;
  readonly width: number;

  constructor(width: number) {
    this.width = width;
    this.words = new Uint32Array(allocate(MIN_BYTES).buffer);
  }

  byteLength(rows: number): number {
    return rows * this.width * 4;
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
    const words = this.words;
    words[at] = low;
    words[at + 1] = high;
  }

  /** Writes what `view` has there. */
  putBytes(row: number, view: DataView, from: number): void {
    const at = this.slot(row);
    const words = this.words;
    for (let word = 0; word < this.width; word++) {
      words[at + word] = view.getInt32(from + word * 4, true);
    }
  }

  /** Gives all rows that are missing up to `rows` the same 64-bit value. */
  fill64(rows: number, low: number, high: number): void {
    const from = this.rows;
    if (rows <= from) return;
    this.put64(rows - 1, low, high); // makes room
    const words = this.words;
    if (rows - from < 16) {
      for (let at = from * 2; at < rows * 2; at += 2) {
        words[at] = low;
        words[at + 1] = high;
      }
      return;
    }
    words[from * 2] = low;
    words[from * 2 + 1] = high;
    repeat(new Uint8Array(words.buffer), from * 8, from * 8 + 8, rows * 8);
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

  truncate(rows: number): void {
    if (this.rows > rows) this.rows = rows;
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    this.pad(rows);
    chunks.push(new Uint8Array(this.words.buffer, 0, rows * this.width * 4));
  }

  reset(): void {
    const capacity = this.words.byteLength;
    if (farTooLarge(capacity, this.rows * this.width * 4)) {
      this.words = new Uint32Array(allocate(capacity >> 2).buffer);
    }
    this.rows = 0;
  }
}
