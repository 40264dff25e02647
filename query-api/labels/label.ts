/** `POST /api/v1/labels`: what a person says of one record. */
import { z } from "zod";
import type { ApiCall } from "../endpoint.ts";
import { ApiError, badParameter } from "../errors.ts";
import { readId, readParameters } from "../parameters.ts";
import { metricName, reviewerName, writerOf } from "./queue.ts";
import { writeLabels } from "./write-labels.ts";

const LONGEST_COMMENT = 10_000;

export function labelShape() {
  return {
    metric: metricName,
    trace_id: z.string(),
    span_id: z.string().optional(),
    reviewer: reviewerName,
    score: z.number({ message: "a number from 1" }).optional(),
    /** It cannot be judged. */
    skip: z.boolean({ message: "true or false" }).default(false),
    comment: z.string().max(LONGEST_COMMENT, `up to ${LONGEST_COMMENT} characters`).optional(),
  };
}

export const labelAnswer = z.looseObject({ stored: z.number() });

export async function postLabel(call: ApiCall): Promise<z.input<typeof labelAnswer>> {
  const { body, store, nowMs, labels } = call;
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badParameter("body", "a JSON object", JSON.stringify(body ?? null).slice(0, 200));
  const asked = readParameters(labelShape(), body as Record<string, unknown>);
  const { metric, reviewer, score, skip, comment } = asked;
  if ((score === undefined) !== skip)
    throw badParameter("score", "a score, or skip", score === undefined ? "" : String(score));
  const traceId = readId("trace_id", asked.trace_id, 16);
  const spanId = asked.span_id === undefined ? undefined : readId("span_id", asked.span_id, 8);
  const label = { metric, traceId, spanId, reviewer, score, comment };
  const writing = { store, writer: writerOf(call), share: labels.share, nowMs };
  const { stored, problems } = await writeLabels([label], writing);
  const [problem] = problems;
  if (problem?.problem.startsWith("trace_id")) throw new ApiError("trace_not_found");
  if (problem) throw new ApiError("bad_parameter", problem.problem, { parameter: "score" });
  return { stored };
}
