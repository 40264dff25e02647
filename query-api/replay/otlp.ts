/**
 * A replayed call as a trace of its own: sent to the collector, it is priced, stored and judged like any other traffic, in the
 * environment `what-if`, by which it is told apart: what it cost was really spent.
 */
import { randomBytes } from "node:crypto";
import { ATTR } from "@assay/instrumentation/conventions";
import type { Candidate, CandidateAnswer } from "./candidate.ts";
import type { RecordedCall } from "./sample.ts";

export const ENVIRONMENT = "what-if";

export interface Replayed {
  call: RecordedCall;
  answer: CandidateAnswer;
}

type Value = string | number | boolean | readonly string[];

/** OTLP JSON. */
export function traceOf(candidate: Candidate, { call, answer }: Replayed): unknown {
  const traceId = randomBytes(16).toString("hex");
  const rootId = randomBytes(8).toString("hex");
  const span = (
    name: string,
    parentSpanId: string | undefined,
    attributes: Record<string, Value>,
  ) => ({
    traceId,
    spanId: parentSpanId === undefined ? rootId : randomBytes(8).toString("hex"),
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind: 3,
    startTimeUnixNano: `${BigInt(answer.startMs) * 1_000_000n}`,
    endTimeUnixNano: `${BigInt(answer.startMs + answer.durationMs) * 1_000_000n}`,
    attributes: keyValues(attributes),
    links: [{ traceId: call.traceId, spanId: call.spanId }],
    status: answer.error === "" ? {} : { code: 2, message: answer.error },
  });
  const retrieval = {
    [ATTR.operationName]: "retrieval",
    [ATTR.retrievalQuery]: call.query,
    [ATTR.retrievalDocuments]: call.documents,
  };
  return {
    resourceSpans: [
      {
        resource: {
          attributes: keyValues({
            [ATTR.serviceName]: call.service,
            [ATTR.assayProject]: call.project,
            [ATTR.deploymentEnvironment]: ENVIRONMENT,
            [ATTR.assayRelease]: releaseOf(candidate),
          }),
        },
        scopeSpans: [
          {
            scope: { name: "assay.what-if" },
            spans: [
              span("what-if", undefined, {}),
              ...(call.documents === "" ? [] : [span("retrieval", rootId, retrieval)]),
              span(`chat ${candidate.model}`, rootId, callAttributes(candidate, call, answer)),
            ],
          },
        ],
      },
    ],
  };
}

export function releaseOf({ provider, model }: Candidate): string {
  return `what-if:${provider}/${model}`;
}

function callAttributes(
  { provider, model }: Candidate,
  call: RecordedCall,
  { text, error, usage, ...answer }: CandidateAnswer,
): Record<string, Value> {
  const output = [
    {
      role: "assistant",
      parts: [{ type: "text", content: text }],
      finish_reason: answer.finishReason,
    },
  ];
  return {
    [ATTR.operationName]: "chat",
    [ATTR.providerName]: provider,
    [ATTR.requestModel]: model,
    ...(answer.model !== "" && { [ATTR.responseModel]: answer.model }),
    ...(answer.id !== "" && { [ATTR.responseId]: answer.id }),
    ...(answer.finishReason !== "" && { [ATTR.responseFinishReasons]: [answer.finishReason] }),
    ...(error !== "" && { [ATTR.errorType]: error }),
    ...(call.promptName !== "" && { [ATTR.promptName]: call.promptName }),
    ...(call.promptVersion !== "" && { [ATTR.promptVersion]: call.promptVersion }),
    ...(call.system !== "" && { [ATTR.systemInstructions]: call.system }),
    [ATTR.inputMessages]: call.input,
    ...(text !== undefined && { [ATTR.outputMessages]: JSON.stringify(output) }),
    ...(usage && {
      [ATTR.inputTokens]: usage.input,
      [ATTR.outputTokens]: usage.output,
      [ATTR.cacheReadTokens]: usage.cached,
      [ATTR.reasoningTokens]: usage.reasoning,
    }),
  };
}

function keyValues(attributes: Record<string, Value>) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: Value): unknown {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return { intValue: String(value) };
  return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } };
}
