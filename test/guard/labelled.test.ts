/** The labelled set is what its generator draws, the page is what the checks find in it, and streamed text finds the same. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { HeldText } from "../../instrumentation/guard/held-text.ts";
import { Placeholders } from "../../instrumentation/guard/placeholders.ts";
import { createRandom } from "../demo/random.ts";
import { drawExamples, readExamples } from "./labelled.ts";
import { CHECKS, measure } from "./measure.ts";
import { PAGE, pageOf } from "./page.ts";

const examples = readExamples();
/** The page is formatted, which pads its tables. */
const unpadded = (text: string): string =>
  text.replace(/ +/g, " ").replace(/-+/g, "-").replace(/\n+/g, "\n");

test("the set is the one that is drawn, with at least 500 hard negatives", () => {
  expect(examples).toEqual(drawExamples());
  expect(examples.filter((one) => one.expect.length === 0).length).toBeGreaterThanOrEqual(500);
});

test("docs/guardrails-measured.md says what is so now (npm run docs:guardrails)", () => {
  expect(unpadded(readFileSync(PAGE, "utf8"))).toBe(unpadded(pageOf(examples)));
});

test("what has check digits or a canary's randomness gives next to no false alarms", () => {
  for (const { kind, falseAlarms } of measure(examples))
    if (["iban", "nhs_number", "crypto_address", "canary", "email", "key"].includes(kind))
      expect(falseAlarms, kind).toBeLessThanOrEqual(1);
});

test("streamed in pieces of any size, each text of the set gives what it gives as a whole", () => {
  const random = createRandom(1);
  const scans = CHECKS.map(([{ scan }]) => scan!);
  const run = (pieces: readonly string[]): { text: string; found: string[] } => {
    const found: string[] = [];
    const placeholders = new Placeholders();
    const held = new HeldText({
      scans,
      redacts: scans.map(() => true),
      found: (index, type) => found.push(`${index} ${type}`),
      replacement: (type, value) => placeholders.of(type, value),
    });
    const text = pieces.map((piece) => held.push(piece)).join("");
    return { text: text + held.finish(), found: found.toSorted() };
  };
  // A hundred texts after one another: matches meet neighbours that they would not meet alone.
  for (let from = 0; from < examples.length; from += 100) {
    const text = examples
      .slice(from, from + 100)
      .map((one) => one.text)
      .join(" ");
    const whole = run([text]);
    for (const most of [1, 30]) {
      const pieces: string[] = [];
      for (let at = 0; at < text.length;) {
        const length = 1 + random.below(most);
        pieces.push(text.slice(at, at + length));
        at += length;
      }
      expect(run(pieces), `pieces of up to ${most}`).toEqual(whole);
    }
  }
});
