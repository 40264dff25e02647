import { expect, test } from "vitest";
import { shortenVectors } from "./vectors.ts";

function shorten(text: string, sizeOf: () => number): string {
  const kept: string[] = [];
  const vectors = shortenVectors((part) => kept.push(part));
  for (let at = 0; at < text.length;) {
    const size = sizeOf();
    vectors.push(text.slice(at, at + size));
    at += size;
  }
  vectors.end();
  return kept.join("");
}

const vector = Array.from({ length: 1_536 }, (_, at) => Math.sin(at) / 30);
const base64 = Buffer.from(new Float32Array(vector).buffer).toString("base64");
const answer = (embedding: unknown): unknown => ({
  object: "list",
  data: [0, 1, 2].map((index) => ({ object: "embedding", index, embedding })),
  model: 'text "embedding" [1, 2]',
  usage: { prompt_tokens: 6, total_tokens: 6 },
});
const shortened = (first: unknown, empty: unknown): unknown => ({
  ...(answer(first) as object),
  data: [first, empty, empty].map((embedding, index) => ({
    object: "embedding",
    index,
    embedding,
  })),
});

test.each([
  ["numbers", JSON.stringify(answer(vector)), shortened(vector, [])],
  ["numbers, spread out", JSON.stringify(answer(vector), null, 2), shortened(vector, [])],
  ["base64", JSON.stringify(answer(base64)), shortened(base64, "")],
  ["short ones", JSON.stringify(answer([1, 2])), answer([1, 2])],
])("%s: the first vector stays, wherever the text is cut", (_, text, expected) => {
  expect(JSON.parse(shorten(text, () => text.length))).toEqual(expected);
  for (let round = 0; round < 100; round++) {
    const size = Math.ceil(Math.random() * 3_000);
    expect(JSON.parse(shorten(text, () => Math.ceil(Math.random() * size)))).toEqual(expected);
  }
});

test("what never ends is not held", () => {
  let held = 2 * 1024 * 1024;
  const vectors = shortenVectors((part) => (held -= part.length));
  vectors.push("[");
  for (let at = 0; at < 2 * 1024 * 1024; at += 16_384) vectors.push("1,".repeat(8_192));
  expect(held).toBeLessThan(1024 * 1024);
});
