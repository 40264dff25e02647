/**
 * The bounded queue between ended spans and who sends them: a span processor for the OpenTelemetry SDK.
 *
 * Spans leave in batches, one request at a time, every second or when a batch is full. When the collector is away the
 * queue fills: over its bytes a new span loses its messages, over its number a new span is dropped. The sender
 * retries for its own ten seconds; a batch that it gives up is dropped. All of it is counted, nothing throws, no timer
 * keeps the process alive.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { context, createContextKey, type Attributes } from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import { ATTR } from "./conventions.ts";
import { countError, stats, warnOnce } from "./health.ts";
import type { SpanSender } from "./otlp/senders.ts";

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

interface Queued<Waiting> {
  span: Waiting;
  bytes: number;
}

export interface ExportQueueOptions<Waiting> {
  sender: SpanSender<Waiting>;
  /** One that gives up soon: its retries would keep a process that wants to end from ending. */
  lastSender: () => SpanSender<Waiting>;
  flushIntervalMs: number;
}

/** What of a queue does not depend on how spans wait in it. */
export interface SpanQueue extends SpanProcessor {
  /** The process is about to end: from now on give up soon. */
  hurry(): void;
  /** Without a flush: what still waits is dropped. */
  stop(): Promise<void>;
}

export class ExportQueue<Waiting> implements SpanQueue {
  readonly #lastSender: () => SpanSender<Waiting>;
  #sender: SpanSender<Waiting>;
  #last = false;
  readonly #flushIntervalMs: number;
  #queue: Queued<Waiting>[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #stopped = false;

  constructor(options: ExportQueueOptions<Waiting>) {
    this.#sender = options.sender;
    this.#lastSender = options.lastSender;
    this.#flushIntervalMs = options.flushIntervalMs;
  }

  onStart(): void {
    // Spans are of interest when they have ended.
  }

  onEnd(span: ReadableSpan): void {
    // Bit 1: sampled. What the service's sampler leaves out is not sent.
    if (this.#stopped || (span.spanContext().traceFlags & 1) === 0) return;
    if (this.#queue.length >= MAX_SPANS) {
      stats.spansDroppedQueueFull++;
      return;
    }
    this.#push(span);
    if (this.#queue.length >= BATCH_SPANS || this.#bytes >= BATCH_BYTES) void this.#send();
    else this.#schedule();
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
    stats.spansDroppedExportFailed += this.#queue.length;
    this.#queue = [];
    this.#bytes = 0;
    await this.#sender.shutdown();
  }

  #push(span: ReadableSpan): void {
    let { attributes } = span;
    if (this.#bytes + sizeOf(attributes) > MAX_BYTES) {
      attributes = withoutContent(attributes);
      stats.contentDropped++;
    }
    try {
      const bytes = sizeOf(attributes);
      this.#queue.push({ span: this.#sender.take(span, attributes), bytes });
      this.#bytes += bytes;
      stats.spansEnqueued++;
    } catch (error) {
      stats.spansDroppedExportFailed++;
      countError("encoding a span", error);
    }
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
    if (batch.length === 0) return Promise.resolve();
    this.#sending = outsideRequests(() => this.#export(batch)).finally(() => {
      this.#sending = undefined;
      if (this.#queue.length >= BATCH_SPANS) void this.#send();
      else if (this.#queue.length > 0) this.#schedule();
    });
    return this.#sending;
  }

  #take(): Waiting[] {
    let bytes = 0;
    let taken = 0;
    for (const queued of this.#queue) {
      if (taken === BATCH_SPANS || (taken > 0 && bytes + queued.bytes > BATCH_BYTES)) break;
      bytes += queued.bytes;
      taken++;
    }
    this.#bytes -= bytes;
    return this.#queue.splice(0, taken).map((queued) => queued.span);
  }

  /** Never rejects. */
  #export(batch: Waiting[]): Promise<void> {
    return new Promise((resolve) => {
      const done = (error: unknown, failed: boolean): void => {
        if (failed) countFailed(batch.length, error);
        else stats.spansExported += batch.length;
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
    const value = attributes[key];
    if (typeof value === "string") bytes += value.length;
  }
  return bytes;
}

function withoutContent(all: Attributes): Attributes {
  const attributes: Attributes = { ...all, [ATTR.assayContentDropped]: true };
  for (const key of CONTENT_KEYS) delete attributes[key];
  return attributes;
}
