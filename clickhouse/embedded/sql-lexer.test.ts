import { expect, test } from "vitest";
import { beginsInsert, insertHead } from "./insert-text.ts";
import { sqlName, sqlString, tokens } from "./sql-lexer.ts";

test.each([
  ["comments", "a -- ) x\n/* ( */ b # c\n#!d", ["a", "b"]],
  [
    "strings",
    `'it''s \\' (' "q""(" \`b\\\`(\` $$raw ' ($$`,
    [`'it''s \\' ('`, `"q""("`, "`b\\`(`", "$$raw ' ($$"],
  ],
  ["an open string", "a 'b", ["a", "'", "b"]],
  ["numbers and signs", "a>=1.5e3", ["a", ">", "=", "1.5e3"]],
])("%s", (_name, sql, expected) => {
  expect([...tokens(sql)].map((token) => token.text)).toEqual(expected);
});

test("counts brackets, not those in strings", () => {
  expect([...tokens("f('(', [a]) b")].map((token) => [token.text, token.depth])).toEqual([
    ["f", 0],
    ["(", 0],
    ["'('", 1],
    [",", 1],
    ["[", 1],
    ["a", 2],
    ["]", 1],
    [")", 0],
    ["b", 0],
  ]);
});

test.each([
  ["INSERT INTO t FORMAT CSV\n1,2\n", "INSERT INTO t FORMAT CSV", "1,2\n"],
  [
    "insert into `format` (a, b) /* c */ format JSONEachRow {}",
    "insert into `format` (a, b) /* c */ format JSONEachRow",
    "{}",
  ],
  ["INSERT INTO values VALUES (1)", "INSERT INTO values VALUES", " (1)"],
  ["INSERT INTO db.format FORMAT TSV\n\n1", "INSERT INTO db.format FORMAT TSV", "\n1"],
  [
    "INSERT INTO t SETTINGS async_insert = 1 FORMAT TSV;\n1",
    "INSERT INTO t SETTINGS async_insert = 1 FORMAT TSV",
    "1",
  ],
  [
    "INSERT INTO TABLE FUNCTION null('a Int') VALUES (1)",
    "INSERT INTO TABLE FUNCTION null('a Int') VALUES",
    " (1)",
  ],
  ["-- x\nINSERT INTO t (values) VALUES(1)", "-- x\nINSERT INTO t (values) VALUES", "(1)"],
])("data of %j", (sql, head, data) => {
  const found = insertHead(sql);
  expect([found?.head, sql.slice(found?.dataAt)]).toEqual([head, data]);
});

test.each([
  "SELECT 1",
  "INSERT INTO t SELECT 1 FORMAT CSV",
  "INSERT INTO t",
  "INSERT INTO t WITH 1 AS x SELECT x",
  "",
])("no data in %j", (sql) => {
  expect(insertHead(sql)).toBeUndefined();
  expect(beginsInsert(sql)).toBe(sql.startsWith("INSERT"));
});

test("literals and names cannot be left", () => {
  expect(sqlString("a'b\\")).toBe("'a\\'b\\\\'");
  expect(sqlName("a`b\\")).toBe("`a\\`b\\\\`");
});
