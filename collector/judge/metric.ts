/**
 * What is asked of a judge: a metric's definition, the meaning of each score, the steps to get there. Each is a file that a person can
 * read and change (prompts/, or a folder of one's own): Markdown with a short head in YAML.
 *
 * Its sections say in which ways it can be judged: by one score for the whole (`## Scores`), claim by claim (`## Claims`),
 * or document by document (`## Documents`).
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { ConfigFileError } from "../config-file.ts";

/** What of a record a metric needs. Where it is missing the metric does not apply. */
const PARTS = ["question", "answer", "context", "reference"] as const;
export type PartName = (typeof PARTS)[number];

export interface Metric {
  metric: string;
  version: number;
  needs: readonly PartName[];
  /** The first of these that is there is shown as well; it applies without. */
  firstOf: readonly PartName[];
  /** The metric that takes its place where a reference is missing. */
  instead?: string | undefined;
  definition: string;
  /** From the lowest score to the highest: 1, 2, …; none where it is not judged by scores. */
  scores: readonly string[];
  /** Names of the scores, from the lowest to the highest; none: their numbers. */
  labels: readonly string[];
  steps: readonly string[];
  claims?: ClaimsQuestion | undefined;
  /** How to tell whether a document was of use. */
  documents?: string | undefined;
}

export interface ClaimsQuestion {
  /** `support`: does the context support each claim, by which words? `match`: is each in the reference, and what is missing? */
  kind: "support" | "match";
  /** Which claims, and how to take them apart. */
  text: string;
}

const SHIPPED = join(import.meta.dirname, "prompts");

const head = z.strictObject({
  metric: z.string().regex(/^[a-z][a-z0-9_]*$/, "expected lower-case letters, digits and _"),
  version: z.number().int().min(1),
  needs: z.array(z.enum(PARTS)).min(1),
  first_of: z.array(z.enum(PARTS)).default([]),
  instead: z.string().optional(),
  labels: z.array(z.string().min(1)).default([]),
  claims: z.enum(["support", "match"]).optional(),
});

/** The shipped metrics, and over them those of `folder`. @throws ConfigFileError naming the file */
export function loadMetrics(folder?: string): ReadonlyMap<string, Metric> {
  const metrics = [...metricFiles(SHIPPED), ...metricFiles(folder)].map((file) =>
    parseMetric(readFileSync(file, "utf8"), file),
  );
  return new Map(metrics.map((metric) => [metric.metric, metric]));
}

export function metricFiles(folder: string | undefined): string[] {
  if (folder === undefined) return [];
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".md"));
    return names.toSorted().map((name) => join(folder, name));
  } catch (error) {
    throw new ConfigFileError(`metrics_folder: cannot read "${folder}"`, { cause: error });
  }
}

export function parseMetric(text: string, file: string): Metric {
  const match = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(text.replaceAll("\r\n", "\n"));
  if (!match) throw new ConfigFileError(`${file}: expected a head between two lines of ---`);
  const parsed = head.safeParse(parseDocument(match[1]!).toJS());
  if (!parsed.success)
    throw new ConfigFileError(
      `${file}: ${parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
    );
  const { first_of, claims: kind, ...rest } = parsed.data;
  const sections = sectionsOf(match[2]!);
  const claims = sections.get("claims");
  const metric: Metric = {
    ...rest,
    firstOf: first_of,
    definition: sections.get("definition") ?? "",
    scores: numbered(sections.get("scores"), /^(\d+): *(.+)$/),
    steps: numbered(sections.get("steps"), /^(\d+)\. *(.+)$/),
    claims: claims !== undefined && kind ? { kind, text: claims } : undefined,
    documents: sections.get("documents"),
  };
  const problem = problemOf(metric, { hasScores: sections.has("scores"), kind, claims });
  if (problem) throw new ConfigFileError(`${file}: ${problem}`);
  return metric;
}

function problemOf(
  metric: Metric,
  found: { hasScores: boolean; kind: string | undefined; claims: string | undefined },
): string | undefined {
  const { definition, scores, labels, claims, documents, needs } = metric;
  if (definition === "") return 'expected "## Definition"';
  const isByScores = found.hasScores || (!claims && documents === undefined);
  if (isByScores && (scores.length < 2 || scores.length > 10))
    return 'expected "## Scores" with 2 to 10 lines "1: …", from 1 on';
  if (labels.length > 0 && labels.length !== scores.length)
    return `labels: expected ${scores.length}, one for each score`;
  if ((found.kind === undefined) !== (found.claims === undefined))
    return 'expected both or neither of "claims: support" (or match) and "## Claims"';
  const about = claims?.kind === "match" ? "reference" : "context";
  if ((claims || documents !== undefined) && !needs.includes(about))
    return `needs: expected ${about}, which "## ${claims ? "Claims" : "Documents"}" is about`;
  return undefined;
}

function sectionsOf(text: string): Map<string, string> {
  return new Map(
    text
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const [title, ...lines] = section.split("\n");
        return [title!.trim().toLowerCase(), lines.join("\n").trim()] as const;
      }),
  );
}

/** The texts of lines that are numbered 1, 2, 3 …; none where the numbers are others. */
function numbered(section: string | undefined, line: RegExp): string[] {
  const found = (section ?? "").split("\n").flatMap((text) => {
    const match = line.exec(text);
    return match ? [{ number: Number(match[1]), text: match[2]! }] : [];
  });
  return found.every(({ number }, at) => number === at + 1) ? found.map(({ text }) => text) : [];
}
