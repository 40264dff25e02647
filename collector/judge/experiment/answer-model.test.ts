import { expect, test } from "vitest";
import { checkPlaceholders, checkPrompt, filled } from "./answer-model.ts";

test("values are put in as they are: what looks like a placeholder or a pattern in them stays text", () => {
  const record = {
    question: "What is {{reference}} and $&?",
    context: ["a", "b"],
    reference: "secret",
  };
  expect(filled("Q: {{question}}\n{{ context }}", record)).toBe(
    "Q: What is {{reference}} and $&?\na\n\nb",
  );
});

test.each([
  ["{{answer}} {{question}}", 'got "{{answer}}"'],
  ["no placeholder", "expected {{question}}"],
])("%j is refused", (prompt, message) => {
  expect(() => checkPrompt(prompt, "p.txt")).toThrow(message);
});

test("a system message needs no question, but knows the same placeholders", () => {
  expect(checkPlaceholders("Passages: {{context}}", "s.txt")).toEqual(["context"]);
  expect(() => checkPlaceholders("{{documents}}", "s.txt")).toThrow('got "{{documents}}"');
});
