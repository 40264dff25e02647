/** MLflow tracing: every value is JSON text. */
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
  TASK,
  TOOL,
  WORKFLOW,
} from "./dialect.ts";
import { fields, parsed } from "./value.ts";

const TYPE = "mlflow.spanType";
const INPUTS = "mlflow.spanInputs";
const OUTPUTS = "mlflow.spanOutputs";
const USAGE = "mlflow.chat.tokenUsage";
const MODELS = ["CHAT_MODEL", "LLM"];

const decoded =
  (key: string): Source =>
  (span) => {
    const value = parsed(span.get(key));
    return typeof value === "object" && value !== null ? undefined : value;
  };

const type: Source = decoded(TYPE);
const ofModel = (source: Source): Source => onKind(type, MODELS, source);
const ofModelOrEmbedding = (source: Source): Source =>
  onKind(type, [...MODELS, "EMBEDDING"], source);
const OTHERS = ["AGENT", "CHAIN", "WORKFLOW", "TASK", "PARSER", "UNKNOWN", ...MODELS];

export const mlflow: Dialect = {
  name: "MLflow",
  keys: [],
  prefixes: ["mlflow."],
  kind: {
    source: type,
    operations: {
      CHAT_MODEL: CHAT,
      LLM: CHAT,
      EMBEDDING: EMBEDDINGS,
      RETRIEVER: RETRIEVAL,
      RERANKER: "rerank",
      TOOL,
      AGENT,
      CHAIN: WORKFLOW,
      WORKFLOW,
      TASK,
      PARSER: "parse",
      MEMORY: "memory",
      EVALUATOR: "evaluate",
      GUARDRAIL: "run_guardrail",
      UNKNOWN: TASK,
    },
  },
  attributes: {
    [ATTR.providerName]: [decoded("mlflow.llm.provider")],
    [ATTR.requestModel]: [ofModelOrEmbedding(json(INPUTS, "model")), decoded("mlflow.llm.model")],
    [ATTR.responseModel]: [ofModelOrEmbedding(json(OUTPUTS, "model")), decoded("mlflow.llm.model")],
    [ATTR.responseId]: [ofModel(json(OUTPUTS, "id"))],
    [ATTR.responseFinishReasons]: [ofModel(json(OUTPUTS, "choices", 0, "finish_reason"))],
    [ATTR.requestTemperature]: [ofModel(json(INPUTS, "temperature"))],
    [ATTR.requestTopP]: [ofModel(json(INPUTS, "top_p"))],
    [ATTR.requestSeed]: [ofModel(json(INPUTS, "seed"))],
    [ATTR.requestMaxTokens]: [
      ofModel(json(INPUTS, "max_completion_tokens")),
      ofModel(json(INPUTS, "max_tokens")),
    ],
    [ATTR.requestStream]: [ofModel(json(INPUTS, "stream"))],
    [ATTR.inputTokens]: [
      json(USAGE, "input_tokens"),
      onKind(type, ["EMBEDDING"], json(OUTPUTS, "usage", "prompt_tokens")),
    ],
    [ATTR.outputTokens]: [json(USAGE, "output_tokens")],
    [ATTR.cacheReadTokens]: [json(USAGE, "cache_read_input_tokens")],
    [ATTR.cacheWriteTokens]: [json(USAGE, "cache_creation_input_tokens")],
    [ATTR.reasoningTokens]: [
      ofModel(json(OUTPUTS, "usage", "completion_tokens_details", "reasoning_tokens")),
    ],
    [ATTR.totalTokens]: [json(USAGE, "total_tokens")],
    [ATTR.costAmount]: [json("mlflow.llm.cost", "total_cost")],
    [ATTR.inputMessages]: [
      ofModel(json(INPUTS, "messages")),
      onKind(type, ["EMBEDDING"], json(INPUTS, "input")),
      onKind(type, OTHERS, INPUTS),
    ],
    [ATTR.outputMessages]: [onKind(type, OTHERS, OUTPUTS)],
    [ATTR.toolDefinitions]: [ofModel(json(INPUTS, "tools")), "mlflow.chat.tools"],
    [ATTR.toolName]: [
      onKind(type, ["TOOL"], (span) => parsed(span.get("mlflow.spanFunctionName")) ?? span.name),
    ],
    [ATTR.toolCallArguments]: [onKind(type, ["TOOL"], INPUTS)],
    [ATTR.toolCallResult]: [onKind(type, ["TOOL"], OUTPUTS)],
    [ATTR.retrievalQuery]: [
      onKind(type, ["RETRIEVER"], (span) => {
        const inputs = fields(parsed(span.get(INPUTS)));
        return inputs?.["query"] ?? inputs?.["question"] ?? span.get(INPUTS);
      }),
    ],
    [ATTR.retrievalDocuments]: [onKind(type, ["RETRIEVER"], OUTPUTS)],
    [ATTR.conversationId]: [decoded("mlflow.trace.session")],
    [ATTR.userId]: [decoded("mlflow.trace.user")],
    [ATTR.promptName]: [json("mlflow.linkedPrompts", 0, "name")],
    [ATTR.promptVersion]: [json("mlflow.linkedPrompts", 0, "version")],
  },
  input: [INPUTS, "mlflow.chat.tools", "mlflow.chat.messages"],
  output: [OUTPUTS],
};
