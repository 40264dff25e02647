/**
 * Spans that wait to be sent, as the bytes that will be: one ResourceSpans message for each resource and scope that they
 * came with, nearly always one. A waiting span is no object, so the garbage collector has nothing to move; what is sent
 * is the very buffer, which the next batch but one uses again, so there is nothing to copy and nothing to free.
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
  /** Messages that are not ended, outermost first. */
  open: readonly [resourceSpans: number, scopeSpans: number];
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
    const { writer } = this.#groupOf(span.resource, span.instrumentationScope);
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
      const { writer } = batch.#groupOf(resource, scope);
      writer.varint(0x12); // ScopeLogs.log_records = 2
      writer.bytes(bytes);
      batch.spans++;
    }
    return batch;
  }

  /** The ExportTraceServiceRequest. Ends the batch. */
  toRequest(): Uint8Array {
    const messages = this.#groups.map(({ writer, open: [resourceSpans, scopeSpans] }) => {
      writer.end(scopeSpans);
      writer.end(resourceSpans);
      return writer.written();
    });
    const [only] = messages;
    return only && messages.length === 1 ? only : Buffer.concat(messages);
  }

  /** Nobody reads the request any more. */
  release(): void {
    for (const { writer } of this.#groups.splice(0)) {
      writer.rewind(0);
      if (spare.length < MAX_SPARE && writer.capacity <= MAX_SPARE_BYTES) spare.push(writer);
    }
  }

  /** Nearly always the first: there is one resource, and one scope. */
  #groupOf(resource: Resource, scope: Scope): Group {
    for (const group of this.#groups)
      if (group.resource === resource && group.scope === scope) return group;
    const writer = spare.pop() ?? new MessageWriter();
    const group = { resource, scope, writer, open: writeHead(writer, resource, scope) };
    this.#groups.push(group);
    return group;
  }
}

/** All of a ResourceSpans message but the spans. */
function writeHead(writer: MessageWriter, resource: Resource, scope: Scope): Group["open"] {
  writer.varint(0x0a); // resource_spans = 1
  const resourceSpans = writer.begin();
  if (resource.schemaUrl) writeText(writer, 0x1a /* schema_url = 3 */, resource.schemaUrl);
  writer.varint(0x0a); // resource = 1
  const start = writer.begin();
  writeAttributes(writer, 0x0a /* attributes = 1 */, resource.attributes);
  writer.end(start);
  writer.varint(0x12); // scope_spans = 2
  const scopeSpans = writer.begin();
  if (scope.schemaUrl) writeText(writer, 0x1a /* schema_url = 3 */, scope.schemaUrl);
  writer.varint(0x0a); // scope = 1
  const scopeStart = writer.begin();
  writeText(writer, 0x0a /* name = 1 */, scope.name);
  if (scope.version) writeText(writer, 0x12 /* version = 2 */, scope.version);
  writer.end(scopeStart);
  return [resourceSpans, scopeSpans];
}

function writeText(writer: MessageWriter, tag: number, text: string): void {
  writer.varint(tag);
  writer.text(text);
}
