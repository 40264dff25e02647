/**
 * A body whose length is not known before its end: its chunks are copied to their place as they come, into memory of the
 * request's that doubles when it is full. So chunks and body never exist in full side by side.
 */
import type { BodyLimits } from "./body.ts";

const SMALLEST_BYTES = 64 * 1024;

export class GrowingBody {
  readonly #limits: BodyLimits;
  #memory: Buffer | undefined;
  #hint: number;
  length = 0;

  /** @param hint the length it will probably have; memory that is never written to costs nothing */
  constructor(limits: BodyLimits, hint = 0) {
    this.#limits = limits;
    this.#hint = hint;
  }

  add(chunk: Buffer): void {
    const memory = this.#room(chunk.length);
    chunk.copy(memory, this.length);
    this.length += chunk.length;
  }

  /** In memory of about its length: whoever keeps it counts the length alone. */
  whole(): Buffer {
    const memory = this.#memory;
    if (!memory) return Buffer.alloc(0);
    if (memory.length <= Math.max(2 * this.length, SMALLEST_BYTES))
      return memory.subarray(0, this.length);
    const body = this.#limits.allocate(this.length);
    memory.copy(body, 0, 0, this.length);
    this.#limits.handOver(memory)?.();
    return body;
  }

  #room(bytes: number): Buffer {
    const full = this.#memory;
    const needed = this.length + bytes;
    if (full && needed <= full.length) return full;
    this.#memory = this.#limits.allocate(
      Math.max(this.#hint, needed, 2 * this.length, SMALLEST_BYTES),
    );
    this.#hint = 0;
    if (full) {
      full.copy(this.#memory, 0, 0, this.length);
      this.#limits.handOver(full)?.();
    }
    return this.#memory;
  }
}
