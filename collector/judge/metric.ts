/**
 * What is asked of a judge: a metric's definition, the meaning of each score, the steps to get there. Each is a file that a person can
 * read and change (prompts/, or a folder of one's own): Markdown with a short head in YAML.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { ConfigFileError } from "../config-file.ts";

/** What of a record a metric needs. Where it is missing the metric does not apply. */
const PARTS = ["question", "answer", "context", "reference"] as const;
type PartName = (typeof PARTS)[number];

export interface Metric {
  metric: string;
  version: number;
  needs: readonly PartName[];
  /** The metric that takes its place where a reference is missing. */
  instead?: string | undefined;
  definition: string;
  /** From the lowest score to the highest: 1, 2, … */
  scores: readonly string[];
  steps: readonly string[];
}

const SHIPPED = join(import.meta.dirname, "prompts");

const head = z.strictObject({
  metric: z.string().regex(/^[a-z][a-z0-9_]*$/, "expected lower-case letters, digits and _"),
  version: z.number().int().min(1),
  needs: z.array(z.enum(PARTS)).min(1),
  instead: z.string().optional(),
});

/** The shipped metrics, and over them those of `folder`. @throws ConfigFileError naming the file */
export function loadMetrics(folder?: string): ReadonlyMap<string, Metric> {
  const metrics = new Map<string, Metric>();
  for (const dir of folder === undefined ? [SHIPPED] : [SHIPPED, folder])
    for (const name of readdirSync(dir).toSorted())
      if (name.endsWith(".md")) {
        const metric = parseMetric(readFileSync(join(dir, name), "utf8"), join(dir, name));
        metrics.set(metric.metric, metric);
      }
  return metrics;
}

export function parseMetric(text: string, file: string): Metric {
  const match = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(text.replaceAll("\r\n", "\n"));
  if (!match) throw new ConfigFileError(`${file}: expected a head between two lines of ---`);
  const parsed = head.safeParse(parseDocument(match[1]!).toJS());
  if (!parsed.success)
    throw new ConfigFileError(
      `${file}: ${parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
    );
  const sections = new Map(
    match[2]!
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const [title, ...lines] = section.split("\n");
        return [title!.trim().toLowerCase(), lines.join("\n").trim()] as const;
      }),
  );
  const scores = numbered(sections.get("scores"), /^(\d+): *(.+)$/);
  const steps = numbered(sections.get("steps"), /^(\d+)\. *(.+)$/);
  const definition = sections.get("definition") ?? "";
  if (definition === "" || scores.length < 2 || scores.length > 10)
    throw new ConfigFileError(
      `${file}: expected "## Definition" and "## Scores" with 2 to 10 lines "1: …", from 1 on`,
    );
  return { ...parsed.data, definition, scores, steps };
}

/** The texts of lines that are numbered 1, 2, 3 …; none where the numbers are others. */
function numbered(section: string | undefined, line: RegExp): string[] {
  const found = (section ?? "").split("\n").flatMap((text) => {
    const match = line.exec(text);
    return match ? [{ number: Number(match[1]), text: match[2]! }] : [];
  });
  return found.every(({ number }, at) => number === at + 1) ? found.map(({ text }) => text) : [];
}
