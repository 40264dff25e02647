import { expect, test } from "vitest";
import { delimited, Patch } from "./patch.ts";
import { body, message, text } from "./testing.ts";

const bytesOf = (value: string): Uint8Array => Buffer.from(value);

test("no change gives the same bytes back", () => {
  const original = body(message(1, text(1, "a")));
  const patch = new Patch();
  patch.close(patch.open(1, 2), original.length);
  expect(patch.isEmpty).toBe(true);
  expect(patch.apply(original)).toBe(original);
});

test("lengths around a change are written anew, to the longer form where they need it", () => {
  const original = body(text(7, "before"), message(1, text(2, "x"), text(9, "kept")), text(8, "z"));
  const outer = 8; // tag and length of "before", then its 6 bytes
  const patch = new Patch();
  const mark = patch.open(outer + 1, outer + 2);
  patch.replace(outer + 3, outer + 5, delimited(bytesOf("y".repeat(300))));
  patch.close(mark, outer + 2 + 3 + 6);
  expect(Buffer.from(patch.apply(original))).toEqual(
    Buffer.from(
      body(text(7, "before"), message(1, text(2, "y".repeat(300)), text(9, "kept")), text(8, "z")),
    ),
  );
});

test("a message can lose all it holds, and something can be added at its end", () => {
  const original = body(message(1, text(2, "gone")));
  const patch = new Patch();
  const mark = patch.open(1, 2);
  patch.remove(2, 8);
  patch.replace(8, 8, Uint8Array.from(text(3, "new")));
  patch.close(mark, 8);
  expect(Buffer.from(patch.apply(original))).toEqual(Buffer.from(body(message(1, text(3, "new")))));
  patch.reset();
  expect(patch.apply(original)).toBe(original);
});
