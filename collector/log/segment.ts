/**
 * A segment file, `<first sequence number, 20 digits>.wal`: a header, then records (record.ts) with rising sequence
 * numbers. The header, 64 bytes, little endian:
 *
 *     0  8B   "ASSAYWAL"
 *     8  u32  CRC-32 of bytes 12 to 64
 *    12  u32  format version, 2; of version 1 are records whose bodies all have a CRC-32
 *    16  36B  the log's id, a UUID in text
 *    52  u64  first sequence number
 *    60  u32  zero
 *
 * `scan` reads what is there and says what is not: damage is a run of bytes without a whole record, with or without
 * whole records after it. It never throws on contents.
 */
import { crc32 } from "node:zlib";
import {
  bodySums,
  claimedLength,
  MARKER,
  parseRecord,
  readUInt64,
  writeUInt64,
  type BodySums,
  type StoredRecord,
} from "./record.ts";

export const SEGMENT_HEADER_BYTES = 64;
const MAGIC = "ASSAYWAL";
const FORMAT_VERSION = 2;
const READABLE_VERSIONS = [1, 2];

/** What the log knows of a segment. Sequence numbers may have gaps where damage was cut out. */
export interface Segment {
  path: string;
  logId: string;
  firstSeq: number;
  /** `firstSeq - 1` as long as it has no record. */
  lastSeq: number;
  /** Bytes that are synced; nothing beyond is ever read. */
  bytes: number;
  /** Accepted spans of its records. */
  spans: number;
  /** When the last record was written, by `performance.now()`: below zero for an earlier process. */
  writtenAtMs: number;
}

export interface Damage {
  start: number;
  end: number;
  /** Whether a whole record claims these bytes (so that it may have been acknowledged), or they are a torn write. */
  complete: boolean;
  /** Whether whole records follow. */
  followed: boolean;
}

export interface Scan {
  records: StoredRecord[];
  damage: Damage[];
}

export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(20, "0")}.wal`;
}

/** The first sequence number in a segment's name, or undefined for another file. */
export function firstSeqOf(name: string): number | undefined {
  return /^\d{20}\.wal$/.test(name) ? Number(name.slice(0, 20)) : undefined;
}

export function segmentHeader(logId: string, firstSeq: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  header.write(MAGIC, 0, "latin1");
  header.writeUInt32LE(FORMAT_VERSION, 12);
  header.write(logId, 16, 36, "latin1");
  writeUInt64(header, firstSeq, 52);
  header.writeUInt32LE(crc32(header.subarray(12)), 8);
  return header;
}

/**
 * The log's id in a segment's header; undefined when the header is damaged.
 * @throws when a newer format wrote it
 */
export function readSegmentHeader(
  bytes: Buffer,
  path: string,
): { logId: string; firstSeq: number } | undefined {
  if (bytes.byteLength < SEGMENT_HEADER_BYTES) return undefined;
  if (bytes.toString("latin1", 0, 8) !== MAGIC) return undefined;
  if (crc32(bytes.subarray(12, SEGMENT_HEADER_BYTES)) !== bytes.readUInt32LE(8)) return undefined;
  const version = bytes.readUInt32LE(12);
  if (!READABLE_VERSIONS.includes(version)) {
    throw new Error(
      `log segment "${path}" has format version ${version}, expected ${READABLE_VERSIONS.join(" or ")}: start the version of the collector that wrote it and let it empty the log`,
    );
  }
  return { logId: bytes.toString("latin1", 16, 52), firstSeq: readUInt64(bytes, 52) };
}

/** All whole records from `start`, and the bytes between and after them that are none. */
export function scan(bytes: Buffer, start: number, afterSeq: number, logId: string): Scan {
  const sums = bodySums(logId);
  const found: Scan = { records: [], damage: [] };
  let lastSeq = afterSeq;
  for (let at = start; at < bytes.byteLength;) {
    const record = recordAfter(bytes, at, lastSeq, sums);
    if (record) {
      found.records.push(record);
      lastSeq = record.seq;
      at = record.end;
    } else {
      const damage = damageAt(bytes, at, lastSeq, sums);
      found.damage.push(damage);
      at = damage.end;
    }
  }
  return found;
}

function recordAfter(bytes: Buffer, at: number, lastSeq: number, sums: BodySums) {
  const record = parseRecord(bytes, at, sums);
  return record && record.seq > lastSeq ? record : undefined;
}

function damageAt(bytes: Buffer, start: number, lastSeq: number, sums: BodySums): Damage {
  const length = claimedLength(bytes, start);
  const complete = length > 0 && start + length <= bytes.byteLength;
  for (let at = start; ;) {
    at = bytes.indexOf(MARKER, at + 1);
    if (at < 0) return { start, end: bytes.byteLength, complete, followed: false };
    if (recordAfter(bytes, at, lastSeq, sums))
      return { start, end: at, complete: true, followed: true };
  }
}
