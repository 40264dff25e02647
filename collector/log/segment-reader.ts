/**
 * Reads durable records back from segments, in pieces of some MiB. It remembers where it was, so that reading on costs
 * no search; another place is found by reading its segment from the beginning.
 */
import type { LogRecord } from "../stages.ts";
import { readInto, type LogFile, type LogFs } from "./log-fs.ts";
import { claimedLength } from "./record.ts";
import { scan, SEGMENT_HEADER_BYTES, type Segment } from "./segment.ts";

const PIECE_BYTES = 8 * 1024 * 1024;

/**
 * Memory for what one read returns, used again by the next. In fresh memory, reading back a gigabyte costs the kernel
 * hundreds of thousands of pages, and makes V8 hold hundreds of megabytes until it next collects.
 */
export class ReadMemory {
  readonly #bytes = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #used = 0;

  /** What was taken before is nobody's any more. */
  reset(): void {
    this.#used = 0;
  }

  take(length: number): Buffer {
    if (this.#used + length > this.#bytes.byteLength) return Buffer.allocUnsafeSlow(length);
    this.#used += length;
    return this.#bytes.subarray(this.#used - length, this.#used);
  }
}

export class SegmentReader {
  readonly #fs: LogFs;
  readonly #memory: ReadMemory | undefined;
  #file: LogFile | undefined;
  #segment: Segment | undefined;
  /** The next record to read is the first one at or after this offset. */
  #offset = 0;
  #lastSeq = 0;

  /** @param memory with it, records are good until the next read */
  constructor(fs: LogFs, memory?: ReadMemory) {
    this.#fs = fs;
    this.#memory = memory;
  }

  /** Records of `segment` from `fromSeq` on: at least one if there is one, about `limitBytes` of them. */
  async read(segment: Segment, fromSeq: number, limitBytes: number): Promise<LogRecord[]> {
    this.#memory?.reset();
    await this.#seek(segment, fromSeq);
    const found: LogRecord[] = [];
    let bytes = 0;
    while (bytes < limitBytes && this.#offset < segment.bytes) {
      for (const record of await this.#piece(segment, limitBytes - bytes)) {
        if (record.seq < fromSeq) continue;
        found.push(record);
        bytes += record.body.byteLength;
      }
    }
    return found;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#segment = undefined;
    await file?.close();
  }

  async #seek(segment: Segment, fromSeq: number): Promise<void> {
    if (this.#segment !== segment) {
      await this.close();
      this.#file = await this.#fs.open(segment.path, "read");
      this.#segment = segment;
    } else if (fromSeq > this.#lastSeq) {
      return;
    }
    this.#offset = SEGMENT_HEADER_BYTES;
    this.#lastSeq = segment.firstSeq - 1;
  }

  /** The next piece's whole records. */
  async #piece(segment: Segment, wanted: number) {
    const rest = segment.bytes - this.#offset;
    let length = Math.min(rest, Math.max(64 * 1024, Math.min(wanted, PIECE_BYTES)));
    for (;;) {
      const bytes = await this.#readWithFirstWhole(length, rest);
      const { records, damage } = scan(bytes, 0, this.#lastSeq, segment.logId);
      const tail = damage.at(-1);
      const isCut = tail?.end === bytes.byteLength && bytes.byteLength < rest;
      if (!isCut || tail.start > 0) {
        // What is not whole at the end of a piece is read again with the next one.
        this.#offset += isCut ? tail.start : bytes.byteLength;
        this.#lastSeq = records.at(-1)?.seq ?? this.#lastSeq;
        return records;
      }
      // Damage from end to end: only a longer piece shows where the next whole record lies.
      length = Math.min(rest, 2 * bytes.byteLength);
    }
  }

  /** A record longer than a piece is read whole. */
  async #readWithFirstWhole(length: number, rest: number): Promise<Buffer> {
    const bytes = await this.#readBytes(length);
    const first = claimedLength(bytes, 0);
    return first > length && first <= rest ? this.#readBytes(first) : bytes;
  }

  #readBytes(length: number): Promise<Buffer> {
    const bytes = this.#memory?.take(length) ?? Buffer.allocUnsafeSlow(length);
    return readInto(bytes, this.#file!, this.#offset);
  }
}
