/**
 * The labelled set: texts of which is known what is to be found in them. `labelled.jsonl` holds it, one text a line, for
 * people to read and to argue with; it is drawn by `node test/guard/labelled.ts` from a fixed seed.
 *
 * Keys in it belong to nobody. So that scanners of repositories do not take them for real ones, each is broken by a ‖ in the
 * file, which is taken out when it is read.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Draw } from "./draw.ts";
import type { Example } from "./example.ts";
import { instructions } from "./instructions.ts";
import { negatives } from "./negatives.ts";
import { positives } from "./positives.ts";

const FILE = new URL("labelled.jsonl", import.meta.url);
const SEED = 20_261_130;
const BREAK = "‖";
const BROKEN = new Set(["key", "password", "random"]);

/** Without texts that were drawn twice. */
export function drawExamples(): Example[] {
  const draw = new Draw(SEED);
  const all = [...positives(draw), ...negatives(draw), ...instructions()];
  return [...new Map(all.map((example) => [example.text, example])).values()];
}

export function readExamples(): Example[] {
  return readFileSync(FILE, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line.replaceAll(BREAK, "")) as Example);
}

function broken(example: Example): Example {
  if (!BROKEN.has(example.kind)) return example;
  const [value] = example.expect;
  if (value === undefined) return example;
  const parted = value.slice(0, 6) + BREAK + value.slice(6);
  return { ...example, text: example.text.replace(value, () => parted), expect: [parted] };
}

if (import.meta.main)
  writeFileSync(
    FILE,
    drawExamples()
      .map((example) => `${JSON.stringify(broken(example))}\n`)
      .join(""),
  );
