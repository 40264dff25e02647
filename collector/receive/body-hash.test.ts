import { expect, test } from "vitest";
import { createBodyHash } from "./body-hash.ts";

const hashOf = createBodyHash("log");

test.each([0, 1, 8 * 1024, 8 * 1024 + 1, 100_000])(
  "%i bytes: 16 bytes that any change changes",
  (size) => {
    const body = Buffer.alloc(size, "spans ");
    const hash = hashOf(body);
    expect(hash).toHaveLength(16);
    expect(hashOf(Buffer.from(body))).toEqual(hash);
    expect(hashOf(Buffer.concat([body, Buffer.alloc(1)]))).not.toEqual(hash);
    for (const at of [0, size >> 1, size - 1].filter((place) => place >= 0 && place < size)) {
      const other = Buffer.from(body);
      other[at]! ^= 1;
      expect(hashOf(other)).not.toEqual(hash);
    }
  },
);

test("the same over restarts, and another's for another log", () => {
  const body = Buffer.alloc(50_000, 1);
  expect(createBodyHash("log")(body)).toEqual(hashOf(body));
  expect(createBodyHash("other")(body)).not.toEqual(hashOf(body));
});
