/**
 * An ended span as an OTLP Span message. Written when it ends and not when it is sent: bytes wait cheaper than objects,
 * which the garbage collector would move again and again.
 */
import type { Attributes, Link, TraceState } from "@opentelemetry/api";
import type { ReadableSpan, TimedEvent } from "@opentelemetry/sdk-trace";
import { writeAttributes } from "./attributes.ts";
import { MessageWriter } from "./message-writer.ts";

const writer = new MessageWriter();

/** Span.flags: the trace flags, that the next bit is known, and whether the parent is in another process. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** @param attributes instead of the span's own */
export function encodeSpan(span: ReadableSpan, attributes: Attributes): Uint8Array {
  writer.clear();
  const { traceId, spanId, traceState, traceFlags } = span.spanContext();
  const parent = span.parentSpanContext;
  writeIds(traceId, spanId, traceState);
  if (parent?.spanId) {
    writer.varint(0x22); // parent_span_id = 4
    writer.hex(parent.spanId);
  }
  writer.varint(0x2a); // name = 5
  writer.text(span.name);
  number(0x30, span.kind + 1); // kind = 6; the SDK counts from 0 and OTLP has "unspecified" there
  writer.varint(0x39); // start_time_unix_nano = 7
  writer.nanoseconds(...span.startTime);
  writer.varint(0x41); // end_time_unix_nano = 8
  writer.nanoseconds(...span.endTime);
  writeAttributes(writer, 0x4a, attributes); // attributes = 9
  number(0x50, span.droppedAttributesCount); // dropped_attributes_count = 10
  for (const event of span.events) writeEvent(event);
  number(0x60, span.droppedEventsCount); // dropped_events_count = 12
  for (const link of span.links) writeLink(link);
  number(0x70, span.droppedLinksCount); // dropped_links_count = 14
  writeStatus(span.status);
  writer.varint(0x85); // flags = 16, fixed32
  writer.fixed32(flagsOf(traceFlags, parent?.isRemote));
  return writer.finish();
}

function writeIds(traceId: string, spanId: string, traceState: TraceState | undefined): void {
  writer.varint(0x0a); // trace_id = 1
  writer.hex(traceId);
  writer.varint(0x12); // span_id = 2
  writer.hex(spanId);
  const state = traceState?.serialize();
  if (!state) return;
  writer.varint(0x1a); // trace_state = 3
  writer.text(state);
}

function writeEvent({ time, name, attributes, droppedAttributesCount }: TimedEvent): void {
  writer.varint(0x5a); // events = 11
  const start = writer.begin();
  writer.varint(0x09); // time_unix_nano = 1
  writer.nanoseconds(...time);
  writer.varint(0x12); // name = 2
  writer.text(name);
  writeAttributes(writer, 0x1a, attributes ?? {}); // attributes = 3
  number(0x20, droppedAttributesCount ?? 0); // dropped_attributes_count = 4
  writer.end(start);
}

function writeLink({ context, attributes, droppedAttributesCount }: Link): void {
  writer.varint(0x6a); // links = 13
  const start = writer.begin();
  writeIds(context.traceId, context.spanId, context.traceState);
  writeAttributes(writer, 0x22, attributes ?? {}); // attributes = 4
  number(0x28, droppedAttributesCount ?? 0); // dropped_attributes_count = 5
  writer.varint(0x35); // flags = 6, fixed32
  writer.fixed32(flagsOf(context.traceFlags, context.isRemote));
  writer.end(start);
}

function writeStatus({ code, message }: ReadableSpan["status"]): void {
  if (code === 0 && !message) return;
  writer.varint(0x7a); // status = 15
  const start = writer.begin();
  if (message) {
    writer.varint(0x12); // message = 2
    writer.text(message);
  }
  number(0x18, code); // code = 3
  writer.end(start);
}

/** A varint field; 0 is what an absent one means. */
function number(tag: number, value: number): void {
  if (value === 0) return;
  writer.varint(tag);
  writer.varint(value);
}

function flagsOf(traceFlags: number, isRemote: boolean | undefined): number {
  return (traceFlags & 0xff) | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0);
}
