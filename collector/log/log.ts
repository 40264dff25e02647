/**
 * The write-ahead log: a request counts as accepted when its record is here and synced.
 *
 * Appends wait in a queue; one loop takes all that wait, writes them with one `writev` and syncs once, then answers all.
 * While it syncs, the next group gathers: the slower the disk, the larger the groups. Sequence numbers are given when a
 * group is written, so a refused request leaves no gap.
 *
 *     <first seq>.wal   segments (segment.ts, record.ts)
 *     id                who the log is (identity.ts)
 *     cursor            how far the store is (cursor.ts)
 *     cursor-<name>     how far another consumer is (consumer.ts)
 *     resent            hashes of recent bodies whose segments are gone (resend-window.ts)
 *     reserve           room for a full disk (reserve.ts)
 *     quarantine/       damaged bytes (recovery.ts)
 *
 * Promises: what was acknowledged is offered to the store until it is released, over kill -9 and power loss. Only
 * durable records are ever read. After a failed sync nothing is acknowledged any more: the kernel may have dropped the
 * pages, and a second sync that succeeds would lie; `onFailed` tells the process, which should restart.
 * Out of space refuses requests one by one and recovers by itself. Memory, disk and the resend window are bounded.
 */
import { RefusedError } from "../stages.ts";
import type { AcceptedRequest, AppendOutcome, LogRecord } from "../stages.ts";
import {
  findConsumers,
  LogConsumer,
  settleConsumers,
  type ConsumerOptions,
  type ConsumerStart,
  type ConsumerStats,
} from "./consumer.ts";
import { readCursor, STORE_CURSOR, writeCursor } from "./cursor.ts";
import { identify } from "./identity.ts";
import { acquireLock, type Lock } from "./lock.ts";
import { isShortage, nodeFs, readWhole, replaceFile, type LogFs } from "./log-fs.ts";
import type { Logger } from "../stages.ts";
import { Loan, RecentRecords } from "./recent-records.ts";
import { bodySum, bodySums, recordBytes, type BodySums } from "./record.ts";
import { recover, type Recovered } from "./recovery.ts";
import { Reserve } from "./reserve.ts";
import { ResendWindow } from "./resend-window.ts";
import { ReadMemory, SegmentReader } from "./segment-reader.ts";
import { SegmentWriter, ShortageError, type Framed } from "./segment-writer.ts";
import type { Segment } from "./segment.ts";

const MiB = 1024 * 1024;
const RESENT_FILE = "resent";

export interface LogOptions {
  dir: string;
  /** What the store has not got yet, and waiting requests; beyond it requests are refused. */
  maxBytes: number;
  /** Who reads the log beside the store. @default nobody */
  consumers?: readonly ConsumerOptions[];
  /** @default 64 MiB */
  segmentBytes?: number;
  /** Room kept for a full disk. @default none */
  reserveBytes?: number;
  /** Requests that wait for their sync. @default 256 MiB */
  maxWaitingBytes?: number;
  /** Bodies kept in memory for a reader that keeps up. @default 64 MiB */
  recentBytes?: number;
  /** Bytes written with one sync. @default 32 MiB */
  groupBytes?: number;
  /** How long an equal body counts as a resend. @default 10 minutes */
  resendWindowMs?: number;
  /** Bodies remembered for that. @default 200,000 */
  resendCapacity?: number;
  /** Recorded with every request. */
  validatorVersion: number;
  fs?: LogFs;
  log: Logger;
  /** Called with the duration of each sync. */
  onSync?: (ms: number) => void;
  /** Called once, when a sync failed and nothing can be accepted any more. */
  onFailed?: (error: Error) => void;
  now?: () => number;
}

export interface LogStats {
  id: string;
  appendedRecords: number;
  /** Accepted ones, like all spans counted here. */
  appendedSpans: number;
  appendedBytes: number;
  duplicateRequests: number;
  duplicateSpans: number;
  refusedRequests: number;
  durableSeq: number;
  releasedSeq: number;
  pendingRecords: number;
  pendingSpans: number;
  /** Of segments that the store has not passed; those count against `maxBytes`. */
  bytes: number;
  maxBytes: number;
  /** Of segments that are there only for other consumers. */
  keptBytes: number;
  consumers: readonly ConsumerStats[];
  segments: number;
  waitingRequests: number;
  waitingBytes: number;
  recentBytes: number;
  resendEntries: number;
  syncs: number;
  syncMsTotal: number;
  syncMsMax: number;
  /** From the last start. */
  tornBytes: number;
  quarantinedBytes: number;
  missingRecords: number;
  /** Why nothing is accepted any more. */
  failed: string | undefined;
}

