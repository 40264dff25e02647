import { expect, test } from "vitest";
import { FIELDS, type Field } from "../encode/promoted.ts";
import { createKeyActions } from "./keys.ts";
import { rules } from "./testing.ts";

test("every attribute that is stored as content goes with it, and nothing that a rollup needs", () => {
  const action = createKeyActions(rules({ content: "drop" }))!;
  for (const [name, field] of Object.entries<Field>(FIELDS)) {
    for (const key of field.keys) {
      expect([name, key, action(key)]).toEqual([
        name,
        key,
        field.kind === "content" ? "remove" : "search",
      ]);
    }
  }
});

test("rules without keys need no look at keys", () => {
  expect(createKeyActions(rules())).toBeUndefined();
});

test.each<[glob: string, key: string, expected: boolean]>([
  ["http.*", "http.url", true],
  ["http.*", "xhttp.url", false],
  ["*.content", "gen_ai.prompt.0.content", true],
  ["gen_ai.*.content", "gen_ai.content", false],
  ["gen_ai.*.*.content", "gen_ai.prompt.0.content", true],
  ["a*a", "a", false],
  ["a*b*a", "aba", true],
  ["*", "anything", true],
  ["a.b", "a.b", true],
  ["a.b", "axb", false],
])("%s and %s", (glob, key, expected) => {
  expect(createKeyActions(rules({ block: [glob] }))!(key)).toBe(expected ? "remove" : "search");
});
