/**
 * The bounded queue between ended spans and who sends them.
 *
 * Spans leave in batches, one request at a time, every second or when a batch is full. When the collector is away the
 * queue fills: over its bytes a new span loses its messages, over its number a new span is dropped. The sender
 * retries for its own ten seconds; a batch that it gives up is dropped. All of it is counted, nothing throws, no timer
 * keeps the process alive.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { context, createContextKey, type Attributes } from "@opentelemetry/api";
import { WrittenJson } from "./canonical-json.ts";
import { ATTR } from "./conventions.ts";
import type { EndedSpan } from "./ended-span.ts";
import { countError, stats, warnOnce } from "./health.ts";
import type { SpanBatch, SpanSender } from "./otlp/senders.ts";

const MAX_SPANS = 2_048;
const MAX_BYTES = 32 * 1024 * 1024;
const BATCH_SPANS = 512;
const BATCH_BYTES = 2 * 1024 * 1024;
/** A guess for everything but long strings. */
const SPAN_BYTES = 1_024;

const CONTENT_KEYS: readonly string[] = [
  ATTR.systemInstructions,
  ATTR.inputMessages,
  ATTR.outputMessages,
  ATTR.toolDefinitions,
  ATTR.retrievalQuery,
  ATTR.retrievalDocuments,
];

/** The key that OpenTelemetry's own instrumentations look for, so that none of them traces our exports. */
const SUPPRESS_TRACING = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** Timers inherit the request they were set in; an export belongs to none. */
export const outsideRequests = AsyncLocalStorage.snapshot();

/** True while our own export request is being made. */
const exporting = new AsyncLocalStorage<true>();

export function isOwnExport(): boolean {
  return exporting.getStore() === true;
}

/** Runs what sends, so that nobody traces it. */
export function asOwnExport(send: () => void): void {
  const suppressed = context.active().setValue(SUPPRESS_TRACING, true);
  exporting.run(true, () => context.with(suppressed, send));
}

interface Waiting<Batch> {
  batch: Batch;
  bytes: number;
}

export interface ExportQueueOptions<Batch extends SpanBatch> {
  sender: SpanSender<Batch>;
  /** One that gives up soon: its retries would keep a process that wants to end from ending. */
  lastSender: () => SpanSender<Batch>;
  flushIntervalMs: number;
}

/** What of a queue does not depend on how spans wait in it. */
export interface SpanQueue {
  onEnd(span: EndedSpan): void;
  /** Resolves when the queue is empty. */
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
  /** Spans that are not sent yet. */
  readonly waiting: number;
  /** The process is about to end: from now on give up soon. */
  hurry(): void;
  /** Without a flush: what still waits is dropped. */
  stop(): Promise<void>;
}

export class ExportQueue<Batch extends SpanBatch> implements SpanQueue {
  readonly #lastSender: () => SpanSender<Batch>;
  #sender: SpanSender<Batch>;
  #last = false;
  readonly #flushIntervalMs: number;
  /** Oldest first; only the last one grows. */
  #queue: Waiting<Batch>[] = [];
  #spans = 0;
  #bytes = 0;
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #stopped = false;

  constructor(options: ExportQueueOptions<Batch>) {
    this.#sender = options.sender;
    this.#lastSender = options.lastSender;
    this.#flushIntervalMs = options.flushIntervalMs;
  }

