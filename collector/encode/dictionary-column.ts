/**
 * LowCardinality(String): every text once in the block's dictionary, and its place there for each row.
 *
 * The engine takes such a block as it is, where plain texts would cost it a look-up for every row of every column. Here
 * a row usually has the text of the row before, which is found by comparing; and texts of a resource or scope are
 * looked up once, not once a row. Place 0 is the empty text, as the engine wants it.
 *
 * A text that comes in another spelling than UTF-8 is repaired; it is never remembered as it came, so that every row
 * which has it counts as repaired.
 */
import { isUtf8 } from "node:buffer";
import { allocate, type Column, enlarged, farTooLarge, MIN_BYTES, repeat } from "./column.ts";
import { hashValue } from "./cardinality.ts";
import { Interner, NOT_FOUND } from "./interner.ts";
import { type TextSpot, viewOf } from "./text-spot.ts";
import { repaired } from "./utf8.ts";

/** The format's version, "shared dictionaries with additional keys". */
const PREFIX: Uint8Array = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
/** The dictionary comes with the block, and replaces the one before. */
const HAS_ADDITIONAL_KEYS = 0x200;
const NEED_UPDATE_DICTIONARY = 0x400;
/** Flags, size of the dictionary, number of rows. */
const WORDS_BYTES = 24;
/** A text longer than this is compared with the one before it only. */
const MAX_SHARED_LENGTH = 1024;
const EMPTY = 0;

export class DictionaryColumn implements Column {
  readonly prefix = PREFIX;
  rows = 0;
  readonly #texts = new Interner([""], 2 ** 30, MAX_SHARED_LENGTH);
  #places: Uint32Array = new Uint32Array(allocate(MIN_BYTES).buffer);
  #filler = EMPTY;
  #last = EMPTY;
  /** By place; 0 where it has not been asked for. */
  #hashes = new Int32Array(64);
  #output: Uint8Array = allocate(MIN_BYTES);

  byteLength(rows: number): number {
    return WORDS_BYTES + this.#texts.encoded.length + rows * this.#width;
  }

