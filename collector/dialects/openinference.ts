/** OpenInference (Arize): https://github.com/Arize-ai/openinference/tree/main/spec */
import { ATTR } from "@assay/instrumentation/conventions";
import {
  AGENT,
  CHAT,
  type Dialect,
  EMBEDDINGS,
  json,
  onKind,
  RETRIEVAL,
  type Source,
  TOOL,
  WORKFLOW,
} from "./dialect.ts";
import type { ForeignSpan } from "./foreign-span.ts";
import { at } from "./value.ts";

const KIND = "openinference.span.kind";
const NOT_MESSAGES = ["AGENT", "CHAIN", "GUARDRAIL", "EVALUATOR", "PROMPT", "LLM"];

function family(prefix: string): Source {
  return (span) => {
    const list = span.list(prefix);
    return list.length > 0 ? list : undefined;
  };
}

/** `llm.prompts.0.prompt.text`, `llm.choices.0.completion.text`. */
function texts(prefix: string, ...path: string[]): Source {
  return (span) => {
    const list = span.list(prefix);
    return list.length > 0 ? list.map((one) => at(one, ...path)) : undefined;
  };
}

function firstToken(span: ForeignSpan): unknown {
  const event = span.events.find(({ name }) => name === "First Token Stream Event");
  return event && span.secondsAfterStart(event.timeUnixNano);
}

function isCompletion(span: ForeignSpan): boolean {
  return span.list("llm.prompts.").length > 0;
}

export const openinference: Dialect = {
  name: "OpenInference",
  keys: [KIND],
  prefixes: ["llm.input_messages.", "llm.output_messages.", "llm.token_count.", "openinference."],
  kind: {
    source: (span) =>
      span.get(KIND) === "LLM" && isCompletion(span) ? "COMPLETION" : span.get(KIND),
    operations: {
      LLM: CHAT,
      COMPLETION: "text_completion",
      EMBEDDING: EMBEDDINGS,
      RETRIEVER: RETRIEVAL,
      RERANKER: "rerank",
      TOOL,
      AGENT,
      CHAIN: WORKFLOW,
      GUARDRAIL: "run_guardrail",
      EVALUATOR: "evaluate",
      PROMPT: "prompt",
    },
  },
  attributes: {
    [ATTR.providerName]: ["llm.provider", "llm.system"],
    [ATTR.requestModel]: [
      "llm.request.model_name",
      json("llm.invocation_parameters", "model"),
      onKind(KIND, ["LLM", "EMBEDDING"], json("input.value", "model")),
      json("embedding.invocation_parameters", "model"),
      "embedding.model_name",
      "reranker.model_name",
      "llm.model_name",
    ],
    [ATTR.responseModel]: [
      "llm.response.model_name",
      "llm.model_name",
      onKind(KIND, ["EMBEDDING"], json("output.value", "model")),
    ],
    [ATTR.responseId]: [onKind(KIND, ["LLM"], json("output.value", "id"))],
    [ATTR.responseFinishReasons]: [
      "llm.finish_reason",
      onKind(KIND, ["LLM"], (span) => span.json("output.value", "choices", 0, "finish_reason")),
    ],
    [ATTR.requestTemperature]: [json("llm.invocation_parameters", "temperature")],
    [ATTR.requestTopP]: [json("llm.invocation_parameters", "top_p")],
    [ATTR.requestSeed]: [json("llm.invocation_parameters", "seed")],
    [ATTR.requestMaxTokens]: [
      json("llm.invocation_parameters", "max_completion_tokens"),
      json("llm.invocation_parameters", "max_tokens"),
      json("llm.invocation_parameters", "max_output_tokens"),
    ],
    [ATTR.requestStream]: [json("llm.invocation_parameters", "stream")],
    [ATTR.inputTokens]: ["llm.token_count.prompt"],
    [ATTR.outputTokens]: ["llm.token_count.completion"],
    [ATTR.totalTokens]: ["llm.token_count.total"],
    [ATTR.cacheReadTokens]: [
      "llm.token_count.prompt_details.cache_read",
      "llm.token_count.prompt_details.cache_input",
    ],
    [ATTR.cacheWriteTokens]: ["llm.token_count.prompt_details.cache_write"],
    [ATTR.reasoningTokens]: ["llm.token_count.completion_details.reasoning"],
    [ATTR.audioInputTokens]: ["llm.token_count.prompt_details.audio"],
    [ATTR.audioOutputTokens]: ["llm.token_count.completion_details.audio"],
    [ATTR.costAmount]: ["llm.cost.total"],
    [ATTR.responseTimeToFirstChunk]: [firstToken],
    [ATTR.inputMessages]: [
      family("llm.input_messages."),
      texts("llm.prompts.", "prompt", "text"),
      onKind(KIND, ["EMBEDDING"], texts("embedding.embeddings.", "embedding", "text")),
      onKind(KIND, ["EMBEDDING"], json("input.value", "input")),
      onKind(KIND, ["EMBEDDING", ...NOT_MESSAGES], "input.value"),
      onKind(KIND, ["RERANKER"], "reranker.query"),
    ],
    [ATTR.outputMessages]: [
      family("llm.output_messages."),
      texts("llm.choices.", "completion", "text"),
      onKind(KIND, NOT_MESSAGES, "output.value"),
    ],
    [ATTR.toolDefinitions]: [family("llm.tools.")],
    [ATTR.toolName]: [onKind(KIND, ["TOOL"], "tool.name")],
    [ATTR.toolCallId]: ["tool.id", "tool_call.id"],
    [ATTR.toolCallArguments]: [onKind(KIND, ["TOOL"], "input.value"), "tool.parameters"],
    [ATTR.toolCallResult]: [onKind(KIND, ["TOOL"], "output.value")],
    [ATTR.agentName]: ["agent.name"],
    [ATTR.retrievalQuery]: [onKind(KIND, ["RETRIEVER"], "input.value")],
    [ATTR.retrievalDocuments]: [
      family("retrieval.documents."),
      family("reranker.output_documents."),
      onKind(KIND, ["RETRIEVER"], "output.value"),
    ],
    [ATTR.retrievalTopK]: ["reranker.top_k"],
    [ATTR.promptName]: ["prompt.id", "prompt.name"],
    [ATTR.promptVersion]: ["llm.prompt_template.version", "prompt.version"],
  },
  input: [
    "input.value",
    "llm.input_messages.",
    "llm.prompts.",
    "llm.tools.",
    "embedding.embeddings.",
  ],
  output: [
    "output.value",
    "llm.output_messages.",
    "llm.choices.",
    "retrieval.documents.",
    "reranker.output_documents.",
  ],
};
