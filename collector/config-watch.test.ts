/** What a changed file does; the files are real, the looks are the test's. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigWatch } from "./config-watch.ts";

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "assay-watch-"))));
afterEach(() => rmSync(dir, { recursive: true }));

test("a change is read once; one with problems says them all and leaves what was there", async () => {
  const file = join(dir, "judge.yaml");
  writeFileSync(file, "1");
  const taken: string[] = [];
  const said: string[] = [];
  let next: string | Error = "second";
  const watch = new ConfigWatch("first", {
    name: "judge",
    files: () => [file, dir],
    read: () => {
      if (next instanceof Error) throw next;
      return next;
    },
    onChange: (config) => taken.push(config),
    log: (level, message) => said.push(`${level} ${message}`),
    everyMs: 3_600_000,
  });
  await watch.start();
  await watch.check();
  expect(taken).toEqual([]);
  writeFileSync(file, "12");
  await watch.check();
  await watch.check();
  expect(taken).toEqual(["second"]);
  next = new Error("2 problems in judge.yaml:\n  a: no\n  b: no");
  writeFileSync(file, "123");
  await watch.check();
  await watch.check();
  expect(taken).toEqual(["second"]);
  expect(said.at(-1)).toBe(
    "error judge: the changed configuration is not taken up: 2 problems in judge.yaml:\n  a: no\n  b: no",
  );
  next = "third";
  writeFileSync(join(dir, "golden.jsonl"), "");
  await watch.check();
  expect(taken).toEqual(["second", "third"]);
  expect(watch.counts).toEqual({ taken: 2, refused: 1 });
  await watch.stop();
});
