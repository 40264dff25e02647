/** A log event as an OTLP LogRecord message. */
import type { Attributes } from "@opentelemetry/api";
import { writeAttributes } from "../otlp/attributes.ts";
import { MessageWriter } from "../otlp/message-writer.ts";
import type { SpanIds } from "./span-ids.ts";

const writer = new MessageWriter(1_024);

export interface LogEvent {
  name: string;
  /** Milliseconds since 1970, with fractions. */
  time: number;
  span: Partial<SpanIds>;
  attributes: Attributes;
}

export function encodeLogRecord({ name, time, span, attributes }: LogEvent): Uint8Array {
  writer.clear();
  const seconds = Math.floor(time / 1_000);
  const nanos = Math.round((time - seconds * 1_000) * 1e6);
  writer.varint(0x09); // time_unix_nano = 1
  writer.nanoseconds(seconds, nanos);
  writer.varint(0x59); // observed_time_unix_nano = 11
  writer.nanoseconds(seconds, nanos);
  writeAttributes(writer, 0x32, attributes); // attributes = 6
  if (span.traceId) {
    writer.varint(0x4a); // trace_id = 9
    writer.hex(span.traceId);
  }
  if (span.spanId) {
    writer.varint(0x52); // span_id = 10
    writer.hex(span.spanId);
  }
  writer.varint(0x62); // event_name = 12
  writer.text(name);
  return writer.finish();
}
