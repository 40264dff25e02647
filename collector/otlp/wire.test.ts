import { describe, expect, test } from "vitest";
import { PermanentError } from "../stages.ts";
import { fieldBits, WireReader } from "./wire.ts";
import { body, fixed64, int, message, text, varint } from "./testing.ts";

function readerOf(bytes: Uint8Array): WireReader {
  const reader = new WireReader();
  reader.reset(bytes);
  return reader;
}

describe("varint", () => {
  const values = [
    0n,
    1n,
    127n,
    128n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 35n,
    2n ** 63n,
    2n ** 64n - 1n,
  ];
  test.each(values)("reads %s in two halves", (value) => {
    const bytes = Uint8Array.from(varint(value));
    const reader = readerOf(bytes);
    reader.varint64(bytes.length);
    expect((BigInt(reader.high) << 32n) | BigInt(reader.low)).toBe(value);
    expect(reader.at).toBe(bytes.length);
  });

  test("accepts ten bytes, refuses eleven", () => {
    const ten = Uint8Array.from([...Array<number>(9).fill(0x80), 0x01]);
    readerOf(ten).varint64(10);
    const eleven = Uint8Array.from([...Array<number>(10).fill(0x80), 0x00]);
    expect(() => readerOf(eleven).varint64(11)).toThrow(/varint of more than 10 bytes at byte 0/);
  });

  test("stops at the end of its message, not of the body", () => {
    expect(() => readerOf(Uint8Array.of(0x80, 0x01)).varint64(1)).toThrow(/varint cut short/);
    expect(() => readerOf(Uint8Array.of(0x01)).varint32(0)).toThrow(PermanentError);
  });
});

describe("length", () => {
  test("gives the end of the content", () => {
    const reader = readerOf(Uint8Array.of(2, 9, 9));
    expect(reader.delimited(3)).toBe(3);
    expect(reader.at).toBe(1);
  });

  test.each([
    ["longer than what is left", [3, 9, 9]],
    ["2^31", varint(2 ** 31)],
    ["2^64-1", varint(2n ** 64n - 1n)],
    ["absent", []],
  ])("%s is malformed", (_situation, bytes) => {
    expect(() => readerOf(Uint8Array.from(bytes)).delimited(bytes.length)).toThrow(PermanentError);
  });
});

describe("tag", () => {
  test.each([
    ["field 0", [0x00]],
    ["field 0, wire type 7", [0x07]],
    ["beyond 2^29-1", varint(2 ** 32)],
    ["cut short", [0x85]],
  ])("%s is malformed", (_situation, bytes) => {
    expect(() => readerOf(Uint8Array.from(bytes)).tag(bytes.length)).toThrow(PermanentError);
  });

  test("takes two bytes where the field number needs them", () => {
    expect(readerOf(Uint8Array.of(0x85, 0x01)).tag(2)).toBe(16 * 8 + 5);
  });
});

describe("skip", () => {
  test.each([
    ["varint", int(50, 2n ** 64n - 1n)],
    ["fixed64", fixed64(50, 1n)],
    ["fixed32", [...varint(50 * 8 + 5), 1, 2, 3, 4]],
    ["delimited", text(50, "x".repeat(300))],
    ["group", [...varint(50 * 8 + 3), ...int(1, 7), ...varint(50 * 8 + 4)]],
    ["groups in a group", [0x0b, 0x13, 0x14, 0x13, 0x14, 0x0c]],
  ])("passes over a %s", (_kind, bytes) => {
    const reader = readerOf(body(bytes));
    reader.skip(reader.tag(bytes.length), bytes.length);
    expect(reader.at).toBe(bytes.length);
  });

  test.each([
    ["group without an end", [0x0b]],
    ["group with another's end", [0x0b, 0x14]],
    ["end without a group", [0x0c]],
    ["wire type 6", [0x0e]],
    ["wire type 7", [0x0f]],
    ["groups 101 deep", [...Array<number>(101).fill(0x0b), ...Array<number>(101).fill(0x0c)]],
    ["fixed32 cut short", [0x0d, 1, 2, 3]],
    ["fixed64 cut short", [0x09, 1, 2, 3]],
  ])("%s is malformed", (_situation, bytes) => {
    const reader = readerOf(Uint8Array.from(bytes));
    expect(() => reader.skip(reader.tag(bytes.length), bytes.length)).toThrow(PermanentError);
  });

  test("a known field with another wire type is malformed, an unknown one is not", () => {
    const bytes = body(int(3, 1));
    const known = readerOf(bytes);
    expect(() => known.skipUnknown(known.tag(2), 2, fieldBits(3), "Span")).toThrow(
      "malformed protobuf: Span field 3 with wire type 0 at byte 1",
    );
    const unknown = readerOf(bytes);
    unknown.skipUnknown(unknown.tag(2), 2, fieldBits(1, 2), "Span");
    expect(unknown.at).toBe(2);
  });
});

test("a body that lies inside a larger buffer is read from its own start", () => {
  const pool = Uint8Array.from([9, 9, ...message(1, int(1, 5)), 9]);
  const reader = readerOf(pool.subarray(2, pool.length - 1));
  expect(reader.tag(4)).toBe(0x0a);
  expect(reader.delimited(4)).toBe(4);
});
