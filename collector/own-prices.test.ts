import { expect, test } from "vitest";
import { parsePriceBook } from "./own-prices.ts";

test("a file is read, the day as text or as YAML's own", () => {
  const book = parsePriceBook(
    "prices: [{ model: ft-*, from: '2026-01-31', usd_per_million: { input: 3, output: 12 } }]",
    "prices.yaml",
  );
  expect(book.resolve("openai", "ft-1", Date.UTC(2026, 1, 1))?.id).toMatch(
    /^own:own\/ft-\*@2026-01-31#/,
  );
  expect(book.resolve("openai", "ft-1", Date.UTC(2026, 0, 1))).toBeUndefined();
});

test.each([
  [
    "prices: [{ model: 'a*b', usd_per_million: { input: 1, output: 1 } }]",
    "prices.0.model: expected a model",
  ],
  [
    "prices: [{ model: a, usd_per_million: { input: -1, output: 1 } }]",
    "prices.0.usd_per_million.input",
  ],
  [
    "prices: [{ model: a, from: soon, usd_per_million: { input: 1, output: 1 } }]",
    "expected a day like",
  ],
  ["discounts: [{ model: a, percent: 120 }]", "discounts.0.percent"],
  ["price: []", "price"],
])("%s is refused", (text, message) => {
  expect(() => parsePriceBook(text, "prices.yaml")).toThrow(message);
});
