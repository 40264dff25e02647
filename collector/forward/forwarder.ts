/**
 * One destination's way through the log: read a few records, send each as the request that it was, move the cursor on.
 *
 * At least once: the cursor moves, synced, behind the records that are settled without a gap, a few times a second, so that a
 * crash sends again what was under way and little else. Requests of a turn go out side by side; a destination that says "later" holds up its own turn alone: cursor, connections and memory are each destination's own.
 *
 * Bytes pass through: a record is sent as it lies in the log, unless a filter or a refused span leaves something
 * out (selection.ts). What a destination refuses for good is not sent again (OTLP forbids it): counted by code and logged.
 * A request that is too large for it is halved by spans until it fits.
 */
import type { LogConsumer } from "../log/consumer.ts";
import type { Logger, LogRecord } from "../stages.ts";
import type { Answer } from "./answer.ts";
import { pause, retryDelayMs, type BackoffOptions } from "./backoff.ts";
import type { Destination } from "./destination.ts";
import { createSpanFilter, type SpanFilter } from "./filter.ts";
import { halves, type Selection } from "./selection.ts";
import { createSender, type Sender } from "./sender.ts";

/** Bodies of one turn; one record may be larger. */
const TURN_BYTES = 8 * 1024 * 1024;
/** OTLP's default limit, of a request as it is sent and inflated; a larger one is not even tried. */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;
/** A synced cursor for each request would cost more than sending it. */
const RELEASE_EVERY_MS = 100;
const LOG_EVERY_MS = 10_000;

export interface ForwardStats {
  name: string;
  sentSpans: number;
  sentRequests: number;
  /** Of `sentSpans`: the destination said that it did not take them. */
  rejectedSpans: number;
  /** Refused for good, by code; never sent again. */
  droppedSpans: ReadonlyMap<string, number>;
  /** Left out by the filter, or of a signal that is not forwarded. */
  filteredSpans: number;
  /** Attempts that ended with "later", by code. */
  retries: ReadonlyMap<string, number>;
  inFlight: number;
  pendingRecords: number;
  pendingSpans: number;
  keptBytes: number;
  givenUpSpans: number;
}

export interface ForwarderOptions {
  destination: Destination;
  consumer: LogConsumer;
  log: Logger;
  backoff?: BackoffOptions;
}

