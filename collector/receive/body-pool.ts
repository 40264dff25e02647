/**
 * Memory for bodies, used again and again.
 *
 * A fresh buffer of a megabyte for each request costs more than all that is done with it: the kernel hands out and
 * clears its pages, and every few tens of megabytes outside the heap make V8 mark the whole heap. Here buffers come in
 * powers of two; a freed one waits for the next body of its size, up to `maxIdleBytes` in all. The rest, and what is larger
 * than almost every body, goes back to the system at once: the next collection may be a hundred bombs away.
 */

const SMALLEST_BYTES = 4 * 1024;
const LARGEST_IDLE_BYTES = 16 * 1024 * 1024;

export interface BodyPool {
  /** A buffer of exactly `bytes`, with anything in it. */
  take(bytes: number): Buffer;
  /** Nobody reads or writes it any more. Only for buffers of `take`, and once. */
  give(buffer: Buffer): void;
  readonly idleBytes: number;
}

export function createBodyPool(maxIdleBytes: number): BodyPool {
  const idle = new Map<number, ArrayBuffer[]>();
  let idleBytes = 0;
  return {
    get idleBytes() {
      return idleBytes;
    },
    take(bytes) {
      const capacity = capacityFor(bytes);
      const memory = idle.get(capacity)?.pop();
      if (memory === undefined) return Buffer.allocUnsafeSlow(capacity).subarray(0, bytes);
      idleBytes -= capacity;
      return Buffer.from(memory, 0, bytes);
    },
    give({ buffer }) {
      const memory = buffer as ArrayBuffer;
      const capacity = memory.byteLength;
      if (capacity > LARGEST_IDLE_BYTES || idleBytes + capacity > maxIdleBytes) {
        memory.transfer(0); // detached, its memory is free
        return;
      }
      idleBytes += capacity;
      const others = idle.get(capacity);
      if (others) others.push(memory);
      else idle.set(capacity, [memory]);
    },
  };
}

function capacityFor(bytes: number): number {
  let capacity = SMALLEST_BYTES;
  while (capacity < bytes) capacity *= 2;
  return capacity;
}
