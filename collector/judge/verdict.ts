/** A judge's answer → a score, an abstention, or the reason why it is neither. Never a score that it did not give. */
import { z } from "zod";
import { FORMS, type FormName, type FormReading } from "./form/form.ts";
import type { Metric } from "./metric.ts";
import { jsonObjects } from "./parse/json-objects.ts";
import type { JudgedRecord } from "./prompt.ts";

type VerdictFailure = "parse" | "contract" | "score";

export type Verdict =
  | Exclude<FormReading, { status: "failed" }>
  | { status: "abstain"; reasoning: string }
  | { status: "failed"; failure: VerdictFailure; detail: string };

/** What every answer has besides the fields of its form. */
const answer = z.looseObject({
  task_id: z.string(),
  reasoning: z.string().optional().catch(undefined),
  cannot_judge: z.boolean().default(false),
});

/** What was asked, and so what an answer has to be. */
export interface Task {
  taskId: string;
  metric: Metric;
  form: FormName;
  /** As it was shown: quotes are looked for in it. */
  record: JudgedRecord;
}

/** The JSON Schema of the answer, for providers that hold a model to one; fields in the order in which they are to be written. */
export function answerSchema(metric: Metric, form: FormName): Record<string, unknown> {
  const properties = {
    task_id: { type: "string" },
    ...FORMS[form].properties(metric),
    cannot_judge: { type: "boolean" },
  };
  return {
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

export function readVerdict(text: string, { taskId, metric, form, record }: Task): Verdict {
  const { decisive, properties, read } = FORMS[form];
  const found = jsonObjects(text);
  if (found.length === 0) return failed("parse", "expected a JSON object");
  const answers = found.flatMap((one) => answer.safeParse(one).data ?? []);
  if (answers.length === 0)
    return failed(
      "parse",
      `expected task_id, ${Object.keys(properties(metric)).join(", ")}, cannot_judge`,
    );
  const own = answers.filter(({ task_id }) => task_id === taskId);
  if (own.length === 0) return failed("contract", "expected the task's id");
  if (new Set(own.map((one) => JSON.stringify(one[decisive]))).size > 1)
    return failed("parse", `expected one "${decisive}", got several`);
  const [first] = own;
  if (first!.cannot_judge) return { status: "abstain", reasoning: first!.reasoning ?? "" };
  return read(first!, metric, record);
}

function failed(failure: VerdictFailure, detail: string): Verdict {
  return { status: "failed", failure, detail };
}
