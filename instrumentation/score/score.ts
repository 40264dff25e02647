/**
 * Scores that are not a judge's: a user's thumb, a label that somebody gave, a check in code. Each leaves as a
 * `gen_ai.evaluation.result` log event and becomes a row of `evaluations` beside those of the judges.
 */
import type { Attributes } from "@opentelemetry/api";
import { ATTR, EVALUATION_EVENT, SCHEMA_URL } from "../conventions.ts";
import { countError, stats, warnOnce } from "../health.ts";
import { contextAttributes, currentContext } from "../llm-context.ts";
import { protobufExporter } from "../otlp/senders.ts";
import { LAST_TIMEOUT_MS, serviceResource } from "../private-provider.ts";
import { runtime, start, trackQueue } from "../runtime.ts";
import { SCOPE_NAME, SCOPE_VERSION, tracingMode } from "../tracing.ts";
import { encodeLogRecord } from "./log-record.ts";
import { ScoreQueue, type ScoreSender } from "./score-queue.ts";
import { currentSpan, type SpanIds } from "./span-ids.ts";

export interface Score {
  /** What was looked at: `thumbs`, `correct`, `resolved`. At most 256 characters. */
  name: string;
  /** A boolean is 1 or 0, text is a label. */
  value: number | boolean | string;
  /** What the value is called. At most 256 characters. */
  label?: string;
  /** Why; kept as the content policy keeps what users say. At most 4,096 characters. */
  explanation?: string;
  /** Whose score it is: somebody who uses the service, somebody who looks at answers, or a program. @default "code" */
  source?: "user" | "human" | "code";
  /** Its name, where there is more than one. @default the source */
  evaluator?: string;
  /** The span that it is about: one of `currentSpan()`, kept until now. @default the span that is under way */
  span?: SpanIds;
  /** A whole trace, where the span is not known. */
  traceId?: string;
  /** The model's id of the answer that it is about. */
  responseId?: string;
  /** Of your own, for the table's `attributes`. */
  attributes?: Attributes;
}

const MOST_NAME = 256;
const MOST_EXPLANATION = 4_096;
const ID = { traceId: /^[0-9a-f]{32}$/, spanId: /^[0-9a-f]{16}$/ } as const;

let queue: ScoreQueue | undefined;

/**
 * Notes a score; project, session and user come from `withContext`. Never throws and holds nothing up.
 * @returns whether it is on its way; what is not is counted in `stats()` and, where the score was wrong, warned about
 * @example score({ name: "thumbs", value: true, source: "user", span: JSON.parse(request.body.span) })
 */
export function score(given: Score): boolean {
  try {
    const problem = problemOf(given);
    if (problem) {
      warnOnce(`score ${problem}`, `score(): ${problem}; it is not sent`);
      stats.scoresDropped++;
      return false;
    }
    start();
    if (tracingMode() === "off") return false;
    const target = targetOf(given);
    const record = {
      name: EVALUATION_EVENT,
      // Finer than Date.now(): two scores of one moment are two.
      time: performance.timeOrigin + performance.now(),
      span: target,
      attributes: attributesOf(given),
    };
    return scoreQueue().add({
      resource: resource(),
      scope: { name: SCOPE_NAME, version: SCOPE_VERSION, schemaUrl: SCHEMA_URL },
      bytes: encodeLogRecord(record),
    });
  } catch (error) {
    countError("noting a score", error);
    return false;
  }
}

/** What was expected and what came; undefined: nothing is wrong. */
function problemOf({ name, value, span, traceId }: Score): string | undefined {
  if (typeof name !== "string" || name === "" || name.length > MOST_NAME)
    return `name: expected 1 to ${MOST_NAME} characters, got "${String(name).slice(0, 64)}"`;
  if (
    typeof value === "number"
      ? !Number.isFinite(value)
      : !["boolean", "string"].includes(typeof value)
  )
    return `value: expected a finite number, a boolean or text, got "${typeof value === "number" ? value : typeof value}"`;
  for (const [key, id] of Object.entries({ traceId, ...span }))
    if (id !== undefined && !ID[key as keyof typeof ID].test(String(id)))
      return `${key}: expected ${key === "traceId" ? 32 : 16} lower-case hex digits, got "${String(id).slice(0, 64)}"`;
  return undefined;
}

function targetOf({ span, traceId, responseId }: Score): Partial<SpanIds> {
  if (span) return span;
  if (traceId !== undefined) return { traceId };
  // The answer says which call it is; the span that is under way may be another.
  return responseId === undefined ? (currentSpan() ?? {}) : {};
}

function attributesOf(given: Score): Attributes {
  const { value, label, source = "code" } = given;
  const context = currentContext();
  const attributes: Attributes = { ...given.attributes };
  contextAttributes(attributes, context, runtime.settings.project);
  attributes[ATTR.evaluationName] = given.name;
  const number = typeof value === "string" ? undefined : Number(value);
  if (number !== undefined) attributes[ATTR.evaluationScoreValue] = number;
  const called = label ?? (typeof value === "number" ? undefined : String(value));
  if (called !== undefined) attributes[ATTR.evaluationScoreLabel] = called.slice(0, MOST_NAME);
  const isContentOff = (context?.content ?? runtime.settings.content) === "off";
  if (given.explanation !== undefined && !isContentOff)
    attributes[ATTR.evaluationExplanation] = runtime.redact(
      given.explanation.slice(0, MOST_EXPLANATION),
    );
  attributes[ATTR.evaluationSource] = source;
  attributes[ATTR.evaluatorName] = given.evaluator ?? source;
  if (given.responseId !== undefined) attributes[ATTR.responseId] = given.responseId;
  return attributes;
}

let ownResource: ReturnType<typeof serviceResource> | undefined;

function resource(): ReturnType<typeof serviceResource> {
  return (ownResource ??= serviceResource(runtime.settings));
}

function scoreQueue(): ScoreQueue {
  if (queue) return queue;
  const { settings } = runtime;
  // Where an SDK of the service's own has its spans sent elsewhere, the scores still belong to Assay.
  const traces = tracingMode() === "global" ? settings.assayTracesUrl : settings.tracesUrl;
  const url = traces.replace(/\/v1\/traces$/, "/v1/logs");
  const sender = (timeoutMillis?: number): ScoreSender =>
    protobufExporter(
      { url, ...(timeoutMillis === undefined ? {} : { timeoutMillis }) },
      { signal: "LOGS", path: "v1/logs", item: "log" },
    );
  queue = new ScoreQueue({
    sender: sender(),
    lastSender: () => sender(LAST_TIMEOUT_MS),
    flushIntervalMs: settings.flushIntervalMs,
  });
  trackQueue(queue, true);
  return queue;
}
