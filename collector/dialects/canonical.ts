/** What a canonical attribute's value must be, and how a dialect's value becomes one. */
import { ATTR } from "@assay/instrumentation/conventions";
import type { Canonical } from "./any-value.ts";
import { documentsOf, messagesOf, toolDefinitionsOf } from "./messages.ts";
import { list, number, parsed, text } from "./value.ts";
import { finishReason } from "../finish-reason.ts";
import { operationName, providerName } from "./words.ts";

type Reader = (value: unknown) => Canonical | undefined;

function wholeNumber(value: unknown): number | undefined {
  const read = number(value);
  return read !== undefined && Number.isInteger(read) && read >= 0 ? read : undefined;
}

function flag(value: unknown): boolean | undefined {
  if (value === true || value === "true") return true;
  return value === false || value === "false" ? false : undefined;
}

const words =
  (normal: (word: string) => string): Reader =>
  (value) => {
    const read = text(value);
    return read === undefined ? undefined : normal(read);
  };

/** A list, JSON text of one, or several in one text with commas. */
function finishReasons(value: unknown): Canonical | undefined {
  const given = parsed(value);
  const reasons = Array.isArray(given) ? given : (text(given)?.split(/,\s*/) ?? []);
  const read = reasons.filter((reason) => typeof reason === "string" && reason !== "");
  return read.length > 0 ? read.map((reason: string) => finishReason(reason)) : undefined;
}

const jsonList =
  (make: (value: unknown) => readonly unknown[]): Reader =>
  (value) => {
    const made = make(value);
    return made.length > 0 ? JSON.stringify(made) : undefined;
  };

/** Text as it is, everything else as JSON. */
function content(value: unknown): Canonical | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value || undefined : JSON.stringify(value);
}

function documents(value: unknown): Canonical | undefined {
  const found = documentsOf(value);
  return found.length > 0 ? JSON.stringify(found) : content(value);
}

/** Text, a list of texts or a list of parts. */
function systemParts(value: unknown): unknown[] {
  const given = parsed(value);
  if (Array.isArray(given)) return messagesOf(given, "system").flatMap(({ parts }) => parts);
  const said = text(value);
  return said === undefined ? [] : [{ type: "text", content: said }];
}

const TOKENS = [
  ATTR.inputTokens,
  ATTR.outputTokens,
  ATTR.cacheReadTokens,
  ATTR.cacheWriteTokens,
  ATTR.reasoningTokens,
  ATTR.audioInputTokens,
  ATTR.audioOutputTokens,
  ATTR.requestMaxTokens,
  ATTR.retrievalTopK,
  ATTR.embeddingsDimensionCount,
];
const NUMBERS = [
  ATTR.requestTemperature,
  ATTR.requestTopP,
  ATTR.requestSeed,
  ATTR.requestFrequencyPenalty,
  ATTR.requestPresencePenalty,
  ATTR.responseTimeToFirstChunk,
  ATTR.costAmount,
];

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ...TOKENS.map((name) => [name, wholeNumber] as const),
  ...NUMBERS.map((name) => [name, number] as const),
  [ATTR.operationName, words(operationName)],
  [ATTR.providerName, words(providerName)],
  [ATTR.responseFinishReasons, finishReasons],
  [ATTR.requestStopSequences, (value) => list(parsed(value)).filter(isText)],
  [ATTR.requestStream, flag],
  [ATTR.inputMessages, jsonList((value) => messagesOf(value, "user"))],
  [ATTR.outputMessages, jsonList((value) => messagesOf(value, "assistant"))],
  [ATTR.systemInstructions, jsonList(systemParts)],
  [ATTR.toolDefinitions, jsonList(toolDefinitionsOf)],
  [ATTR.toolCallArguments, content],
  [ATTR.toolCallResult, content],
  [ATTR.retrievalQuery, content],
  [ATTR.retrievalDocuments, documents],
]);

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Undefined: it says nothing that the attribute could hold. */
export function canonicalValue(name: string, value: unknown): Canonical | undefined {
  const reader = READERS.get(name);
  if (reader !== undefined) return reader(value);
  return text(value);
}