interface Waiting extends Framed {
  bytes: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** Opens the log in `dir`, or makes one. @throws when it is a copy, in use, or of a newer format */
export async function openLog(options: LogOptions): Promise<WriteAheadLog> {
  const { dir, fs = nodeFs, log } = options;
  await fs.makeDirectory(dir);
  const lock = await acquireLock(fs, dir);
  try {
    const names = await fs.list(dir);
    const id = await identify(fs, dir, names);
    const cursor = (await readCursor(fs, dir, names, STORE_CURSOR)) ?? 0;
    const consumers = await findConsumers({ fs, dir }, names, options.consumers ?? []);
    const window = new ResendWindow(
      options.resendWindowMs ?? 600_000,
      options.resendCapacity ?? 200_000,
    );
    if (names.includes(RESENT_FILE)) window.addBytes(await readWhole(fs, `${dir}/${RESENT_FILE}`));
    const recovered = await recover(names, { fs, dir, logId: id, cursor, consumers, window, log });
    await settleConsumers({ fs, dir, log }, names, consumers, recovered.lastSeq);
    const { reserveBytes: bytes = 0 } = options;
    const reserve = await Reserve.open({ fs, dir, bytes, log }, names);
    return new WriteAheadLog(options, { id, cursor, consumers, window, recovered, reserve, lock });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

interface Opened {
  id: string;
  cursor: number;
  consumers: readonly ConsumerStart[];
  window: ResendWindow;
  recovered: Recovered;
  reserve: Reserve;
  lock: Lock;
}

export class WriteAheadLog {
  readonly id: string;
  readonly #options: LogOptions;
  readonly #fs: LogFs;
  readonly #opened: Opened;
  readonly #sums: BodySums;
  readonly #writer: SegmentWriter;
  readonly #reader: SegmentReader;
  readonly #recent: RecentRecords;
  /** What the store has read last. */
  readonly #loan = new Loan();
  readonly #segments: Segment[];
  readonly #consumers: readonly LogConsumer[];
  readonly #watchers = new Set<() => void>();
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #committing: Promise<void> | undefined;
  #releasing: Promise<void> = Promise.resolve();
  #reading: Promise<unknown> = Promise.resolve();
  #nextSeq: number;
  #releasedSeq: number;
  #failed: Error | undefined;
  #closed = false;
  #refusals = 0;
  readonly #counts = {
    appendedRecords: 0,
    appendedSpans: 0,
    appendedBytes: 0,
    duplicateRequests: 0,
    duplicateSpans: 0,
    refusedRequests: 0,
    releasedSpans: 0,
    syncs: 0,
    syncMsTotal: 0,
    syncMsMax: 0,
  };

  /** Use `openLog`. */
  constructor(options: LogOptions, opened: Opened) {
    const { dir, fs = nodeFs, segmentBytes = 64 * MiB, validatorVersion } = options;
    this.#options = options;
    this.#fs = fs;
    this.#opened = opened;
    this.id = opened.id;
    this.#sums = bodySums(opened.id);
    this.#segments = opened.recovered.segments;
    this.#nextSeq = opened.recovered.lastSeq + 1;
    this.#releasedSeq = Math.max(opened.cursor, (this.#segments[0]?.firstSeq ?? 1) - 1);
    this.#consumers = opened.consumers.map((start) => this.#consume(start));
    this.#recent = new RecentRecords(options.recentBytes ?? 64 * MiB);
    this.#reader = new SegmentReader(fs, new ReadMemory());
    const onSync = (ms: number) => this.#noteSync(ms);
    this.#writer = new SegmentWriter({
      fs,
      dir,
      logId: this.id,
      segmentBytes,
      validatorVersion,
      onSync,
    });
  }

  /** The newest record that is synced; 0 in an empty log. */
  get durableSeq(): number {
    return this.#nextSeq - 1;
  }

  /** The store has records through this one. */
  get releasedSeq(): number {
    return this.#releasedSeq;
  }

  /** One of the consumers that were named when the log was opened; the log itself is the store's. */
  consumer(name: string): LogConsumer {
    const found = this.#consumers.find((consumer) => consumer.name === name);
    if (!found) throw new Error(`expected a consumer that the log was opened with, got "${name}"`);
    return found;
  }

