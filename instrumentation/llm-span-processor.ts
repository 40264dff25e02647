/**
 * For services that have an OpenTelemetry SDK: a span processor that also sends to Assay what Assay is about. Without
 * it our spans go where the SDK sends its spans, which may be all that is wanted.
 *
 *   new NodeSDK({ spanProcessors: [theirs, new LlmSpanProcessor()] })
 *
 * Sent are spans that name a model operation or a retrieval, from whichever instrumentation, and the server spans
 * above them, so that what belongs to one request is seen as one; the rest of the service's traces stays out.
 */
import { SpanKind } from "@opentelemetry/api";
import { SCOPE_NAME } from "./conventions.ts";
import type { EndedSpan } from "./ended-span.ts";
import type { SpanQueue } from "./export-queue.ts";
import { drainAll } from "./drain.ts";
import { createQueue } from "./private-provider.ts";
import { runtime, trackQueue } from "./runtime.ts";

/** Beginnings of attribute names that only spans about models carry, in the dialects that the collector reads. */
const MODEL_PREFIXES = [
  "gen_ai.",
  "llm.",
  "openinference.",
  "traceloop.",
  "ai.operationId",
  "langfuse.observation",
  "mcp.",
];

/** The latest traces with a model span, for the server spans that end after it; bounded, the oldest is forgotten. */
const MAX_TRACES = 10_000;

type StartedSpan = Pick<EndedSpan, "spanContext" | "attributes" | "instrumentationScope">;

export interface LlmSpanProcessorOptions {
  /** Where the collector listens, such as `http://assay:4318`. @default ASSAY_ENDPOINT, else http://127.0.0.1:4318 */
  endpoint?: string;
}

export class LlmSpanProcessor {
  readonly #queue: SpanQueue;
  readonly #traces = new Set<string>();

  constructor(options: LlmSpanProcessorOptions = {}) {
    const url = options.endpoint
      ? `${options.endpoint.replace(/\/+$/, "")}/v1/traces`
      : runtime.settings.assayTracesUrl;
    this.#queue = createQueue(url, runtime.settings);
    trackQueue(this.#queue);
  }

  /** Our spans say what they are from the start, and end a moment after their call: maybe after the server span. */
  onStart(span: StartedSpan): void {
    if (isModelSpan(span)) this.#remember(span.spanContext().traceId);
  }

  onEnd(span: EndedSpan): void {
    const { traceId } = span.spanContext();
    if (isModelSpan(span)) this.#remember(traceId);
    else if (span.kind !== SpanKind.SERVER || !this.#traces.has(traceId)) return;
    this.#queue.onEnd(span);
  }

  async forceFlush(): Promise<void> {
    drainAll();
    await this.#queue.forceFlush();
  }

  async shutdown(): Promise<void> {
    drainAll();
    await this.#queue.shutdown();
  }

  #remember(traceId: string): void {
    this.#traces.add(traceId);
    if (this.#traces.size <= MAX_TRACES) return;
    const [oldest] = this.#traces;
    if (oldest !== undefined) this.#traces.delete(oldest);
  }
}

function isModelSpan(span: StartedSpan): boolean {
  if (span.instrumentationScope.name === SCOPE_NAME) return true;
  return Object.keys(span.attributes).some((name) =>
    MODEL_PREFIXES.some((prefix) => name.startsWith(prefix)),
  );
}
