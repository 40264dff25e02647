import { expect, test } from "vitest";

import { retentionDays } from "./retention.ts";
import { fillPlaceholders, splitStatements } from "./statements.ts";

const days = retentionDays();

const splits: Record<string, [string, string[]]> = {
  "two statements": ["SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]],
  "no last semicolon": ["SELECT 1;\nSELECT 2\n", ["SELECT 1", "SELECT 2"]],
  "comments only": ["-- a; b\n/* c; d */ ;\n", []],
  "a semicolon in a comment": ["SELECT 1 -- not; here\n+ 1;", ["SELECT 1  \n+ 1"]],
  "a semicolon in a string": [
    "SELECT ';', 'it''s; ok', 'a\\';b'; SELECT 2",
    ["SELECT ';', 'it''s; ok', 'a\\';b'", "SELECT 2"],
  ],
  "a comment in a string": [
    "SELECT '-- no', '/* no */'; SELECT 2",
    ["SELECT '-- no', '/* no */'", "SELECT 2"],
  ],
  "a quote in a comment": ["SELECT 1; -- it's\nSELECT 2", ["SELECT 1", "SELECT 2"]],
  "quoted names": ['SELECT `a;b`, "c;d"; SELECT 2', ['SELECT `a;b`, "c;d"', "SELECT 2"]],
};

test.each(Object.entries(splits))("splits %s", (_, [sql, expected]) => {
  expect(splitStatements(sql)).toEqual(expected);
});

test("fills placeholders for one server", () => {
  const fill = (sql: string) => fillPlaceholders(sql, { retentionDays: days });
  expect(fill("t {{on_cluster}} ENGINE = {{MergeTree}} TTL x + {{days:spans}}")).toBe(
    "t  ENGINE = MergeTree TTL x + 90",
  );
  expect(fill("{{durable}}")).toMatch(
    /^non_replicated_deduplication_window = 100000, fsync_after_insert = 1, /,
  );
});

test("fills placeholders for a cluster", () => {
  const fill = (sql: string) => fillPlaceholders(sql, { cluster: "it's", retentionDays: days });
  expect(fill("{{on_cluster}}")).toBe("ON CLUSTER 'it\\'s'");
  expect(fill("{{AggregatingMergeTree}}")).toBe(
    "ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')",
  );
  expect(fill("{{durable}}")).toContain("replicated_deduplication_window_seconds = 604800");
});

test.each(["{{nonsense}}", "{{days:nonsense}}", "{{days}}"])("refuses %s", (text) => {
  expect(() => fillPlaceholders(text, { retentionDays: days })).toThrow(`got "${text}"`);
});
