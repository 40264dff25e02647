/**
 * One span taken apart: attributes as values, events on demand; and put together again with other attributes.
 *
 * What is not an attribute is copied as it came, so a field that nobody here has heard of survives.
 */
import { EVENT_FIELDS, SPAN_FIELDS } from "../otlp/messages.ts";
import { fieldBits, WIRE_DELIMITED, WireReader } from "../otlp/wire.ts";
import { type Canonical, delimited, keyValueBytes, readKeyValue, readText } from "./any-value.ts";

const ATTRIBUTES_TAG = 0x4a;

export interface SpanEvent {
  name: string;
  timeUnixNano: bigint;
  attributes: Map<string, unknown>;
}

interface Place {
  key: string;
  at: number;
  end: number;
}

const reader = new WireReader();

export class SpanMessage {
  /** By key; of several the last one. */
  readonly attributes = new Map<string, unknown>();
  name = "";
  startUnixNano = 0n;
  readonly #body: Uint8Array;
  readonly #at: number;
  readonly #end: number;
  /** Every attribute on the wire, its tag included. */
  readonly #places: Place[] = [];
  readonly #eventPlaces: (readonly [number, number])[] = [];
  #events: readonly SpanEvent[] | undefined;

  /** @throws PermanentError when the bytes are no span */
  constructor(body: Uint8Array, at: number, end: number) {
    this.#body = body;
    this.#at = at;
    this.#end = end;
    reader.reset(body);
    reader.at = at;
    while (reader.at < end) this.#readField(end);
  }

  #readField(end: number): void {
    const start = reader.at;
    const tag = reader.tag(end);
    switch (tag) {
      case ATTRIBUTES_TAG: {
        const stop = reader.delimited(end);
        const [key, value] = readKeyValue(reader, stop);
        this.attributes.set(key, value);
        this.#places.push({ key, at: start, end: stop });
        break;
      }
      case 0x2a: // name = 5
        this.name = readText(reader, reader.delimited(end));
        break;
      case 0x39: // start_time_unix_nano = 7
        this.startUnixNano = readFixed64(end);
        break;
      case 0x5a: {
        // events = 11
        const stop = reader.delimited(end);
        this.#eventPlaces.push([reader.at, stop]);
        reader.at = stop;
        break;
      }
      default:
        if (tag % 8 === WIRE_DELIMITED) reader.skip(tag, end);
        else reader.skipUnknown(tag, end, SPAN_FIELDS & fieldBits(5, 9, 11), "Span");
    }
  }

  get events(): readonly SpanEvent[] {
    this.#events ??= this.#readEvents();
    return this.#events;
  }

  #readEvents(): SpanEvent[] {
    reader.reset(this.#body);
    return this.#eventPlaces.map(([at, end]) => {
      reader.at = at;
      return readEvent(end);
    });
  }

  /** The same span without the attributes in `removed` and with those in `added`, which replace any of their name. */
  rewrite(
    added: ReadonlyMap<string, Canonical>,
    removed: (key: string) => boolean,
  ): Uint8Array<ArrayBuffer> {
    const pieces: Uint8Array[] = [];
    let from = this.#at;
    for (const { key, at, end } of this.#places) {
      if (!added.has(key) && !removed(key)) continue;
      if (at > from) pieces.push(this.#body.subarray(from, at));
      from = end;
    }
    pieces.push(this.#body.subarray(from, this.#end));
    for (const [key, value] of added) {
      pieces.push(delimited(ATTRIBUTES_TAG, keyValueBytes(key, value)));
    }
    return joined(pieces);
  }
}

/** Not `Buffer.concat`, whose result may be a slice of memory that is shared. */
function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function readFixed64(end: number): bigint {
  reader.fixed64(end);
  return (BigInt(reader.high) << 32n) | BigInt(reader.low);
}

function readEvent(end: number): SpanEvent {
  const event: SpanEvent = { name: "", timeUnixNano: 0n, attributes: new Map() };
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x09: // time_unix_nano = 1
        event.timeUnixNano = readFixed64(end);
        break;
      case 0x12: // name = 2
        event.name = readText(reader, reader.delimited(end));
        break;
      case 0x1a: // attributes = 3
        event.attributes.set(...readKeyValue(reader, reader.delimited(end)));
        break;
      default:
        reader.skipUnknown(tag, end, EVENT_FIELDS & fieldBits(1, 2, 3), "Event");
    }
  }
  return event;
}
