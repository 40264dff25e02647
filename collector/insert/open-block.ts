/**
 * The block under construction: which records went into the encoder, and whether another one fits.
 * One insert is one block, at most 50,000 rows or 128 MiB; a single request that is larger is a block of its own.
 */
import type { EncodedBlock, Encoder, LogRecord } from "../stages.ts";
import type { Range } from "./plan.ts";

export interface BlockLimits {
  maxRows: number;
  maxBytes: number;
  maxRecords: number;
}

export interface ClosedBlock extends Range {
  records: number;
  /** Accepted spans, dead letters included. */
  spans: number;
  deadLettered: number;
  oldestReceivedAtUnixMs: number;
  block: EncodedBlock;
}

export class OpenBlock {
  readonly #encoder: Encoder;
  readonly #limits: BlockLimits;
  readonly #seqFrom: number;
  #seqTo: number;
  #records = 0;
  #spans = 0;
  #deadLettered = 0;
  #oldestReceivedAtUnixMs = 0;

  /** Takes the encoder, which must be empty, until `finish` or `discard`. */
  constructor(encoder: Encoder, seqFrom: number, limits: BlockLimits) {
    this.#encoder = encoder;
    this.#limits = limits;
    this.#seqFrom = seqFrom;
    this.#seqTo = seqFrom - 1;
  }

  get nextSeq(): number {
    return this.#seqTo + 1;
  }

  get records(): number {
    return this.#records;
  }

  get rows(): number {
    return this.#encoder.rows;
  }

  get oldestReceivedAtUnixMs(): number {
    return this.#oldestReceivedAtUnixMs;
  }

  /** Whether the block is closed rather than given this record too. */
  isFullFor(record: LogRecord): boolean {
    const { rows, byteLength } = this.#encoder;
    const { maxRows, maxBytes, maxRecords } = this.#limits;
    if (this.#records === 0) return false;
    if (this.#records >= maxRecords) return true;
    const tooLarge =
      rows + record.spanCount > maxRows || byteLength + record.body.byteLength > maxBytes;
    return rows > 0 && tooLarge;
  }

  /** @throws what the encoder throws; the block is then as it was, and `skip` passes over the record */
  add(record: LogRecord): void {
    this.#encoder.append(record);
    this.#include(record);
  }

  /** The record belongs to the range, but none of its spans to the block: it is a dead letter. */
  skip(record: LogRecord): void {
    this.#deadLettered += acceptedSpans(record);
    this.#include(record);
  }

  #include(record: LogRecord): void {
    if (this.#records === 0) this.#oldestReceivedAtUnixMs = record.receivedAtUnixMs;
    this.#records++;
    this.#spans += acceptedSpans(record);
    this.#seqTo = record.seq;
  }

  finish(): ClosedBlock {
    return {
      seqFrom: this.#seqFrom,
      seqTo: this.#seqTo,
      records: this.#records,
      spans: this.#spans,
      deadLettered: this.#deadLettered,
      oldestReceivedAtUnixMs: this.#oldestReceivedAtUnixMs,
      block: this.#encoder.finish(this.#seqFrom),
    };
  }

  discard(): void {
    this.#encoder.finish(this.#seqFrom);
  }
}

function acceptedSpans({ spanCount, rejected }: LogRecord): number {
  return spanCount - rejected.length;
}
