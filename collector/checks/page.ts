/** Writes the tables of scenarios and of checks into docs/checks.md: `npm run docs:checks`. */
import { readFile, writeFile } from "node:fs/promises";
import { readChecks } from "./definition.ts";
import { type Reason, SCENARIOS, type Scenario } from "./scenarios.ts";

const PAGE = new URL("../../docs/checks.md", import.meta.url);

/** The page's text with the tables as the scenarios are. */
export function withScenarios(page: string): string {
  const scenarios = [
    "| scenario | what happens | fires, in minutes | is over again | is held back | must not fire |",
    "| --- | --- | --- | --- | --- | --- |",
    ...Object.entries(SCENARIOS).map(([name, scenario]) => lineOf(name, scenario)),
  ];
  const matrix = [
    `| check | fires | is over again | ${REASONS.join(" | ")} |`,
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...casesOfChecks().map(({ check, cases }) => `| ${[check, ...cases].join(" | ")} |`),
  ];
  return between(between(page, "scenarios", scenarios), "cases", matrix);
}

function between(page: string, name: string, lines: readonly string[]): string {
  return page.replace(
    new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*(<!-- /${name} -->)`),
    (_all, before: string, after: string) => `${before}\n${lines.join("\n")}\n\n${after}`,
  );
}

function lineOf(name: string, scenario: Scenario): string {
  const { what, fires = {}, resolves = [], muted = [], quiet = [] } = scenario;
  const firing = Object.entries(fires).map(([check, by]) => `${check} (${by})`);
  const silent = quiet === true ? "any other" : quiet.join(", ");
  return `| ${name} | ${what} | ${firing.join(", ")} | ${resolves.join(", ")} | ${muted.join(", ")} | ${silent} |`;
}

const REASONS: readonly Reason[] = ["too few", "traffic stops", "a gap", "the judge is away"];
/** Where there is no case: why. */
const MONEY = "a budget is money";
const OF_BUDGETS = {
  "too few": MONEY,
  "traffic stops": MONEY,
  "a gap": MONEY,
  "the judge is away": MONEY,
} as const;
const NONE: Readonly<Record<string, Partial<Record<Reason, string>>>> = {
  "guardrail-bypass": { "too few": "one is enough" },
  "unpriced-model": { "too few": "one is enough" },
  "new-model": { "too few": "one is enough" },
  "spend-burn": OF_BUDGETS,
  "spend-forecast": OF_BUDGETS,
  "traffic-stopped": { "traffic stops": "fires" },
  "judge-silent": { "the judge is away": "fires" },
  "judge-backlog": { "the judge is away": "fires" },
};
const BUDGETS = { test: { monthly_usd: 1 } };

/** Of each shipped check the scenarios of each case; an empty text: there is none. */
export function casesOfChecks(): { check: string; cases: string[] }[] {
  const checks = readChecks({ "spend-burn": BUDGETS, "spend-forecast": BUDGETS });
  const all = Object.entries(SCENARIOS);
  const namesOf = (is: (scenario: Scenario) => boolean): string =>
    all
      .filter(([, scenario]) => is(scenario))
      .map(([name]) => name)
      .join(", ");
  return checks.map(({ name: check }) => ({
    check,
    cases: [
      namesOf(({ fires = {} }) => check in fires),
      namesOf(({ resolves = [] }) => resolves.includes(check)),
      ...REASONS.map(
        (reason) =>
          NONE[check]?.[reason] ??
          namesOf((scenario) => scenario.because === reason && isQuiet(scenario, check)),
      ),
    ],
  }));
}

function isQuiet({ fires = {}, quiet = [] }: Scenario, check: string): boolean {
  return quiet === true ? !(check in fires) : quiet.includes(check);
}

if (process.argv[1] === import.meta.filename)
  await writeFile(PAGE, withScenarios(await readFile(PAGE, "utf8")));
