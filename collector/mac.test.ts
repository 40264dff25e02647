import { expect, test } from "vitest";
import { createMac } from "./mac.ts";

const text = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));

function valueOf(name: string, ...chunks: Uint8Array[]): string {
  const mac = createMac(name)();
  for (const chunk of chunks) mac.add(chunk);
  return mac.value().toString("hex");
}

test.each([1, 15, 16, 17, 4096, 99_999])("in pieces, the first of %i bytes: the same", (first) => {
  const pieces = [text.subarray(0, first), Buffer.alloc(0), text.subarray(first)];
  expect(valueOf("a", ...pieces)).toBe(valueOf("a", text));
});

test("another name, one byte changed, one more, one less: another value", () => {
  const changed = Buffer.from(text);
  changed[50_000]! ^= 1;
  const values = [
    valueOf("a", text),
    valueOf("b", text),
    valueOf("a", changed),
    valueOf("a", text, Buffer.alloc(1)),
    valueOf("a", text.subarray(1)),
  ];
  expect(new Set(values).size).toBe(values.length);
});
