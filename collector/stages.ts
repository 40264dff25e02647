/**
 * What the collector's stages hand to one another: receive → log → encode → insert.
 *
 * A stage takes responsibility for what it is given only when its promise resolves; `collector/main.ts` builds them
 * right to left and stops them left to right. The stages know these types and never each other.
 */

/** What a request carries. */
export type Signal = "traces" | "logs";

/** One export request that was found valid. */
export interface AcceptedRequest {
  signal: Signal;
  /** OTLP ExportTraceServiceRequest or ExportLogsServiceRequest, protobuf, inflated (JSON is transcoded before). */
  body: Uint8Array;
  /** Spans, or log records, in `body`, refused ones included. */
  spanCount: number;
  /** Ascending indexes, in the order of the wire, of spans that must not be stored. */
  rejected: readonly number[];
  receivedAtUnixMs: number;
  /** 16 bytes that equal bodies, as sent, have in common; equal bodies within the resend window are stored once. */
  bodyHash: Uint8Array;
  /** Called once, by whoever took the request over, when nobody reads `body` any more: its memory is used again. */
  free?: (() => void) | undefined;
}

/** A request read back from the log. */
export interface LogRecord {
  /** 1, 2, 3 … without gaps within one log. */
  seq: number;
  signal: Signal;
  body: Uint8Array;
  spanCount: number;
  rejected: readonly number[];
  receivedAtUnixMs: number;
}

/** Retry later: nothing of the request was kept. */
export class RefusedError extends Error {
  readonly retryAfterSeconds: 1 | 2 | 3;

  constructor(reason: string, retryAfterSeconds: 1 | 2 | 3 = 1, options?: ErrorOptions) {
    super(reason, options);
    this.name = "RefusedError";
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Never retry: the body itself is wrong. */
export class PermanentError extends Error {
  override readonly name = "PermanentError";
}

/** `duplicate`: an equal body is already stored or in flight; answered when that one is safe. */
export type AppendOutcome = "appended" | "duplicate";

/** Spans and log records as one ClickHouse Native block of table `ingest`. */
export interface EncodedBlock {
  rows: number;
  /** Spans that make no row, because they came before in another request or twice in one. */
  repeats: number;
  byteLength: number;
  /** In order; they belong to the encoder and are valid until its next `append`. */
  chunks: readonly Uint8Array[];
  /** Rows by UTC day of event_time and the table where they are counted: a place of row-places.ts. */
  rowsByDay: ReadonlyMap<string, number>;
}

/** Turns log records into blocks. Not reentrant. */
export interface Encoder {
  /**
   * Adds a record's spans, or log records, to the block under construction. On an error the block is as it was before.
   * @throws PermanentError when the body cannot be walked
   */
  append(record: LogRecord): void;
  /** Knows the record's spans from here on, as if it had been appended before. Only while the block is empty. */
  remember(record: LogRecord): void;
  readonly rows: number;
  /** Estimate of the block's size so far. */
  readonly byteLength: number;
  /** A record is set aside: its spans are no longer known, so that they are taken when they come again. */
  forgetSpans(): void;
  /** Closes the block under the batch's number and starts a new one. */
  finish(batch: number): EncodedBlock;
}

/** Level and one line of text. */
export type Logger = (level: "info" | "warn" | "error", message: string) => void;
