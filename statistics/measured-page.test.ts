/** docs/judging-measured.md names tests: they are there, by those names. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const PAGE = new URL("../docs/judging-measured.md", import.meta.url);

test("every test that the page names is in the file that it links", () => {
  const links = [
    ...readFileSync(PAGE, "utf8").matchAll(/\[([^\]]+)\]\((\.\.\/[^)]+\.test\.ts)\)/g),
  ];
  expect(links.length).toBeGreaterThan(60);
  const missing = links.filter(
    ([, name, path]) => !readFileSync(new URL(path!, PAGE), "utf8").includes(name!),
  );
  expect(missing.map(([link]) => link)).toEqual([]);
  const [, known = ""] = /## Known answers([\s\S]*?)\n## /.exec(readFileSync(PAGE, "utf8")) ?? [];
  const rows = known.matchAll(/^\| (\d+) +\|/gm);
  expect([...rows].map(([, number]) => Number(number))).toEqual(
    Array.from({ length: 32 }, (_, at) => at + 1),
  );
});
