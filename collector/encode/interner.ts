/**
 * Gives byte strings small numbers, without making JavaScript strings of them.
 *
 * A look-up hashes the length and three words, then compares all bytes: the hash need not be good, only quick. Probing
 * stops after a few steps and the table has a fixed size, so that keys chosen to collide or to be all different make it
 * forgetful (`NOT_FOUND`), never slow or large.
 */
export const NOT_FOUND = -1;

const MAX_PROBES = 16;

export class Interner {
  /** Numbers given out are below this. */
  readonly capacity: number;
  readonly #maxLength: number;
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  readonly #fixed: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(16_384);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;
  size = 0;

  /** `words` have the numbers 0, 1, 2 … in their order, always. */
  constructor(words: readonly string[], capacity: number, maxLength = 256) {
    this.capacity = Math.max(capacity, words.length);
    this.#maxLength = maxLength;
    const slots = 2 ** Math.ceil(Math.log2(this.capacity * 4));
    this.#slots = new Int32Array(slots).fill(NOT_FOUND);
    this.#mask = slots - 1;
    this.#starts = new Int32Array(this.capacity);
    this.#lengths = new Int32Array(this.capacity);
    for (const word of words) {
      const bytes = Uint8Array.from(Buffer.from(word));
      this.intern(bytes, new DataView(bytes.buffer), 0, bytes.length);
    }
    this.#fixed = words.length;
    if (this.size !== words.length) throw new Error("two equal words, or too many of one hash");
  }

  get full(): boolean {
    return this.size >= this.capacity;
  }

  find(source: Uint8Array, view: DataView, from: number, to: number): number {
    return this.#look(source, view, from, to, false);
  }

  /** The number of the bytes, a new one if need be; `NOT_FOUND` when they are too long or there is no room. */
  intern(source: Uint8Array, view: DataView, from: number, to: number): number {
    return this.#look(source, view, from, to, true);
  }

  #look(source: Uint8Array, view: DataView, from: number, to: number, add: boolean): number {
    const length = to - from;
    if (length > this.#maxLength) return NOT_FOUND;
    let slot = hashOf(source, view, from, to) & this.#mask;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const index = this.#slots[slot]!;
      if (index === NOT_FOUND) return add ? this.#add(slot, source, from, to) : NOT_FOUND;
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

  #add(slot: number, source: Uint8Array, from: number, to: number): number {
    if (this.full) return NOT_FOUND;
    const index = this.size++;
    const length = to - from;
    while (this.#used + length > this.#bytes.length) this.#grow();
    this.#bytes.set(source.subarray(from, to), this.#used);
    this.#starts[index] = this.#used;
    this.#lengths[index] = length;
    this.#used += length;
    this.#slots[slot] = index;
    return index;
  }

  #grow(): void {
    const bytes = new Uint8Array(this.#bytes.length * 2);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  /** The bytes of a number; a view, valid until something is added. */
  bytesOf(index: number): Uint8Array {
    const start = this.#starts[index]!;
    return this.#bytes.subarray(start, start + this.#lengths[index]!);
  }

  /** Forgets all but the words given at the start. */
  forget(): void {
    const words = Array.from({ length: this.#fixed }, (_, index) => this.bytesOf(index).slice());
    this.#slots.fill(NOT_FOUND);
    this.size = 0;
    this.#used = 0;
    for (const bytes of words) {
      this.intern(bytes, new DataView(bytes.buffer), 0, bytes.length);
    }
  }
}

function hashOf(source: Uint8Array, view: DataView, from: number, to: number): number {
  const length = to - from;
  let hash = length;
  if (length >= 8) {
    hash = Math.imul(hash ^ view.getInt32(to - 4, true), 0x9e3779b1);
    hash = Math.imul((hash >>> 15) ^ hash ^ view.getInt32(to - 8, true), 0x85ebca6b);
    hash = Math.imul(
      (hash >>> 13) ^ hash ^ view.getInt32(from + (length >>> 1) - 2, true),
      0xc2b2ae35,
    );
  } else {
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ source[at]!, 0x01000193);
  }
  return hash ^ (hash >>> 16);
}
