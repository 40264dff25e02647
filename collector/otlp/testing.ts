/** Builds protobuf bytes by hand, right or wrong, for tests. */

export type Field = number[];

export function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const bits = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? bits : bits | 0x80);
  } while (rest !== 0n);
  return bytes;
}

const tagOf = (field: number, wireType: number) => varint(field * 8 + wireType);

export const int = (field: number, value: number | bigint): Field => [
  ...tagOf(field, 0),
  ...varint(value),
];

export function fixed64(field: number, value: bigint): Field {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return [...tagOf(field, 1), ...bytes];
}

export function double(field: number, value: number): Field {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [...tagOf(field, 1), ...bytes];
}

export function fixed32(field: number, value: number): Field {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return [...tagOf(field, 5), ...bytes];
}

/** A message of the given fields. */
export function message(field: number, ...fields: readonly Field[]): Field {
  const content = fields.flat();
  return [...tagOf(field, 2), ...varint(content.length), ...content];
}

export function text(field: number, value: string | Uint8Array): Field {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return [...tagOf(field, 2), ...varint(bytes.length), ...bytes];
}

export const body = (...fields: readonly Field[]): Uint8Array => Uint8Array.from(fields.flat());

/** KeyValue in the given field, its AnyValue made of the given fields. */
export const keyValue = (field: number, key: string, ...value: readonly Field[]): Field =>
  message(field, text(1, key), message(2, ...value));

export const TRACE_ID = Buffer.from("5b8efff798038103d269b633813fc60c", "hex");
export const SPAN_ID = Buffer.from("eee19b7ec3c1b174", "hex");

/** A valid span and what else is given, in field 2 of ScopeSpans. */
export const span = (...fields: readonly Field[]): Field =>
  message(2, text(1, TRACE_ID), text(2, SPAN_ID), ...fields);

/** A request with one resource, one scope and the given fields of ScopeSpans. */
export const request = (...scopeSpans: readonly Field[]): Uint8Array =>
  body(message(1, message(2, ...scopeSpans)));

/** A log record and what else is given, in field 2 of ScopeLogs. */
export const logRecord = (...fields: readonly Field[]): Field => message(2, ...fields);

/** The ids of the span that a record belongs to. */
export const ofSpan: Field = [...text(9, TRACE_ID), ...text(10, SPAN_ID)];
