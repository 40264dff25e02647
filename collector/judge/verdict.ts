/** A judge's answer → a score, an abstention, or the reason why it is neither. Never a score that it did not give. */
import { z } from "zod";

type VerdictFailure = "parse" | "contract" | "score";

export type Verdict =
  | { status: "ok"; score: number; reasoning: string; evidence: readonly string[] }
  | { status: "abstain"; reasoning: string }
  | { status: "failed"; failure: VerdictFailure; detail: string };

const answer = z.object({
  task_id: z.string(),
  evidence: z.array(z.unknown()).default([]),
  reasoning: z.string().default(""),
  score: z.union([z.number(), z.string()]).nullish(),
  cannot_judge: z.boolean().default(false),
});

/** The JSON Schema of the answer, for providers that hold a model to one; fields in the order in which they are to be written. */
export function answerSchema(highest: number): Record<string, unknown> {
  const properties = {
    task_id: { type: "string" },
    evidence: { type: "array", items: { type: "string" } },
    reasoning: { type: "string" },
    score: { type: "integer", enum: Array.from({ length: highest }, (_, at) => at + 1) },
    cannot_judge: { type: "boolean" },
  };
  return {
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

export function readVerdict(text: string, taskId: string, highest: number): Verdict {
  const found = jsonObjects(text);
  if (found.length === 0) return failed("parse", "expected a JSON object");
  const parsed = found.map((one) => answer.safeParse(one)).filter(({ success }) => success);
  const answers = parsed.flatMap(({ data }) => (data ? [data] : []));
  if (answers.length === 0)
    return failed("parse", "expected task_id, evidence, reasoning, score, cannot_judge");
  const own = answers.filter(({ task_id }) => task_id === taskId);
  if (own.length === 0) return failed("contract", "expected the task's id");
  if (new Set(own.map(({ score }) => String(score))).size > 1)
    return failed("parse", "expected one score, got several");
  const { score, reasoning, evidence, cannot_judge } = own[0]!;
  if (cannot_judge) return { status: "abstain", reasoning };
  const value = typeof score === "string" && /^\d{1,2}$/.test(score.trim()) ? Number(score) : score;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > highest)
    return failed("score", `expected a whole number from 1 to ${highest}, got "${String(score)}"`);
  return { status: "ok", score: value, reasoning, evidence: evidence.map(String) };
}

function failed(failure: VerdictFailure, detail: string): Verdict {
  return { status: "failed", failure, detail };
}

/** The outermost objects of a text that may have words or a fence around them. */
function jsonObjects(text: string): unknown[] {
  const found: unknown[] = [];
  for (let at = text.indexOf("{"); at >= 0; at = text.indexOf("{", at)) {
    const end = endOfObject(text, at);
    const value = end < 0 ? undefined : parsed(text.slice(at, end));
    if (value === undefined) at++;
    else {
      found.push(value);
      at = end;
    }
    if (found.length >= MOST_OBJECTS) break;
  }
  return found;
}

const MOST_OBJECTS = 8;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** After the brace that closes the one at `at`; -1 when none does. */
function endOfObject(text: string, at: number): number {
  let depth = 0;
  let inText = false;
  for (let i = at; i < text.length; i++) {
    const char = text[i];
    if (inText) {
      if (char === "\\") i++;
      else if (char === '"') inText = false;
    } else if (char === '"') inText = true;
    else if (char === "{") depth++;
    else if (char === "}" && --depth === 0) return i + 1;
  }
  return -1;
}
