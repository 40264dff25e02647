/**
 * How spans get on the wire: OTLP over HTTP as protobuf, encoded when a span ends, or as JSON for receivers that want that,
 * by OpenTelemetry's own exporter. Both have its transport: OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT and certificates are read by it,
 * and it repeats what may be repeated.
 */
import type { Attributes } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
  type OTLPExporterNodeConfigBase,
} from "@opentelemetry/otlp-exporter-base/node-http";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { encodeRequest, type EncodedSpan } from "./request.ts";
import { encodeSpan } from "./span.ts";

export interface SpanSender<Waiting> {
  /** What is kept of an ended span until it is sent. `attributes` stand for the span's own. */
  take(span: ReadableSpan, attributes: Attributes): Waiting;
  /** `code` 0 is success, as in OpenTelemetry. */
  export(spans: Waiting[], done: (result: { code: number; error?: Error }) => void): void;
  shutdown(): Promise<void>;
}

export interface SenderOptions {
  url: string;
  /** @default OTEL_EXPORTER_OTLP_TIMEOUT, else 10,000 */
  timeoutMillis?: number;
}

export function protobufSender(options: SenderOptions): SpanSender<EncodedSpan> {
  const exporter = protobufExporter(options, { signal: "TRACES", path: "v1/traces", item: "span" });
  return {
    take: (span, attributes) => ({
      resource: span.resource,
      scope: span.instrumentationScope,
      bytes: encodeSpan(span, attributes),
    }),
    export: (spans, done) => exporter.export(spans, done),
    shutdown: () => exporter.shutdown(),
  };
}

interface Signal {
  signal: "TRACES" | "LOGS";
  path: string;
  item: "span" | "log";
}

/** Requests with spans and with log records are the same but for what is in them. */
export function protobufExporter(
  options: SenderOptions,
  { signal, path, item }: Signal,
): OTLPExporterBase<EncodedSpan[]> {
  const config = convertLegacyHttpOptions(httpConfig(options), signal, path, {
    "Content-Type": "application/x-protobuf",
  });
  const serializer = {
    serializeRequest: encodeRequest,
    // Of the answer only the status counts; what a collector refused in part stands in its metrics.
    deserializeResponse: () => ({}),
  };
  const counting = {
    name: item,
    countItems: (items: readonly EncodedSpan[]) => items.length,
  };
  const delegate = createOtlpHttpExportDelegate(
    config,
    serializer,
    `otlp_http_${item}_exporter`,
    counting,
    undefined,
  );
  return new OTLPExporterBase<EncodedSpan[]>(delegate);
}

export function jsonSender(options: SenderOptions): SpanSender<ReadableSpan> {
  const exporter = new OTLPTraceExporter(httpConfig(options));
  return {
    take: (span, attributes) =>
      attributes === span.attributes ? span : seenWith(span, attributes),
    export: (spans, done) => exporter.export(spans, done),
    shutdown: () => exporter.shutdown(),
  };
}

/** The same span with other attributes; the span itself belongs to others too. */
function seenWith(span: ReadableSpan, attributes: Attributes): ReadableSpan {
  return Object.create(span, {
    attributes: { value: attributes, enumerable: true },
  }) as ReadableSpan;
}

/** The exporter's enum, whose value is all that is needed. */
type Compression = NonNullable<OTLPExporterNodeConfigBase["compression"]>;

/** On loopback compressing costs more than it saves. */
function httpConfig({ url, timeoutMillis }: SenderOptions): OTLPExporterNodeConfigBase {
  const isLoopback = /^(127\.|localhost$|\[::1\]$)/.test(new URL(url).hostname);
  return {
    url,
    keepAlive: true,
    ...(timeoutMillis === undefined ? {} : { timeoutMillis }),
    ...(isLoopback ? {} : { compression: "gzip" as Compression }),
  };
}
