import { expect, test } from "vitest";
import { threadCpuMs } from "../../test/thread-cpu.ts";
import { maySearch, vectorSearchOf } from "./vector-search.ts";

const NEAR = "[0.1,0.2]";

function searchOf(sql: string, values: unknown[] = [NEAR]) {
  const search = maySearch(sql) ? vectorSearchOf(sql, values) : undefined;
  return search && { source: search.source, topK: search.topK };
}

test.each<[string, string, unknown[], { source: string; topK: number | undefined }]>([
  [
    "L2",
    "SELECT * FROM items ORDER BY embedding <-> $1 LIMIT 5",
    [NEAR],
    { source: "items", topK: 5 },
  ],
  ["cosine", "select id from docs order by e <=> $1 limit 3", [NEAR], { source: "docs", topK: 3 }],
  ["inner product", "SELECT 1 FROM a ORDER BY v <#> $1", [NEAR], { source: "a", topK: undefined }],
  ["L1", "SELECT 1 FROM a ORDER BY x <+> $1 LIMIT 1", [NEAR], { source: "a", topK: 1 }],
  ["Hamming", "SELECT 1 FROM a ORDER BY bits <~> $1", ["101"], { source: "a", topK: undefined }],
  ["a function", "SELECT cosine_distance(e, $1) FROM a LIMIT 2", [NEAR], { source: "a", topK: 2 }],
  [
    "a parameter as array",
    "SELECT 1 FROM a ORDER BY x <-> $1",
    [[1, 2]],
    { source: "a", topK: undefined },
  ],
  [
    "a typed array",
    "SELECT 1 FROM a ORDER BY x <-> $1",
    [new Float32Array(2)],
    { source: "a", topK: undefined },
  ],
  [
    "a sparse vector",
    "SELECT 1 FROM a ORDER BY x <-> $1",
    ["{1:0.5}/3"],
    { source: "a", topK: undefined },
  ],
  ["a literal", "SELECT 1 FROM a ORDER BY x <-> '[1,2]' LIMIT 4", [], { source: "a", topK: 4 }],
  [
    "a cast",
    "SELECT 1 FROM a ORDER BY x <-> $1::halfvec(3)",
    ["?"],
    { source: "a", topK: undefined },
  ],
  [
    "limit by parameter",
    "SELECT 1 FROM a ORDER BY x <=> $1 LIMIT $2",
    [NEAR, "7"],
    { source: "a", topK: 7 },
  ],
  [
    "limit all",
    "SELECT 1 FROM a ORDER BY x <=> $1 LIMIT ALL",
    [NEAR],
    { source: "a", topK: undefined },
  ],
  [
    "fetch first",
    "SELECT 1 FROM a ORDER BY x <=> $1 FETCH FIRST 6 ROWS ONLY",
    [NEAR],
    { source: "a", topK: 6 },
  ],
  [
    "names",
    'SELECT 1 FROM "My docs" . "Parts" ORDER BY x <=> $1',
    [NEAR],
    { source: "Mydocs.Parts", topK: undefined },
  ],
  [
    "the table of the operator's own SELECT",
    "SELECT * FROM (SELECT id FROM parts WHERE d IN (SELECT d FROM days LIMIT 1) ORDER BY x <=> $1 LIMIT 20) AS near LIMIT 5",
    [NEAR],
    { source: "parts", topK: 20 },
  ],
  [
    "in an expression",
    "SELECT id, round((1 - (x <=> $1))::numeric, 2) AS similarity FROM parts LIMIT 9",
    [NEAR],
    { source: "parts", topK: 9 },
  ],
  [
    "words in literals, names and comments",
    `SELECT 'from nowhere limit 1', "limit 2" FROM parts -- FROM x LIMIT 3
     WHERE t = $tag$ limit 4 ' $tag$ AND u = E'it\\'s limit 5' /* limit 6 */ ORDER BY x <=> $1 LIMIT 8`,
    [NEAR],
    { source: "parts", topK: 8 },
  ],
])("%s", (_name, sql, values, expected) => {
  expect(searchOf(sql, values)).toEqual(expected);
});

test.each<[string, string, unknown[]]>([
  ["no distance", "SELECT * FROM items WHERE id = $1", [1]],
  [
    "comparisons",
    "SELECT * FROM items WHERE a < -1 AND b <> 2 AND c <= 3 AND d->>'e' = $1",
    [NEAR],
  ],
  ["geometry", "SELECT * FROM places ORDER BY geom <-> ST_MakePoint($1, $2) LIMIT 5", [1, 2]],
  ["trigrams", "SELECT * FROM people ORDER BY name <-> $1 LIMIT 5", ["ann"]],
  ["words apart", "SELECT * FROM texts WHERE body @@ to_tsquery('night <-> train')", []],
  ["other operators", "SELECT * FROM people ORDER BY name <<-> $1, name <->> $1, a <<=> b", [NEAR]],
  ["in a literal", "SELECT 'x <=> y' FROM items", []],
  ["in a comment", "SELECT 1 /* x <=> y */ FROM items -- <+>", []],
  ["an insert", "INSERT INTO pairs SELECT a <=> b FROM items", []],
  ["an index", "CREATE INDEX ON items USING hnsw (embedding vector_l2_ops) -- <->", []],
  ["a name alike", "SELECT my_cosine_distance_cache FROM items", []],
])("no search: %s", (_name, sql, values) => {
  expect(searchOf(sql, values)).toBeUndefined();
});

test("without literals", () => {
  const sql = `SELECT id, 'a''b' FROM items2 -- mine
    WHERE tenant = 'acme' AND price > 1.5e3 AND kind = $2 ORDER BY v <-> '[1,2]' LIMIT 10`;
  expect(vectorSearchOf(sql, [])?.withoutLiterals()).toBe(
    "SELECT id, ? FROM items2 WHERE tenant = ? AND price > ? AND kind = $2 ORDER BY v <-> ? LIMIT ?",
  );
});

test("statements without end, and long ones, take linear time", () => {
  const vector = `[${"0.123456789,".repeat(100_000)}0]`;
  const cpuMs = threadCpuMs(() => {
    for (const sql of [
      `SELECT id FROM items ORDER BY embedding <=> '${vector}' LIMIT 1`,
      `SELECT x <=> '${"''".repeat(500_000)}`,
      `SELECT x <=> E'${"\\'".repeat(500_000)}`,
      `SELECT ${"(".repeat(100_000)} x <=> y`,
      `SELECT x <=> y ${'"'.repeat(100_001)}`,
      `SELECT x <=> y ${"/*".repeat(500_000)}`,
      `SELECT x <=> y ${"$a$".repeat(300_001)}`,
      `SELECT x <=> y FROM ${'"a".'.repeat(100_000)}`,
    ])
      expect(searchOf(sql)).toBeDefined();
  });
  expect(cpuMs).toBeLessThan(2_000);
});
