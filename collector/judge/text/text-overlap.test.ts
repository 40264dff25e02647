import { describe, expect, test } from "vitest";
import { threadCpuMs } from "../../../test/thread-cpu.ts";
import { exactMatch, tokenOverlap } from "./answer-match.ts";
import { bleu } from "./bleu.ts";
import { chrf } from "./chrf.ts";
import { rougeL, rougeN } from "./rouge.ts";

test.each([
  ["The Eiffel Tower.", "eiffel tower", true],
  ["an answer", "Answer!", true],
  ["Paris, France", "Paris", false],
  ["", "the", true],
])("exact match of %j and %j: %s", (output, reference, isMatch) => {
  expect(exactMatch(output, reference)).toBe(isMatch);
});

describe("known answer 20", () => {
  test("ROUGE-L", () => {
    const reference = "police killed the gunman";
    expect(rougeL("police kill the gunman", reference).f1).toBe(0.75);
    expect(rougeL("the gunman kill police", reference).f1).toBe(0.5);
  });

  test("token F1", () => {
    const { precision, recall, f1 } = tokenOverlap("eiffel tower in paris", "eiffel tower");
    expect({ precision, recall }).toEqual({ precision: 0.5, recall: 1 });
    expect(f1).toBeCloseTo(0.666667, 6);
  });

  const corpus = [
    ["The dog bit the man.", "The dog bit the man.", "The dog had bit the man."],
    ["It wasn't surprising.", "It was not unexpected.", "No one was surprised."],
    ["The man had just bitten him.", "The man bit him first.", "The man had bitten the dog."],
  ].map(([output, ...references]) => ({ output: output!, references }));

  test("BLEU of sacreBLEU's three sentences", () => {
    expect(bleu(corpus)).toBeCloseTo(48.530827, 6);
    expect(bleu(corpus, { tokenizer: "none" })).toBeCloseTo(49.1919566, 6);
    expect(bleu(corpus, { method: "none" })).toBeCloseTo(48.530827, 6);
    expect(bleu(corpus.map((one) => ({ ...one, output: "" })))).toBe(0);
  });

  test.each([
    ["this is a fest", "this is a test", 0.223606797749979],
    ["this is a test", "this is a test", 1],
    ["test", "a test", 0.3678794411714425],
    ["a test", "a test", 1],
    ["a little test", "a test", 0.03218297948685433],
  ])("BLEU of %j and %j", (output, reference, expected) => {
    const options = {
      tokenizer: "none",
      method: "floor",
      smoothing: 0.01,
      effectiveOrder: true,
    } as const;
    expect(bleu([{ output, references: [reference] }], options) / 100).toBeCloseTo(expected, 9);
  });
});

test("BLEU: what has no match counts a half, a quarter, … of one", () => {
  // Runs of 1 to 4: 3 of 4, 1 of 3, none of 2, none of 1.
  const expected = 100 * (0.75 * (1 / 3) * (1 / (2 * 2)) * (1 / 4)) ** (1 / 4);
  expect(bleu([{ output: "a b x c", references: ["a b c d"] }])).toBeCloseTo(expected, 9);
});

test("BLEU's words", () => {
  const split = (output: string, reference: string): number =>
    bleu([{ output, references: [reference] }]);
  expect(
    split(
      'He paid $1,000.50 (5-6 times), "why?"',
      'He paid $ 1,000.50 ( 5 - 6 times ) , " why ? "',
    ),
  ).toBeCloseTo(100, 9);
  expect(split("R&amp;D &lt;now&gt; or later", "R & D < now > or later")).toBeCloseTo(100, 9);
});

test.each([
  ["abcdefg", "hijklmnop", 0],
  ["a", "a", 100],
  ["", "reference", 0],
  ["a b c", "abc", 100],
  ["aa", "ab", 25],
  [
    " risk assessment must be made of those who are qualified and expertise in the sector - these are the scientists .",
    "risk assessment has to be undertaken by those who are qualified and expert in that area - that is the scientists .",
    63.36173,
  ],
  [
    " Die    Beziehung zwischen  Obama und Netanjahu ist nicht gerade  freundlich. ",
    "Das Verhältnis zwischen Obama und Netanyahu ist nicht gerade freundschaftlich.",
    64.1302698,
  ],
])("chrF3 of %j", (output, reference, expected) => {
  expect(chrf([{ output, reference }], { beta: 3 })).toBeCloseTo(expected, 4);
});

test("chrF of a corpus, with its spaces, and with recall counted twice", () => {
  const corpus = [
    { output: "a", reference: "a" },
    { output: "b", reference: "c" },
  ];
  expect(chrf(corpus, { beta: 3 })).toBeCloseTo(50, 9);
  const output = "Die Beziehung zwischen Obama und Netanjahu ist nicht gerade freundlich.";
  const reference =
    "Das Verhältnis zwischen Obama und Netanyahu ist nicht gerade freundschaftlich.";
  expect(chrf([{ output, reference }], { beta: 3, keepSpace: true })).toBeCloseTo(67.3481606, 4);
  const czech = {
    output: "Co nás nejvíc trápí, protože lékaři si vybírají, kdo bude žít a kdo zemře.",
    reference: "Nejvíce smutní jsme z toho, že musíme rozhodovat o tom, kdo bude žít a kdo zemře.",
  };
  expect(chrf([czech])).toBeCloseTo(39.14078509, 4);
});

test("ROUGE-1 and -2: words and pairs as often as in both; texts without words", () => {
  expect(rougeN("the the cat", "the cat sat", 1)).toMatchObject({
    precision: 2 / 3,
    recall: 2 / 3,
  });
  expect(rougeN("The cat sat", "the cat slept", 2).f1).toBe(0.5);
  expect(rougeL("", "x").f1).toBe(0);
  expect(rougeL("?", "!")).toEqual({ precision: 0, recall: 0, f1: 0 });
  expect(tokenOverlap("", "the").f1).toBe(1);
});

test("two long texts take no time", () => {
  const text = Array.from({ length: 20_000 }, (_, i) => `w${i % 997}`).join(" ");
  const cpuMs = threadCpuMs(() => {
    expect(rougeL(text, text).f1).toBe(1);
    expect(chrf([{ output: text, reference: text }])).toBeCloseTo(100, 9);
  });
  expect(cpuMs).toBeLessThan(5_000);
});
