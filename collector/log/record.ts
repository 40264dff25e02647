/**
 * One record of the log, little endian:
 *
 *     0  u32  marker "AREC"
 *     4  u32  length of the record, this header included
 *     8  u32  CRC-32 of bytes 12 to the body, starting from the sum of the body
 *    12  u24  version of the validator that accepted it
 *    15  u8   what the body is: 0 traces, 1 logs; and 128 when its sum is a MAC
 *    16  u64  sequence number
 *    24  u64  received, Unix milliseconds
 *    32  u32  spans in the body, refused ones included
 *    36  u32  n, the number of refused spans
 *    40  16B  hash of the body as sent
 *    56  u32  × n  indexes of the refused spans
 *        …    body: OTLP ExportTraceServiceRequest or ExportLogsServiceRequest, protobuf
 *
 * The sum of a body depends on the log's id: a record inside a body that someone sent, or one of another log, never passes
 * as ours when the log is searched for the next whole record after damage. It is the beginning of a MAC (mac.ts) under that
 * id; of a small body, where that is quicker, a CRC-32 that starts from it. The body is summed first and once, although the
 * sequence number is only known when the record is written.
 */
import { crc32 } from "node:zlib";
import { createMac, SMALL_BYTES } from "../mac.ts";
import type { AcceptedRequest, LogRecord, Signal } from "../stages.ts";

export const HEADER_BYTES = 56;
export const HASH_BYTES = 16;
export const MARKER = Buffer.from("AREC");
const SUM_IS_MAC = 128;
/** By its number in a record. */
const SIGNALS: readonly Signal[] = ["traces", "logs"];

/** A record as found in a segment. */
export interface StoredRecord extends LogRecord {
  bodyHash: Buffer;
  validatorVersion: number;
  /** Where it begins and ends in the bytes that were searched. */
  start: number;
  end: number;
}

/** The sums of the bodies of one log. */
export interface BodySums {
  /** Of small bodies, and of all in segments of format version 1. */
  crc(body: Uint8Array): number;
  mac(body: Uint8Array): number;
}

export function bodySums(logId: string): BodySums {
  const seed = crc32(logId);
  const begin = createMac(`records of ${logId}`);
  return {
    crc: (body) => crc32(body, seed),
    mac: (body) => {
      const mac = begin();
      mac.add(body);
      return mac.value().readUInt32LE(0);
    },
  };
}

/** As a record of this body keeps it. */
export function bodySum(body: Uint8Array, sums: BodySums): number {
  return isMacked(body) ? sums.mac(body) : sums.crc(body);
}

function isMacked(body: Uint8Array): boolean {
  return body.byteLength > SMALL_BYTES;
}

export function recordBytes(request: AcceptedRequest): number {
  return HEADER_BYTES + 4 * request.rejected.length + request.body.byteLength;
}

/** Everything of the record but its body. `sum` is the body's, from `bodySum`. */
export function recordHeader(
  request: AcceptedRequest,
  seq: number,
  validatorVersion: number,
  sum: number,
): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES + 4 * request.rejected.length);
  MARKER.copy(header, 0);
  header.writeUInt32LE(recordBytes(request), 4);
  header.writeUIntLE(validatorVersion, 12, 3);
  header[15] = SIGNALS.indexOf(request.signal) | (isMacked(request.body) ? SUM_IS_MAC : 0);
  writeUInt64(header, seq, 16);
  writeUInt64(header, request.receivedAtUnixMs, 24);
  header.writeUInt32LE(request.spanCount, 32);
  header.writeUInt32LE(request.rejected.length, 36);
  header.set(request.bodyHash.subarray(0, HASH_BYTES), 40);
  for (const [i, index] of request.rejected.entries()) {
    header.writeUInt32LE(index, HEADER_BYTES + 4 * i);
  }
  header.writeUInt32LE(crc32(header.subarray(12), sum), 8);
  return header;
}

/** The length that a record at `start` claims, or 0 when no record can begin there. */
export function claimedLength(bytes: Buffer, start: number): number {
  if (start + HEADER_BYTES > bytes.byteLength) return 0;
  if (bytes.compare(MARKER, 0, 4, start, start + 4) !== 0) return 0;
  const length = bytes.readUInt32LE(start + 4);
  const rejected = bytes.readUInt32LE(start + 36);
  return length >= HEADER_BYTES + 4 * rejected ? length : 0;
}

/** The record at `start`, whole and with the right sums; its body is a view into `bytes`. */
export function parseRecord(
  bytes: Buffer,
  start: number,
  sums: BodySums,
): StoredRecord | undefined {
  const length = claimedLength(bytes, start);
  const end = start + length;
  if (length === 0 || end > bytes.byteLength) return undefined;
  const bodyStart = start + HEADER_BYTES + 4 * bytes.readUInt32LE(start + 36);
  const body = bytes.subarray(bodyStart, end);
  const kind = bytes[start + 15]!;
  const sum = kind & SUM_IS_MAC ? sums.mac(body) : sums.crc(body);
  const crc = crc32(bytes.subarray(start + 12, bodyStart), sum);
  if (crc !== bytes.readUInt32LE(start + 8)) return undefined;
  const signal = SIGNALS[kind & ~SUM_IS_MAC];
  // Whole, but of a version that knows more kinds.
  if (!signal) throw new Error(`expected a record of ${SIGNALS.join(" or ")}, got kind ${kind}`);
  return {
    signal,
    seq: readUInt64(bytes, start + 16),
    body,
    spanCount: bytes.readUInt32LE(start + 32),
    rejected: rejectedIndexes(bytes, start),
    receivedAtUnixMs: readUInt64(bytes, start + 24),
    bodyHash: bytes.subarray(start + 40, start + 40 + HASH_BYTES),
    validatorVersion: bytes.readUIntLE(start + 12, 3),
    start,
    end,
  };
}

const none: readonly number[] = [];

function rejectedIndexes(bytes: Buffer, start: number): readonly number[] {
  const count = bytes.readUInt32LE(start + 36);
  if (count === 0) return none;
  return Array.from({ length: count }, (_, i) => bytes.readUInt32LE(start + HEADER_BYTES + 4 * i));
}

export function writeUInt64(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32LE(value % 0x1_0000_0000, offset);
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
}

export function readUInt64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 4) * 0x1_0000_0000 + bytes.readUInt32LE(offset);
}