  onEnd(span: EndedSpan): void {
    // Bit 1: sampled. What the service's sampler leaves out is not sent.
    if (this.#stopped || (span.spanContext().traceFlags & 1) === 0) return;
    if (this.#spans >= MAX_SPANS) {
      stats.spansDroppedQueueFull++;
      return;
    }
    this.#push(span);
    if (this.#hasFullBatch()) void this.#send();
    else this.#schedule();
  }

  get waiting(): number {
    return this.#spans + this.#inFlight;
  }

  hurry(): void {
    if (this.#last) return;
    this.#last = true;
    this.#sender = this.#lastSender();
  }

  /** Resolves when the queue is empty. */
  async forceFlush(): Promise<void> {
    while (this.#queue.length > 0 || this.#sending) await this.#send();
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    stats.spansDroppedExportFailed += this.#spans;
    this.#queue = [];
    this.#spans = 0;
    this.#bytes = 0;
    await this.#sender.shutdown();
  }

  #push(span: EndedSpan): void {
    let { attributes } = span;
    let bytes = sizeOf(attributes);
    if (this.#bytes + bytes > MAX_BYTES) {
      attributes = withoutContent(attributes);
      bytes = SPAN_BYTES;
      stats.contentDropped++;
    }
    try {
      const waiting = this.#batchFor(bytes);
      waiting.batch.add(span, attributes);
      waiting.bytes += bytes;
      this.#bytes += bytes;
      this.#spans++;
      stats.spansEnqueued++;
    } catch (error) {
      stats.spansDroppedExportFailed++;
      countError("encoding a span", error);
    }
  }

  #batchFor(bytes: number): Waiting<Batch> {
    const last = this.#queue.at(-1);
    const hasRoom = last && last.batch.spans < BATCH_SPANS && last.bytes + bytes <= BATCH_BYTES;
    if (last && (hasRoom || last.batch.spans === 0)) return last;
    const next = { batch: this.#sender.open(), bytes: 0 };
    this.#queue.push(next);
    return next;
  }

  #hasFullBatch(): boolean {
    const [first, second] = this.#queue;
    if (!first) return false;
    return second !== undefined || first.batch.spans >= BATCH_SPANS || first.bytes >= BATCH_BYTES;
  }

  #schedule(): void {
    this.#timer ??= outsideRequests(() => {
      const timer = setTimeout(() => void this.#send(), this.#flushIntervalMs);
      timer.unref();
      return timer;
    });
  }

  #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending) return this.#sending;
    const batch = this.#take();
    if (!batch) return Promise.resolve();
    this.#inFlight = batch.spans;
    this.#sending = outsideRequests(() => this.#export(batch)).finally(() => {
      this.#sending = undefined;
      this.#inFlight = 0;
      if (this.#hasFullBatch()) void this.#send();
      else if (this.#queue.length > 0) this.#schedule();
    });
    return this.#sending;
  }

  #take(): Batch | undefined {
    const oldest = this.#queue.shift();
    if (!oldest) return undefined;
    this.#bytes -= oldest.bytes;
    this.#spans -= oldest.batch.spans;
    return oldest.batch;
  }

  /** Never rejects. */
  #export(batch: Batch): Promise<void> {
    const { spans } = batch;
    return new Promise((resolve) => {
      const done = (error: unknown, failed: boolean): void => {
        if (failed) countFailed(spans, error);
        else stats.spansExported += spans;
        resolve();
      };
      try {
        asOwnExport(() =>
          // 0 is success in OpenTelemetry's ExportResultCode.
          this.#sender.export(batch, (result) => done(result.error, result.code !== 0)),
        );
      } catch (error) {
        countError("exporting spans", error);
        done(error, true);
      }
    });
  }
}

function countFailed(spans: number, error: unknown): void {
  stats.spansDroppedExportFailed += spans;
  warnOnce(
    "export",
    `spans could not be delivered and are dropped while that lasts (counted in stats()): ${error instanceof Error ? error.message || error.name : "no reason given"}`,
  );
}

function sizeOf(attributes: Attributes): number {
  let bytes = SPAN_BYTES;
  for (const key of CONTENT_KEYS) {
    const value: unknown = attributes[key];
    if (typeof value === "string" || value instanceof WrittenJson) bytes += value.length;
  }
  return bytes;
}

function withoutContent(all: Attributes): Attributes {
  const attributes: Attributes = { ...all, [ATTR.assayContentDropped]: true };
  for (const key of CONTENT_KEYS) delete attributes[key];
  return attributes;
}
