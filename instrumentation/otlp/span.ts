/** An ended span as the fields of an OTLP Span message. */
import type { Attributes, Link, TraceState } from "@opentelemetry/api";
import type { EndedSpan, TimedEvent } from "../ended-span.ts";
import { writeAttributes } from "./attributes.ts";
import type { MessageWriter } from "./message-writer.ts";

/** Span.flags: the trace flags, that the next bit is known, and whether the parent is in another process. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** @param attributes instead of the span's own */
export function writeSpan(writer: MessageWriter, span: EndedSpan, attributes: Attributes): void {
  const { traceId, spanId, traceState, traceFlags } = span.spanContext();
  const parent = span.parentSpanContext;
  writeIds(writer, traceId, spanId, traceState);
  if (parent?.spanId) {
    writer.varint(0x22); // parent_span_id = 4
    writer.hex(parent.spanId);
  }
  writer.varint(0x2a); // name = 5
  writer.text(span.name);
  number(writer, 0x30, span.kind + 1); // kind = 6; the SDK counts from 0 and OTLP has "unspecified" there
  writer.varint(0x39); // start_time_unix_nano = 7
  writer.nanoseconds(...span.startTime);
  writer.varint(0x41); // end_time_unix_nano = 8
  writer.nanoseconds(...span.endTime);
  writeAttributes(writer, 0x4a, attributes); // attributes = 9
  number(writer, 0x50, span.droppedAttributesCount); // dropped_attributes_count = 10
  for (const event of span.events) writeEvent(writer, event);
  number(writer, 0x60, span.droppedEventsCount); // dropped_events_count = 12
  for (const link of span.links) writeLink(writer, link);
  number(writer, 0x70, span.droppedLinksCount); // dropped_links_count = 14
  writeStatus(writer, span.status);
  writer.varint(0x85); // flags = 16, fixed32
  writer.fixed32(flagsOf(traceFlags, parent?.isRemote));
}

function writeIds(
  writer: MessageWriter,
  traceId: string,
  spanId: string,
  traceState: TraceState | undefined,
): void {
  writer.varint(0x0a); // trace_id = 1
  writer.hex(traceId);
  writer.varint(0x12); // span_id = 2
  writer.hex(spanId);
  const state = traceState?.serialize();
  if (!state) return;
  writer.varint(0x1a); // trace_state = 3
  writer.text(state);
}

function writeEvent(
  writer: MessageWriter,
  { time, name, attributes, droppedAttributesCount }: TimedEvent,
): void {
  writer.varint(0x5a); // events = 11
  const start = writer.begin();
  writer.varint(0x09); // time_unix_nano = 1
  writer.nanoseconds(...time);
  writer.varint(0x12); // name = 2
  writer.text(name);
  writeAttributes(writer, 0x1a, attributes ?? {}); // attributes = 3
  number(writer, 0x20, droppedAttributesCount ?? 0); // dropped_attributes_count = 4
  writer.end(start);
}

function writeLink(
  writer: MessageWriter,
  { context, attributes, droppedAttributesCount }: Link,
): void {
  writer.varint(0x6a); // links = 13
  const start = writer.begin();
  writeIds(writer, context.traceId, context.spanId, context.traceState);
  writeAttributes(writer, 0x22, attributes ?? {}); // attributes = 4
  number(writer, 0x28, droppedAttributesCount ?? 0); // dropped_attributes_count = 5
  writer.varint(0x35); // flags = 6, fixed32
  writer.fixed32(flagsOf(context.traceFlags, context.isRemote));
  writer.end(start);
}

function writeStatus(writer: MessageWriter, { code, message }: EndedSpan["status"]): void {
  if (code === 0 && !message) return;
  writer.varint(0x7a); // status = 15
  const start = writer.begin();
  if (message) {
    writer.varint(0x12); // message = 2
    writer.text(message);
  }
  number(writer, 0x18, code); // code = 3
  writer.end(start);
}

/** A varint field; 0 is what an absent one means. */
function number(writer: MessageWriter, tag: number, value: number): void {
  if (value === 0) return;
  writer.varint(tag);
  writer.varint(value);
}

function flagsOf(traceFlags: number, isRemote: boolean | undefined): number {
  return (traceFlags & 0xff) | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0);
}
