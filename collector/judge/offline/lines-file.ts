/** Files of JSON Lines that a command is given: read whole, and every line that is wrong named. */
import { readFileSync } from "node:fs";
import type { z } from "zod";
import { configFileError, ConfigFileError } from "../../config-file.ts";

const MOST_LINES = 100_000;
const MOST_PROBLEMS = 20;

/** @throws ConfigFileError */
export function readLines(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigFileError(`expected a file of records, cannot read "${path}"`, { cause });
  }
}

/** @throws ConfigFileError naming the lines that are wrong, or that have an id again */
export function parseLines<Line, Record extends { id: string }>(
  text: string,
  path: string,
  schema: z.ZodType<Line>,
  recordOf: (line: Line) => Record,
): Record[] {
  const records: Record[] = [];
  const problems: string[] = [];
  const seen = new Map<string, number>();
  for (const [at, each] of text.split("\n").entries()) {
    if (each.trim() === "" || problems.length >= MOST_PROBLEMS) continue;
    const found = lineOf(each, schema);
    if (typeof found === "string") {
      problems.push(`line ${at + 1}: ${found}`);
      continue;
    }
    const record = recordOf(found.line);
    const before = seen.get(record.id);
    if (before !== undefined)
      problems.push(`line ${at + 1}: expected another record, got that of line ${before} again`);
    seen.set(record.id, at + 1);
    records.push(record);
  }
  if (problems.length === 0 && records.length === 0) problems.push("expected at least one record");
  if (records.length > MOST_LINES)
    problems.push(`expected up to ${MOST_LINES} records, got ${records.length}`);
  if (problems.length > 0) throw configFileError(path, problems);
  return records;
}

/** The line, or what is wrong with it. */
function lineOf<Line>(text: string, schema: z.ZodType<Line>): { line: Line } | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `expected a JSON object, got "${text.slice(0, 60)}"`;
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { line: parsed.data };
  return parsed.error.issues
    .map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "))
    .join("; ");
}
