/** Writes the tables of rules and their cases into docs/grafana.md: `npm run docs:grafana`. */
import { readFile, writeFile } from "node:fs/promises";
import { PIPELINE_RULES } from "./pipeline-rules.ts";
import { CHECK_CASES, RULE_CASES } from "./rule-cases.ts";
import { CHECK_RULES, OWN_CHECK_RULES } from "./rules.ts";

const PAGE = new URL("../docs/grafana.md", import.meta.url);
const BETWEEN = /(<!-- rules -->\n)[\s\S]*(<!-- \/rules -->)/;

/** The page's text with the tables as the rules are. */
export function withRules(page: string): string {
  const tables = [checkTable(), caseTable(), pipelineTable()].map((lines) => lines.join("\n"));
  return page.replace(
    BETWEEN,
    (_all, before: string, after: string) => `${before}\n${tables.join("\n\n")}\n\n${after}`,
  );
}

function runbook(name: string): string {
  return `[${name}](runbooks/${name}.md)`;
}

function checkTable(): string[] {
  return [
    "| rule | severity | dashboard, panel |",
    "| --- | --- | --- |",
    ...[...CHECK_RULES, ...OWN_CHECK_RULES].map(
      (rule) =>
        `| ${runbook(rule.runbook)} | ${rule.severity} | ${rule.dashboard}, ${rule.panel} |`,
    ),
  ];
}

function caseTable(): string[] {
  return [
    "| what stands in `check_results` | each rule above |",
    "| --- | --- |",
    ...CHECK_CASES.map(({ what, fires }) => `| ${what} | ${fires ? "fires" : "does not"} |`),
  ];
}

function pipelineTable(): string[] {
  const casesOf = (uid: string, fires: boolean) =>
    RULE_CASES.filter((one) => one.rule === uid && one.fires === fires)
      .map(({ what }) => what)
      .join("; ");
  return [
    "| rule | severity | fires when | does not fire when |",
    "| --- | --- | --- | --- |",
    ...PIPELINE_RULES.map(({ uid, severity, runbook: name }) => {
      const [yes, no] = OTHERS[uid] ?? [casesOf(uid, true), casesOf(uid, false)];
      return `| ${uid} (${runbook(name)}) | ${severity} | ${yes} | ${no} |`;
    }),
  ];
}

/** Of rules whose cases are written out in rules.int.test.ts. */
const OTHERS: Readonly<Record<string, readonly [string, string]>> = {
  "assay-checks-stale": [
    "three ticks were missed",
    "the newest result is three minutes old; there never was one",
  ],
  "assay-no-spans": [
    "ten minutes without a span, after an hour with thousands",
    "a few spans come; there were few before",
  ],
  "assay-clock-skew": ["all of a service's spans have odd times", "none has; there are twenty"],
  "assay-too-many-parts": [
    "a partition has more than 300 parts (the query runs; no such data)",
    "a fresh engine",
  ],
};

if (process.argv[1] === import.meta.filename)
  await writeFile(PAGE, withRules(await readFile(PAGE, "utf8")));
