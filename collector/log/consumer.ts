/**
 * A named consumer of the log beside the store: it reads at its own pace and has its own cursor.
 *
 * A segment stays until the store and every consumer have passed it. What a consumer keeps after the store is done
 * with it is bounded, in bytes and in age: beyond that its oldest segments are given up, counted in records and spans
 * and logged as an error. Nothing is given up that is there for the store anyway, and never anything of the store's.
 *
 * A new consumer begins at the log's end (or at the beginning of what the log holds), and that place is durable before
 * the log takes its first request. One that is no longer named at start loses its cursor. One whose cursor is damaged
 * begins at the beginning: twice rather than never.
 */
import type { LogRecord, Logger } from "../stages.ts";
import { consumersWithCursor, cursorFile, readCursor, writeCursor } from "./cursor.ts";
import { isShortage, type LogFs } from "./log-fs.ts";
import { SegmentReader } from "./segment-reader.ts";
import type { Segment } from "./segment.ts";

export interface ConsumerOptions {
  /** a-z, 0-9 and "-". */
  name: string;
  /** Bytes of segments kept for it alone; whole segments, so that one more may be there. */
  maxBytes: number;
  /** Age of the newest record of a segment kept for it alone. @default no limit */
  maxAgeMs?: number;
  /** Where a new one begins. @default "end" */
  from?: "beginning" | "end";
}

export interface ConsumerStats {
  name: string;
  releasedSeq: number;
  pendingRecords: number;
  pendingSpans: number;
  /** Segments that are here only for this and other consumers, not for the store. */
  keptBytes: number;
  maxBytes: number;
  givenUpRecords: number;
  givenUpSpans: number;
}

/** What a consumer needs of its log. */
export interface ConsumerSource {
  readonly id: string;
  durableSeq(): number;
  read(reader: SegmentReader, fromSeq: number, limitBytes: number): Promise<LogRecord[]>;
  waitFor(seq: number, signal?: AbortSignal): Promise<boolean>;
  /** Removes segments that nobody needs any more. */
  dropPassed(): Promise<void>;
}

export interface ConsumerStart {
  options: ConsumerOptions;
  /** Undefined until a new one's place is known. */
  seq: number | undefined;
  pendingSpans: number;
}

interface Files {
  fs: LogFs;
  dir: string;
}

/** Where the configured consumers are. */
export async function findConsumers(
  { fs, dir }: Files,
  names: readonly string[],
  configured: readonly ConsumerOptions[],
): Promise<ConsumerStart[]> {
  const found: ConsumerStart[] = [];
  for (const options of configured) {
    const file = cursorFile(options.name);
    if (found.some(({ options: { name } }) => name === options.name))
      throw new Error(`expected one consumer "${options.name}", got two`);
    const known = await readCursor(fs, dir, names, file);
    const isNew = !names.includes(file) && options.from !== "beginning";
    found.push({ options, seq: known ?? (isNew ? undefined : 0), pendingSpans: 0 });
  }
  return found;
}

/** Gives the new ones their place, durably, and takes the place of those that are no longer configured. */
export async function settleConsumers(
  { fs, dir, log }: Files & { log: Logger },
  names: readonly string[],
  starts: readonly ConsumerStart[],
  lastSeq: number,
): Promise<void> {
  for (const start of starts) {
    const file = cursorFile(start.options.name);
    start.seq ??= lastSeq;
    if (!names.includes(file)) await writeCursor(fs, dir, file, start.seq);
  }
  const configured = new Set(starts.map(({ options }) => options.name));
  for (const name of consumersWithCursor(names).filter((each) => !configured.has(each))) {
    const seq = await readCursor(fs, dir, names, cursorFile(name));
    await fs.remove(`${dir}/${cursorFile(name)}`);
    await fs.syncDirectory(dir);
    const left = lastSeq - (seq ?? lastSeq);
    log("warn", `log: consumer "${name}" is no longer there; ${left} requests it had not taken`);
  }
}

export class LogConsumer {
  readonly name: string;
  readonly #options: ConsumerOptions;
  readonly #files: Files & { log: Logger };
  readonly #source: ConsumerSource;
  readonly #reader: SegmentReader;
  #reading: Promise<unknown> = Promise.resolve();
  #releasedSeq: number;
  #durableCursor: number;
  #writing: Promise<void> | undefined;
  #pendingSpans: number;
  #keptBytes = 0;
  #givenUpRecords = 0;
  #givenUpSpans = 0;

  constructor(
    source: ConsumerSource,
    files: Files & { log: Logger },
    start: ConsumerStart,
    segments: readonly Segment[],
  ) {
    this.name = start.options.name;
    this.#options = start.options;
    this.#files = files;
    this.#source = source;
    this.#reader = new SegmentReader(files.fs);
    this.#releasedSeq = Math.max(start.seq ?? 0, (segments[0]?.firstSeq ?? 1) - 1);
    this.#durableCursor = this.#releasedSeq;
    this.#pendingSpans = start.pendingSpans;
  }

