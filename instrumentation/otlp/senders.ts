/**
 * How spans get on the wire: OTLP over HTTP as protobuf, encoded when a span ends, or as JSON for receivers that want that,
 * by OpenTelemetry's own exporter when a batch is sent. Both have its transport: OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT and certificates are read by it,
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
import type { EndedSpan } from "../ended-span.ts";
import { ProtobufBatch } from "./batch.ts";

/** Spans that wait to be sent together. */
export interface SpanBatch {
  /** How many. */
  readonly spans: number;
  /** `attributes` stand for the span's own. Throws where they cannot be read; then the span is not in the batch. */
  add(span: EndedSpan, attributes: Attributes): void;
}

export interface SpanSender<Batch extends SpanBatch> {
  open(): Batch;
  /** Ends the batch. `code` 0 is success, as in OpenTelemetry. */
  export(batch: Batch, done: (result: { code: number; error?: Error }) => void): void;
  shutdown(): Promise<void>;
}

export interface SenderOptions {
  url: string;
  /** @default OTEL_EXPORTER_OTLP_TIMEOUT, else 10,000 */
  timeoutMillis?: number;
}

export function protobufSender(options: SenderOptions): SpanSender<ProtobufBatch> {
  const traces = { signal: "TRACES", path: "v1/traces", item: "span" } as const;
  const exporter = protobufExporter(options, traces, (batch: ProtobufBatch) => batch.spans);
  return {
    open: () => new ProtobufBatch(),
    export: (batch, done) =>
      exporter.export(batch, (result) => {
        // After a failure a request may still be under way.
        if (result.code === 0) batch.release();
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

interface Signal {
  signal: "TRACES" | "LOGS";
  path: string;
  item: "span" | "log";
}

/** Requests with spans and with log records are the same but for what is in them. */
export function protobufExporter<Sent extends { toRequest(): Uint8Array }>(
  options: SenderOptions,
  { signal, path, item }: Signal,
  countItems: (sent: Sent) => number,
): OTLPExporterBase<Sent> {
  const config = convertLegacyHttpOptions(httpConfig(options), signal, path, {
    "Content-Type": "application/x-protobuf",
  });
  const serializer = {
    serializeRequest: (sent: Sent) => sent.toRequest(),
    // Of the answer only the status counts; what a collector refused in part stands in its metrics.
    deserializeResponse: () => ({}),
  };
  const delegate = createOtlpHttpExportDelegate(
    config,
    serializer,
    `otlp_http_${item}_exporter`,
    { name: item, countItems },
    undefined,
  );
  return new OTLPExporterBase<Sent>(delegate);
}

/** All that the exporter reads of them is there. */
type JsonSpans = Parameters<OTLPTraceExporter["export"]>[0];

class JsonBatch implements SpanBatch {
  readonly all: EndedSpan[] = [];

  get spans(): number {
    return this.all.length;
  }

  add(span: EndedSpan, attributes: Attributes): void {
    this.all.push(attributes === span.attributes ? span : seenWith(span, attributes));
  }
}

export function jsonSender(options: SenderOptions): SpanSender<JsonBatch> {
  const exporter = new OTLPTraceExporter(httpConfig(options));
  return {
    open: () => new JsonBatch(),
    export: (batch, done) => exporter.export(batch.all as JsonSpans, done),
    shutdown: () => exporter.shutdown(),
  };
}

/** The same span with other attributes; the span itself belongs to others too. */
function seenWith(span: EndedSpan, attributes: Attributes): EndedSpan {
  return Object.create(span, {
    attributes: { value: attributes, enumerable: true },
  }) as EndedSpan;
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
