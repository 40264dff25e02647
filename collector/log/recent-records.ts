/**
 * The newest records in memory, so that a reader that keeps up never reads the file: the bodies are the very buffers
 * that the receiver handed over (which nobody may change afterwards). Bounded in bytes; the oldest go first.
 */
import type { LogRecord } from "../stages.ts";

export class RecentRecords {
  /** Ascending and gapless, beginning at `#first`. */
  #records: (LogRecord | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(record: LogRecord): void {
    this.#records.push(record);
    this.#bytes += record.body.byteLength;
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  dropThrough(seq: number): void {
    while (this.#first < this.#records.length && this.#at(this.#first).seq <= seq)
      this.#dropOldest();
  }

  /** Records from `fromSeq` on, up to `limitBytes` of bodies and at least one; undefined when it is not here. */
  read(fromSeq: number, limitBytes: number): LogRecord[] | undefined {
    const oldest = this.#records[this.#first];
    if (!oldest || fromSeq < oldest.seq) return undefined;
    const found: LogRecord[] = [];
    let bytes = 0;
    for (let i = this.#first + (fromSeq - oldest.seq); i < this.#records.length; i++) {
      const record = this.#at(i);
      bytes += record.body.byteLength;
      if (bytes > limitBytes && found.length > 0) break;
      found.push(record);
    }
    return found;
  }

  #at(index: number): LogRecord {
    return this.#records[index]!;
  }

  #dropOldest(): void {
    this.#bytes -= this.#at(this.#first).body.byteLength;
    this.#records[this.#first] = undefined;
    this.#first++;
    // Shifting one by one would be quadratic.
    if (this.#first > 64 && this.#first * 2 >= this.#records.length) {
      this.#records = this.#records.slice(this.#first);
      this.#first = 0;
    }
  }
}
