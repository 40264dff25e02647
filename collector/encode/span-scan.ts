/**
 * First pass over a span: where everything lies. Nothing is copied and no column is touched, so that a malformed span
 * leaves no trace, and so that a field that comes twice can be settled (the last one wins) before anything is written.
 */
import { SPAN_FIELDS, STATUS_FIELDS, KEY_VALUE_FIELDS } from "../otlp/messages.ts";
import { CommonKeyValue } from "../otlp/key-value.ts";
import { fieldBits, WIRE_DELIMITED, type WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { EMPTY, findValue, type ValueSpot } from "./any-value.ts";
import { Interner, NOT_FOUND } from "./interner.ts";
import { PROMOTED_KEYS } from "./promoted.ts";
import { latin1 } from "./scalar.ts";

/** Different attribute keys remembered from span to span, those that have a column included. */
const MAX_KEYS = 4096;

/** Attributes, events or links that room is kept for between blocks. */
const MAX_KEPT = 1 << 16;

/** Those of a span's fields that `read` does not take itself. */
const DELIMITED_FIELDS = fieldBits(1, 2, 3, 4, 5, 11, 13, 15);

/** What is known of a key's number: nothing yet, one of ours, another dialect's. */
const UNKNOWN = 0;
const OWN = 1;
const FOREIGN = 2;

/** An attribute that a later one of the same key replaces. */
const SUPERSEDED = -2;

export class SpanScan {
  readonly keys = new Interner(PROMOTED_KEYS, MAX_KEYS);

  traceIdAt = 0;
  spanIdAt = 0;
  parentIdAt = 0;
  hasIds = false;
  /** Some attribute is written in another dialect than ours. */
  hasForeignKey = false;
  hasParent = false;
  nameAt = 0;
  nameEnd = 0;
  traceStateAt = 0;
  traceStateEnd = 0;
  kind = 0;
  flags = 0;
  startLow = 0;
  startHigh = 0;
  endLow = 0;
  endHigh = 0;
  statusCode = 0;
  statusMessageAt = 0;
  statusMessageEnd = 0;
  droppedAttributes = 0;
  droppedEvents = 0;
  droppedLinks = 0;
  anomalies = 0;

  /** Attributes, in the order of the wire; superseded ones have the type `SUPERSEDED`. */
  attributes = 0;
  /** Number in `keys`, or `NOT_FOUND`. */
  key = new Int32Array(64);
  keyAt = new Int32Array(64);
  keyEnd = new Int32Array(64);
  type = new Int8Array(64);
  valueAt = new Int32Array(64);
  valueEnd = new Int32Array(64);

  events = 0;
  eventAt = new Int32Array(16);
  eventEnd = new Int32Array(16);
  links = 0;
  linkAt = new Int32Array(16);
  linkEnd = new Int32Array(16);

  /** Which span showed a key last, and at which attribute. */
  readonly #seenIn = new Int32Array(this.keys.capacity);
  readonly #seenAt = new Int32Array(this.keys.capacity);
  readonly #isForeignKey: ((key: string) => boolean) | undefined;
  readonly #dialect = new Uint8Array(this.keys.capacity);
  /** By key: the one that came after it the last time. */
  readonly #follower = new Int32Array(this.keys.capacity);
  #lastKey = 0;
  #serial = 0;
  /** The attributes of this span whose key has no number. */
  readonly #unnumbered = new Map<string, number>();
  readonly #spot: ValueSpot = { type: EMPTY, at: 0, end: 0, hasStringIndex: false };

  /** `isForeignKey` is asked once for each key that is remembered. */
  constructor(isForeignKey?: (key: string) => boolean) {
    this.#isForeignKey = isForeignKey;
  }

  /** Between blocks: makes room for new keys when all numbers are taken. */
  rest(): void {
    if (this.keys.full) {
      this.keys.forget();
      this.#follower.fill(0);
      this.#dialect.fill(UNKNOWN);
      this.#lastKey = 0;
    }
    this.#seenIn.fill(0);
    this.#serial = 0;
    // One monstrous span must not hold its memory for ever.
    if (this.key.length > MAX_KEPT) this.#allocateAttributes(64);
    if (this.eventAt.length > MAX_KEPT) this.eventAt = this.eventEnd = new Int32Array(0);
    if (this.linkAt.length > MAX_KEPT) this.linkAt = this.linkEnd = new Int32Array(0);
  }

  #allocateAttributes(size: number): void {
    this.key = new Int32Array(size);
    this.keyAt = new Int32Array(size);
    this.keyEnd = new Int32Array(size);
    this.type = new Int8Array(size);
    this.valueAt = new Int32Array(size);
    this.valueEnd = new Int32Array(size);
  }

  isPresent(attribute: number): boolean {
    return this.type[attribute] !== SUPERSEDED;
  }

  /** Reads the span that ends at `end`. */
  read(reader: WireReader, end: number): void {
    this.#clear();
    while (reader.at < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x4a: // attributes = 9
          this.#readAttribute(reader, end);
          break;
        case 0x39: // start_time_unix_nano = 7
          reader.fixed64(end);
          this.startLow = reader.low;
          this.startHigh = reader.high;
          break;
        case 0x41: // end_time_unix_nano = 8
          reader.fixed64(end);
          this.endLow = reader.low;
          this.endHigh = reader.high;
          break;
        case 0x30: // kind = 6
          this.kind = reader.varint32(end);
          break;
        case 0x50: // dropped_attributes_count = 10
          this.droppedAttributes = reader.varint32(end);
          break;
        case 0x60: // dropped_events_count = 12
          this.droppedEvents = reader.varint32(end);
          break;
        case 0x70: // dropped_links_count = 14
          this.droppedLinks = reader.varint32(end);
          break;
        case 0x85: // flags = 16
          this.flags = reader.fixed32(end);
          break;
        default:
          this.#readDelimited(reader, tag, end);
      }
    }
    this.hasIds = this.#hasValidIds(reader.view);
  }

  #clear(): void {
    this.#serial++;
    this.#lastKey = 0;
    this.attributes = 0;
    this.events = 0;
    this.links = 0;
    this.anomalies = 0;
    this.hasForeignKey = false;
    this.kind = 0;
    this.flags = 0;
    this.startLow = 0;
    this.startHigh = 0;
    this.endLow = 0;
    this.endHigh = 0;
    this.statusCode = 0;
    this.droppedAttributes = 0;
    this.droppedEvents = 0;
    this.droppedLinks = 0;
    this.traceIdAt = -1;
    this.spanIdAt = -1;
    this.hasParent = false;
    this.nameAt = 0;
    this.nameEnd = 0;
    this.traceStateAt = 0;
    this.traceStateEnd = 0;
    this.statusMessageAt = 0;
    this.statusMessageEnd = 0;
    if (this.#unnumbered.size > 0) this.#unnumbered.clear();
  }

  #readDelimited(reader: WireReader, tag: number, end: number): void {
    if ((tag & 7) !== WIRE_DELIMITED || !((DELIMITED_FIELDS >>> (tag >>> 3)) & 1) || tag > 0x7a) {
      reader.skipUnknown(tag, end, SPAN_FIELDS, "Span");
      return;
    }
    const stop = reader.delimited(end);
    const at = reader.at;
    const length = stop - at;
    switch (tag) {
      case 0x0a: // trace_id = 1
        this.traceIdAt = length === 16 ? at : -1;
        break;
      case 0x12: // span_id = 2
        this.spanIdAt = length === 8 ? at : -1;
        break;
      case 0x1a: // trace_state = 3
        this.traceStateAt = at;
        this.traceStateEnd = stop;
        break;
      case 0x22: // parent_span_id = 4
        this.parentIdAt = at;
        this.hasParent = length === 8;
        this.anomalies &= ~ANOMALY.parentIdInvalid;
        if (length !== 8 && length !== 0) this.anomalies |= ANOMALY.parentIdInvalid;
        break;
      case 0x2a: // name = 5
        this.nameAt = at;
        this.nameEnd = stop;
        break;
      case 0x5a: // events = 11
        this.#addEvent(at, stop);
        break;
      case 0x6a: // links = 13
        this.#addLink(at, stop);
        break;
      case 0x7a: // status = 15
        this.#readStatus(reader, stop);
        break;
    }
    reader.at = stop;
  }

  #readStatus(reader: WireReader, end: number): void {
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x12 /* message = 2 */) {
        this.statusMessageEnd = reader.delimited(end);
        this.statusMessageAt = reader.at;
        reader.at = this.statusMessageEnd;
      } else if (tag === 0x18 /* code = 3 */) this.statusCode = reader.varint32(end);
      else reader.skipUnknown(tag, end, STATUS_FIELDS, "Status");
    }
  }

  readonly #common = new CommonKeyValue();

  /** Takes the KeyValue of which the length comes next. */
  #readAttribute(reader: WireReader, end: number): void {
    const index = this.attributes;
    if (index === this.key.length) this.#growAttributes();
    const common = this.#common;
    const stop = common.read(reader.body, reader.at, end);
    if (stop < 0) {
      this.#readAnyAttribute(reader, index, reader.delimited(end));
      return;
    }
    reader.at = stop;
    this.#note(index, common.type, common.valueAt, common.valueEnd);
    this.#identify(reader, index, common.keyAt, common.keyEnd);
  }

  #note(index: number, type: number, at: number, end: number): void {
    this.type[index] = type;
    this.valueAt[index] = at;
    this.valueEnd[index] = end;
    this.attributes = index + 1;
  }

  /** The same in whatever form it comes. */
  #readAnyAttribute(reader: WireReader, index: number, end: number): void {
    let keyAt = reader.at;
    let keyEnd = keyAt;
    const spot = this.#spot;
    spot.type = EMPTY;
    spot.at = keyAt;
    spot.end = keyAt;
    spot.hasStringIndex = false;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a /* key = 1 */) {
        keyEnd = reader.delimited(end);
        keyAt = reader.at;
        reader.at = keyEnd;
      } else if (tag === 0x12 /* value = 2 */) findValue(reader, reader.delimited(end), spot);
      else reader.skipUnknown(tag, end, KEY_VALUE_FIELDS, "KeyValue");
    }
    if (spot.hasStringIndex) this.anomalies |= ANOMALY.stringIndex;
    this.#note(index, spot.type, spot.at, spot.end);
    this.#identify(reader, index, keyAt, keyEnd);
  }

  /** Numbers the key, and drops an earlier attribute of the same key. */
  #identify(reader: WireReader, index: number, keyAt: number, keyEnd: number): void {
    // Spans of one kind have their attributes in one order: what followed the last key before follows it again.
    const guess = this.#follower[this.#lastKey]!;
    let key = guess;
    if (!this.keys.is(guess, reader.body, reader.view, keyAt, keyEnd)) {
      key = this.keys.intern(reader.body, reader.view, keyAt, keyEnd);
      if (key !== NOT_FOUND) this.#follower[this.#lastKey] = key;
    }
    this.key[index] = key;
    this.keyAt[index] = keyAt;
    this.keyEnd[index] = keyEnd;
    if (key === NOT_FOUND) {
      const name = latin1(reader.body, keyAt, keyEnd);
      if (this.#isForeignKey?.(name)) this.hasForeignKey = true;
      const earlier = this.#unnumbered.get(name);
      this.#unnumbered.set(name, index);
      if (earlier !== undefined) this.#supersede(earlier);
      return;
    }
    this.#lastKey = key;
    const dialect = this.#dialect[key]!;
    if (dialect !== OWN) this.#noteDialect(key, dialect, reader, keyAt, keyEnd);
    if (this.#seenIn[key] === this.#serial) this.#supersede(this.#seenAt[key]!);
    this.#seenIn[key] = this.#serial;
    this.#seenAt[key] = index;
  }

  #noteDialect(key: number, known: number, reader: WireReader, at: number, end: number): void {
    let dialect = known;
    if (dialect === UNKNOWN) {
      const isForeign = this.#isForeignKey?.(latin1(reader.body, at, end)) ?? false;
      this.#dialect[key] = dialect = isForeign ? FOREIGN : OWN;
    }
    if (dialect === FOREIGN) this.hasForeignKey = true;
  }

  #supersede(attribute: number): void {
    this.type[attribute] = SUPERSEDED;
    this.anomalies |= ANOMALY.duplicateAttribute;
  }

  #addEvent(at: number, end: number): void {
    if (this.events === this.eventAt.length) {
      this.eventAt = doubled(this.eventAt);
      this.eventEnd = doubled(this.eventEnd);
    }
    this.eventAt[this.events] = at;
    this.eventEnd[this.events++] = end;
  }

  #addLink(at: number, end: number): void {
    if (this.links === this.linkAt.length) {
      this.linkAt = doubled(this.linkAt);
      this.linkEnd = doubled(this.linkEnd);
    }
    this.linkAt[this.links] = at;
    this.linkEnd[this.links++] = end;
  }

  #growAttributes(): void {
    this.key = doubled(this.key);
    this.keyAt = doubled(this.keyAt);
    this.keyEnd = doubled(this.keyEnd);
    this.valueAt = doubled(this.valueAt);
    this.valueEnd = doubled(this.valueEnd);
    const type = new Int8Array(this.type.length * 2);
    type.set(this.type);
    this.type = type;
  }

  #hasValidIds(view: DataView): boolean {
    return isNotZero(view, this.traceIdAt, 16) && isNotZero(view, this.spanIdAt, 8);
  }
}

function doubled(old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(Math.max(16, old.length * 2));
  grown.set(old);
  return grown;
}

function isNotZero(view: DataView, at: number, length: number): boolean {
  if (at < 0) return false;
  for (let word = at; word < at + length; word += 4) if (view.getInt32(word) !== 0) return true;
  return false;
}
