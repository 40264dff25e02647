import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CASES } from "./cases.ts";
import { conformancePage } from "./page.ts";

/** What the cases wait for does not exist yet. */
const LATER = ["H25", "G13"];

test("every case is a test of its name, and every test's case is in the table", () => {
  const folder = new URL(".", import.meta.url);
  const text = readdirSync(folder)
    .filter((name) => name.endsWith(".int.test.ts"))
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
  const named = new Set(text.match(/(?<=["'`])[HGPL]\d\d(?=[ "'`])/g));
  const expected = Object.keys(CASES).filter((id) => !LATER.includes(id));
  expect([...named].sort()).toEqual(expected.sort());
});

test("docs/conformance.md shows the table (npm run docs:conformance writes it)", () => {
  const page = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8");
  expect(page).toBe(conformancePage());
});
