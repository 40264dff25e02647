/**
 * Gives byte strings small numbers, without making JavaScript strings of them.
 *
 * A look-up hashes four bytes at a time, then compares all of them. Probing stops after a few steps, so that keys
 * chosen to collide make the table forgetful (`NOT_FOUND`), never slow; `capacity` bounds how many it remembers.
 *
 * The strings lie one after the other, each behind its length: as ClickHouse's Native format wants a dictionary.
 */
import { putLength } from "./column.ts";

export const NOT_FOUND = -1;

const MAX_PROBES = 16;
/** Strings at first; a table that has become larger than `KEPT_SIZE` is given back when it forgets. */
const INITIAL_SIZE = 64;
const KEPT_SIZE = 1 << 14;
/** Slots per string, at least. */
const SLOTS = 4;
const LENGTH_BYTES = 5;

export class Interner {
  /** Numbers given out are below this. */
  readonly capacity: number;
  readonly #maxLength: number;
  readonly #fixed: number;
  #slots!: Int32Array;
  #mask = 0;
  #starts!: Int32Array;
  #lengths!: Int32Array;
  #bytes!: Uint8Array<ArrayBuffer>;
  #view!: DataView;
  #used = 0;
  size = 0;

  /** `words` have the numbers 0, 1, 2 … in their order, always. */
  constructor(words: readonly string[], capacity: number, maxLength = 256) {
    this.capacity = Math.max(capacity, words.length);
    this.#maxLength = maxLength;
    this.#allocate(Math.max(INITIAL_SIZE, words.length));
    for (const word of words) {
      const bytes = Uint8Array.from(Buffer.from(word));
      this.intern(bytes, new DataView(bytes.buffer), 0, bytes.length);
    }
    this.#fixed = words.length;
    if (this.size !== words.length) throw new Error("two equal words, or too many of one hash");
  }

