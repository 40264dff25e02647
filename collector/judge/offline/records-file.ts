/**
 * Records in a file, to be judged by a command or to be the dataset of an experiment: JSON Lines, one record a line,
 *
 *     {"id": "q1", "question": "…", "answer": "…", "context": ["…"], "reference": "…", "scores": {"faithfulness": 4}}
 *
 * of which all but one of question and answer may be left out. `scores` are people's, on the metric's own scale.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { configFileError, ConfigFileError } from "../../config-file.ts";
import { hashOf } from "../judge-hash.ts";
import type { JudgedRecord } from "../prompt.ts";

export interface OfflineRecord {
  /** Given, or of what the record holds; the same in every run. */
  id: string;
  judged: JudgedRecord;
  /** By metric. */
  peopleScores: Readonly<Record<string, number>>;
  /** Where it was met in traffic. */
  traffic?: { project: string; traceId: string; spanId: string; model: string };
}

const MOST_RECORDS = 100_000;

const line = z
  .strictObject({
    id: z.string().min(1).max(200).optional(),
    question: z.string().optional(),
    answer: z.string().optional(),
    context: z.union([z.string(), z.array(z.string())]).optional(),
    reference: z.string().optional(),
    scores: z.record(z.string(), z.number()).default({}),
  })
  .refine(({ question, answer }) => question !== undefined || answer !== undefined, {
    message: "expected a question or an answer",
  });

/** @throws ConfigFileError naming the lines that are wrong */
export function readRecordsFile(path: string): OfflineRecord[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigFileError(`expected a file of records, cannot read "${path}"`, { cause });
  }
  return parseRecords(text, path);
}

const MOST_PROBLEMS = 20;

export function parseRecords(text: string, path: string): OfflineRecord[] {
  const records: OfflineRecord[] = [];
  const problems: string[] = [];
  const seen = new Map<string, number>();
  for (const [at, each] of text.split("\n").entries()) {
    if (each.trim() === "" || problems.length >= MOST_PROBLEMS) continue;
    const record = recordOf(each);
    if (typeof record === "string") {
      problems.push(`line ${at + 1}: ${record}`);
      continue;
    }
    const before = seen.get(record.id);
    if (before !== undefined)
      problems.push(`line ${at + 1}: expected another record, got that of line ${before} again`);
    seen.set(record.id, at + 1);
    records.push(record);
  }
  if (problems.length === 0 && records.length === 0) problems.push("expected at least one record");
  if (records.length > MOST_RECORDS)
    problems.push(`expected up to ${MOST_RECORDS} records, got ${records.length}`);
  if (problems.length > 0) throw configFileError(path, problems);
  return records;
}

/** A record, or what is wrong with the line. */
function recordOf(text: string): OfflineRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `expected a JSON object, got "${text.slice(0, 60)}"`;
  }
  const parsed = line.safeParse(value);
  if (!parsed.success)
    return parsed.error.issues
      .map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "))
      .join("; ");
  const { id, scores, context, ...texts } = parsed.data;
  const judged = {
    ...texts,
    ...(context !== undefined && { context: typeof context === "string" ? [context] : context }),
  };
  const { answer: _answer, ...asked } = judged;
  // The same question in two runs is the same item, whatever is answered.
  const own = hashOf(judged.question === undefined ? judged : asked);
  return { id: id ?? own, judged, peopleScores: scores };
}

/** Of the records and their order: two runs of one hash are of one dataset. Answers are a run's, not the dataset's. */
export function datasetHash(records: readonly OfflineRecord[]): string {
  return hashOf(
    records.map(({ id, judged: { question, context, reference } }) => ({
      id,
      question,
      context,
      reference,
    })),
  );
}
