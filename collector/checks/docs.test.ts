import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { casesOfChecks, withScenarios } from "./page.ts";

const docs = (path: string): URL => new URL(`../../docs/${path}`, import.meta.url);
/** A formatter pads the columns of tables. */
const unpadded = (text: string): string =>
  text.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");

test("docs/checks.md shows the scenarios that are tested (npm run docs:checks writes it)", () => {
  const page = readFileSync(docs("checks.md"), "utf8");
  expect(unpadded(withScenarios(page))).toBe(unpadded(page));
});

test("every shipped check has data that makes it fire, that ends it, and that must not, for each reason", () => {
  for (const { check, cases } of casesOfChecks())
    for (const of of cases) expect(of, `${check}: ${cases.join(" | ")}`).not.toBe("");
});

test("every shipped check has a runbook, and every runbook says what to do", () => {
  const shipped = parse(readFileSync(new URL("./defaults.yaml", import.meta.url), "utf8")) as {
    checks: Record<string, unknown>;
  };
  const pages = readdirSync(docs("runbooks")).map((name) => name.replace(".md", ""));
  expect(pages).toEqual(expect.arrayContaining(Object.keys(shipped.checks)));
  for (const name of pages) {
    const text = readFileSync(docs(`runbooks/${name}.md`), "utf8");
    for (const part of [
      `# ${name}\n`,
      "## First look\n\n- ",
      "## Likely causes\n\n- ",
      "## How to stop it\n\n- ",
    ])
      expect(text).toContain(part);
  }
});
