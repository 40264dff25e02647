import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { claimF1, faithfulness } from "./claims.ts";
import { jsonCheck } from "./json-answer.ts";
import { numberGrounding } from "./number-grounding.ts";
import { contextOverlap, contextPrecision } from "./retrieval.ts";

describe("known answer 19", () => {
  test("context precision", () => {
    expect(contextPrecision([true, false, true])).toBeCloseTo(0.833333, 6);
    expect(contextPrecision([false, true])).toBe(0.5);
    expect(contextPrecision([false])).toBe(0);
    expect(contextPrecision([])).toBe(0);
  });

  test("F1 of claims", () => {
    expect(claimF1(3, 1, 2)).toBeCloseTo(0.666667, 6);
    expect(claimF1(0, 0, 0)).toBeUndefined();
  });

  test("faithfulness without claims does not apply", () => {
    expect(faithfulness([], ["text"])).toBeUndefined();
  });
});

test("faithfulness: a quote that is not there supports nothing", () => {
  const context = ["The “Nile” is 6,650 km\nlong.", "It flows north."];
  const claims = [
    { verdict: "supported", quote: 'the "nile" is 6,650 km long' },
    { verdict: "supported", quote: "It flows south" },
    { verdict: "supported", quote: " " },
    { verdict: "contradicted", quote: "It flows north." },
    { verdict: "unsupported", quote: "" },
  ] as const;
  const { supported, contradicted, quoteMissRate } = faithfulness(claims, context)!;
  expect({ supported, contradicted }).toEqual({ supported: 0.2, contradicted: 0.2 });
  expect(quoteMissRate).toBeCloseTo(2 / 3, 12);
});

describe("numbers", () => {
  test.each([
    ["a number", "It costs 40 euros.", "40 EUR", []],
    ["another way to write it", "1,234.50 and 1.234,50 and 1'234.5", "1234.5", []],
    ["one that can be read two ways", "1,234", "1.234 m", []],
    ["at a currency, a percent sign, a unit", "$40, 12%, 10kg, 3rd", "40 12 percent, 10 kg, 3", []],
    ["a date part that is not there", "18/5/2024", "2024-05-17", ["18/5/2024"]],
    ["a date, whole and in parts", "2024-05-17, 17/5/2024", "On 2024-05-17.", []],
    ["an identifier's number is none", "17", "INV-2024-17", ["17"]],
    ["an identifier", "Order INV-2024-17", "order inv-2024-17", []],
    ["full-width digits", "４０", "40", []],
    [
      "longer than a number can be",
      "12345678901234567890",
      "12345678901234567891",
      ["12345678901234567890"],
    ],
    ["part of another", "40", "1400 or 40.5", ["40"]],
    ["a wrong one of two", "40 or 41", "40", ["41"]],
    ["the same wrong one twice", "41, 41", "40", ["41"]],
  ])("%s", (_, output, context, missing) => {
    const grounding = numberGrounding(output, ["Nothing here.", context]);
    expect(grounding.missing).toEqual(missing);
    expect(grounding.share).toBeCloseTo(1 - missing.length / grounding.numbers, 12);
  });

  test("a list's own numbers and references are none", () => {
    expect(numberGrounding("1. First [1]\n  2) Second [12]\n- 3. Third", [])).toEqual({
      share: undefined,
      numbers: 0,
      missing: [],
    });
  });

  test("no context: nothing is grounded", () => {
    expect(numberGrounding("In 1969.", []).share).toBe(0);
  });
});

test("words in a row from the context", () => {
  const context = ["the cat sat on the mat", "a dog slept"];
  expect(contextOverlap("The cat sat on a rug", context)).toBe(0.5);
  expect(contextOverlap("a dog slept", context)).toBe(1);
  // Not across two texts.
  expect(contextOverlap("the mat a dog", context)).toBe(0);
  expect(contextOverlap("a dog", context)).toBeUndefined();
  expect(contextOverlap("a dog", context, 1)).toBe(1);
});

describe("JSON", () => {
  const schema = {
    type: "object",
    properties: {
      a: { type: "integer", minimum: 1 },
      b: { type: "array", items: { enum: ["x"] } },
    },
    required: ["a"],
    additionalProperties: false,
  } satisfies z.core.JSONSchema.JSONSchema;

  test.each([
    ["of the form", '{"a": 1, "b": ["x"]}', true, []],
    ["a part is missing", "{}", true, ["/a"]],
    ["wrong parts", '{"a": 0, "b": ["y"], "c": 1}', true, ["/a", "/b/0", "/"]],
    ["something else", "[1]", true, ["/"]],
  ])("%s", (_, text, isJson, where) => {
    const check = jsonCheck(schema)(text);
    expect(check.isJson).toBe(isJson);
    expect(check.problems.map((problem) => problem.split(":")[0])).toEqual(where);
  });

  test.each(["", "{", '```json\n{"a": 1}\n```', "{'a': 1}"])("%j is none", (text) => {
    expect(jsonCheck()(text)).toEqual({ isJson: false, problems: ["expected JSON"] });
  });

  test("any JSON, where no form was asked for", () => {
    expect(jsonCheck()("null")).toEqual({ isJson: true, problems: [] });
  });

  test("a schema that cannot be checked is refused", () => {
    expect(() => jsonCheck({ $ref: "https://example.com/schema" })).toThrow("$ref");
  });
});
