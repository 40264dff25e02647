/**
 * Spans that wait to be sent, as the bytes that will be: grouped by the resource and the scope that they came with, each
 * group in one buffer. A waiting span is no object, so the garbage collector has nothing to move.
 */
import type { Attributes } from "@opentelemetry/api";
import type { EndedSpan, Resource, Scope } from "../ended-span.ts";
import { writeAttributes } from "./attributes.ts";
import { MessageWriter } from "./message-writer.ts";
import { writeSpan } from "./span.ts";

interface Group {
  resource: Resource;
  scope: Scope;
  writer: MessageWriter;
}

/** A log record: written by itself, and put into a request like a span. */
export interface EncodedRecord {
  resource: Resource;
  scope: Scope;
  bytes: Uint8Array;
}

/** Buffers of batches that were sent, for the next ones. */
const spare: MessageWriter[] = [];
const MAX_SPARE = 2;
const MAX_SPARE_BYTES = 4 * 1024 * 1024;

export class ProtobufBatch {
  spans = 0;
  readonly #groups: Group[] = [];

  /**
   * @param attributes instead of the span's own
   * @throws what a getter of the attributes throws; then the span is not in the batch
   */
  add(span: EndedSpan, attributes: Attributes): void {
    const { writer } = this.#groupOf(span);
    const before = writer.position;
    try {
      writer.varint(0x12); // ScopeSpans.spans = 2
      const start = writer.begin();
      writeSpan(writer, span, attributes);
      writer.end(start);
      this.spans++;
    } catch (error) {
      writer.rewind(before);
      throw error;
    }
  }

  /** LogsData has the same fields as TracesData, down to the records. */
  static ofRecords(records: readonly EncodedRecord[]): ProtobufBatch {
    const batch = new ProtobufBatch();
    for (const { resource, scope, bytes } of records) {
      const { writer } = batch.#groupOf({ resource, instrumentationScope: scope });
      writer.varint(0x12); // ScopeLogs.log_records = 2
      writer.bytes(bytes);
      batch.spans++;
    }
    return batch;
  }

  /** The ExportTraceServiceRequest. Ends the batch: its buffers belong to the next. */
  toRequest(): Uint8Array {
    const groups = this.#groups.splice(0);
    const size = groups.reduce((sum, { writer }) => sum + writer.position + 1_024, 4_096);
    const request = new MessageWriter(size);
    for (const [resource, ofResource] of Map.groupBy(groups, (group) => group.resource))
      writeResourceSpans(request, resource, ofResource);
    for (const { writer } of groups) release(writer);
    return request.finish();
  }

  /** Nearly always the first: there is one resource, and one scope. */
  #groupOf({
    resource,
    instrumentationScope: scope,
  }: Pick<EndedSpan, "resource" | "instrumentationScope">): Group {
    for (const group of this.#groups)
      if (group.resource === resource && group.scope === scope) return group;
    const group = { resource, scope, writer: spare.pop() ?? new MessageWriter() };
    this.#groups.push(group);
    return group;
  }
}

function release(writer: MessageWriter): void {
  writer.rewind(0);
  if (spare.length < MAX_SPARE && writer.capacity <= MAX_SPARE_BYTES) spare.push(writer);
}

function writeResourceSpans(
  writer: MessageWriter,
  resource: Resource,
  groups: readonly Group[],
): void {
  writer.varint(0x0a); // resource_spans = 1
  const start = writer.begin();
  writeResource(writer, resource);
  for (const group of groups) writeScopeSpans(writer, group);
  if (resource.schemaUrl) writeText(writer, 0x1a /* schema_url = 3 */, resource.schemaUrl);
  writer.end(start);
}

function writeResource(writer: MessageWriter, resource: Resource): void {
  writer.varint(0x0a); // resource = 1
  const start = writer.begin();
  writeAttributes(writer, 0x0a /* attributes = 1 */, resource.attributes);
  writer.end(start);
}

function writeScopeSpans(writer: MessageWriter, { scope, writer: spans }: Group): void {
  writer.varint(0x12); // scope_spans = 2
  const start = writer.begin();
  writer.varint(0x0a); // scope = 1
  const scopeStart = writer.begin();
  writeText(writer, 0x0a /* name = 1 */, scope.name);
  if (scope.version) writeText(writer, 0x12 /* version = 2 */, scope.version);
  writer.end(scopeStart);
  writer.raw(spans.written());
  if (scope.schemaUrl) writeText(writer, 0x1a /* schema_url = 3 */, scope.schemaUrl);
  writer.end(start);
}

function writeText(writer: MessageWriter, tag: number, text: string): void {
  writer.varint(tag);
  writer.text(text);
}
