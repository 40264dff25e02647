/**
 * The spans of a trace → the record that is judged: what was asked, what was found for it, and the last answer of a model.
 * Content is JSON as the GenAI conventions define it; what is none is taken as text.
 */
import type { JudgedRecord } from "./prompt.ts";

/** A span as the query gives it (records.ts). */
export interface TraceSpan {
  traceId: string;
  spanId: string;
  project: string;
  eventTimeUnixMs: number;
  endUnixMs: number;
  durationMs: number;
  operation: string;
  isModelCall: boolean;
  hasContent: boolean;
  environment: string;
  release: string;
  service: string;
  provider: string;
  model: string;
  status: string;
  inputTokens: number;
  sessionId: string;
  userId: string;
  responseId: string;
  promptVersion: string;
  promptHash: string;
  /** That the spans here are one of so many. */
  samplingWeight: number;
  documentCount: number;
  receivedAtUnixMs: number;
  reference: string;
}

export interface SpanContent {
  spanId: string;
  input: string;
  output: string;
  query: string;
  documents: string;
}

/** Where the reference answer came from; "": there is none. */
export type ReferenceFrom = "span" | "golden" | "canary" | "";

/** What is judged of a trace. */
export interface TraceRecord {
  /** The span whose answer it is. */
  answered: TraceSpan;
  spans: readonly TraceSpan[];
  traceProbability: number;
  receivedAtUnixMs: number;
}

/** Embeddings answer nobody. */
export const ANSWERING: ReadonlySet<string> = new Set([
  "chat",
  "text_completion",
  "generate_content",
]);

/** Undefined: no model answered anything in this trace. */
export function recordOf(spans: readonly TraceSpan[]): TraceRecord | undefined {
  const answers = spans.filter((span) => span.isModelCall && ANSWERING.has(span.operation));
  const answered = answers.toSorted(
    (a, b) => b.endUnixMs - a.endUnixMs || (a.spanId < b.spanId ? -1 : 1),
  )[0];
  if (!answered) return undefined;
  return {
    answered,
    spans,
    traceProbability: 1 / Math.max(1, answered.samplingWeight),
    receivedAtUnixMs: Math.max(...spans.map((span) => span.receivedAtUnixMs)),
  };
}

/** @param golden a reference by question, for records that bring none; @param canary the same, of canaries */
export function judgedRecord(
  record: TraceRecord,
  contents: ReadonlyMap<string, SpanContent>,
  golden: (question: string) => string | undefined,
  canary: (question: string) => string | undefined = () => undefined,
): JudgedRecord & { referenceFrom: ReferenceFrom } {
  const own = contents.get(record.answered.spanId);
  const question = lastText(own?.input, "user");
  const answer = lastText(own?.output, "assistant");
  const context = record.spans
    .filter((span) => span.operation === "retrieval")
    .toSorted((a, b) => a.eventTimeUnixMs - b.eventTimeUnixMs)
    .flatMap((span) => documentTexts(contents.get(span.spanId)?.documents));
  const found: [ReferenceFrom, string | undefined][] = [
    ["span", record.spans.find(({ reference }) => reference !== "")?.reference],
    ["golden", question === undefined ? undefined : golden(question)],
    ["canary", question === undefined ? undefined : canary(question)],
  ];
  const [referenceFrom, reference] = found.find(([, text]) => text !== undefined) ?? ["" as const];
  return { question, answer, context, reference, referenceFrom };
}

/** Text parts of the last message of that role. */
function lastText(json: string | undefined, role: "user" | "assistant"): string | undefined {
  if (!json) return undefined;
  const value = parsed(json);
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return json;
  const messages = value as unknown[];
  const last = messages.findLast((message) => {
    const found = fieldsOf(message)["role"];
    return found === undefined || found === role;
  });
  const text = textOf(last);
  return text === "" ? undefined : text;
}

function textOf(message: unknown): string {
  const { parts, content } = fieldsOf(message);
  if (typeof content === "string") return content;
  const list = Array.isArray(parts) ? parts : Array.isArray(content) ? content : [];
  return (list as unknown[])
    .flatMap((part) => {
      if (typeof part === "string") return [part];
      const { type, content: inner, text } = fieldsOf(part);
      const isText = type === undefined || type === "text";
      const value = typeof inner === "string" ? inner : text;
      return isText && typeof value === "string" ? [value] : [];
    })
    .join("\n");
}

function documentTexts(json: string | undefined): string[] {
  const value = json ? parsed(json) : undefined;
  if (!Array.isArray(value)) return [];
  return (value as unknown[]).flatMap((document) => {
    if (typeof document === "string") return [document];
    const { content, text } = fieldsOf(document);
    const found = content ?? text;
    return typeof found === "string" && found !== "" ? [found] : [];
  });
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
