import { expect, test } from "vitest";
import { readEntry } from "./any-value.ts";
import { CommonKeyValue } from "../otlp/key-value.ts";
import { body, double, int, keyValue, text } from "../otlp/testing.ts";
import { WireReader } from "../otlp/wire.ts";

const common = new CommonKeyValue();

/** What the general reading makes of the same bytes; undefined when it refuses them. */
function readGenerally(bytes: Uint8Array) {
  const reader = new WireReader();
  reader.reset(bytes);
  reader.at = 1;
  try {
    const end = reader.delimited(bytes.length);
    const { keyAt, keyEnd, type, at, end: valueEnd } = readEntry(reader, end);
    return { stop: end, keyAt, keyEnd, type, valueAt: at, valueEnd };
  } catch {
    return undefined;
  }
}

function read(bytes: Uint8Array) {
  const stop = common.read(bytes, 1, bytes.length);
  if (stop < 0) return undefined;
  const { keyAt, keyEnd, type, valueAt, valueEnd } = common;
  return { stop, keyAt, keyEnd, type, valueAt, valueEnd };
}

const values = {
  "short text": text(1, "stop"),
  "no text": text(1, ""),
  "text of two length bytes": text(1, "x".repeat(300)),
  "a small number": int(3, 7),
  "a negative number": int(3, -1n),
  "a flag": int(2, 1),
  "a double": double(4, 0.5),
};

test.each(Object.entries(values))("%s is read as it is in general", (_name, value) => {
  const bytes = body(keyValue(9, "key", value));
  expect(read(bytes)).toEqual(readGenerally(bytes));
  expect(read(bytes)).toBeDefined();
});

test.each(Object.entries(values))(
  "%s with any byte changed or cut off: never more than in general",
  (_name, value) => {
    const good = body(keyValue(9, "key", value));
    for (let at = 1; at < good.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = good.slice();
        changed[at] = byte;
        const mine = read(changed);
        if (mine !== undefined) expect(mine).toEqual(readGenerally(changed));
      }
      expect(read(good.subarray(0, at))).toBeUndefined();
    }
  },
);

test("other forms are left to the general reading", () => {
  expect(read(body(keyValue(9, "key")))).toBeUndefined();
  expect(read(body(keyValue(9, "key", text(1, "x"), int(3, 1))))).toBeUndefined();
  expect(read(body(keyValue(9, "k".repeat(200), int(3, 1))))).toBeUndefined();
});
