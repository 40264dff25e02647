/**
 * docs/guardrails-measured.md: what the checks catch and miss, made from the labelled set.
 *
 *     node test/guard/page.ts
 */
import { writeFileSync } from "node:fs";
import type { Example } from "./example.ts";
import { readExamples } from "./labelled.ts";
import { measure, type Measured } from "./measure.ts";

export const PAGE = new URL("../../docs/guardrails-measured.md", import.meta.url);

export function pageOf(examples: readonly Example[]): string {
  const measured = measure(examples);
  const negatives = examples.filter(({ expect }) => expect.length === 0).length;
  return `# What the checks catch and miss

Made by \`npm run docs:guardrails\` from [test/guard/labelled.jsonl](../test/guard/labelled.jsonl): ${examples.length} texts, ${examples.length - negatives} with something to be
found and ${negatives} hard negatives (order numbers that look like cards, versions like addresses, code like secrets). Values are drawn from the
documented formats of each kind, forms among them that no check claims to find; negatives are drawn without regard to the checks, so that
some have right check digits by chance. It is a set of formats, not of anybody's traffic: use it to compare, not to predict.

A place counts as caught when all of it was found; a canary and an attempt to instruct the model, when something of it was. False alarms are counted over the
whole set, whatever the text was made for.

| Check | Type | Caught | Recall | False alarms | Precision |
| ----- | ---- | -----: | -----: | -----------: | --------: |
${measured.map(row).join("\n")}

## Missed

${list(measured, missedOf)}

## False alarms

${list(measured, alarmsOf)}
`;
}

function row({ check, kind, places, caught, falseAlarms }: Measured): string {
  const precision = caught + falseAlarms === 0 ? "–" : share(caught, caught + falseAlarms);
  return `| ${check} | ${kind} | ${caught} of ${places} | ${share(caught, places)} | ${falseAlarms} | ${precision} |`;
}

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

function list(measured: readonly Measured[], say: (row: Measured) => string[]): string {
  return measured
    .flatMap((one) => {
      const lines = say(one);
      return lines.length === 0 ? [] : [`- **${one.kind}**: ${lines.join("; ")}`];
    })
    .join("\n");
}

function missedOf({ missed }: Measured): string[] {
  return [...missed]
    .filter(([, [count]]) => count > 0)
    .map(([form, [count, of]]) => `${form} (${count} of ${of})`);
}

function alarmsOf({ alarmed }: Measured): string[] {
  return [...alarmed].map(([about, count]) => `${about} (${count})`);
}

if (import.meta.main) writeFileSync(PAGE, pageOf(readExamples()));
