/**
 * Which bodies came lately, by hash: a client that lost our answer sends the same body again, and it is stored once.
 *
 * Exact, not a filter: a false hit would lose acknowledged spans. An entry is made when the first copy is taken in and
 * carries its promise, so that a second copy waits for the same fsync and gets the same answer; it goes when the first
 * copy fails, after `windowMs`, or when there are more than `capacity` (the oldest go, and a resend of those is stored
 * again). At start it is rebuilt from the headers in the log and, for segments deleted since, from the file `resent`:
 * 24 bytes an entry: hash, received u64.
 */
import { HASH_BYTES, readUInt64, writeUInt64 } from "./record.ts";

const ENTRY_BYTES = HASH_BYTES + 8;

interface Entry {
  receivedAtUnixMs: number;
  /** Undefined once durable. */
  pending: Promise<void> | undefined;
}

export class ResendWindow {
  readonly #entries = new Map<string, Entry>();
  readonly #windowMs: number;
  readonly #capacity: number;

  constructor(windowMs: number, capacity: number) {
    this.#windowMs = windowMs;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The first copy of an equal body, when it is still in the window. */
  find(hash: Uint8Array, nowUnixMs: number): { pending: Promise<void> | undefined } | undefined {
    const entry = this.#entries.get(keyOf(hash));
    return entry && nowUnixMs - entry.receivedAtUnixMs <= this.#windowMs ? entry : undefined;
  }

  /** Notes a first copy; forgets it when `pending` fails. */
  add(hash: Uint8Array, receivedAtUnixMs: number, pending?: Promise<void>): void {
    const key = keyOf(hash);
    const entry: Entry = { receivedAtUnixMs, pending };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    pending?.then(
      () => {
        entry.pending = undefined;
      },
      () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      },
    );
    this.#forget(receivedAtUnixMs);
  }

  /** The durable entries, for the file `resent`. */
  toBytes(): Buffer {
    const durable = [...this.#entries].filter(([, entry]) => !entry.pending);
    const bytes = Buffer.alloc(ENTRY_BYTES * durable.length);
    for (const [i, [key, entry]] of durable.entries()) {
      bytes.write(key, i * ENTRY_BYTES, HASH_BYTES, "latin1");
      writeUInt64(bytes, entry.receivedAtUnixMs, i * ENTRY_BYTES + HASH_BYTES);
    }
    return bytes;
  }

  addBytes(bytes: Buffer): void {
    for (let at = 0; at + ENTRY_BYTES <= bytes.byteLength; at += ENTRY_BYTES) {
      this.add(bytes.subarray(at, at + HASH_BYTES), readUInt64(bytes, at + HASH_BYTES));
    }
  }

  /** Insertion order is close to age; a few entries that outlive their time do no harm, `find` checks it. */
  #forget(nowUnixMs: number): void {
    for (const [key, entry] of this.#entries) {
      const old = nowUnixMs - entry.receivedAtUnixMs > this.#windowMs;
      if (!old && this.#entries.size <= this.#capacity) return;
      this.#entries.delete(key);
    }
  }
}

function keyOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, HASH_BYTES).toString("latin1");
}
