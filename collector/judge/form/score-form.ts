/** One whole number for the whole answer. */
import { z } from "zod";
import type { AnswerForm } from "./form.ts";

const answer = z.object({
  evidence: z.array(z.unknown()).default([]),
  reasoning: z.string().default(""),
  score: z.union([z.number(), z.string()]).nullish(),
});

export const scoreForm: AnswerForm = {
  decisive: "score",
  rules: ({ scores, steps }, withSteps) => [
    "Scores:",
    ...scores.map((text, at) => `${at + 1}: ${text}`),
    ...(withSteps && steps.length > 0
      ? ["", "Steps:", ...steps.map((text, at) => `${at + 1}. ${text}`)]
      : []),
  ],
  fields: ({ scores }, chainOfThought) => [
    '"evidence": the parts of the data that decide, quoted, as a list of strings',
    chainOfThought
      ? '"reasoning": your reasons, in at most five sentences, before you decide on the score'
      : '"reasoning": one short sentence',
    `"score": a whole number from 1 to ${scores.length}`,
  ],
  properties: ({ scores }) => ({
    evidence: { type: "array", items: { type: "string" } },
    reasoning: { type: "string" },
    score: { type: "integer", enum: scores.map((_, at) => at + 1) },
  }),
  read(given, { scores, labels }) {
    const highest = scores.length;
    const parsed = answer.safeParse(given);
    if (!parsed.success)
      return { status: "failed", failure: "parse", detail: "expected evidence, reasoning, score" };
    const { score, reasoning, evidence } = parsed.data;
    const value =
      typeof score === "string" && /^\d{1,2}$/.test(score.trim()) ? Number(score) : score;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > highest)
      return {
        status: "failed",
        failure: "score",
        detail: `expected a whole number from 1 to ${highest}, got "${String(score)}"`,
      };
    return {
      status: "ok",
      score: value,
      norm: (value - 1) / (highest - 1),
      label: labels[value - 1] ?? String(value),
      reasoning,
      evidence: evidence.map(String),
      measures: {},
    };
  },
};
