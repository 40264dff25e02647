/** Finished spans as a service would have exported them, without a service. */
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import {
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Attributes,
  type HrTime,
} from "@opentelemetry/api";
import { ATTR, SCHEMA_URL } from "@assay/instrumentation/conventions";

export type ExportedSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];
export type Resource = ExportedSpan["resource"];

/** `assay.generated` tells it from what really happened. */
export function createResource(service: string, version: string, region: string): Resource {
  return {
    attributes: {
      [ATTR.serviceName]: service,
      [ATTR.serviceVersion]: version,
      [ATTR.deploymentEnvironment]: "production",
      [ATTR.cloudRegion]: region,
      "telemetry.sdk.language": "nodejs",
      "telemetry.sdk.name": "opentelemetry",
      "assay.generated": true,
    },
    merge() {
      return this;
    },
    getRawAttributes: () => [],
  };
}

export interface SpanRecord {
  name: string;
  kind: SpanKind;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startUnixMs: number;
  durationMs: number;
  attributes: Attributes;
  /** error.type and what it said. */
  error?: { type: string; message: string };
  resource: Resource;
}

const SCOPE = { name: "@assay/instrumentation", version: "0.1.0", schemaUrl: SCHEMA_URL };

export function toExportedSpan(span: SpanRecord): ExportedSpan {
  const context = (spanId: string) => ({
    traceId: span.traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
  });
  const { error } = span;
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => context(span.spanId),
    ...(span.parentSpanId !== undefined && { parentSpanContext: context(span.parentSpanId) }),
    startTime: hrTime(span.startUnixMs),
    endTime: hrTime(span.startUnixMs + span.durationMs),
    duration: hrTime(span.durationMs),
    status: error
      ? { code: SpanStatusCode.ERROR, message: error.message }
      : { code: SpanStatusCode.UNSET },
    attributes: error ? { ...span.attributes, [ATTR.errorType]: error.type } : span.attributes,
    links: [],
    events: [],
    ended: true,
    resource: span.resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Milliseconds with a fraction, to whole microseconds. */
function hrTime(ms: number): HrTime {
  const us = Math.round(ms * 1000);
  return [Math.floor(us / 1e6), (us % 1e6) * 1000];
}

export function serialize(spans: readonly ExportedSpan[]): Uint8Array {
  const body = ProtobufTraceSerializer.serializeRequest([...spans]);
  if (body === undefined) throw new Error("the serializer returned nothing");
  return body;
}
