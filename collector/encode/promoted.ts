/**
 * Which attribute goes to which column: the whole of the normalisation of names, as a table.
 *
 * Each field lists the keys it is read from, the first one present winning. A value that loses stays among the other
 * attributes, unless it says the same as the winner. To read another dialect's name, add it to a list.
 */
import { ATTR } from "@assay/instrumentation/conventions";
import type { ColumnName } from "./layout.ts";

type FieldKind =
  /** Text; numbers and booleans are written as text. */
  | "text"
  /** The same, of which there are few different ones. */
  | "name"
  /** Text of a conversation; structured values are written as plain JSON. */
  | "content"
  /** A number of tokens: whole, 0 … 2^32-1. */
  | "tokens"
  | "uint32"
  | "double"
  | "int64"
  /** Read by the code that writes the row. */
  | "special";

export interface Field {
  kind: FieldKind;
  column?: ColumnName;
  keys: readonly string[];
  /** Keys whose value can be had from the winner's, and is not kept beside it. */
  redundant?: readonly string[];
}

const text = (column: ColumnName, ...keys: string[]): Field => ({ kind: "text", column, keys });
const name = (column: ColumnName, ...keys: string[]): Field => ({ kind: "name", column, keys });
const content = (column: ColumnName, ...keys: string[]): Field => ({
  kind: "content",
  column,
  keys,
});
const tokens = (...keys: string[]): Field => ({ kind: "tokens", keys });
const uint32 = (column: ColumnName, ...keys: string[]): Field => ({ kind: "uint32", column, keys });
const double = (column: ColumnName, ...keys: string[]): Field => ({ kind: "double", column, keys });
const special = (...keys: string[]): Field => ({ kind: "special", keys });

export const FIELDS = {
  project: special(ATTR.assayProject),
  environment: special(ATTR.deploymentEnvironment, "deployment.environment"),
  release: special(ATTR.assayRelease),
  region: special(ATTR.assayRegion, ATTR.cloudRegion),
  operation: special(ATTR.operationName),
  provider: special(ATTR.providerName, "gen_ai.system"),
  requestModel: special(ATTR.requestModel),
  responseModel: special(ATTR.responseModel),
  promptName: special(ATTR.promptName),
  promptVersion: special(ATTR.promptVersion),
  userId: special(ATTR.userId, "enduser.id"),

  responseId: text("response_id", ATTR.responseId),
  outputType: name("output_type", ATTR.outputType),
  serverAddress: name("server_address", ATTR.serverAddress),
  agentName: name("agent_name", ATTR.agentName),
  toolName: name("tool_name", ATTR.toolName),
  toolCallId: text("tool_call_id", ATTR.toolCallId),
  dataSource: name("data_source", ATTR.dataSourceId),
  sessionId: text("session_id", ATTR.conversationId, ATTR.sessionId),
  promptHash: text("prompt_hash", ATTR.assayPromptHash),
  errorType: special(ATTR.errorType),
  finishReasons: special(ATTR.responseFinishReasons),

  temperature: double("temperature", ATTR.requestTemperature),
  topP: double("top_p", ATTR.requestTopP),
  seed: { kind: "int64", column: "seed", keys: [ATTR.requestSeed, "gen_ai.openai.request.seed"] },
  maxTokens: uint32("max_tokens", ATTR.requestMaxTokens),
  topK: special(ATTR.retrievalTopK, ATTR.requestTopK),
  documentCount: special(ATTR.assayDocumentCount),
  stream: special(ATTR.requestStream),
  timeToFirstChunk: special(ATTR.responseTimeToFirstChunk),

  inputTokens: tokens(ATTR.inputTokens, "gen_ai.usage.prompt_tokens"),
  cacheReadTokens: tokens(ATTR.cacheReadTokens),
  cacheWriteTokens: tokens(ATTR.cacheWriteTokens, ATTR.cacheCreationTokens),
  outputTokens: tokens(ATTR.outputTokens, "gen_ai.usage.completion_tokens"),
  reasoningTokens: tokens(ATTR.reasoningTokens),
  audioInputTokens: tokens(ATTR.audioInputTokens),
  audioOutputTokens: tokens(ATTR.audioOutputTokens),
  cacheWrite1hTokens: tokens(ATTR.assayCacheWrite1hTokens),
  cacheReadAudioTokens: tokens(ATTR.assayCacheReadAudioTokens),
  imageInputTokens: tokens(ATTR.assayImageInputTokens),
  imageOutputTokens: tokens(ATTR.assayImageOutputTokens),
  webSearches: tokens(ATTR.assayWebSearches),
  fileSearches: tokens(ATTR.assayFileSearches),
  serviceTier: name(
    "service_tier",
    ATTR.assayServiceTier,
    ATTR.openaiResponseServiceTier,
    ATTR.openaiRequestServiceTier,
  ),
  /** Checked against the others, and kept where it says something else. */
  totalTokens: special(ATTR.totalTokens, "llm.usage.total_tokens"),
  usageEstimated: special(ATTR.assayUsageEstimated),

  reportedCost: {
    kind: "special",
    keys: [ATTR.assayCostExact, ATTR.costAmount, "gen_ai.usage.cost"],
    redundant: [ATTR.costAmount, "gen_ai.usage.cost"],
  },
  costCurrency: special(ATTR.costCurrency),
  costSource: special(ATTR.costSource),

  systemInstructions: content("content_system", ATTR.systemInstructions),
  inputMessages: content("content_input", ATTR.inputMessages, "gen_ai.prompt"),
  outputMessages: content("content_output", ATTR.outputMessages, "gen_ai.completion"),
  toolDefinitions: content("content_tools", ATTR.toolDefinitions),
  retrievalQuery: content("content_query", ATTR.retrievalQuery),
  retrievalDocuments: content("content_documents", ATTR.retrievalDocuments),
  toolArguments: content("content_arguments", ATTR.toolCallArguments),
  toolResult: content("content_result", ATTR.toolCallResult),
} satisfies Record<string, Field>;

export type FieldName = keyof typeof FIELDS;

export const FIELD_NAMES: readonly FieldName[] = Object.keys(FIELDS) as FieldName[];

/** A field's place in `FIELD_NAMES`. */
export const FIELD: Readonly<Record<FieldName, number>> = Object.fromEntries(
  FIELD_NAMES.map((name, index) => [name, index]),
) as Record<FieldName, number>;

/** All keys that have a field, and for each its field, its rank there (0 wins) and whether it may be dropped. */
export const PROMOTED_KEYS: readonly string[] = FIELD_NAMES.flatMap((name) => FIELDS[name].keys);
export const FIELD_OF_KEY: readonly number[] = FIELD_NAMES.flatMap((name, index) =>
  FIELDS[name].keys.map(() => index),
);
export const RANK_OF_KEY: readonly number[] = FIELD_NAMES.flatMap((name) =>
  FIELDS[name].keys.map((_, rank) => rank),
);
export const REDUNDANT_KEYS: readonly boolean[] = FIELD_NAMES.flatMap((name) => {
  const field: Field = FIELDS[name];
  return field.keys.map((key) => field.redundant?.includes(key) ?? false);
});

/** Old values of `gen_ai.system` and what `gen_ai.provider.name` calls them. */
export const PROVIDER_NAMES: Readonly<Record<string, string>> = {
  vertex_ai: "gcp.vertex_ai",
  gemini: "gcp.gemini",
  "az.ai.openai": "azure.ai.openai",
  "az.ai.inference": "azure.ai.inference",
  xai: "x_ai",
};
