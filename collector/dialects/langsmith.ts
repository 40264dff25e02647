/** LangSmith's OpenTelemetry export. Its operation names are wrong for retrievers and prompts: the kind of run decides. */
import { ATTR } from "@assay/instrumentation/conventions";
import {
  CHAT,
  type Dialect,
  EMBEDDINGS,
  json,
  onKind,
  RETRIEVAL,
  TOOL,
  WORKFLOW,
} from "./dialect.ts";

const KIND = "langsmith.span.kind";
const INPUTS = "gen_ai.prompt";
const OUTPUTS = "gen_ai.completion";
const USAGE = "langsmith.usage_metadata";
const WITH_MESSAGES = ["llm", "chain", "prompt", "parser", "embedding"];

export const langsmith: Dialect = {
  name: "LangSmith",
  keys: [],
  prefixes: ["langsmith."],
  kind: {
    source: KIND,
    operations: {
      llm: CHAT,
      embedding: EMBEDDINGS,
      retriever: RETRIEVAL,
      tool: TOOL,
      chain: WORKFLOW,
      prompt: "prompt",
      parser: "parse",
    },
  },
  attributes: {
    [ATTR.providerName]: ["langsmith.metadata.ls_provider"],
    [ATTR.requestModel]: ["langsmith.metadata.ls_model_name"],
    [ATTR.inputTokens]: [json(USAGE, "input_tokens")],
    [ATTR.outputTokens]: [json(USAGE, "output_tokens")],
    [ATTR.totalTokens]: [json(USAGE, "total_tokens")],
    [ATTR.cacheReadTokens]: [
      json(USAGE, "input_token_details", "cache_read"),
      json("gen_ai.usage.input_token_details", "cache_read"),
    ],
    [ATTR.cacheWriteTokens]: [
      json(USAGE, "input_token_details", "cache_creation"),
      json("gen_ai.usage.input_token_details", "cache_creation"),
    ],
    [ATTR.reasoningTokens]: [
      json(USAGE, "output_token_details", "reasoning"),
      json("gen_ai.usage.output_token_details", "reasoning"),
    ],
    [ATTR.requestTemperature]: ["langsmith.metadata.ls_temperature"],
    [ATTR.requestMaxTokens]: ["langsmith.metadata.ls_max_tokens"],
    [ATTR.requestStream]: ["langsmith.request.streaming"],
    [ATTR.inputMessages]: [onKind(KIND, WITH_MESSAGES, INPUTS)],
    [ATTR.outputMessages]: [onKind(KIND, WITH_MESSAGES, OUTPUTS)],
    [ATTR.toolName]: [onKind(KIND, ["tool"], "langsmith.trace.name")],
    [ATTR.toolCallArguments]: [onKind(KIND, ["tool"], INPUTS)],
    [ATTR.toolCallResult]: [onKind(KIND, ["tool"], OUTPUTS)],
    [ATTR.retrievalQuery]: [
      onKind(KIND, ["retriever"], json(INPUTS, "query")),
      onKind(KIND, ["retriever"], INPUTS),
    ],
    [ATTR.retrievalDocuments]: [onKind(KIND, ["retriever"], OUTPUTS)],
    [ATTR.conversationId]: [
      "langsmith.metadata.session_id",
      "langsmith.metadata.thread_id",
      "langsmith.metadata.conversation_id",
    ],
    [ATTR.userId]: ["langsmith.metadata.user_id"],
  },
  input: [INPUTS],
  output: [OUTPUTS],
};
