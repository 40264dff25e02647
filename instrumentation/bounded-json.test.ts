import { expect, test } from "vitest";
import { threadCpuMs } from "../test/thread-cpu.ts";
import { boundedJson } from "./bounded-json.ts";

const cycle: Record<string, unknown> = { name: "cycle" };
cycle["self"] = cycle;

const hostile = {
  fine: 1,
  get secret(): string {
    throw new Error("not for you");
  },
};

test.each<[string, unknown, string]>([
  ["plain", { a: [1, "two", null, true] }, '{"a":[1,"two",null,true]}'],
  ["nothing", undefined, "null"],
  ["a date", { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
  ["a large whole number", 10n ** 20n, '"100000000000000000000"'],
  ["a map", new Map([["a", 1]]), '{"a":1}'],
  ["a set", new Set(["a"]), '["a"]'],
  ["an error", new RangeError("too far"), '"RangeError: too far"'],
  ["binary data", Buffer.alloc(9), '"[9 bytes]"'],
  ["an embedding", Array.from({ length: 1536 }, () => 0.5), '"[1536 numbers]"'],
  ["a few numbers", [1, 2, 3], "[1,2,3]"],
  ["a function", { call: () => 1 }, "{}"],
  ["a getter that throws", { hostile }, '{"hostile":"[unreadable]"}'],
])("%s", (_name, value, expected) => {
  expect(boundedJson(value, 1_000)).toBe(expected);
});

test("a cycle ends", () => {
  expect(boundedJson(cycle, 1_000).length).toBeLessThan(1_000);
});

test("however large the value, the text is not", () => {
  const rows = Array.from({ length: 100_000 }, (_, id) => ({ id, text: "x".repeat(1_000) }));
  const cpuMs = threadCpuMs(() => {
    expect(boundedJson(rows, 4_096).length).toBeLessThan(5_000);
    expect(boundedJson("y".repeat(10_000_000), 4_096).length).toBeLessThan(5_000);
  });
  expect(cpuMs).toBeLessThan(200);
});
