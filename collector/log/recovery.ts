/**
 * What the log finds when it opens.
 *
 * Every segment is read once, whole. A torn tail (an unfinished write, never acknowledged) is cut off. Damaged bytes
 * that a whole record claims, or that whole records follow, are copied to `quarantine/` and counted; every whole record
 * after them counts. A segment without any whole record is removed (its bytes are in quarantine if it had some).
 */
import type { Logger } from "../stages.ts";
import { readWhole, writeFully, type LogFs } from "./log-fs.ts";
import type { ConsumerStart } from "./consumer.ts";
import type { ResendWindow } from "./resend-window.ts";
import {
  firstSeqOf,
  readSegmentHeader,
  scan,
  SEGMENT_HEADER_BYTES,
  segmentName,
  type Damage,
  type Segment,
} from "./segment.ts";
import type { StoredRecord } from "./record.ts";

export interface Recovered {
  segments: Segment[];
  lastSeq: number;
  /** Records and spans after the cursor. */
  pendingRecords: number;
  pendingSpans: number;
  tornBytes: number;
  quarantinedBytes: number;
  /** Gaps in the sequence: records that were there once and cannot be read. */
  missingRecords: number;
}

interface Context {
  fs: LogFs;
  dir: string;
  logId: string;
  cursor: number;
  /** Their pending spans are counted. */
  consumers: readonly ConsumerStart[];
  window: ResendWindow;
  log: Logger;
}

export async function recover(names: readonly string[], context: Context): Promise<Recovered> {
  const found: Recovered = {
    segments: [],
    lastSeq: 0,
    pendingRecords: 0,
    pendingSpans: 0,
    tornBytes: 0,
    quarantinedBytes: 0,
    missingRecords: 0,
  };
  const firsts = names.map(firstSeqOf).filter((seq) => seq !== undefined);
  for (const first of firsts.sort((a, b) => a - b)) await recoverSegment(first, found, context);
  // A tail that was lost to damage after somebody had read it: its numbers are not used again.
  const cursors = context.consumers.map(({ seq = 0 }) => seq);
  found.lastSeq = Math.max(found.lastSeq, context.cursor, ...cursors);
  return found;
}

async function recoverSegment(first: number, found: Recovered, context: Context): Promise<void> {
  const path = `${context.dir}/${segmentName(first)}`;
  const bytes = await readWhole(context.fs, path);
  const header = readSegmentHeader(bytes, path);
  const logId = header?.logId ?? context.logId;
  const afterSeq = Math.max(first - 1, found.lastSeq);
  const { records, damage } = scan(bytes, SEGMENT_HEADER_BYTES, afterSeq, logId);
  if (!header && bytes.byteLength > 0) damage.push(headerDamage(bytes, records.length));
  for (const run of damage) await setAside(run, bytes, first, found, context);
  const end = records.at(-1)?.end ?? 0;
  // A segment that was created and never synced is empty: its name must be free for the one that takes its place.
  if (end < bytes.byteLength || records.length === 0) await cut(path, end, context);
  if (records.length === 0) return;
  for (const record of records) note(record, found, context);
  const spans = records.reduce((sum, record) => sum + acceptedSpans(record), 0);
  const ageMs = Math.max(0, Date.now() - records.at(-1)!.receivedAtUnixMs);
  const writtenAtMs = performance.now() - ageMs;
  const { lastSeq } = found;
  found.segments.push({ path, logId, firstSeq: first, lastSeq, bytes: end, spans, writtenAtMs });
}

function headerDamage(bytes: Buffer, records: number): Damage {
  const end = Math.min(SEGMENT_HEADER_BYTES, bytes.byteLength);
  return { start: 0, end, complete: records > 0, followed: records > 0 };
}

function acceptedSpans({ spanCount, rejected }: StoredRecord): number {
  return spanCount - rejected.length;
}

function note(record: StoredRecord, found: Recovered, context: Context): void {
  const { cursor, consumers, window, log } = context;
  // The first segment tells where the log begins: what was before it has been released.
  const expected = found.lastSeq === 0 ? record.seq : found.lastSeq + 1;
  if (record.seq > expected && record.seq - 1 > cursor) {
    const missing = record.seq - Math.max(expected, cursor + 1);
    found.missingRecords += missing;
    log("error", `log: ${missing} records before ${record.seq} are missing or damaged`);
  }
  found.lastSeq = record.seq;
  window.add(record.bodyHash, record.receivedAtUnixMs);
  for (const consumer of consumers) {
    if (record.seq > (consumer.seq ?? Infinity)) consumer.pendingSpans += acceptedSpans(record);
  }
  if (record.seq <= cursor) return;
  found.pendingRecords++;
  found.pendingSpans += acceptedSpans(record);
}

async function setAside(
  run: Damage,
  bytes: Buffer,
  first: number,
  found: Recovered,
  { fs, dir, log }: Context,
): Promise<void> {
  const length = run.end - run.start;
  if (!run.complete) {
    found.tornBytes += length;
    log("warn", `log: cut a torn write of ${length} bytes from ${segmentName(first)}`);
    return;
  }
  found.quarantinedBytes += length;
  const name = `${first}-${run.start}.bin`;
  await copyTo(fs, `${dir}/quarantine`, name, bytes.subarray(run.start, run.end));
  log("error", `log: ${length} damaged bytes of ${segmentName(first)} moved to quarantine/${name}`);
}

/** Damage in the middle stays in its segment and is found at every start: the copy then is there already. */
async function copyTo(fs: LogFs, dir: string, name: string, bytes: Buffer): Promise<void> {
  await fs.makeDirectory(dir);
  if ((await fs.list(dir)).includes(name)) return;
  const file = await fs.open(`${dir}/${name}`, "create");
  try {
    await writeFully(file, [bytes], 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await fs.syncDirectory(dir);
}

async function cut(path: string, end: number, { fs, dir }: Context): Promise<void> {
  if (end === 0) {
    await fs.remove(path);
    await fs.syncDirectory(dir);
    return;
  }
  const file = await fs.open(path, "edit");
  try {
    await file.truncate(end);
    await file.datasync();
  } finally {
    await file.close();
  }
}