  /** Why a request would be refused now; asked before its body is read. */
  admission(): RefusedError | undefined {
    if (this.#failed) return this.#refusal(`the log has failed: ${this.#failed.message}`);
    if (this.#closed) return this.#refusal("the collector is stopping");
    if (this.#opened.reserve.isGone()) return this.#refusal("the log's disk is full");
    if (this.#bytes() + this.#waitingBytes >= this.#options.maxBytes)
      return this.#refusal("the log is full");
    if (this.#waitingBytes >= (this.#options.maxWaitingBytes ?? 256 * MiB)) {
      return this.#refusal("too many requests wait for the disk");
    }
    return undefined;
  }

  /**
   * Resolves when the record is synced, or when the first copy of an equal body is.
   * The body belongs to the log from here on and must not be changed.
   * @throws RefusedError when nothing was kept
   */
  async append(request: AcceptedRequest): Promise<AppendOutcome> {
    const first = this.#opened.window.find(request.bodyHash, this.#now());
    if (first) {
      await first.pending;
      this.#counts.duplicateRequests++;
      this.#counts.duplicateSpans += acceptedSpans(request);
      request.free?.();
      return "duplicate";
    }
    const refusal = this.admission();
    if (refusal) {
      this.#counts.refusedRequests++;
      throw refusal;
    }
    await this.#enqueue(request);
    return "appended";
  }

  /**
   * Durable records from `fromSeq` on: about `limitBytes` of bodies, at least one; none when there is none yet.
   * The bodies are valid until the next read: their memory is used again then.
   */
  read(fromSeq: number, limitBytes: number): Promise<LogRecord[]> {
    const read = this.#reading.then(() => {
      // What it has read it does not read again, but from the file; other consumers may still need it.
      if (this.#consumers.length === 0) this.#recent.dropThrough(fromSeq - 1);
      return this.#read(this.#reader, fromSeq, limitBytes, this.#loan);
    });
    // The next reader waits its turn whether or not this one failed.
    this.#reading = read.catch(() => undefined);
    return read;
  }

  /** The first record of about the newest `bytes` that are still here. */
  recentSeq(bytes: number): number {
    let seq = this.#nextSeq;
    let found = 0;
    for (const segment of this.#segments.toReversed()) {
      if (found >= bytes) break;
      found += segment.bytes;
      seq = segment.firstSeq;
    }
    return seq;
  }

  /** True when `seq` is durable, false when `signal` aborted first or the log is closed. */
  async waitFor(seq: number, signal?: AbortSignal): Promise<boolean> {
    while (this.durableSeq < seq) {
      if (signal?.aborted || this.#closed) return false;
      await this.#nextChange(signal);
    }
    return true;
  }

  /**
   * The store has everything through `throughSeq`, with `spans` spans, in safety: it will not ask for it again.
   * Resolves when that is durable, and drops the segments that nobody needs. A number beyond what the log holds (its
   * tail was lost to damage after the store had read it) makes the log go on after it: no number is used twice.
   */
  release(throughSeq: number, spans = 0): Promise<void> {
    this.#counts.releasedSpans += spans;
    const release = this.#releasing.then(() => this.#release(throughSeq));
    this.#releasing = release.catch(() => undefined);
    return release;
  }

  /** What empties the log finds no room: gives back what was kept for that, if it is on the log's disk. */
  makeRoom(): Promise<void> {
    return this.#opened.reserve.giveUp();
  }

  /** Ends what is under way, then lets go of the files. Appends from now on are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#changed();
    await this.#committing;
    await this.#reading;
    await this.#releasing;
    for (const consumer of this.#consumers) await consumer.close();
    await this.#writer.close();
    await this.#reader.close();
    await this.#opened.reserve.close();
    await this.#opened.lock.release();
  }

  stats(): LogStats {
    const { releasedSpans, ...counts } = this.#counts;
    const { pendingSpans, tornBytes, quarantinedBytes, missingRecords } = this.#opened.recovered;
    return {
      ...counts,
      id: this.id,
      durableSeq: this.durableSeq,
      releasedSeq: this.#releasedSeq,
      pendingRecords: Math.max(0, this.durableSeq - this.#releasedSeq),
      pendingSpans: Math.max(0, pendingSpans + counts.appendedSpans - releasedSpans),
      bytes: this.#bytes(),
      maxBytes: this.#options.maxBytes,
      keptBytes: this.#segments.reduce((sum, { bytes }) => sum + bytes, 0) - this.#bytes(),
      consumers: this.#consumers.map((consumer) => consumer.stats()),
      segments: this.#segments.length,
      waitingRequests: this.#waiting.length,
      waitingBytes: this.#waitingBytes,
      recentBytes: this.#recent.bytes,
      resendEntries: this.#opened.window.size,
      tornBytes,
      quarantinedBytes,
      missingRecords,
      failed: this.#failed?.message,
    };
  }

  #enqueue(request: AcceptedRequest): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const bytes = recordBytes(request);
    const sum = bodySum(request.body, this.#sums);
    this.#opened.window.add(request.bodyHash, request.receivedAtUnixMs, promise);
    this.#waiting.push({ request, sum, bytes, resolve, reject });
    this.#waitingBytes += bytes;
    this.#committing ??= this.#commit();
    return promise;
  }

  /** Runs until nobody waits. Never throws: each request gets its own answer. */
  async #commit(): Promise<void> {
    // One turn of the event loop, so that requests that arrived together share the first sync too.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      if (this.#failed) this.#refuseAll(group, this.#failed);
      else await this.#commitGroup(group);
    }
    // In the same turn as the check above: a request that comes after it starts the loop again.
    this.#committing = undefined;
  }

  #takeGroup(): Waiting[] {
    const limit = this.#options.groupBytes ?? 32 * MiB;
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      if (count > 0 && bytes > limit) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    try {
      this.#committed(group, await this.#writer.append(group, this.#nextSeq));
    } catch (error) {
      if (!(error instanceof ShortageError)) return this.#fail(group, error);
      if (group.length === 1) {
        await this.#endSegment();
        void this.makeRoom();
        return this.#refuseAll(group, error);
      }
      // One request that is too large for what is left must not take the others with it.
      for (const one of group) await this.#commitGroup([one]);
    }
  }

  /** The disk is full, perhaps of the very segment that is being written: ended, it goes once nobody needs it. */
  async #endSegment(): Promise<void> {
    if (!this.#writer.segment?.bytes) return;
    await this.#writer.close();
    // What cannot be removed now is removed after the next release.
    void this.#dropPassed().catch(() => undefined);
  }

  #committed(group: readonly Waiting[], segment: Segment): void {
    if (this.#segments.at(-1) !== segment) this.#segments.push(segment);
    const spans = group.reduce((sum, { request }) => sum + acceptedSpans(request), 0);
    segment.spans += spans;
    segment.writtenAtMs = performance.now();
    for (const consumer of this.#consumers) consumer.appended(spans);
    for (const { request, bytes, resolve } of group) {
      const { signal, body, spanCount, rejected, receivedAtUnixMs, free } = request;
      const record = { seq: this.#nextSeq++, signal, body, spanCount, rejected, receivedAtUnixMs };
      this.#recent.add(record, free);
      this.#counts.appendedRecords++;
      this.#counts.appendedBytes += bytes;
      this.#counts.appendedSpans += acceptedSpans(request);
      this.#waitingBytes -= bytes;
      resolve();
    }
    this.#changed();
  }

  #fail(group: readonly Waiting[], error: unknown): void {
    const first = !this.#failed;
    this.#failed ??= new Error(`${String(error)}`, { cause: error });
    this.#refuseAll(group, this.#failed);
    if (!first) return;
    this.#options.log("error", `log: nothing is accepted any more: ${this.#failed.message}`);
    this.#options.onFailed?.(this.#failed);
  }

  #refuseAll(group: readonly Waiting[], cause: Error): void {
    for (const { request, bytes, reject } of group) {
      this.#waitingBytes -= bytes;
      this.#counts.refusedRequests++;
      request.free?.();
      reject(this.#refusal(cause.message, cause));
    }
  }

  /** 1, 2, 3 in turn: clients that were refused together do not come back together. */
  #refusal(reason: string, cause?: Error): RefusedError {
    const seconds = ([1, 2, 3] as const)[this.#refusals++ % 3] ?? 1;
    return new RefusedError(reason, seconds, cause && { cause });
  }

  async #read(
    reader: SegmentReader,
    fromSeq: number,
    limitBytes: number,
    loan?: Loan,
  ): Promise<LogRecord[]> {
    if (fromSeq > this.durableSeq) return [];
    const recent = this.#recent.read(fromSeq, limitBytes, loan);
    if (recent) return recent;
    for (const segment of this.#segments) {
      if (segment.lastSeq < fromSeq) continue;
      const records = await reader.read(segment, fromSeq, limitBytes);
      if (records.length > 0) return records;
    }
    return [];
  }

  async #release(throughSeq: number): Promise<void> {
    if (throughSeq >= this.#nextSeq) await this.#skipTo(throughSeq + 1);
    if (throughSeq <= this.#releasedSeq) return;
    this.#releasedSeq = throughSeq;
    this.#recent.dropThrough(throughSeq);
    await this.#giveUp();
    const passed = this.#passedSegments();
    try {
      await writeCursor(this.#fs, this.#options.dir, STORE_CURSOR, throughSeq);
      await this.#dropSegments(passed);
    } catch (error) {
      if (!isShortage(error)) throw error;
      void this.makeRoom();
      // A full disk must not keep itself full: the segment that is left says by its name what is done with.
      await this.#removeAll(passed);
      await writeCursor(this.#fs, this.#options.dir, STORE_CURSOR, throughSeq);
    }
  }

  #consume(start: ConsumerStart): LogConsumer {
    const { fs = nodeFs, dir, log } = this.#options;
    const source = {
      id: this.id,
      durableSeq: () => this.durableSeq,
      read: (reader: SegmentReader, fromSeq: number, limitBytes: number) =>
        this.#read(reader, fromSeq, limitBytes),
      waitFor: (seq: number, signal?: AbortSignal) => this.waitFor(seq, signal),
      dropPassed: () => this.#dropPassed(),
    };
    return new LogConsumer(source, { fs, dir, log }, start, this.#segments);
  }

  /** A consumer has moved on. */
  #dropPassed(): Promise<void> {
    if (this.#passedSegments().length === 0) return Promise.resolve();
    const drop = this.#releasing.then(() => this.#dropSegments(this.#passedSegments()));
    this.#releasing = drop.catch(() => undefined);
    return drop;
  }

  async #giveUp(): Promise<void> {
    const isKept = (segment: Segment) => this.#isStored(segment);
    const kept = this.#segments.filter(isKept);
    const later = this.#segments.filter((segment) => !isKept(segment));
    for (const consumer of this.#consumers) await consumer.giveUp(kept, later, performance.now());
  }

  #isStored(segment: Segment): boolean {
    return segment !== this.#writer.segment && segment.lastSeq <= this.#releasedSeq;
  }

  async #skipTo(nextSeq: number): Promise<void> {
    await this.#committing;
    this.#nextSeq = Math.max(this.#nextSeq, nextSeq);
    this.#recent.dropThrough(nextSeq);
    await this.#writer.close();
  }

  #passedSegments(): Segment[] {
    const slowest = Math.min(...this.#consumers.map(({ releasedSeq }) => releasedSeq));
    return this.#segments.filter((s) => this.#isStored(s) && s.lastSeq <= slowest);
  }

  /** The hashes of bodies in segments that go must be in the file first. */
  async #dropSegments(passed: readonly Segment[]): Promise<void> {
    if (passed.length === 0) return;
    const hashes = this.#opened.window.toBytes();
    try {
      await replaceFile(this.#fs, this.#options.dir, RESENT_FILE, hashes);
    } catch (error) {
      if (!isShortage(error)) throw error;
      // A full disk must not keep itself full. After a restart these bodies are not known any more.
      void this.makeRoom();
    }
    await this.#removeAll(passed);
  }

  async #removeAll(passed: readonly Segment[]): Promise<void> {
    for (const segment of passed) {
      await this.#fs.remove(segment.path);
      const at = this.#segments.indexOf(segment);
      if (at >= 0) this.#segments.splice(at, 1);
    }
    if (passed.length > 0) await this.#fs.syncDirectory(this.#options.dir);
  }

  #bytes(): number {
    return this.#segments.reduce((sum, each) => sum + (this.#isStored(each) ? 0 : each.bytes), 0);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #noteSync(ms: number): void {
    this.#options.onSync?.(ms);
    this.#counts.syncs++;
    this.#counts.syncMsTotal += ms;
    this.#counts.syncMsMax = Math.max(this.#counts.syncMsMax, ms);
  }

  #changed(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher();
  }

  #nextChange(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal?.removeEventListener("abort", done);
        this.#watchers.delete(done);
        resolve();
      };
      this.#watchers.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }
}

function acceptedSpans({ spanCount, rejected }: AcceptedRequest): number {
  return spanCount - rejected.length;
}
