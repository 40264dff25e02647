/** A span's events and links: three lists each, with what has no list of its own as JSON. */
import { EVENT_FIELDS, LINK_FIELDS } from "../otlp/messages.ts";
import type { WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { writeKeyValue } from "./any-value.ts";
import type { WordColumn } from "./word-column.ts";
import { JsonSink } from "./json-sink.ts";
import type { Columns } from "./layout.ts";
import type { MessageEvents } from "./message-events.ts";
import type { SpanScan } from "./span-scan.ts";

const NO_ATTRIBUTES: Uint8Array = Buffer.from("[]");

export class EventsAndLinks {
  readonly #columns: Columns;
  readonly #messages: MessageEvents;
  readonly #json = new JsonSink();
  /** Start and end of each attribute of the event or link at hand. */
  readonly #attributes: [number, number][] = [];

  constructor(columns: Columns, messages: MessageEvents) {
    this.#columns = columns;
    this.#messages = messages;
  }

  /** Writes a span's events; those that are messages give their attributes to `MessageEvents`. Returns anomalies. */
  putEvents(row: number, reader: WireReader, scan: SpanScan): number {
    const { event_times, event_names, event_attributes } = this.#columns;
    const times = event_times.add(row, scan.events);
    const names = event_names.add(row, scan.events);
    const attributes = event_attributes.add(row, scan.events);
    let anomalies = 0;
    for (let index = 0; index < scan.events; index++) {
      reader.at = scan.eventAt[index]!;
      const event = this.#readEvent(reader, scan.eventEnd[index]!);
      event_times.entries[0].put64(times + index, event.timeLow, event.timeHigh);
      event_names.entries[0].put(
        names + index,
        reader.body,
        reader.view,
        event.nameAt,
        event.nameEnd,
      );
      const message = this.#messages.kindOf(reader, event.nameAt, event.nameEnd);
      if (message >= 0) {
        this.#messages.add(reader, message, this.#attributes);
        event_attributes.entries[0].putValid(attributes + index, NO_ATTRIBUTES);
      } else {
        anomalies |= this.#writeAttributes(reader);
        event_attributes.entries[0].putValid(attributes + index, this.#json.taken());
      }
    }
    return anomalies;
  }

  #readEvent(reader: WireReader, end: number) {
    const event = { timeLow: 0, timeHigh: 0, nameAt: 0, nameEnd: 0 };
    this.#attributes.length = 0;
    while (reader.at < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x09: // time_unix_nano = 1
          reader.fixed64(end);
          event.timeLow = reader.low;
          event.timeHigh = reader.high;
          break;
        case 0x12: // name = 2
          event.nameEnd = reader.delimited(end);
          event.nameAt = reader.at;
          reader.at = event.nameEnd;
          break;
        case 0x1a: // attributes = 3
          this.#noteAttribute(reader, end);
          break;
        case 0x20: // dropped_attributes_count = 4: has no column
          reader.varint32(end);
          break;
        default:
          reader.skipUnknown(tag, end, EVENT_FIELDS, "Event");
      }
    }
    return event;
  }

  #noteAttribute(reader: WireReader, end: number): void {
    const stop = reader.delimited(end);
    this.#attributes.push([reader.at, stop]);
    reader.at = stop;
  }

  /** Writes the noted attributes as an array into the sink. */
  #writeAttributes(reader: WireReader, clear = true): number {
    const json = this.#json;
    if (clear) json.clear();
    let anomalies = 0;
    json.byte(0x5b);
    for (let index = 0; index < this.#attributes.length; index++) {
      const [at, end] = this.#attributes[index]!;
      reader.at = at;
      if (!writeKeyValue(json, reader, end, index === 0)) anomalies |= ANOMALY.depthLimit;
    }
    json.byte(0x5d);
    return anomalies;
  }

  putLinks(row: number, reader: WireReader, scan: SpanScan): number {
    const { link_trace_ids, link_span_ids, link_attributes } = this.#columns;
    const traceIds = link_trace_ids.add(row, scan.links);
    const spanIds = link_span_ids.add(row, scan.links);
    const attributes = link_attributes.add(row, scan.links);
    let anomalies = 0;
    for (let index = 0; index < scan.links; index++) {
      reader.at = scan.linkAt[index]!;
      const link = this.#readLink(reader, scan.linkEnd[index]!);
      const wholeTrace = putId(
        link_trace_ids.entries[0],
        traceIds + index,
        reader,
        link.traceIdAt,
        link.traceIdEnd,
      );
      const wholeSpan = putId(
        link_span_ids.entries[0],
        spanIds + index,
        reader,
        link.spanIdAt,
        link.spanIdEnd,
      );
      if (!wholeTrace || !wholeSpan) anomalies |= ANOMALY.linkIdInvalid;
      anomalies |= this.#writeLink(reader, link);
      link_attributes.entries[0].putValid(attributes + index, this.#json.taken());
    }
    return anomalies;
  }

  #readLink(reader: WireReader, end: number): Link {
    const link: Link = {
      traceIdAt: 0,
      traceIdEnd: 0,
      spanIdAt: 0,
      spanIdEnd: 0,
      stateAt: 0,
      stateEnd: 0,
      flags: 0,
      dropped: 0,
    };
    this.#attributes.length = 0;
    while (reader.at < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x0a: // trace_id = 1
          link.traceIdEnd = reader.delimited(end);
          link.traceIdAt = reader.at;
          reader.at = link.traceIdEnd;
          break;
        case 0x12: // span_id = 2
          link.spanIdEnd = reader.delimited(end);
          link.spanIdAt = reader.at;
          reader.at = link.spanIdEnd;
          break;
        case 0x1a: // trace_state = 3
          link.stateEnd = reader.delimited(end);
          link.stateAt = reader.at;
          reader.at = link.stateEnd;
          break;
        case 0x22: // attributes = 4
          this.#noteAttribute(reader, end);
          break;
        case 0x28: // dropped_attributes_count = 5
          link.dropped = reader.varint32(end);
          break;
        case 0x35: // flags = 6
          link.flags = reader.fixed32(end);
          break;
        default:
          reader.skipUnknown(tag, end, LINK_FIELDS, "Link");
      }
    }
    return link;
  }

  #writeLink(reader: WireReader, link: Link): number {
    const json = this.#json;
    json.clear();
    json.raw('{"traceState":');
    json.string(reader.body, link.stateAt, link.stateEnd);
    json.raw(',"attributes":');
    const anomalies = this.#writeAttributes(reader, false);
    json.raw(`,"flags":${link.flags},"droppedAttributesCount":${link.dropped}}`);
    return anomalies;
  }
}

interface Link {
  traceIdAt: number;
  traceIdEnd: number;
  spanIdAt: number;
  spanIdEnd: number;
  stateAt: number;
  stateEnd: number;
  flags: number;
  dropped: number;
}

/** Writes an id of the column's width; zeros, and false, when it has another length. */
function putId(
  column: WordColumn,
  row: number,
  reader: WireReader,
  at: number,
  end: number,
): boolean {
  if (end - at !== column.width * 4) {
    column.pad(row + 1);
    return false;
  }
  const slot = column.slot(row);
  for (let word = 0; word < column.width; word++) {
    column.words[slot + word] = reader.view.getUint32(at + word * 4, true);
  }
  return true;
}
