/**
 * The bounded queue between ended spans and the exporter: a span processor for the OpenTelemetry SDK.
 *
 * Spans leave in batches, one request at a time, every second or when a batch is full. When the collector is away the
 * queue fills: over its bytes a new span loses its messages, over its number a new span is dropped. The exporter
 * retries for its own ten seconds; a batch that it gives up is dropped. All of it is counted, nothing throws, no timer
 * keeps the process alive.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { context, createContextKey, type Attributes } from "@opentelemetry/api";
import type { ReadableSpan, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace";
import { ATTR } from "./conventions.ts";
import { countError, stats, warnOnce } from "./health.ts";

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
const outsideRequests = AsyncLocalStorage.snapshot();

/** True while our own export request is being made. */
const exporting = new AsyncLocalStorage<true>();

export function isOwnExport(): boolean {
  return exporting.getStore() === true;
}

interface QueuedSpan {
  span: ReadableSpan;
  bytes: number;
}

export interface ExportQueueOptions {
  exporter: SpanExporter;
  /** One that gives up soon: its retries would keep a process that wants to end from ending. */
  lastExporter: () => SpanExporter;
  flushIntervalMs: number;
}

export class ExportQueue implements SpanProcessor {
  readonly #lastExporter: () => SpanExporter;
  #exporter: SpanExporter;
  #last = false;
  readonly #flushIntervalMs: number;
  #queue: QueuedSpan[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #stopped = false;

  constructor(options: ExportQueueOptions) {
    this.#exporter = options.exporter;
    this.#lastExporter = options.lastExporter;
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

  /** The process is about to end: from now on give up soon. */
  hurry(): void {
    if (this.#last) return;
    this.#last = true;
    this.#exporter = this.#lastExporter();
  }

  /** Resolves when the queue is empty. */
  async forceFlush(): Promise<void> {
    while (this.#queue.length > 0 || this.#sending) await this.#send();
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    await this.stop();
  }

  /** Without a flush: what still waits is dropped. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    stats.spansDroppedExportFailed += this.#queue.length;
    this.#queue = [];
    this.#bytes = 0;
    await this.#exporter.shutdown();
  }

  #push(span: ReadableSpan): void {
    let bytes = sizeOf(span.attributes);
    let kept = span;
    if (this.#bytes + bytes > MAX_BYTES) {
      kept = withoutContent(span);
      bytes = sizeOf(kept.attributes);
      stats.contentDropped++;
    }
    this.#queue.push({ span: kept, bytes });
    this.#bytes += bytes;
    stats.spansEnqueued++;
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

  #take(): ReadableSpan[] {
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
  #export(batch: ReadableSpan[]): Promise<void> {
    return new Promise((resolve) => {
      const done = (error: unknown, failed: boolean): void => {
        if (failed) countFailed(batch.length, error);
        else stats.spansExported += batch.length;
        resolve();
      };
      try {
        const suppressed = context.active().setValue(SUPPRESS_TRACING, true);
        exporting.run(true, () =>
          context.with(suppressed, () =>
            // 0 is success in OpenTelemetry's ExportResultCode.
            this.#exporter.export(batch, (result) => done(result.error, result.code !== 0)),
          ),
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

/** The same span seen without its messages; the span itself belongs to others too. */
function withoutContent(span: ReadableSpan): ReadableSpan {
  const attributes: Attributes = {
    ...span.attributes,
    [ATTR.assayContentDropped]: true,
  };
  for (const key of CONTENT_KEYS) delete attributes[key];
  return Object.create(span, {
    attributes: { value: attributes, enumerable: true },
  }) as ReadableSpan;
}
