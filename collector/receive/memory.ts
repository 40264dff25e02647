/**
 * The memory that all requests in flight may take together.
 *
 * Bytes are taken as they arrive rather than as announced: a client that announces a large body and sends nothing
 * would else shut out all others until its timeout.
 */

/** What one request holds. */
export interface Reservation {
  /** False when there is no room; nothing is taken then. */
  take(bytes: number): boolean;
  /** Gives back `bytes` of what was taken. */
  give(bytes: number): void;
  /** Gives back everything; later calls do nothing. */
  release(): void;
}

export interface MemoryBudget {
  readonly taken: number;
  readonly capacity: number;
  hasRoom(bytes: number): boolean;
  reserve(): Reservation;
}

export function createMemoryBudget(capacity: number): MemoryBudget {
  let taken = 0;
  return {
    capacity,
    get taken() {
      return taken;
    },
    hasRoom: (bytes) => taken + bytes <= capacity,
    reserve() {
      let held = 0;
      const give = (bytes: number): void => {
        const returned = Math.min(bytes, held);
        held -= returned;
        taken -= returned;
      };
      return {
        take(bytes) {
          if (taken + bytes > capacity) return false;
          held += bytes;
          taken += bytes;
          return true;
        },
        give,
        release: () => give(held),
      };
    },
  };
}
