/**
 * `assay labels import FILE | export`: people's labels from and to JSON Lines,
 *
 *     {"metric": "faithfulness", "trace_id": "…", "span_id": "…", "reviewer": "ann", "score": 4, "comment": "…"}
 *
 * `probability` says that the record was drawn for people from the judged ones with that probability; without it the label
 * tells of agreement alone. A null score: it could not be judged. Nothing is stored while a line is wrong.
 */
import { open } from "node:fs/promises";
import type { ClickHouseClient } from "@clickhouse/client";
import { z } from "zod";
import { createStore, type Store } from "../store.ts";
import { IS_HUMAN } from "./people.ts";
import { metricName, reviewerName } from "./queue.ts";
import { type Label, writeLabels } from "./write-labels.ts";

const USAGE = "expected: labels import FILE | export [--metric NAME]";
/** Labels of one insert. */
const BATCH = 1_000;
const MOST_PROBLEMS = 20;

export interface LabelsCommandOptions {
  connect: (role: "reader" | "writer") => Promise<ClickHouseClient>;
  /** Of the review queue; see draw.ts. */
  share: number;
  print: (line: string) => void;
  /** @default Date.now */
  now?: () => number;
}

const hex = (digits: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-fA-F]{${digits}}$`), `expected ${digits} hex digits`)
    .transform((text) => text.toLowerCase());
const informational = z.unknown().optional();

const line = z.strictObject({
  metric: metricName,
  trace_id: hex(32),
  span_id: hex(16).optional(),
  reviewer: reviewerName,
  score: z.number().nullable(),
  comment: z.string().optional(),
  probability: z.number().gt(0).max(1).optional(),
  // As exported.
  project: informational,
  time: informational,
  stratum: informational,
  inclusion_probability: informational,
});

/** @throws with a sentence for the user */
export async function runLabelsCommand(
  args: readonly string[],
  options: LabelsCommandOptions,
): Promise<void> {
  const [action, ...rest] = args;
  if (action === "import" && rest.length === 1) return importLabels(rest[0]!, options);
  if (action === "export" && rest.length === 0) return exportLabels(undefined, options);
  if (action === "export" && rest.length === 2 && rest[0] === "--metric")
    return exportLabels(rest[1], options);
  throw new Error(USAGE);
}

async function importLabels(
  path: string,
  { connect, share, print, now = Date.now }: LabelsCommandOptions,
): Promise<void> {
  const labels = await labelsOf(path);
  const [reader, writer] = await Promise.all([connect("reader"), connect("writer")]);
  let stored = 0;
  try {
    const store = createStore(reader);
    for (let from = 0; from < labels.length; from += BATCH) {
      const batch = labels.slice(from, from + BATCH);
      const written = await writeLabels(
        batch.map(({ label }) => label),
        { store, writer, share, nowMs: now() },
      );
      stored += written.stored;
      for (const { at, problem } of written.problems) print(`line ${batch[at]!.line}: ${problem}`);
    }
  } finally {
    await Promise.all([reader.close(), writer.close()]);
  }
  print(`${stored} of ${labels.length} labels stored.`);
  if (stored < labels.length) throw new Error(`${labels.length - stored} labels were not stored`);
}

/** @throws naming the lines that are wrong */
async function labelsOf(path: string): Promise<{ line: number; label: Label }[]> {
  const labels: { line: number; label: Label }[] = [];
  const problems: string[] = [];
  const file = await open(path).catch((cause: unknown) => {
    throw new Error(`expected a file of labels, cannot read "${path}"`, { cause });
  });
  let at = 0;
  for await (const text of file.readLines()) {
    at++;
    if (text.trim() === "" || problems.length === MOST_PROBLEMS) continue;
    const label = labelOf(text);
    if (typeof label === "string") problems.push(`  line ${at}: ${label}`);
    else labels.push({ line: at, label });
  }
  if (problems.length > 0)
    throw new Error(`nothing was stored, ${path} has problems:\n${problems.join("\n")}`);
  return labels;
}

/** A label, or what is wrong with the line. */
function labelOf(text: string): Label | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `expected a JSON object, got "${text.slice(0, 60)}"`;
  }
  const parsed = line.safeParse(value);
  if (!parsed.success)
    return parsed.error.issues
      .map(({ path: [key], message }) =>
        key === undefined ? message : `${String(key)}: ${message}`,
      )
      .join("; ");
  const { metric, trace_id, span_id, reviewer, score, comment, probability } = parsed.data;
  return { metric, traceId: trace_id, spanId: span_id, reviewer, score: score ?? undefined, comment, probability }; // prettier-ignore
}

async function exportLabels(
  metric: string | undefined,
  { connect, print }: LabelsCommandOptions,
): Promise<void> {
  const reader = await connect("reader");
  try {
    for (const row of await exported(createStore(reader), metric)) print(JSON.stringify(row));
  } finally {
    await reader.close();
  }
}

/** The newest of each reviewer's of a record, oldest first. */
function exported(store: Store, metric: string | undefined): Promise<Record<string, unknown>[]> {
  return store.rows({
    sql: `SELECT name AS metric, lower(hex(trace_id)) AS trace_id, lower(hex(span_id)) AS span_id, evaluator AS reviewer, score, explanation AS comment,
  project, concat(replaceOne(toString(evaluated_at), ' ', 'T'), 'Z') AS time, stratum, trace_probability * judge_probability AS inclusion_probability
FROM (SELECT * FROM assay.evaluations WHERE ${IS_HUMAN} ${metric === undefined ? "" : "AND name = {metric:String}"} ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id)
ORDER BY evaluated_at, evaluation_id`,
    ...(metric !== undefined && { parameters: { metric } }),
  });
}
