/**
 * Scores that need no model, of a record's texts: cheap, always the same, and weak signs of quality. Named as what they are.
 */
import type { z } from "zod";
import { hashOf } from "./judge-hash.ts";
import type { JudgedRecord } from "./prompt.ts";
import { exactMatch, tokenOverlap } from "./text/answer-match.ts";
import { bleu } from "./text/bleu.ts";
import { chrf } from "./text/chrf.ts";
import { jsonCheck, type JsonCheck } from "./text/json-answer.ts";
import { numberGrounding } from "./text/number-grounding.ts";
import { contextOverlap } from "./text/retrieval.ts";
import { rougeL, rougeN } from "./text/rouge.ts";

/** Raised when what one of them computes changes. */
const VERSION = 1;

/** The form that answers are to have. */
export interface AnswerForm {
  check: (text: string) => JsonCheck;
  /** JSON Schema; undefined: any JSON. */
  schema: z.core.JSONSchema.JSONSchema | undefined;
}

export const ANY_JSON: AnswerForm = { check: jsonCheck(), schema: undefined };

/** From 0 to 1; undefined: what it needs is missing. */
type Compute = (answer: string, record: JudgedRecord, form: AnswerForm) => number | undefined;

const withReference =
  (compute: (answer: string, reference: string) => number): Compute =>
  (answer, { reference }) =>
    reference === undefined ? undefined : compute(answer, reference);
const withContext =
  (compute: (answer: string, context: readonly string[]) => number | undefined): Compute =>
  (answer, { context }) =>
    context === undefined || context.length === 0 ? undefined : compute(answer, context);

const COMPUTED = {
  exact_match: withReference((answer, reference) => Number(exactMatch(answer, reference))),
  token_f1: withReference((answer, reference) => tokenOverlap(answer, reference).f1),
  rouge_1: withReference((answer, reference) => rougeN(answer, reference, 1).f1),
  rouge_2: withReference((answer, reference) => rougeN(answer, reference, 2).f1),
  rouge_l: withReference((answer, reference) => rougeL(answer, reference).f1),
  bleu: withReference(
    (output, reference) =>
      bleu([{ output, references: [reference] }], { effectiveOrder: true }) / 100,
  ),
  chrf: withReference((output, reference) => chrf([{ output, reference }]) / 100),
  number_grounding: withContext((answer, context) => numberGrounding(answer, context).share),
  context_overlap: withContext((answer, context) => contextOverlap(answer, context)),
  valid_json: (answer, _record, { check }) => {
    const { isJson, problems } = check(answer);
    return Number(isJson && problems.length === 0);
  },
} satisfies Record<string, Compute>;

export type TextMetric = keyof typeof COMPUTED;
export const TEXT_METRICS = Object.keys(COMPUTED) as [TextMetric, ...TextMetric[]];

export function textMetric(
  metric: TextMetric,
  record: JudgedRecord,
  form: AnswerForm,
): number | undefined {
  return record.answer === undefined ? undefined : COMPUTED[metric](record.answer, record, form);
}

/** Of `valid_json` the schema is a part. */
export function textMetricHash(metric: TextMetric, { schema }: AnswerForm): string {
  const isOfForm = metric === "valid_json" && schema !== undefined;
  return hashOf({ metric, version: VERSION, ...(isOfForm ? { schema } : {}) });
}
