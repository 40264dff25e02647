/**
 * The attributes that are only known when a call has ended: answer, tokens, cost, prompt hash, messages. Runs off the
 * service's tick.
 */
import type { Attributes } from "@opentelemetry/api";
import type { CanonicalJson } from "./canonical-json.ts";
import type { ContentWriter, Redact } from "./content-writer.ts";
import { ATTR } from "./conventions.ts";
import type { Reply } from "./dialect.ts";
import { countError, stats } from "./health.ts";
import { toolDefinition } from "./openai/request.ts";
import { formatUsd, type Usage } from "./pricing.ts";
import { hashOfCall, type HashedCall } from "./prompt-hash.ts";
import { contentWriter, runtime } from "./runtime.ts";
import type { ContentMode } from "./settings.ts";

export interface FinishedRequest extends HashedCall {
  streamed: boolean;
  contentMode: ContentMode;
  reference: string | undefined;
  /** What a guard around the call hides. */
  hidden: Redact | undefined;
  startedAtUnixMs: number;
  /** The span is encoded as soon as it ends: content need not become a string for that. */
  encodedAtOnce: boolean;
}

/** Without a tokeniser, which a service should not have to load for us: four characters a token. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * @param reply absent when the answer was never seen
 * @param json must not be cleared before the span has ended: the content may lie in it
 */
export function replyAttributes(
  request: FinishedRequest,
  reply: Reply | undefined,
  withContent: boolean,
  json: CanonicalJson,
): Attributes {
  const attributes: Attributes = {};
  if (reply) {
    describeReply(attributes, request, reply);
    const usage = reply.usage ?? estimateUsage(attributes, request, reply);
    if (usage) {
      describeUsage(attributes, request, usage);
      attempt("pricing a call", () => describeCost(attributes, request, reply, usage));
    }
  }
  attempt("hashing a prompt", () => {
    attributes[ATTR.assayPromptHash] = hashOfCall(request, json);
  });
  if (request.contentMode === "off") return attributes;
  if (withContent) attempt("writing content", () => writeContent(attributes, request, reply, json));
  else attributes[ATTR.assayContentDropped] = true;
  return attributes;
}

/** One of the parts may fail; the others still say what they know. */
function attempt(step: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    countError(step, error);
  }
}

/** The conventions have a name for OpenAI's alone, which services compatible with it share. */
function serviceTierKey(provider: string): string {
  return provider === "anthropic" ? ATTR.assayServiceTier : ATTR.openaiResponseServiceTier;
}

function describeReply(attributes: Attributes, request: FinishedRequest, reply: Reply): void {
  if (reply.id) attributes[ATTR.responseId] = reply.id;
  if (reply.model) attributes[ATTR.responseModel] = reply.model;
  if (reply.finishReasons.length > 0)
    attributes[ATTR.responseFinishReasons] = [...reply.finishReasons];
  if (reply.serviceTier) attributes[serviceTierKey(request.provider)] = reply.serviceTier;
  if (reply.systemFingerprint) attributes[ATTR.openaiSystemFingerprint] = reply.systemFingerprint;
  if (reply.dimensions !== undefined) attributes[ATTR.embeddingsDimensionCount] = reply.dimensions;
}

function describeUsage(attributes: Attributes, request: FinishedRequest, usage: Usage): void {
  attributes[ATTR.inputTokens] = usage.inputTokens;
  if (request.dialect.operation !== "embeddings")
    attributes[ATTR.outputTokens] = usage.outputTokens;
  if (usage.cacheReadTokens !== undefined) attributes[ATTR.cacheReadTokens] = usage.cacheReadTokens;
  if (usage.cacheWriteTokens !== undefined) {
    attributes[ATTR.cacheWriteTokens] = usage.cacheWriteTokens;
    attributes[ATTR.cacheCreationTokens] = usage.cacheWriteTokens;
  }
  if (usage.reasoningTokens !== undefined) attributes[ATTR.reasoningTokens] = usage.reasoningTokens;
  if (usage.audioInputTokens !== undefined)
    attributes[ATTR.audioInputTokens] = usage.audioInputTokens;
  if (usage.audioOutputTokens !== undefined)
    attributes[ATTR.audioOutputTokens] = usage.audioOutputTokens;
  if (usage.cacheWrite1hTokens) attributes[ATTR.assayCacheWrite1hTokens] = usage.cacheWrite1hTokens;
  if (usage.webSearches) attributes[ATTR.assayWebSearches] = usage.webSearches;
  if (usage.fileSearches) attributes[ATTR.assayFileSearches] = usage.fileSearches;
}

/**
 * Streams say their usage only when asked to, and cut ones never do. Asking would change the request and add a chunk
 * that the service does not expect, so the number is estimated and marked as such.
 */
function estimateUsage(
  attributes: Attributes,
  request: FinishedRequest,
  reply: Reply,
): Usage | undefined {
  if (reply.failure !== undefined || !request.streamed) return undefined;
  attributes[ATTR.assayUsageEstimated] = true;
  return {
    inputTokens: Math.ceil(request.content.size / CHARACTERS_PER_TOKEN),
    outputTokens: Math.ceil(reply.outputSize / CHARACTERS_PER_TOKEN),
  };
}

/** The model that answered is what is billed; a name that only the provider knows falls back to the one asked for. */
function describeCost(
  attributes: Attributes,
  request: FinishedRequest,
  reply: Reply,
  usage: Usage,
): void {
  const book = runtime.priceBook();
  const context = reply.serviceTier === undefined ? {} : { serviceTier: reply.serviceTier };
  const resolve = (model: string) =>
    book.resolve(request.provider, model, request.startedAtUnixMs, context);
  const price = (reply.model && resolve(reply.model)) || resolve(request.model);
  if (!price) return;
  const exact = formatUsd(book.cost(price, usage));
  attributes[ATTR.costAmount] = Number(exact);
  attributes[ATTR.costCurrency] = "USD";
  attributes[ATTR.costSource] = "local";
  attributes[ATTR.assayCostExact] = exact;
  attributes[ATTR.assayPriceId] = price.id;
}

function writeContent(
  attributes: Attributes,
  request: FinishedRequest,
  reply: Reply | undefined,
  json: CanonicalJson,
): void {
  if (request.contentMode === "off") return;
  const writer = contentWriter(request.contentMode, request.hidden);
  // The answer first: when the budget of the span runs out, the beginning of the conversation is what is lost.
  const output = reply ? request.dialect.output(reply, writer) : [];
  const input = request.dialect.input(request.content, writer);
  const tools = request.content.tools.map((tool) => writer.definition(toolDefinition(tool)));
  const put = (name: string, values: readonly unknown[]): void => {
    if (values.length === 0) return;
    attributes[name] = request.encodedAtOnce
      ? (json.bytes(values) as unknown as string) // what encodes attributes knows it
      : json.write(values);
  };
  put(ATTR.outputMessages, output);
  put(ATTR.inputMessages, input.messages);
  put(ATTR.systemInstructions, input.system ?? []);
  put(ATTR.toolDefinitions, tools);
  if (request.reference) attributes[ATTR.assayReference] = writer.text(request.reference);
  noteWriter(attributes, writer);
}

export function noteWriter(attributes: Attributes, writer: ContentWriter): void {
  stats.redactions += writer.redactions;
  stats.contentTruncated += writer.truncated;
  if (writer.redactions > 0) attributes[ATTR.assayRedactions] = writer.redactions;
  if (writer.truncated > 0) attributes[ATTR.assayContentTruncated] = writer.truncated;
}
