import { expect, test } from "vitest";
import { partsByPartition, phantomRecords, wholeRecords } from "./dedup-log.ts";

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

const phantoms: Record<string, { log: string; parts: string[]; found: string[] }> = {
  "a part under its own name": {
    log: "1\t20261120_1_1_0\ta\n",
    parts: ["20261120_1_1_0"],
    found: [],
  },
  "a part merged into a larger one": {
    log: "1\t20261120_2_2_0\ta\n",
    parts: ["20261120_1_5_2"],
    found: [],
  },
  "a part that a mutation gave another name": {
    log: "1\t20261120_2_2_0\ta\n",
    parts: ["20261120_2_2_0_9"],
    found: [],
  },
  "no part at all": { log: "1\t20261120_2_2_0\ta\n", parts: [], found: ["a"] },
  "a part of the same number in another partition": {
    log: "1\t20261120_2_2_0\ta\n",
    parts: ["20261121_2_2_0"],
    found: ["a"],
  },
  "only the last of many": {
    log: "1\t20261120_1_1_0\ta\n1\t20261120_2_2_0\tb\n",
    parts: ["20261120_1_1_0"],
    found: ["b"],
  },
  "a record that was taken back already": {
    log: "1\t20261120_2_2_0\ta\n2\t20261120_2_2_0\ta\n",
    parts: [],
    found: [],
  },
  "a name of another kind": { log: "1\tsomething\ta\n", parts: [], found: [] },
};

test.each(Object.entries(phantoms))(
  "records without a part: %s",
  (_name, { log, parts, found }) => {
    const blocks = phantomRecords(log, partsByPartition(parts)).map(([, block]) => block);
    expect(blocks).toEqual(found);
  },
);
