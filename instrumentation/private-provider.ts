/** The pipeline for services without OpenTelemetry: a tracer provider that is registered nowhere → export queue → OTLP. */
import type { Attributes } from "@opentelemetry/api";
import { TracerProvider, type TracerProviderOptions } from "@opentelemetry/sdk-trace";
import { ATTR } from "./conventions.ts";
import { ExportQueue, type SpanQueue } from "./export-queue.ts";
import { jsonSender, protobufSender, type SenderOptions, type SpanSender } from "./otlp/senders.ts";
import type { Settings } from "./settings.ts";
import { SCOPE_VERSION } from "./tracing.ts";

type Resource = NonNullable<TracerProviderOptions["resource"]>;
export interface Pipeline {
  provider: TracerProvider;
  queue: SpanQueue;
}

export function createPipeline(settings: Settings): Pipeline {
  const queue = createQueue(settings.tracesUrl, settings);
  const provider = new TracerProvider({
    resource: serviceResource(settings),
    spanProcessors: [queue],
  });
  return { provider, queue };
}

/** Who sends: the service, as its settings name it. */
export function serviceResource(settings: Settings): Resource {
  return fixedResource({
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.distro.name": "assay",
    "telemetry.distro.version": SCOPE_VERSION,
    "process.pid": process.pid,
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
    ...settings.resourceAttributes,
    [ATTR.serviceName]: settings.serviceName,
  });
}

/** A process that ends waits no longer than this for a collector that is away; it must be less than flush() waits. */
export const LAST_TIMEOUT_MS = 1_500;

export function createQueue(
  url: string,
  { flushIntervalMs, protocol }: Pick<Settings, "flushIntervalMs" | "protocol">,
): SpanQueue {
  const queue = <Waiting>(sender: (options: SenderOptions) => SpanSender<Waiting>): SpanQueue =>
    new ExportQueue({
      sender: sender({ url }),
      lastSender: () => sender({ url, timeoutMillis: LAST_TIMEOUT_MS }),
      flushIntervalMs,
    });
  return protocol === "http/json" ? queue(jsonSender) : queue(protobufSender);
}

/** A resource whose attributes are known from the start and never merged with another. */
function fixedResource(attributes: Attributes): Resource {
  const resource: Resource = {
    attributes,
    merge: (other) => (other ? fixedResource({ ...attributes, ...other.attributes }) : resource),
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}
