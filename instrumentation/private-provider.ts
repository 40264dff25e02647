/**
 * The pipeline for services without OpenTelemetry: a tracer provider that is registered nowhere → export queue →
 * OTLP/HTTP JSON. OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT and certificates are read by the exporter itself.
 */
import type { Attributes } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { TracerProvider, type TracerProviderOptions } from "@opentelemetry/sdk-trace";
import { ATTR } from "./conventions.ts";
import { ExportQueue } from "./export-queue.ts";
import type { Settings } from "./settings.ts";
import { SCOPE_VERSION } from "./tracing.ts";

type Resource = NonNullable<TracerProviderOptions["resource"]>;
/** The exporter's enum, whose package is not ours to depend on. */
type Compression = NonNullable<
  NonNullable<ConstructorParameters<typeof OTLPTraceExporter>[0]>["compression"]
>;

export interface Pipeline {
  provider: TracerProvider;
  queue: ExportQueue;
}

export function createPipeline(settings: Settings): Pipeline {
  const queue = createQueue(settings.tracesUrl, settings.flushIntervalMs);
  const provider = new TracerProvider({
    resource: fixedResource({
      "telemetry.sdk.language": "nodejs",
      "telemetry.sdk.name": "opentelemetry",
      "telemetry.distro.name": "assay",
      "telemetry.distro.version": SCOPE_VERSION,
      "process.pid": process.pid,
      "process.runtime.name": "nodejs",
      "process.runtime.version": process.versions.node,
      ...settings.resourceAttributes,
      [ATTR.serviceName]: settings.serviceName,
    }),
    spanProcessors: [queue],
  });
  return { provider, queue };
}

/** A process that ends waits no longer than this for a collector that is away; it must be less than flush() waits. */
const LAST_TIMEOUT_MS = 1_500;

export function createQueue(url: string, flushIntervalMs: number): ExportQueue {
  return new ExportQueue({
    exporter: createExporter(url),
    lastExporter: () => createExporter(url, LAST_TIMEOUT_MS),
    flushIntervalMs,
  });
}

/** On loopback compressing costs more than it saves. */
function createExporter(url: string, timeoutMillis?: number): OTLPTraceExporter {
  const host = new URL(url).hostname;
  const loopback = /^(127\.|localhost$|\[::1\]$)/.test(host);
  return new OTLPTraceExporter({
    url,
    keepAlive: true,
    ...(timeoutMillis === undefined ? {} : { timeoutMillis }),
    ...(loopback ? {} : { compression: "gzip" as Compression }),
  });
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
