/**
 * Decides, before a request is acknowledged, whether its bytes can be stored.
 *
 * The walk visits every field that the encoder will visit, with the same rules, and copies nothing. A body that
 * passes never makes the encoder throw. Malformed bytes refuse the whole request (`PermanentError`); a span whose
 * ids no trace could be built from is refused alone, by its index in the order of the wire.
 *
 * Values nested deeper than `MAX_VALUE_DEPTH` are not entered: the encoder replaces them.
 */
import {
  EVENT_FIELDS,
  LINK_FIELDS,
  REQUEST_FIELDS,
  RESOURCE_SPANS_FIELDS,
  SCOPE_SPANS_FIELDS,
  SPAN_FIELDS,
  STATUS_FIELDS,
} from "./messages.ts";
import { isId, reader, walkAttribute, walkResource, walkScope } from "./validate-values.ts";

/** Goes up whenever a body or span that was accepted would now be refused, or the other way round. */
export const VALIDATOR_VERSION = 1;

export interface Validation {
  /** All spans, refused ones included. */
  spanCount: number;
  /** Ascending indexes of refused spans. */
  rejected: number[];
  /** How many spans were refused for what: `trace_id length 12`. */
  reasons: Map<string, number>;
}

let validation: Validation = { spanCount: 0, rejected: [], reasons: new Map() };

/** @throws PermanentError `malformed protobuf: …` */
export function validateTraces(body: Uint8Array): Validation {
  const result: Validation = { spanCount: 0, rejected: [], reasons: new Map() };
  validation = result;
  reader.reset(body);
  const end = body.length;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) walkResourceSpans(reader.delimited(end));
    else reader.skipUnknown(tag, end, REQUEST_FIELDS, "ExportTraceServiceRequest");
  }
  return result;
}

function walkResourceSpans(end: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // resource = 1
        walkResource(reader.delimited(end));
        break;
      case 0x12: // scope_spans = 2
        walkScopeSpans(reader.delimited(end));
        break;
      case 0x1a: // schema_url = 3
        reader.at = reader.delimited(end);
        break;
      default:
        reader.skipUnknown(tag, end, RESOURCE_SPANS_FIELDS, "ResourceSpans");
    }
  }
}

function walkScopeSpans(end: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // scope = 1
        walkScope(reader.delimited(end));
        break;
      case 0x12: // spans = 2
        walkSpan(reader.delimited(end));
        break;
      case 0x1a: // schema_url = 3
        reader.at = reader.delimited(end);
        break;
      default:
        reader.skipUnknown(tag, end, SCOPE_SPANS_FIELDS, "ScopeSpans");
    }
  }
}

function walkSpan(end: number): void {
  let traceIdAt = 0;
  let traceIdEnd = 0;
  let spanIdAt = 0;
  let spanIdEnd = 0;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // trace_id = 1
        traceIdEnd = reader.delimited(end);
        traceIdAt = reader.at;
        reader.at = traceIdEnd;
        break;
      case 0x12: // span_id = 2
        spanIdEnd = reader.delimited(end);
        spanIdAt = reader.at;
        reader.at = spanIdEnd;
        break;
      case 0x1a: // trace_state = 3
      case 0x22: // parent_span_id = 4
      case 0x2a: // name = 5
        reader.at = reader.delimited(end);
        break;
      case 0x30: // kind = 6
      case 0x50: // dropped_attributes_count = 10
      case 0x60: // dropped_events_count = 12
      case 0x70: // dropped_links_count = 14
        reader.varint32(end);
        break;
      case 0x39: // start_time_unix_nano = 7
      case 0x41: // end_time_unix_nano = 8
        reader.fixed64(end);
        break;
      case 0x4a: // attributes = 9
        walkAttribute(end);
        break;
      case 0x5a: // events = 11
        walkEvent(reader.delimited(end));
        break;
      case 0x6a: // links = 13
        walkLink(reader.delimited(end));
        break;
      case 0x7a: // status = 15
        walkStatus(reader.delimited(end));
        break;
      case 0x85: // flags = 16
        reader.fixed32(end);
        break;
      default:
        reader.skipUnknown(tag, end, SPAN_FIELDS, "Span");
    }
  }
  const index = validation.spanCount++;
  if (!isId(traceIdAt, traceIdEnd, 16)) reject(index, "trace_id", traceIdAt, traceIdEnd, 16);
  else if (!isId(spanIdAt, spanIdEnd, 8)) reject(index, "span_id", spanIdAt, spanIdEnd, 8);
}

function reject(index: number, field: string, at: number, end: number, length: number): void {
  const actual = end - at;
  // Lengths are the sender's to choose: one reason for all the absurd ones keeps the map small.
  const problem =
    actual === length ? "all zeros" : actual > 64 ? "length over 64" : `length ${actual}`;
  const reason = `${field} ${problem}`;
  validation.rejected.push(index);
  validation.reasons.set(reason, (validation.reasons.get(reason) ?? 0) + 1);
}

function walkEvent(end: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x09: // time_unix_nano = 1
        reader.fixed64(end);
        break;
      case 0x12: // name = 2
        reader.at = reader.delimited(end);
        break;
      case 0x1a: // attributes = 3
        walkAttribute(end);
        break;
      case 0x20: // dropped_attributes_count = 4
        reader.varint32(end);
        break;
      default:
        reader.skipUnknown(tag, end, EVENT_FIELDS, "Event");
    }
  }
}

function walkLink(end: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // trace_id = 1
      case 0x12: // span_id = 2
      case 0x1a: // trace_state = 3
        reader.at = reader.delimited(end);
        break;
      case 0x22: // attributes = 4
        walkAttribute(end);
        break;
      case 0x28: // dropped_attributes_count = 5
        reader.varint32(end);
        break;
      case 0x35: // flags = 6
        reader.fixed32(end);
        break;
      default:
        reader.skipUnknown(tag, end, LINK_FIELDS, "Link");
    }
  }
}

function walkStatus(end: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x12: // message = 2
        reader.at = reader.delimited(end);
        break;
      case 0x18: // code = 3
        reader.varint32(end);
        break;
      default:
        reader.skipUnknown(tag, end, STATUS_FIELDS, "Status");
    }
  }
}
