/** The list of denials.ts against the endpoint: nothing outside `assay` is read, written or reached. */
import fs from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Attempt, DENIALS } from "./denials.ts";
import { ask } from "./testing-http.ts";
import { type TestEngine, withEngine } from "./testing.ts";

let engine: TestEngine;
let folder: string;
let connections = 0;
const canary = net.createServer((socket) => {
  connections++;
  socket.destroy();
});

beforeAll(async () => {
  engine = await withEngine();
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "assay-denials-"));
  await fs.writeFile(path.join(folder, "secret.csv"), "1,the-secret\n");
  await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
  for (const database of ["assay", "other"]) {
    await ask(engine.target, `CREATE DATABASE ${database}`);
    const table = `${database}.t (a UInt32, s String) ENGINE = MergeTree ORDER BY a`;
    await ask(engine.target, `CREATE TABLE ${table}`);
  }
  await ask(engine.target, "INSERT INTO assay.t VALUES (1, 'x')");
  await ask(engine.target, "INSERT INTO other.t VALUES (1, 'the-secret')");
});

afterAll(async () => {
  canary.close();
  await engine.stop();
  await fs.rm(folder, { recursive: true, force: true });
});

function filled(text: string): string {
  return text
    .replaceAll("SECRET", path.join(folder, "secret.csv"))
    .replaceAll("WRITTEN", path.join(folder, "written"))
    .replaceAll("CANARY", `127.0.0.1:${(canary.address() as AddressInfo).port}`);
}

async function answerTo(attempt: string | Attempt): Promise<{ status: number; text: string }> {
  const { sql, params = {} } = typeof attempt === "string" ? { sql: attempt } : attempt;
  const url = Object.entries(params).map(([name, value]) => [name, filled(value)]);
  return ask(engine.readerTarget, filled(sql), { database: "assay", ...Object.fromEntries(url) });
}

for (const [kind, attempts] of Object.entries(DENIALS)) {
  describe(kind, () => {
    test.each(Object.entries(attempts))("%s", async (_name, attempt) => {
      const { status, text } = await answerTo(attempt);
      expect(text).toMatch(/^Code: (?!395)\d+\. DB::Exception/); // 395: throwIf ran
      expect(status).toBeGreaterThanOrEqual(400);
      expect(text).not.toContain("the-secret");
      expect(await fs.readdir(folder)).toEqual(["secret.csv"]);
      expect(connections).toBe(0);
    });
  });
}

test("afterwards everything is as it was", async () => {
  const rows = await ask(engine.target, "SELECT * FROM assay.t UNION ALL SELECT * FROM other.t");
  expect(rows.text.trim().split("\n").toSorted()).toEqual(["1\tthe-secret", "1\tx"]);
  expect((await ask(engine.readerTarget, "SELECT s FROM assay.t")).text).toBe("x\n");
});

test("of the engine's tables a reader sees its own database's", async () => {
  const sql =
    "SELECT DISTINCT database FROM system.tables WHERE database NOT ILIKE '%schema' ORDER BY 1";
  expect((await ask(engine.readerTarget, sql)).text).toBe("assay\nsystem\n");
});

const permitted: Record<string, string | Attempt> = {
  "a column called file": "SELECT t.file, lower(t.file) FROM (SELECT 'a' AS file) AS t",
  "an ad hoc filter": {
    sql: "SELECT * FROM t",
    params: {
      additional_table_filters:
        "{'assay.t': ' s = \\'x\\' AND a IN (1, -2) AND lower(s) ILIKE \\'%file(1)%\\' OR `s` != \\'--\\''}",
    },
  },
  "an ad hoc filter in the statement":
    "SELECT * FROM t SETTINGS additional_table_filters = {'assay.t': 'a >= 1'}, final = 1",
  "a filter of the result": {
    sql: "SELECT * FROM t",
    params: { additional_result_filter: "s = 'x'" },
  },
  "values with a structure": "SELECT * FROM values('a UInt8, s String', (1, 'ALIAS'))",
  "a set of numbers": "SELECT 1 IN (SELECT number FROM numbers(3))",
  "higher-order functions": "SELECT arrayMap(lower, ['A']), arrayFilter(x -> x > 1, [1, 2])",
  "the schema of the information schema": "SELECT count() FROM information_schema.tables",
  "a format with a quoted name": "SELECT 1 FORMAT `Values`",
};

test.each(Object.entries(permitted))("permitted: %s", async (_name, attempt) => {
  const { status, text } = await answerTo(attempt);
  expect([status, text]).toEqual([200, expect.stringMatching(/\S/)]);
});
