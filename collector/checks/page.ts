/** Writes the table of scenarios into docs/checks.md: `npm run docs:checks`. */
import { readFile, writeFile } from "node:fs/promises";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

const PAGE = new URL("../../docs/checks.md", import.meta.url);
const BETWEEN = /(<!-- scenarios -->\n)[\s\S]*(<!-- \/scenarios -->)/;

/** The page's text with the table as the scenarios are. */
export function withScenarios(page: string): string {
  const lines = Object.values(SCENARIOS).map(lineOf);
  const table = [
    "| what happens | fires, in minutes | is over again | is held back | must not fire |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
  ];
  return page.replace(
    BETWEEN,
    (_all, before: string, after: string) => `${before}\n${table.join("\n")}\n\n${after}`,
  );
}

function lineOf({ what, fires = {}, resolves = [], muted = [], quiet = [] }: Scenario): string {
  const firing = Object.entries(fires).map(([check, by]) => `${check} (${by})`);
  const silent = quiet === true ? "any" : quiet.join(", ");
  return `| ${what} | ${firing.join(", ")} | ${resolves.join(", ")} | ${muted.join(", ")} | ${silent} |`;
}

if (process.argv[1] === import.meta.filename)
  await writeFile(PAGE, withScenarios(await readFile(PAGE, "utf8")));
