import { expect, test } from "vitest";
import { datasetHash, parseRecords } from "./records-file.ts";

test("a record a line; ids are of the question, so that two answers to it are one item", () => {
  const first = parseRecords(
    '{"question":"Why?","answer":"a","context":"c","scores":{"faithfulness":4}}\n\n{"id":"x","answer":"b"}\n',
    "f",
  );
  const second = parseRecords('{"question":"Why?","answer":"other","context":["c"]}', "f");
  expect(first[0]).toMatchObject({
    judged: { question: "Why?", answer: "a", context: ["c"] },
    peopleScores: { faithfulness: 4 },
  });
  expect(first[1]!.id).toBe("x");
  expect(second[0]!.id).toBe(first[0]!.id);
  expect(datasetHash(second)).toBe(datasetHash(first.slice(0, 1)));
  expect(datasetHash(first)).not.toBe(datasetHash(first.toReversed()));
});

test.each([
  ["", "expected at least one record"],
  ["{", 'line 1: expected a JSON object, got "{"'],
  ['{"reference":"r"}', "line 1: expected a question or an answer"],
  ['{"question":"q"}\n{"question":"q"}', "line 2: expected another record, got that of line 1"],
  ['{"question":1}', "line 1: question: "],
  ['{"question":"q","wrong":1}', "wrong"],
])("%j is refused by line", (text, message) => {
  expect(() => parseRecords(text, "f")).toThrow(message);
});