  /** Bytes of a place. */
  get #width(): 1 | 2 | 4 {
    const { size } = this.#texts;
    return size <= 1 << 8 ? 1 : size <= 1 << 16 ? 2 : 4;
  }

  /** Writes text from `source`, of which `view` is a view; returns its place. */
  put(row: number, source: Uint8Array, view: DataView, from: number, to: number): number {
    const place = this.placeOf(source, view, from, to);
    this.putPlace(row, place);
    return place;
  }

  putSpot(row: number, spot: TextSpot): number {
    return this.put(row, spot.bytes, spot.view, spot.at, spot.end);
  }

  putPlace(row: number, place: number): void {
    if (this.rows !== row) this.pad(row);
    if (row === this.#places.length) this.#reserve(row + 1);
    this.#places[row] = place;
    this.rows = row + 1;
  }

  /** The place of a text in the dictionary, where it is put if need be; good until the block is finished. */
  placeOf(source: Uint8Array, view: DataView, from: number, to: number): number {
    if (from === to) return EMPTY;
    if (this.#texts.is(this.#last, source, view, from, to)) return this.#last;
    return (this.#last = this.#look(source, view, from, to));
  }

  placeOfText(bytes: Uint8Array): number {
    return this.placeOf(bytes, viewOf(bytes), 0, bytes.length);
  }

  #look(source: Uint8Array, view: DataView, from: number, to: number): number {
    const known = this.#texts.find(source, view, from, to);
    if (known !== NOT_FOUND) return known;
    const text = source.subarray(from, to);
    if (!isUtf8(text)) return this.placeOfText(repaired(text));
    const added = this.#texts.intern(source, view, from, to);
    return added === NOT_FOUND ? this.#texts.add(source, from, to) : added;
  }

  /** For the limits on distinct values; 0 for the empty text. */
  hashOf(place: number): number {
    if (place >= this.#hashes.length) this.#growHashes(place);
    const known = this.#hashes[place]!;
    if (known !== 0 || place === EMPTY) return known;
    const text = this.#texts.bytesOf(place);
    return (this.#hashes[place] = hashValue(text, 0, text.length));
  }

  #growHashes(place: number): void {
    const grown = new Int32Array(place * 2);
    grown.set(this.#hashes);
    this.#hashes = grown;
  }

  /** What rows from this one on have unless they say something else. */
  fillFrom(row: number, place: number): void {
    if (place === this.#filler) return;
    this.pad(row);
    this.#filler = place;
  }

  pad(rows: number): void {
    if (this.rows >= rows) return;
    if (rows > this.#places.length) this.#reserve(rows);
    if (rows === this.rows + 1) this.#places[this.rows] = this.#filler;
    else this.#places.fill(this.#filler, this.rows, rows);
    this.rows = rows;
  }

  /** Writes a row for each of these places, and all of them so many times. */
  putPlaces(row: number, places: Int32Array, times: number): void {
    this.pad(row);
    const count = places.length;
    const end = row + count * times;
    if (end > this.#places.length) this.#reserve(end);
    this.#places.set(places, row);
    repeat(new Uint8Array(this.#places.buffer), row * 4, (row + count) * 4, end * 4);
    this.rows = end;
  }

  #reserve(rows: number): void {
    const old = new Uint8Array(this.#places.buffer);
    this.#places = new Uint32Array(enlarged(old, this.rows * 4, rows * 4).buffer);
  }

  /**
   * Texts that only the forgotten rows had go with them: places are given out in the order of first use. Places and
   * fillers that were asked for before are no longer good.
   */
  truncate(rows: number): void {
    this.pad(rows); // while the filler is still the one of the rows that stay
    this.rows = rows;
    this.#filler = EMPTY;
    let last = EMPTY;
    for (let row = 0; row < rows; row++) last = Math.max(last, this.#places[row]!);
    this.#texts.truncate(last + 1);
    this.#hashes.fill(0, last + 1);
    this.#last = EMPTY;
  }

  finish(rows: number, chunks: Uint8Array[]): void {
    if (rows === 0) return;
    this.pad(rows);
    const dictionary = this.#texts.encoded;
    const width = this.#width;
    const length = WORDS_BYTES + dictionary.length + rows * width;
    if (length > this.#output.length) this.#output = allocate(length + (length >> 2));
    const output = this.#output;
    const words = new Uint32Array(output.buffer, 0, 4);
    words.set([
      HAS_ADDITIONAL_KEYS | NEED_UPDATE_DICTIONARY | (width >> 1),
      0,
      this.#texts.size,
      0,
    ]);
    output.set(dictionary, 16);
    const at = 16 + dictionary.length;
    viewOf(output).setUint32(at, rows, true);
    viewOf(output).setUint32(at + 4, 0, true);
    this.#putPlaces(output, at + 8, rows, width);
    chunks.push(output.subarray(0, length));
  }

  /** Each place in as few bytes as all of them need. */
  #putPlaces(output: Uint8Array, at: number, rows: number, width: number): void {
    const places = this.#places;
    if (width === 4) output.set(new Uint8Array(places.buffer, 0, rows * 4), at);
    else if (width === 1) for (let row = 0; row < rows; row++) output[at++] = places[row]!;
    else {
      for (let row = 0; row < rows; row++) {
        const place = places[row]!;
        output[at++] = place;
        output[at++] = place >>> 8;
      }
    }
  }

  reset(): void {
    this.#texts.forget();
    this.#hashes = this.#hashes.length > 4096 ? new Int32Array(64) : this.#hashes.fill(0);
    if (farTooLarge(this.#places.byteLength, this.rows * 4)) {
      this.#places = new Uint32Array(allocate(this.#places.byteLength >> 2).buffer);
    }
    this.rows = 0;
    this.#last = EMPTY;
    this.#filler = EMPTY;
  }
}
