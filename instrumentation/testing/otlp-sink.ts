/** A collector that remembers: takes OTLP over HTTP, as protobuf or JSON, and keeps the spans. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { readRequest, type AnyValue, type KeyValue, type TraceRequest } from "./otlp-messages.ts";

export interface SinkSpan {
  service: string;
  scope: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  kind: number;
  error: boolean;
  durationMs: number;
  attributes: Record<string, unknown>;
}

export interface OtlpSink {
  url: string;
  spans: SinkSpan[];
  /** Everything received, as text. */
  bodies: string[];
  requests: TraceRequest[];
  /** Resolves when the condition holds; the test's own time limit ends the wait. */
  until(condition: (spans: readonly SinkSpan[]) => boolean): Promise<void>;
  close: () => Promise<void>;
}

export async function startOtlpSink(): Promise<OtlpSink> {
  const spans: SinkSpan[] = [];
  const bodies: string[] = [];
  const requests: TraceRequest[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const isJson = request.headers["content-type"] === "application/json";
      bodies.push(body.toString());
      const sent = isJson ? (JSON.parse(body.toString()) as TraceRequest) : readRequest(body);
      requests.push(sent);
      spans.push(...spansOf(sent));
      response.setHeader("content-type", request.headers["content-type"] ?? "");
      response.end(isJson ? "{}" : "");
      for (const check of waiting) check();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    requests,
    until: (condition) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition(spans)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
}

function spansOf(request: TraceRequest): SinkSpan[] {
  return request.resourceSpans.flatMap((resource) =>
    resource.scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        service: String(toRecord(resource.resource.attributes)["service.name"]),
        scope: scope.scope.name,
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        kind: span.kind,
        error: span.status?.code === 2,
        durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
        attributes: toRecord(span.attributes),
      })),
    ),
  );
}

function toRecord(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, toValue(value)]));
}

function toValue(value: AnyValue): unknown {
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(toValue);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue;
}