  #allocate(size: number): void {
    this.#starts = new Int32Array(size);
    this.#lengths = new Int32Array(size);
    this.#setSlots(size);
    this.#bytes = new Uint8Array(size * 16);
    this.#view = new DataView(this.#bytes.buffer);
  }

  #setSlots(size: number): void {
    const slots = 2 ** Math.ceil(Math.log2(size * SLOTS));
    this.#slots = new Int32Array(slots).fill(NOT_FOUND);
    this.#mask = slots - 1;
  }

  get full(): boolean {
    return this.size >= this.capacity;
  }

  /** All strings behind their lengths, in the order of their numbers; a view, valid until something is added. */
  get encoded(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  find(source: Uint8Array, view: DataView, from: number, to: number): number {
    return this.#look(source, view, from, to, false);
  }

  /** The number of the bytes, a new one if need be; `NOT_FOUND` when they are too long or there is no room. */
  intern(source: Uint8Array, view: DataView, from: number, to: number): number {
    return this.#look(source, view, from, to, true);
  }

  /** A new number, whether or not the bytes can be found by it. */
  add(source: Uint8Array, from: number, to: number): number {
    if (this.size === this.#starts.length) this.#grow();
    const index = this.size++;
    const length = to - from;
    this.#reserve(length + LENGTH_BYTES);
    const start = putLength(this.#bytes, this.#used, length);
    this.#bytes.set(source.subarray(from, to), start);
    this.#starts[index] = start;
    this.#lengths[index] = length;
    this.#used = start + length;
    return index;
  }

  #look(source: Uint8Array, view: DataView, from: number, to: number, add: boolean): number {
    const length = to - from;
    if (length > this.#maxLength) return NOT_FOUND;
    // Room is made first, because it moves the slots.
    if (add && this.size === this.#starts.length && !this.full) this.#grow();
    let slot = hashOf(source, view, from, to) & this.#mask;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const index = this.#slots[slot]!;
      if (index === NOT_FOUND) {
        if (!add || this.full) return NOT_FOUND;
        return (this.#slots[slot] = this.add(source, from, to));
      }
      if (this.#lengths[index] === length && this.#equals(index, source, view, from, to)) {
        return index;
      }
      slot = (slot + 1) & this.#mask;
    }
    return NOT_FOUND;
  }

  /** Whether the bytes are those of a number: for a caller that has a good guess. */
  is(index: number, source: Uint8Array, view: DataView, from: number, to: number): boolean {
    return this.#lengths[index] === to - from && this.#equals(index, source, view, from, to);
  }

  #equals(index: number, source: Uint8Array, view: DataView, from: number, to: number): boolean {
    let mine = this.#starts[index]!;
    if (to - from < 4) {
      for (let at = from; at < to; at++) if (source[at] !== this.#bytes[mine++]) return false;
      return true;
    }
    const own = this.#view;
    const last = to - 4;
    // The last word may overlap the one before.
    if (view.getInt32(last, true) !== own.getInt32(mine + last - from, true)) return false;
    for (let at = from; at < last; at += 4, mine += 4) {
      if (view.getInt32(at, true) !== own.getInt32(mine, true)) return false;
    }
    return true;
  }

  #reserve(more: number): void {
    if (this.#used + more <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + more));
    bytes.set(this.encoded);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #grow(): void {
    const size = this.#starts.length * 2;
    this.#starts = enlarged(this.#starts, size);
    this.#lengths = enlarged(this.#lengths, size);
    this.#setSlots(size);
    for (let index = 0; index < this.size; index++) this.#place(index);
  }

  /** Makes a number findable, unless too many are in its place. */
  #place(index: number): void {
    const start = this.#starts[index]!;
    const end = start + this.#lengths[index]!;
    let slot = hashOf(this.#bytes, this.#view, start, end) & this.#mask;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      if (this.#slots[slot] === NOT_FOUND) {
        this.#slots[slot] = index;
        return;
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  /** The bytes of a number; a view, valid until something is added. */
  bytesOf(index: number): Uint8Array {
    const start = this.#starts[index]!;
    return this.#bytes.subarray(start, start + this.#lengths[index]!);
  }

  /** Forgets all but the words given at the start. */
  forget(): void {
    this.truncate(this.#fixed);
  }

  /** Forgets all numbers from this one on. */
  truncate(size: number): void {
    if (size >= this.size) return;
    this.#used = size === 0 ? 0 : this.#starts[size - 1]! + this.#lengths[size - 1]!;
    this.size = size;
    if (this.#starts.length > KEPT_SIZE && size < INITIAL_SIZE) this.#shrink();
    else this.#slots.fill(NOT_FOUND);
    for (let index = 0; index < size; index++) this.#place(index);
  }

  #shrink(): void {
    const { encoded } = this;
    const starts = this.#starts.subarray(0, this.size);
    const lengths = this.#lengths.subarray(0, this.size);
    this.#allocate(Math.max(INITIAL_SIZE, encoded.length));
    this.#bytes.set(encoded);
    this.#starts.set(starts);
    this.#lengths.set(lengths);
  }
}

function enlarged(old: Int32Array, size: number): Int32Array {
  const grown = new Int32Array(size);
  grown.set(old);
  return grown;
}

function hashOf(source: Uint8Array, view: DataView, from: number, to: number): number {
  let hash = to - from;
  if (hash < 4) {
    for (; from < to; from++) hash = Math.imul(hash ^ source[from]!, 0x01000193);
    return hash ^ (hash >>> 16);
  }
  const last = to - 4;
  for (; from < last; from += 4) hash = mixed(hash, view.getInt32(from, true));
  hash = mixed(hash, view.getInt32(last, true));
  return hash ^ (hash >>> 15);
}

function mixed(hash: number, word: number): number {
  const mix = Math.imul(hash ^ word, 0x9e3779b1);
  return mix ^ (mix >>> 15);
}
