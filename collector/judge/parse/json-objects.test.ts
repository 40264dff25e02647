import { expect, test } from "vitest";
import { threadCpuMs } from "../../../test/thread-cpu.ts";
import { jsonObjects } from "./json-objects.ts";

test.each([
  ["plain", '{"score": 4}', [{ score: 4 }]],
  ["in a fence, with words around it", 'Here:\n```json\n{"score": 4}\n```\nDone.', [{ score: 4 }]],
  ["two of them", '{"score": 4} or {"score": 2}', [{ score: 4 }, { score: 2 }]],
  ["one in another is part of it", '{"a": {"score": 4}}', [{ a: { score: 4 } }]],
  ["braces in a text", '{"reasoning": "says \\"}\\" and {"}', [{ reasoning: 'says "}" and {' }]],
  ["braces of prose before it", 'The set {x} is empty. {"score": 4}', [{ score: 4 }]],
  ["line breaks and tabs in a text", '{"reasoning": "one\n\ttwo"}', [{ reasoning: "one\n\ttwo" }]],
  [
    "a backslash that escapes nothing (\\f does: a form feed)",
    String.raw`{"reasoning": "\(x\) is \frac, \u00e9, \\(y"}`,
    [{ reasoning: "\\(x\\) is \frac, é, \\(y" }],
  ],
  ["commas too many", '{"evidence": ["a, ]", ], "score": 4,}', [{ evidence: ["a, ]"], score: 4 }]],
  [
    "Python's words, outside texts only",
    '{"cannot_judge": False, "score": None, "reasoning": "None, True"}',
    [{ cannot_judge: false, score: null, reasoning: "None, True" }],
  ],
  ["cut off", '{"score": 4, "reasoning": "beca', []],
  ["single quotes", "{'score': 4}", []],
  ["a score without quotes around its name", "{score: 4}", []],
  ["none", "4", []],
])("%s", (_, text, objects) => {
  expect(jsonObjects(text)).toEqual(objects);
});

test("a text of braces takes no time", () => {
  const cpuMs = threadCpuMs(() => {
    expect(jsonObjects("{".repeat(100_000))).toEqual([]);
    expect(jsonObjects('{"a":1}'.repeat(100))).toHaveLength(8);
  });
  expect(cpuMs).toBeLessThan(2_000);
});

test("every JSON text is read as JSON.parse reads it", () => {
  const values = [{ a: '\n\t\\"\u0001/é😀' }, { a: [{ b: null }, -1.5e3, true], "c,}": "," }];
  for (const value of values)
    for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)])
      expect(jsonObjects(`x ${text} y`)).toEqual([value]);
});
