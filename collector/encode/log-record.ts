/**
 * A log record taken apart: where its ids and times lie, and what it says as values. Records are few next to spans, so
 * here values are built whole.
 */
import { EVENT_NAME_KEY } from "../otlp/log-events.ts";
import { LOG_RECORD_FIELDS } from "../otlp/messages.ts";
import type { WireReader } from "../otlp/wire.ts";
import {
  DEPTH_LIMIT,
  EMPTY,
  findValue,
  readEntry,
  STRING,
  type ValueSpot,
  writeValue,
} from "./any-value.ts";
import { JsonSink } from "./json-sink.ts";
import { utf8 } from "./scalar.ts";

/** A value as text: what it says, or, when it is no text, its JSON. */
export interface TextValue {
  text: string;
  isText: boolean;
}

export class LogRecordScan {
  event = "";
  timeLow = 0;
  timeHigh = 0;
  observedLow = 0;
  observedHigh = 0;
  /** -1: none of the right length. */
  traceIdAt = -1;
  spanIdAt = -1;
  body: TextValue | undefined;
  /** By key; of several the last one. */
  readonly attributes = new Map<string, TextValue>();
  readonly #sink = new JsonSink();
  readonly #spot: ValueSpot = { type: EMPTY, at: 0, end: 0, hasStringIndex: false };

  /** Reads the record that ends at `end`. */
  read(reader: WireReader, end: number): void {
    this.#clear();
    while (reader.at < end) this.#readField(reader, end);
    this.event ||= this.attributes.get(EVENT_NAME_KEY)?.text ?? "";
    this.attributes.delete(EVENT_NAME_KEY);
    if ((this.timeLow | this.timeHigh) === 0) {
      this.timeLow = this.observedLow;
      this.timeHigh = this.observedHigh;
    }
  }

  /** An attribute, which is then no longer among the others; empty when there is none. */
  take(key: string): string {
    const { text = "" } = this.attributes.get(key) ?? {};
    this.attributes.delete(key);
    return text;
  }

  #clear(): void {
    this.event = "";
    this.timeLow = this.timeHigh = 0;
    this.observedLow = this.observedHigh = 0;
    this.traceIdAt = this.spanIdAt = -1;
    this.body = undefined;
    this.attributes.clear();
  }

  #readField(reader: WireReader, end: number): void {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x09: // time_unix_nano = 1
        reader.fixed64(end);
        this.timeLow = reader.low;
        this.timeHigh = reader.high;
        break;
      case 0x2a: // body = 5
        this.body = this.#readBody(reader, reader.delimited(end));
        break;
      case 0x32: // attributes = 6
        this.#readAttribute(reader, reader.delimited(end));
        break;
      case 0x4a: // trace_id = 9
        this.traceIdAt = idAt(reader, end, 16);
        break;
      case 0x52: // span_id = 10
        this.spanIdAt = idAt(reader, end, 8);
        break;
      case 0x59: // observed_time_unix_nano = 11
        reader.fixed64(end);
        this.observedLow = reader.low;
        this.observedHigh = reader.high;
        break;
      case 0x62: {
        // event_name = 12
        const stop = reader.delimited(end);
        this.event = utf8(reader.body, reader.at, stop);
        reader.at = stop;
        break;
      }
      default:
        if (NOT_NEEDED.has(tag)) reader.skip(tag, end);
        else reader.skipUnknown(tag, end, LOG_RECORD_FIELDS, "LogRecord");
    }
  }

  #readBody(reader: WireReader, end: number): TextValue | undefined {
    const spot = this.#spot;
    spot.type = EMPTY;
    findValue(reader, end, spot);
    const value = spot.type === EMPTY ? undefined : this.#valueOf(reader, spot);
    reader.at = end;
    return value;
  }

  #readAttribute(reader: WireReader, end: number): void {
    const entry = readEntry(reader, end);
    const key = utf8(reader.body, entry.keyAt, entry.keyEnd);
    this.attributes.delete(key);
    this.attributes.set(key, this.#valueOf(reader, entry));
    reader.at = end;
  }

  #valueOf(reader: WireReader, spot: Readonly<ValueSpot>): TextValue {
    if (spot.type === STRING) return { text: utf8(reader.body, spot.at, spot.end), isText: true };
    this.#sink.clear();
    const whole = writeValue(this.#sink, reader, spot, "plain");
    const text = Buffer.from(whole ? this.#sink.taken() : DEPTH_LIMIT).toString();
    return { text, isText: !whole };
  }
}

/** severity_number = 2, severity_text = 3, dropped_attributes_count = 7, flags = 8. */
const NOT_NEEDED: ReadonlySet<number> = new Set([0x10, 0x1a, 0x38, 0x45]);

function idAt(reader: WireReader, end: number, length: number): number {
  const stop = reader.delimited(end);
  const at = stop - reader.at === length ? reader.at : -1;
  reader.at = stop;
  return at;
}
