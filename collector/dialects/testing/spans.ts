/** Span messages made from attributes, and their attributes read back. */
import { delimited } from "../any-value.ts";
import { SpanMessage } from "../span-message.ts";

type Value = string | number | boolean | readonly Value[];

export interface TestEvent {
  name: string;
  timeUnixNano: bigint;
  attributes?: Readonly<Record<string, Value>>;
}

export const START = 1_767_225_600_000_000_000n;

export function spanBytes(
  attributes: Readonly<Record<string, Value>>,
  events: readonly TestEvent[] = [],
  name = "span",
): Uint8Array {
  return Buffer.concat([
    delimited(0x0a, Buffer.alloc(16, 1)),
    delimited(0x12, Buffer.alloc(8, 2)),
    delimited(0x2a, Buffer.from(name)),
    fixed64(0x39, START),
    ...Object.entries(attributes).map(([key, value]) => attributeBytes(0x4a, key, value)),
    ...events.map((event) =>
      delimited(
        0x5a,
        Buffer.concat([
          fixed64(0x09, event.timeUnixNano),
          delimited(0x12, Buffer.from(event.name)),
          ...Object.entries(event.attributes ?? {}).map(([key, value]) =>
            attributeBytes(0x1a, key, value),
          ),
        ]),
      ),
    ),
  ]);
}

function attributeBytes(tag: number, key: string, value: Value): Buffer {
  return delimited(
    tag,
    Buffer.concat([delimited(0x0a, Buffer.from(key)), delimited(0x12, valueBytes(value))]),
  );
}

function valueBytes(value: Value): Buffer {
  if (typeof value === "string") return delimited(0x0a, Buffer.from(value));
  if (typeof value === "boolean") return Buffer.from([0x10, value ? 1 : 0]);
  if (typeof value === "number") return numberBytes(value);
  return delimited(0x2a, Buffer.concat(value.map((item) => delimited(0x0a, valueBytes(item)))));
}

/** Whole numbers below 2^28 as ints, all others as doubles. */
function numberBytes(value: number): Buffer {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 28) {
    const bytes = [0x18];
    for (let rest = value; ; rest >>>= 7) {
      bytes.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
      if (rest < 0x80) return Buffer.from(bytes);
    }
  }
  const bytes = Buffer.alloc(9, 0x21);
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function fixed64(tag: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9, tag);
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
}

export function attributesOf(span: Uint8Array): Record<string, unknown> {
  return Object.fromEntries(new SpanMessage(span, 0, span.length).attributes);
}
