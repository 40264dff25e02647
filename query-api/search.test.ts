import { expect, test } from "vitest";
import { wordsOf } from "./search.ts";

const cases: Record<string, [string, string[], string[]]> = {
  "words once, in lower case": ["Order order-77", ["order", "77"], []],
  "a phrase is also its words": ['"Hello  World" x', ["hello", "world", "x"], ["hello  world"]],
  "letters beyond ASCII stay as they are": ["GRÖßE ok", ["grÖße", "ok"], []],
  "an open quote is nothing": ['"open', ["open"], []],
};

test.each(Object.entries(cases))("%s", (_name, [q, words, phrases]) => {
  expect(wordsOf(q)).toEqual({ words, phrases });
});

test.each(["", " - ", Array.from({ length: 17 }, (_, i) => i).join(" ")])("refuses %j", (q) => {
  expect(() => wordsOf(q)).toThrow("1 to 16 words");
});
