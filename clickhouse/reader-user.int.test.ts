/**
 * The statements for a server of one's own, as far as the embedded engine can tell: it parses them, and the grants are the very
 * ones of its own reader's role (denials.int.test.ts). It has no storage for users, so they do not run here.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestEngine, withEngine } from "@assay/clickhouse/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "./embedded/testing-http.ts";
import { readerStatements } from "./reader-user.ts";

let engine: TestEngine;
beforeAll(async () => void (engine = await withEngine()));
afterAll(() => engine.stop());

test.each([...readerStatements(), ...readerStatements("ON CLUSTER 'c'")])("%s", async (sql) => {
  const { status, text } = await ask(
    engine.readerTarget,
    `SELECT formatQuerySingleLine('${sql.replaceAll("'", "\\'")}')`,
  );
  expect([status, text]).toEqual([200, expect.stringMatching(/^(CREATE|GRANT) /)]);
});

test("the page for those who make the user by hand has these statements", async () => {
  const page = await readFile(join(import.meta.dirname, "../docs/sql.md"), "utf8");
  const statements = readerStatements().map((sql) => `${sql.replaceAll(/ +/g, " ").trim()};`);
  expect(page).toContain(`\n${statements.join("\n")}\n`);
});

test("no way in before somebody gives it one, and nothing that reaches outside", () => {
  const all = readerStatements();
  expect(all.join("\n")).toContain("HOST NONE");
  const granted = all.filter((sql) => sql.startsWith("GRANT")).join("\n");
  expect(granted).not.toMatch(/\bALL\b|FILE|URL|REMOTE|S3|INSERT|ALTER|DROP|KILL|SYSTEM /);
});