export class Forwarder {
  readonly #destination: Destination;
  readonly #consumer: LogConsumer;
  readonly #log: Logger;
  readonly #backoff: BackoffOptions;
  readonly #sender: Sender;
  readonly #filter: SpanFilter;
  readonly #stopping = new AbortController();
  readonly #dropped = new Map<string, number>();
  readonly #retries = new Map<string, number>();
  readonly #counts = {
    sentSpans: 0,
    sentRequests: 0,
    rejectedSpans: 0,
    filteredSpans: 0,
    inFlight: 0,
  };
  #running: Promise<void> | undefined;
  #loggedAt = -Infinity;

  constructor({ destination, consumer, log, backoff = {} }: ForwarderOptions) {
    this.#destination = destination;
    this.#consumer = consumer;
    this.#log = log;
    this.#backoff = backoff;
    this.#sender = createSender(destination);
    this.#filter = createSpanFilter(destination.filter);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Sends what is in the log now, within the deadline; what is left goes after the next start. */
  async stop(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stopping.abort(), deadlineMs);
    const isDone = this.#consumer.releasedSeq >= this.#consumer.durableSeq;
    if (isDone || deadlineMs === 0) this.#stopping.abort();
    const end = this.#consumer.durableSeq;
    while (!this.#stopping.signal.aborted && this.#consumer.releasedSeq < end)
      await pause(20, this.#stopping.signal);
    this.#stopping.abort();
    await this.#running;
    clearTimeout(timer);
    this.#sender.close();
  }

  stats(): ForwardStats {
    const { pendingRecords, pendingSpans, keptBytes, givenUpSpans } = this.#consumer.stats();
    return {
      name: this.#destination.name,
      ...this.#counts,
      droppedSpans: this.#dropped,
      retries: this.#retries,
      pendingRecords,
      pendingSpans,
      keptBytes,
      givenUpSpans,
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted;) {
      try {
        await this.#turn();
        attempt = 0;
      } catch (error) {
        if (signal.aborted) return;
        // The log's disk; or a bug, which must not stop the others.
        this.#say("warn", `reading or writing the log failed, trying again: ${String(error)}`);
        await pause(retryDelayMs(attempt++, undefined, this.#backoff), signal);
      }
    }
  }

  async #turn(): Promise<void> {
    const { signal } = this.#stopping;
    const next = this.#consumer.releasedSeq + 1;
    if (!(await this.#consumer.waitFor(next, signal))) return;
    const records = await this.#consumer.read(next, TURN_BYTES);
    const last = records.at(-1);
    if (!last) return;
    await this.#sendAll(new Progress(records, this.#consumer));
  }

  /** Ends when all are settled, or when stopped. */
  async #sendAll(progress: Progress): Promise<void> {
    const waiting = progress.records.entries();
    const lane = async (): Promise<void> => {
      for (const [index, record] of waiting) {
        if (!(await this.#sendRecord(record))) return;
        await progress.settle(index);
      }
    };
    const lanes = Math.min(this.#destination.maxInFlight, progress.records.length);
    await Promise.all(Array.from({ length: lanes }, lane));
    await progress.release();
  }

  async #sendRecord(record: LogRecord): Promise<boolean> {
    const accepted = record.spanCount - record.rejected.length;
    const selection = this.#destination.urls[record.signal]
      ? this.#filter.select(record.body, record.signal, record.rejected)
      : { body: record.body, spans: 0 };
    if (selection.spans > 0 && !(await this.#deliver(record, selection))) return false;
    this.#counts.filteredSpans += accepted - selection.spans;
    return true;
  }

  /** Until it is taken, refused for good, or given up by the log. Resolves to false when stopped. */
  async #deliver(record: LogRecord, selection: Selection): Promise<boolean> {
    const { signal } = this.#stopping;
    if (selection.body.byteLength > MAX_REQUEST_BYTES && selection.spans > 1)
      return this.#deliverHalves(record, selection);
    const encoded = await this.#sender.encode(selection.body);
    for (let attempt = 0; !signal.aborted; attempt++) {
      const answer = await this.#attempt(encoded, record);
      if (answer.kind === "too-large" && selection.spans > 1)
        return this.#deliverHalves(record, selection);
      if (answer.kind !== "retry") {
        this.#settle(answer, selection.spans);
        return true;
      }
      if (signal.aborted) return false;
      add(this.#retries, answer.code, 1);
      this.#say("warn", `${answer.code} ${answer.message}; trying again`);
      await pause(retryDelayMs(attempt, answer.afterMs, this.#backoff), signal);
      // Too far behind: the log has given it up, and has counted it.
      if (record.seq <= this.#consumer.releasedSeq) return true;
    }
    return false;
  }

  async #attempt(encoded: Uint8Array, { signal: kind }: LogRecord): Promise<Answer> {
    this.#counts.inFlight++;
    try {
      return await this.#sender.send(encoded, kind, this.#stopping.signal);
    } finally {
      this.#counts.inFlight--;
    }
  }

  async #deliverHalves(record: LogRecord, { body, spans }: Selection): Promise<boolean> {
    for (const half of halves(body, spans)) if (!(await this.#deliver(record, half))) return false;
    return true;
  }

  #settle(answer: Exclude<Answer, { kind: "retry" }>, spans: number): void {
    if (answer.kind === "accepted") {
      const rejected = Math.min(answer.rejected, spans);
      this.#counts.sentRequests++;
      this.#counts.sentSpans += spans;
      this.#counts.rejectedSpans += rejected;
      if (rejected > 0) this.#say("warn", `${rejected} spans were not taken: ${answer.message}`);
      return;
    }
    add(this.#dropped, answer.code, spans);
    this.#say("error", `${spans} spans are refused for good: ${answer.code} ${answer.message}`);
  }

  /** One line now and then: a destination that fails fails thousands of times. */
  #say(level: "warn" | "error", message: string): void {
    const now = performance.now();
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    this.#log(level, `forward: ${this.#destination.name}: ${message}`);
  }
}

/** Which records of a turn are settled; moves the cursor behind those that are, without a gap. */
class Progress {
  readonly records: readonly LogRecord[];
  readonly #consumer: LogConsumer;
  readonly #settled = new Set<number>();
  #next = 0;
  #spans = 0;
  #releasedAt = performance.now();

  constructor(records: readonly LogRecord[], consumer: LogConsumer) {
    this.records = records;
    this.#consumer = consumer;
  }

  async settle(index: number): Promise<void> {
    this.#settled.add(index);
    for (; this.#settled.delete(this.#next); this.#next++) {
      const { spanCount, rejected } = this.records[this.#next]!;
      this.#spans += spanCount - rejected.length;
    }
    if (performance.now() - this.#releasedAt >= RELEASE_EVERY_MS) await this.release();
  }

  async release(): Promise<void> {
    const last = this.records[this.#next - 1];
    if (!last) return;
    const spans = this.#spans;
    this.#spans = 0;
    this.#releasedAt = performance.now();
    await this.#consumer.release(last.seq, spans);
  }
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
