/** The pipeline for services without OpenTelemetry: a tracer provider that is registered nowhere → export queue → OTLP. */
import { ATTR, SCOPE_VERSION } from "./conventions.ts";
import type { Resource } from "./ended-span.ts";
import { ExportQueue, type SpanQueue } from "./export-queue.ts";
import {
  jsonSender,
  protobufSender,
  type SenderOptions,
  type SpanBatch,
  type SpanSender,
} from "./otlp/senders.ts";
import { PrivateTracerProvider } from "./private-tracer.ts";
import type { Settings } from "./settings.ts";

export interface Pipeline {
  provider: PrivateTracerProvider;
  queue: SpanQueue;
  /** Spans wait as bytes, not as objects. */
  encodesAtOnce: boolean;
}

export function createPipeline(settings: Settings): Pipeline {
  const queue = createQueue(settings.tracesUrl, settings);
  const provider = new PrivateTracerProvider({
    resource: serviceResource(settings),
    ended: (span) => queue.onEnd(span),
  });
  return { provider, queue, encodesAtOnce: settings.protocol !== "http/json" };
}

/** Who sends: the service, as its settings name it. */
export function serviceResource(settings: Settings): Resource {
  const attributes = {
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.distro.name": "assay",
    "telemetry.distro.version": SCOPE_VERSION,
    "process.pid": process.pid,
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
    ...settings.resourceAttributes,
    [ATTR.serviceName]: settings.serviceName,
  };
  return { attributes };
}

/** A process that ends waits no longer than this for a collector that is away; it must be less than flush() waits. */
export const LAST_TIMEOUT_MS = 1_500;

export function createQueue(
  url: string,
  { flushIntervalMs, protocol }: Pick<Settings, "flushIntervalMs" | "protocol">,
): SpanQueue {
  const queue = <Batch extends SpanBatch>(
    sender: (options: SenderOptions) => SpanSender<Batch>,
  ): SpanQueue =>
    new ExportQueue({
      sender: sender({ url }),
      lastSender: () => sender({ url, timeoutMillis: LAST_TIMEOUT_MS }),
      flushIntervalMs,
    });
  return protocol === "http/json" ? queue(jsonSender) : queue(protobufSender);
}
