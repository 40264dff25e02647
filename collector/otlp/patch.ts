/**
 * Changes to a protobuf body, collected while it is walked and applied in one copy.
 *
 * A change deep in the body changes the length of every message around it. `open` and `close` bracket a message: if
 * anything inside was changed, its length is written anew, else it costs nothing. What no change touches is copied byte
 * for byte, fields that nobody knows included. Changes must come in the order of the bytes.
 */
const NOTHING: Uint8Array = new Uint8Array(0);

export class Patch {
  #count = 0;
  #from: number[] = [];
  #to: number[] = [];
  #bytes: Uint8Array[] = [];
  /** For an open message: the growth before it. */
  #growthBefore: number[] = [];
  /** Bytes that the body grows by. */
  #growth = 0;

  reset(): void {
    this.#count = 0;
    this.#growth = 0;
    // One monstrous request must not hold its memory for ever.
    if (this.#bytes.length > 4096) {
      this.#from = [];
      this.#to = [];
      this.#bytes = [];
      this.#growthBefore = [];
    } else this.#bytes.fill(NOTHING);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Begins a message whose length is written at [lengthAt, contentAt); `close` takes what this returns. */
  open(lengthAt: number, contentAt: number): number {
    const mark = this.#add(lengthAt, contentAt, NOTHING);
    this.#growthBefore[mark] = this.#growth;
    return mark;
  }

  close(mark: number, contentEnd: number): void {
    if (this.#count === mark + 1) {
      this.#count = mark;
      return;
    }
    const lengthAt = this.#from[mark]!;
    const contentAt = this.#to[mark]!;
    const length = contentEnd - contentAt + this.#growth - this.#growthBefore[mark]!;
    const bytes = varint(length);
    this.#bytes[mark] = bytes;
    this.#growth += bytes.length - (contentAt - lengthAt);
  }

  /** Puts `bytes` in the place of [from, to). */
  replace(from: number, to: number, bytes: Uint8Array): void {
    this.#add(from, to, bytes);
    this.#growth += bytes.length - (to - from);
  }

  remove(from: number, to: number): void {
    this.replace(from, to, NOTHING);
  }

  /** Changes so far: where `removeEarlier` may put one later. */
  get count(): number {
    return this.#count;
  }

  /** Takes out [from, to), which was passed when there were `count` changes, within messages that are still open. */
  removeEarlier(count: number, from: number, to: number): void {
    this.#from.splice(count, this.#from.length, from, ...this.#from.slice(count, this.#count));
    this.#to.splice(count, this.#to.length, to, ...this.#to.slice(count, this.#count));
    this.#bytes.splice(
      count,
      this.#bytes.length,
      NOTHING,
      ...this.#bytes.slice(count, this.#count),
    );
    this.#count++;
    this.#growth -= to - from;
  }

  /** The changed body; the body itself when there is nothing to change. */
  apply(body: Uint8Array): Uint8Array {
    if (this.#count === 0) return body;
    const changed = Buffer.allocUnsafeSlow(body.length + this.#growth);
    let at = 0;
    let read = 0;
    for (let i = 0; i < this.#count; i++) {
      const from = this.#from[i]!;
      if (from > read) {
        changed.set(body.subarray(read, from), at);
        at += from - read;
      }
      const bytes = this.#bytes[i]!;
      changed.set(bytes, at);
      at += bytes.length;
      read = this.#to[i]!;
    }
    changed.set(body.subarray(read), at);
    return changed;
  }

  #add(from: number, to: number, bytes: Uint8Array): number {
    const index = this.#count++;
    this.#from[index] = from;
    this.#to[index] = to;
    this.#bytes[index] = bytes;
    return index;
  }
}

/** A length, below 2^32. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** The length and then the bytes: what follows the tag of a string or a message. */
export function delimited(content: Uint8Array): Uint8Array {
  const length = varint(content.length);
  const bytes = new Uint8Array(length.length + content.length);
  bytes.set(length);
  bytes.set(content, length.length);
  return bytes;
}
