import { describe, expect, test } from "vitest";
import { JsonBytes } from "./json-bytes.ts";

function written(text: string, before = ""): string {
  const json = new JsonBytes(16);
  json.ascii(before);
  json.text(text);
  const utf8 = Buffer.from(json.between(before.length, json.position)).toString();
  expect(json.stringSince(before.length)).toBe(utf8);
  return utf8;
}

describe("text as JSON.stringify writes it", () => {
  const special = [
    '"',
    "\\",
    "\n",
    "\r",
    "\t",
    "\b",
    "\f",
    "\0",
    "\x01",
    "\x1f",
    "\x7f",
    "\x80",
    "ÿ",
    "ü",
    "€",
    "\u2028",
    "😀",
    "\ud83d",
    "\ude00",
    "\uffff",
    "!",
    "#",
    "[",
    "]",
  ];

  test.each(special)("%j at each place of a word, wherever it begins", (character) => {
    for (let at = 0; at < 40; at++)
      for (const length of [40, 65, 81, 200]) {
        const text = "x".repeat(at) + character + "y".repeat(length - at);
        expect(written(text, "z".repeat(at % 5))).toBe(JSON.stringify(text));
      }
  });

  test("any mixture", () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 2_000; round++) {
      let text = "";
      while (text.length < 20 + random(400))
        text += random(3) ? "word ".repeat(1 + random(20)) : special[random(special.length)]!;
      expect(written(text)).toBe(JSON.stringify(text));
    }
  });

  test.each([
    ["plain", "a"],
    ["quotes", '"'],
    ["control characters, six bytes each", "\x01"],
    ["two bytes", "ü"],
    ["three bytes", "日"],
    ["pairs, which no chunk may part", "😀"],
    ["halves of pairs", "\ude00\ud83d"],
  ])("100,000 characters: %s", (_, characters) => {
    for (const shift of ["", "a"]) {
      const text = shift + characters.repeat(100_000 / characters.length);
      expect(written(text)).toBe(JSON.stringify(text));
    }
  });

  test.each(["", "a", "a".repeat(64), "a".repeat(65)])("short: %j", (text) => {
    expect(written(text)).toBe(JSON.stringify(text));
  });
});

test("what was forgotten is written over", () => {
  const json = new JsonBytes();
  json.text("kept");
  const position = json.position;
  json.text("€ forgotten");
  json.rewind(position);
  json.text("after");
  expect(json.stringSince(0)).toBe('"kept""after"');
});
