/**
 * The newest records in memory, so that a reader that keeps up never reads the file: the bodies are the very buffers
 * that the receiver handed over. Bounded in bytes; the oldest go first.
 *
 * A body's memory is given back (`free`) when its record is dropped from here and no loan holds it. A record that was
 * read without a loan may be anybody's: its memory is left to the garbage collector.
 */
import type { LogRecord } from "../stages.ts";

interface Entry {
  record: LogRecord;
  free: (() => void) | undefined;
  loans: number;
  isDropped: boolean;
}

/** What one reader holds, until it reads again. */
export class Loan {
  readonly entries: Entry[] = [];
}

export class RecentRecords {
  /** Ascending and gapless, beginning at `#first`. */
  #entries: (Entry | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(record: LogRecord, free?: () => void): void {
    this.#entries.push({ record, free, loans: 0, isDropped: false });
    this.#bytes += record.body.byteLength;
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  dropThrough(seq: number): void {
    while (this.#first < this.#entries.length && this.#at(this.#first).record.seq <= seq)
      this.#dropOldest();
  }

  /**
   * Records from `fromSeq` on, up to `limitBytes` of bodies and at least one; undefined when it is not here.
   * With a loan, their bodies are valid until the next read with it.
   */
  read(fromSeq: number, limitBytes: number, loan?: Loan): LogRecord[] | undefined {
    if (loan) this.#takeBack(loan);
    const oldest = this.#entries[this.#first]?.record;
    if (!oldest || fromSeq < oldest.seq) return undefined;
    const found: LogRecord[] = [];
    let bytes = 0;
    for (let i = this.#first + (fromSeq - oldest.seq); i < this.#entries.length; i++) {
      const entry = this.#at(i);
      bytes += entry.record.body.byteLength;
      if (bytes > limitBytes && found.length > 0) break;
      found.push(entry.record);
      if (loan) this.#lend(entry, loan);
      else entry.free = undefined;
    }
    return found;
  }

  #lend(entry: Entry, loan: Loan): void {
    entry.loans++;
    loan.entries.push(entry);
  }

  #takeBack({ entries }: Loan): void {
    for (const entry of entries.splice(0)) {
      entry.loans--;
      freeUnused(entry);
    }
  }

  #at(index: number): Entry {
    return this.#entries[index]!;
  }

  #dropOldest(): void {
    const entry = this.#at(this.#first);
    this.#bytes -= entry.record.body.byteLength;
    entry.isDropped = true;
    freeUnused(entry);
    this.#entries[this.#first] = undefined;
    this.#first++;
    // Shifting one by one would be quadratic.
    if (this.#first > 64 && this.#first * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

function freeUnused(entry: Entry): void {
  if (!entry.isDropped || entry.loans > 0) return;
  entry.free?.();
  entry.free = undefined;
}
