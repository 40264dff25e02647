/** ExportTraceServiceRequest, read from protobuf into the form that OTLP has in JSON; the fields that tests look at. */
export interface KeyValue {
  key: string;
  value: AnyValue;
}

export interface AnyValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: number | string;
  doubleValue?: number;
  arrayValue?: { values?: AnyValue[] };
  kvlistValue?: { values?: KeyValue[] };
  bytesValue?: string;
}

export interface TraceRequest {
  resourceSpans: {
    resource: { attributes: KeyValue[] };
    scopeSpans: { scope: { name: string; version: string }; schemaUrl: string; spans: Span[] }[];
  }[];
}

interface Event {
  timeUnixNano: string;
  name: string;
  attributes: KeyValue[];
  droppedAttributesCount: number;
}

interface Link {
  traceId: string;
  spanId: string;
  traceState: string;
  attributes: KeyValue[];
  droppedAttributesCount: number;
  flags: number;
}

export interface Span {
  traceId: string;
  spanId: string;
  traceState?: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: KeyValue[];
  droppedAttributesCount: number;
  events: Event[];
  droppedEventsCount: number;
  links: Link[];
  droppedLinksCount: number;
  status?: { code?: number; message?: string };
  flags: number;
}

/** Field number → its values, in order: a varint or fixed number, or bytes. */
type Message = Map<number, (bigint | Buffer)[]>;

export function readRequest(body: Buffer): TraceRequest {
  return {
    resourceSpans: messages(fieldsOf(body), 1).map((resourceSpans) => ({
      resource: { attributes: attributesOf(message(resourceSpans, 1), 1) },
      scopeSpans: messages(resourceSpans, 2).map((scopeSpans) => ({
        scope: {
          name: text(message(scopeSpans, 1), 1),
          version: text(message(scopeSpans, 1), 2),
        },
        schemaUrl: text(scopeSpans, 3),
        spans: messages(scopeSpans, 2).map(spanOf),
      })),
    })),
  };
}

function spanOf(span: Message): Span {
  const status = message(span, 15);
  return {
    traceId: bytes(span, 1).toString("hex"),
    spanId: bytes(span, 2).toString("hex"),
    traceState: text(span, 3),
    parentSpanId: bytes(span, 4).toString("hex"),
    name: text(span, 5),
    kind: Number(number(span, 6)),
    startTimeUnixNano: String(number(span, 7)),
    endTimeUnixNano: String(number(span, 8)),
    attributes: attributesOf(span, 9),
    droppedAttributesCount: Number(number(span, 10)),
    events: messages(span, 11).map((event) => ({
      timeUnixNano: String(number(event, 1)),
      name: text(event, 2),
      attributes: attributesOf(event, 3),
      droppedAttributesCount: Number(number(event, 4)),
    })),
    droppedEventsCount: Number(number(span, 12)),
    links: messages(span, 13).map((link) => ({
      traceId: bytes(link, 1).toString("hex"),
      spanId: bytes(link, 2).toString("hex"),
      traceState: text(link, 3),
      attributes: attributesOf(link, 4),
      droppedAttributesCount: Number(number(link, 5)),
      flags: Number(number(link, 6)),
    })),
    droppedLinksCount: Number(number(span, 14)),
    status: { code: Number(number(status, 3)), message: text(status, 2) },
    flags: Number(number(span, 16)),
  };
}

function attributesOf(holder: Message, field: number): KeyValue[] {
  return messages(holder, field).map((pair) => ({
    key: text(pair, 1),
    value: valueOf(message(pair, 2)),
  }));
}

function valueOf(value: Message): AnyValue {
  if (value.has(1)) return { stringValue: text(value, 1) };
  if (value.has(2)) return { boolValue: number(value, 2) === 1n };
  if (value.has(3)) return { intValue: String(BigInt.asIntN(64, number(value, 3))) };
  if (value.has(4)) return { doubleValue: doubleOf(number(value, 4)) };
  if (value.has(5)) return { arrayValue: { values: messages(message(value, 5), 1).map(valueOf) } };
  if (value.has(6)) return { kvlistValue: { values: attributesOf(message(value, 6), 1) } };
  if (value.has(7)) return { bytesValue: bytes(value, 7).toString("base64") };
  return {};
}

function doubleOf(bits: bigint): number {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(bits);
  return buffer.readDoubleLE();
}

function bytes(holder: Message, field: number): Buffer {
  const found = holder.get(field)?.at(-1);
  return Buffer.isBuffer(found) ? found : Buffer.alloc(0);
}

function number(holder: Message, field: number): bigint {
  const found = holder.get(field)?.at(-1);
  return typeof found === "bigint" ? found : 0n;
}

const text = (holder: Message, field: number): string => bytes(holder, field).toString();
const message = (holder: Message, field: number): Message => fieldsOf(bytes(holder, field));

function messages(holder: Message, field: number): Message[] {
  return (holder.get(field) ?? []).map((found) => fieldsOf(found as Buffer));
}

/** @throws when it is no protobuf message, or has groups */
function fieldsOf(body: Buffer): Message {
  const found: Message = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = body[at++];
      if (byte === undefined || shift > 63n) throw new Error(`no varint ends at ${at}`);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > body.length) throw new Error(`expected ${length} bytes at ${at}`);
    return body.subarray(at, (at += length));
  };
  while (at < body.length) {
    const tag = Number(varint());
    const value = [
      () => varint(),
      () => take(8).readBigUInt64LE(),
      () => take(Number(varint())),
      undefined,
      undefined,
      () => BigInt(take(4).readUInt32LE()),
    ][tag & 7]?.();
    if (value === undefined) throw new Error(`wire type ${tag & 7} at ${at}`);
    found.set(tag >>> 3, [...(found.get(tag >>> 3) ?? []), value]);
  }
  return found;
}
