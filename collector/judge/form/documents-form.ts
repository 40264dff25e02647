/**
 * Document by document: were those that are of use found, and found first? The mean over the useful ones of the share of
 * useful ones down to that place (average precision), as RAGAS defines context precision.
 */
import { z } from "zod";
import { contextPrecision } from "../text/retrieval.ts";
import type { AnswerForm } from "./form.ts";

const answer = z.object({
  documents: z.array(
    z.object({ number: z.number().int(), reason: z.string().default(""), useful: z.boolean() }),
  ),
});

export const documentsForm: AnswerForm = {
  decisive: "documents",
  rules: ({ documents }) => ["Documents:", documents ?? ""],
  fields: () => [
    '"documents": a list with one object for each document of the context, in their order, with "number" (from 1), "reason" (one short sentence) and "useful" (true or false)',
  ],
  properties: () => {
    const properties = {
      number: { type: "integer" },
      reason: { type: "string" },
      useful: { type: "boolean" },
    };
    const required = Object.keys(properties);
    return {
      documents: {
        type: "array",
        items: { type: "object", properties, required, additionalProperties: false },
      },
    };
  },
  read(given, _metric, { context = [] }) {
    const parsed = answer.safeParse(given);
    if (!parsed.success)
      return {
        status: "failed",
        failure: "parse",
        detail: 'expected "documents" with number, reason and useful',
      };
    const documents = parsed.data.documents.toSorted((a, b) => a.number - b.number);
    if (
      documents.length !== context.length ||
      documents.some(({ number }, at) => number !== at + 1)
    )
      return {
        status: "failed",
        failure: "score",
        detail: `expected each document from 1 to ${context.length} once, got "${documents
          .map(({ number }) => number)
          .join(", ")
          .slice(0, 100)}"`,
      };
    const useful = documents.map((one) => one.useful);
    const precision = contextPrecision(useful);
    const count = useful.filter(Boolean).length;
    return {
      status: "ok",
      score: precision,
      norm: precision,
      label: `${count} of ${useful.length} useful`,
      reasoning: documents
        .map(
          ({ number, reason, useful: is }) =>
            `${number} ${is ? "useful" : "not useful"}: ${reason}`,
        )
        .join("; "),
      evidence: documents,
      measures: { documents: useful.length, useful: count },
    };
  },
};
