/** Our schemas agree with a validator of the whole standard, value by value. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { compileSchema } from "./json-schema.ts";

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  1.5,
  -3,
  12,
  "",
  "abc",
  "😀😀😀",
  [],
  [1, 2],
  ["a", 1],
  [[1]],
  {},
  { name: "a" },
  { name: "a", age: 3 },
  { name: 1, age: "3" },
  { age: 3.5 },
  { name: "a", more: { deep: [1] } },
  { b: 1, a: 2 },
];

const SCHEMAS: readonly object[] = [
  {},
  { type: "object" },
  { type: ["string", "null"] },
  { type: "integer", minimum: 0, maximum: 10 },
  { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 12 },
  { type: "string", minLength: 1, maxLength: 3 },
  { type: "string", pattern: "^a" },
  { type: "array", items: { type: "number" }, minItems: 1, maxItems: 2 },
  { enum: ["abc", 12, null, { a: 2, b: 1 }] },
  { const: [1, 2] },
  { anyOf: [{ type: "string" }, { type: "object", required: ["name"] }] },
  {
    type: "object",
    title: "person",
    description: "somebody",
    properties: { name: { type: "string" }, age: { type: "integer" } },
    required: ["name"],
    additionalProperties: false,
  },
  { type: "object", additionalProperties: { type: "object" }, properties: { name: {} } },
];

describe("the same verdict as a full validator", () => {
  const ajv = new Ajv2020({ strict: false });
  test.each(SCHEMAS.map((schema) => [JSON.stringify(schema), schema] as const))(
    "%s",
    (_, schema) => {
      const full = ajv.compile(schema);
      const ours = compileSchema(schema);
      expect(VALUES.map((value) => ours(value))).toEqual(VALUES.map((value) => full(value)));
      expect(VALUES.some((value) => ours(value))).toBe(true);
    },
  );
});

test("what is not understood is refused, with where it stands", () => {
  expect(() => compileSchema({ properties: { a: { oneOf: [] } } })).toThrow(
    /^schema\.properties\.a: expected only .*, got "oneOf"/,
  );
  expect(() => compileSchema({ type: "text" })).toThrow(/schema\.type: expected .*, got "text"/);
});
