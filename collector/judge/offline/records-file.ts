/**
 * Records in a file, to be judged by a command or to be the dataset of an experiment: JSON Lines, one record a line,
 *
 *     {"id": "q1", "question": "…", "answer": "…", "context": ["…"], "reference": "…", "scores": {"faithfulness": 4}}
 *
 * of which all but one of question and answer may be left out. `scores` are people's, on the metric's own scale.
 */
import { z } from "zod";
import { hashOf } from "../judge-hash.ts";
import type { JudgedRecord } from "../prompt.ts";
import { parseLines, readLines } from "./lines-file.ts";

export interface OfflineRecord {
  /** Given, or of what the record holds; the same in every run. */
  id: string;
  judged: JudgedRecord;
  /** By metric. */
  peopleScores: Readonly<Record<string, number>>;
  /** Where it was met in traffic. */
  traffic?: { project: string; traceId: string; spanId: string; model: string };
}

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
  return parseRecords(readLines(path), path);
}

export function parseRecords(text: string, path: string): OfflineRecord[] {
  return parseLines(text, path, line, recordOf);
}

function recordOf({ id, scores, context, ...texts }: z.output<typeof line>): OfflineRecord {
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
