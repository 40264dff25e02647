/** OpenLLMetry (Traceloop): its own words around spans that are mostly the conventions', and the older ones it had. */
import { ATTR } from "@assay/instrumentation/conventions";
import {
  AGENT,
  CHAT,
  type Dialect,
  EMBEDDINGS,
  onKind,
  RETRIEVAL,
  type Source,
  TASK,
  TOOL,
  WORKFLOW,
} from "./dialect.ts";
import type { ForeignSpan } from "./foreign-span.ts";
import { fields } from "./value.ts";

const KIND = "traceloop.span.kind";
const ENTITIES = ["workflow", "task", "agent", "session"];

function family(prefix: string): Source {
  return (span) => {
    const list = span.list(prefix);
    return list.length > 0 ? list : undefined;
  };
}

function finishReasons(span: ForeignSpan): unknown {
  const reasons = span
    .list("gen_ai.completion.")
    .map((choice) => fields(choice)?.["finish_reason"])
    .filter((reason) => reason !== undefined);
  return reasons.length > 0 ? reasons : undefined;
}

/** What a vector store found: an event for each. */
function found(span: ForeignSpan): unknown {
  const documents = span.events
    .filter(({ name }) => name === "db.query.result")
    .map(({ attributes }) => ({
      id: attributes.get("db.query.result.id"),
      score: attributes.get("db.query.result.score") ?? attributes.get("db.query.result.distance"),
      content: attributes.get("db.query.result.document"),
      metadata: attributes.get("db.query.result.metadata"),
    }));
  return documents.length > 0 ? documents : undefined;
}

function kindOf(span: ForeignSpan): unknown {
  return (
    span.get(KIND) ??
    span.get("llm.request.type") ??
    (span.get("db.vector.query.top_k") === undefined ? undefined : "vector")
  );
}

export const traceloop: Dialect = {
  name: "OpenLLMetry (Traceloop)",
  keys: ["llm.request.type", "db.vector.query.top_k"],
  prefixes: [
    "traceloop.",
    "gen_ai.prompt.0.",
    "gen_ai.completion.0.",
    "llm.usage.",
    "llm.request.functions.",
  ],
  kind: {
    source: kindOf,
    operations: {
      workflow: WORKFLOW,
      task: TASK,
      agent: AGENT,
      session: WORKFLOW,
      tool: TOOL,
      chat: CHAT,
      completion: "text_completion",
      embedding: EMBEDDINGS,
      rerank: "rerank",
      vector: RETRIEVAL,
    },
  },
  attributes: {
    [ATTR.providerName]: ["gen_ai.system"],
    [ATTR.inputTokens]: ["gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"],
    [ATTR.outputTokens]: ["gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"],
    [ATTR.responseFinishReasons]: [
      "gen_ai.response.finish_reason",
      finishReasons,
      "llm.response.finish_reason",
      "llm.response.stop_reason",
    ],
    [ATTR.requestFrequencyPenalty]: ["llm.frequency_penalty"],
    [ATTR.requestPresencePenalty]: ["llm.presence_penalty"],
    [ATTR.requestStopSequences]: ["llm.chat.stop_sequences"],
    [ATTR.requestStream]: ["llm.is_streaming"],
    [ATTR.inputMessages]: [
      family("gen_ai.prompt."),
      onKind(KIND, ENTITIES, "traceloop.entity.input"),
    ],
    [ATTR.outputMessages]: [
      family("gen_ai.completion."),
      onKind(KIND, ENTITIES, "traceloop.entity.output"),
    ],
    [ATTR.toolDefinitions]: [family("llm.request.functions.")],
    [ATTR.toolName]: [onKind(KIND, ["tool"], "traceloop.entity.name")],
    [ATTR.toolCallArguments]: [onKind(KIND, ["tool"], "traceloop.entity.input")],
    [ATTR.toolCallResult]: [onKind(KIND, ["tool"], "traceloop.entity.output")],
    [ATTR.agentName]: [onKind(KIND, ["agent"], "traceloop.entity.name")],
    [ATTR.dataSourceId]: ["db.collection.name", "db.vector.table_name"],
    [ATTR.retrievalTopK]: ["db.vector.query.top_k"],
    [ATTR.retrievalDocuments]: [found],
    [ATTR.conversationId]: [
      "traceloop.association.properties.session_id",
      "traceloop.association.properties.thread_id",
      "traceloop.association.properties.chat_id",
    ],
    [ATTR.userId]: ["traceloop.association.properties.user_id", "gen_ai.user"],
    [ATTR.assayProject]: ["traceloop.association.properties.project"],
    [ATTR.promptName]: ["traceloop.prompt.key", "traceloop.prompt.managed.key"],
    [ATTR.promptVersion]: ["traceloop.prompt.version"],
  },
  input: ["gen_ai.prompt.", "traceloop.entity.input", "llm.request.functions."],
  output: ["gen_ai.completion.", "traceloop.entity.output"],
};
