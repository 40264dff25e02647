/** Entries of any number a row: where each row's entries end, then the entries' own columns. */
import type { Column } from "./column.ts";
import { DictionaryColumn } from "./dictionary-column.ts";
import { StringColumn } from "./string-column.ts";
import { WordColumn } from "./word-column.ts";

export class ListColumn<const Entries extends readonly [Column, ...Column[]]> implements Column {
  readonly prefix: Uint8Array;
  readonly entries: Entries;
  /** Entries of all rows so far. */
  total = 0;
  readonly #ends = new WordColumn(2);

  constructor(entries: Entries) {
    this.entries = entries;
    this.prefix = Buffer.concat(entries.map((column) => column.prefix));
  }

  get rows(): number {
    return this.#ends.rows;
  }

  byteLength(rows: number): number {
    let bytes = this.#ends.byteLength(rows);
    for (const column of this.entries) bytes += column.byteLength(this.total);
    return bytes;
  }

  /** Adds entries to a row, and returns the index in the entries' columns at which the first is to be written. */
  add(row: number, count = 1): number {
    const first = this.total;
    if (this.#ends.rows < row) this.pad(row);
    this.total += count;
    this.#ends.put64(row, this.total, 0);
    return first;
  }

  /** Adds as many entries to each of so many rows; returns the index of the first. */
  addRows(row: number, rows: number, count: number): number {
    this.pad(row);
    const first = this.total;
    for (let more = 0; more < rows; more++) {
      this.total += count;
      this.#ends.put64(row + more, this.total, 0);
    }
    return first;
  }

  pad(rows: number): void {
    this.#ends.fill64(rows, this.total, 0);
  }

  truncate(rows: number): void {
    if (this.#ends.rows <= rows) return;
    this.#ends.truncate(rows);
    this.total = rows === 0 ? 0 : this.#ends.words[(rows - 1) * 2]!;
    for (const column of this.entries) column.truncate(this.total);
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    this.pad(rows);
    this.#ends.finish(rows, chunks);
    for (const column of this.entries) column.finish(this.total, chunks);
  }

  reset(): void {
    this.total = 0;
    this.#ends.reset();
    for (const column of this.entries) column.reset();
  }
}

/** The entries of one row, ready to be written many times. */
export interface SharedEntries {
  keys: Int32Array;
  encodedValues: Uint8Array;
}

const NONE: SharedEntries = { keys: new Int32Array(0), encodedValues: new Uint8Array(0) };

/** A map that a run of rows has in common: written when the run ends, by copying what has been copied. */
export class SharedMapColumn implements Column {
  readonly #list = new ListColumn([new DictionaryColumn(), new StringColumn()]);
  readonly prefix = this.#list.prefix;
  #filler = NONE;

  get keys(): DictionaryColumn {
    return this.#list.entries[0];
  }

  byteLength(rows: number): number {
    const { keys, encodedValues } = this.#filler;
    const missing = rows - this.#list.rows;
    return this.#list.byteLength(rows) + missing * (keys.length + encodedValues.length);
  }

  /** What rows from this one on have. */
  fillFrom(row: number, filler: SharedEntries): void {
    if (filler === this.#filler) return;
    this.#pad(row);
    this.#filler = filler;
  }

  #pad(rows: number): void {
    const { keys, encodedValues } = this.#filler;
    const row = this.#list.rows;
    const missing = rows - row;
    if (missing <= 0 || keys.length === 0) {
      this.#list.pad(rows);
      return;
    }
    const entry = this.#list.addRows(row, missing, keys.length);
    this.#list.entries[0].putPlaces(entry, keys, missing);
    this.#list.entries[1].putEncoded(entry, encodedValues, keys.length, missing);
  }

  /** The filler goes too: its keys may be gone. */
  truncate(rows: number): void {
    this.#pad(rows);
    this.#list.truncate(rows);
    this.#filler = NONE;
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    this.#pad(rows);
    this.#list.finish(rows, chunks);
  }

  reset(): void {
    this.#filler = NONE;
    this.#list.reset();
  }
}
