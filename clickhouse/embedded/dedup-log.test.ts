import { expect, test } from "vitest";
import { wholeRecords } from "./dedup-log.ts";

const one = "1\tall_1_1_0\tall_347_126\n";

test.each([
  ["nothing", "", 0],
  ["whole records", one + one, 2 * one.length],
  ["half a record", one + "1\tall_2_", one.length],
  ["a record without its line break", one + one.trimEnd(), one.length],
  ["a record without its last field", one + "1\tall_2_2_0\n" + one, one.length],
  ["zeros where data was never written", one + "\0\0\0\0\n" + one, one.length],
])("%s", (_name, content, whole) => {
  expect(wholeRecords(Buffer.from(content))).toBe(whole);
});