  /** The log's. */
  get id(): string {
    return this.#source.id;
  }

  get durableSeq(): number {
    return this.#source.durableSeq();
  }

  /** Records through this one are done with, or given up. */
  get releasedSeq(): number {
    return this.#releasedSeq;
  }

  /** Durable records from `fromSeq` on: about `limitBytes` of bodies, at least one; none when there is none yet. */
  read(fromSeq: number, limitBytes: number): Promise<LogRecord[]> {
    const read = this.#reading.then(() => this.#source.read(this.#reader, fromSeq, limitBytes));
    // The next read waits its turn whether or not this one failed.
    this.#reading = read.catch(() => undefined);
    return read;
  }

  /** True when `seq` is durable, false when `signal` aborted first or the log is closed. */
  waitFor(seq: number, signal?: AbortSignal): Promise<boolean> {
    return this.#source.waitFor(seq, signal);
  }

  /**
   * It has everything through `throughSeq`, with `spans` accepted spans, in safety. Resolves when that is durable.
   * Releases that wait for the disk together share one write.
   */
  async release(throughSeq: number, spans = 0): Promise<void> {
    if (throughSeq <= this.#releasedSeq) return;
    this.#releasedSeq = throughSeq;
    const isAll = throughSeq >= this.#source.durableSeq();
    this.#pendingSpans = isAll ? 0 : Math.max(0, this.#pendingSpans - spans);
    while (this.#durableCursor < throughSeq) await (this.#writing ??= this.#writeCursor());
    await this.#source.dropPassed();
  }

  /** The log has taken in `spans` accepted spans. */
  appended(spans: number): void {
    this.#pendingSpans += spans;
  }

  /**
   * Gives up the oldest of `kept`, the segments that the store has passed, as far as they are over the limits.
   * Resolves when that is durable.
   */
  async giveUp(kept: readonly Segment[], later: readonly Segment[], nowMs: number): Promise<void> {
    const mine = kept.filter(({ lastSeq }) => lastSeq > this.#releasedSeq);
    const { maxBytes, maxAgeMs = Infinity } = this.#options;
    this.#keptBytes = mine.reduce((sum, { bytes }) => sum + bytes, 0);
    let last: Segment | undefined;
    while (mine[0] && (this.#keptBytes > maxBytes || nowMs - mine[0].writtenAtMs > maxAgeMs)) {
      last = mine.shift();
      this.#keptBytes -= last!.bytes;
    }
    if (last) await this.#skipTo(last.lastSeq, [...mine, ...later]);
  }

  stats(): ConsumerStats {
    return {
      name: this.name,
      releasedSeq: this.#releasedSeq,
      pendingRecords: Math.max(0, this.#source.durableSeq() - this.#releasedSeq),
      pendingSpans: this.#pendingSpans,
      keptBytes: this.#keptBytes,
      maxBytes: this.#options.maxBytes,
      givenUpRecords: this.#givenUpRecords,
      givenUpSpans: this.#givenUpSpans,
    };
  }

  async close(): Promise<void> {
    await this.#reading;
    await this.#writing?.catch(() => undefined);
    await this.#reader.close();
  }

  async #skipTo(seq: number, rest: readonly Segment[]): Promise<void> {
    const records = seq - this.#releasedSeq;
    const left = rest.reduce((sum, { spans }) => sum + spans, 0);
    const spans = Math.max(0, this.#pendingSpans - left);
    this.#releasedSeq = seq;
    this.#pendingSpans = left;
    this.#givenUpRecords += records;
    this.#givenUpSpans += spans;
    const what = `${records} requests with ${spans} spans are given up for "${this.name}"`;
    this.#files.log("error", `log: ${what}: it is too far behind (${this.#limits()})`);
    try {
      while (this.#durableCursor < seq) await (this.#writing ??= this.#writeCursor());
    } catch (error) {
      // The segment that is left says by its name what is given up, and a full disk must not keep itself full.
      if (!isShortage(error)) throw error;
    }
  }

  #limits(): string {
    const { maxBytes, maxAgeMs } = this.#options;
    const age = maxAgeMs === undefined ? "" : `, ${Math.round(maxAgeMs / 3_600_000)} h`;
    return `limit ${Math.round(maxBytes / 1024 / 1024)} MiB${age}`;
  }

  async #writeCursor(): Promise<void> {
    const seq = this.#releasedSeq;
    try {
      await writeCursor(this.#files.fs, this.#files.dir, cursorFile(this.name), seq);
      this.#durableCursor = seq;
    } finally {
      this.#writing = undefined;
    }
  }
}
