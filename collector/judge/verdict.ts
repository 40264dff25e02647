/** A judge's answer → a score, an abstention, or the reason why it is neither. Never a score that it did not give. */
import { z } from "zod";
import { jsonObjects } from "./parse/json-objects.ts";

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
