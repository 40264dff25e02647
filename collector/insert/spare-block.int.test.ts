import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeDurably } from "./durable-file.ts";
import { SpareBlock } from "./spare-block.ts";

const MiB = 1024 * 1024;
let dir: string;

beforeEach(async () => {
  dir = await fs.mkdtemp(`${tmpdir()}/assay-spare-`);
});
afterEach(() => fs.rm(dir, { recursive: true }));

async function written(name: string, byteLength: number, fill: string, over?: string) {
  const bytes = Buffer.alloc(byteLength, fill);
  await writeDurably(dir, name, [bytes.subarray(0, 1000), bytes.subarray(1000)], over);
  return { block: name, byteLength };
}

const inodeOf = async (name: string) => (await fs.stat(`${dir}/${name}`)).ino;

test.each([
  ["shorter", 8 * MiB + 17],
  ["longer", 11 * MiB],
])(
  "a %s block takes the place of one that is done with, and holds its own bytes alone",
  async (_, byteLength) => {
    const spare = new SpareBlock(dir, "log");
    const done = await written("a.native", 10 * MiB, "a");
    const inode = await inodeOf("a.native");
    expect(await spare.keepOneOf([done])).toEqual([]);
    await written("b.native", byteLength, "b", spare.take());
    expect(await inodeOf("b.native")).toBe(inode);
    expect(await fs.readdir(dir)).toEqual(["b.native"]);
    const bytes = await fs.readFile(`${dir}/b.native`);
    expect(bytes.equals(Buffer.alloc(byteLength, "b"))).toBe(true);
    expect(spare.take()).toBeUndefined();
  },
);

test("one is kept and the others are returned; small ones and missing ones never are kept", async () => {
  const spare = new SpareBlock(dir, "log");
  const small = await written("small.native", 1000, "s");
  const gone = { block: "gone.native", byteLength: 10 * MiB };
  expect(await spare.keepOneOf([small])).toEqual([small]);
  expect(await spare.keepOneOf([gone])).toEqual([gone]);
  const first = await written("first.native", 8 * MiB, "1");
  const second = await written("second.native", 8 * MiB, "2");
  expect(await spare.keepOneOf([small, first, second])).toEqual([small, second]);
  expect(await spare.keepOneOf([second])).toEqual([second]);
  await spare.remove();
  expect((await fs.readdir(dir)).sort()).toEqual(["second.native", "small.native"]);
});
