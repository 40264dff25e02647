/** Encoded spans as an ExportTraceServiceRequest: grouped by the resource and the scope that they came with. */
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { writeAttributes } from "./attributes.ts";
import { MessageWriter } from "./message-writer.ts";

type Resource = ReadableSpan["resource"];
type Scope = ReadableSpan["instrumentationScope"];

export interface EncodedSpan {
  resource: Resource;
  scope: Scope;
  bytes: Uint8Array;
}

export function encodeRequest(spans: readonly EncodedSpan[]): Uint8Array {
  const writer = new MessageWriter(spans.reduce((sum, span) => sum + span.bytes.length + 8, 4_096));
  for (const [resource, ofResource] of Map.groupBy(spans, (span) => span.resource)) {
    writer.varint(0x0a); // resource_spans = 1
    const start = writer.begin();
    writeResource(writer, resource);
    for (const [scope, ofScope] of Map.groupBy(ofResource, (span) => span.scope))
      writeScopeSpans(writer, scope, ofScope);
    if (resource.schemaUrl) writeText(writer, 0x1a /* schema_url = 3 */, resource.schemaUrl);
    writer.end(start);
  }
  return writer.finish();
}

function writeResource(writer: MessageWriter, resource: Resource): void {
  writer.varint(0x0a); // resource = 1
  const start = writer.begin();
  writeAttributes(writer, 0x0a /* attributes = 1 */, resource.attributes);
  writer.end(start);
}

function writeScopeSpans(writer: MessageWriter, scope: Scope, spans: readonly EncodedSpan[]): void {
  writer.varint(0x12); // scope_spans = 2
  const start = writer.begin();
  writer.varint(0x0a); // scope = 1
  const scopeStart = writer.begin();
  writeText(writer, 0x0a /* name = 1 */, scope.name);
  if (scope.version) writeText(writer, 0x12 /* version = 2 */, scope.version);
  writer.end(scopeStart);
  for (const { bytes } of spans) {
    writer.varint(0x12); // spans = 2
    writer.bytes(bytes);
  }
  if (scope.schemaUrl) writeText(writer, 0x1a /* schema_url = 3 */, scope.schemaUrl);
  writer.end(start);
}

function writeText(writer: MessageWriter, tag: number, text: string): void {
  writer.varint(tag);
  writer.text(text);
}
