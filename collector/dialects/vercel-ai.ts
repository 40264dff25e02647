/**
 * Vercel's AI SDK, versions 3 to 7. `ai.generateText` and its like are the outer spans, with sums over all steps; the
 * call to the model itself is `….doGenerate` or `….doStream`.
 */
import { ATTR } from "@assay/instrumentation/conventions";
import { AGENT, CHAT, type Dialect, EMBEDDINGS, json, onKind, TOOL } from "./dialect.ts";
import type { ForeignSpan } from "./foreign-span.ts";
import { number, parsed, text } from "./value.ts";

const MODEL_CALLS = ["generateText", "streamText", "generateObject", "streamObject"];

/** `ai.streamText.doStream`; older versions add the function's id to `operation.name`. */
function operation(span: ForeignSpan): string | undefined {
  return span.text("ai.operationId") ?? span.text("operation.name")?.split(" ")[0];
}

function seconds(key: string): (span: ForeignSpan) => number | undefined {
  return (span) => {
    const ms = number(span.get(key));
    return ms === undefined ? undefined : ms / 1000;
  };
}

/** Reasoning, text, tool calls or object of the answer, as one message. */
function answer(span: ForeignSpan): unknown {
  const reasoning = span.text("ai.response.reasoning") ?? span.text("ai.result.reasoning");
  const content =
    span.text("ai.response.text") ??
    span.text("ai.result.text") ??
    span.text("ai.response.object") ??
    span.text("ai.result.object");
  const calls = parsed(span.get("ai.response.toolCalls") ?? span.get("ai.result.toolCalls"));
  if (content === undefined && reasoning === undefined && !Array.isArray(calls)) return undefined;
  const reason = span.text("ai.response.finishReason") ?? span.text("ai.finishReason");
  return [{ role: "assistant", content, reasoning, tool_calls: calls, finish_reason: reason }];
}

/** `ai.prompt` of outer spans: {system, prompt} or {messages}. */
function outerPrompt(span: ForeignSpan): unknown {
  const prompt = span.json("ai.prompt", "messages") ?? span.json("ai.prompt", "prompt");
  const system = span.json("ai.prompt", "system");
  if (prompt === undefined) return span.get("ai.prompt");
  if (system === undefined) return prompt;
  return { system, messages: prompt };
}

/** What is embedded: each value as JSON text. */
function embedded(span: ForeignSpan): unknown {
  const values = span.get("ai.values") ?? span.get("ai.value");
  if (values === undefined) return undefined;
  return (Array.isArray(values) ? values : [values]).map((value) => unquoted(value));
}

function unquoted(value: unknown): unknown {
  if (typeof value !== "string" || !value.startsWith('"')) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value; // not JSON: the text is the value
  }
}

/** Up to version 5, Anthropic's input came without what was cached. */
function inclusiveInput(span: ForeignSpan): number | undefined {
  if (span.get("ai.usage.inputTokenDetails.noCacheTokens") !== undefined) return undefined;
  if (!/anthropic/.test(span.text("ai.model.provider") ?? "")) return undefined;
  const usage = (name: string): number =>
    number(span.json("ai.response.providerMetadata", "anthropic", "usage", name)) ?? 0;
  const input = number(span.get("ai.usage.inputTokens") ?? span.get("ai.usage.promptTokens"));
  const read = number(span.get("ai.usage.cachedInputTokens")) ?? usage("cache_read_input_tokens");
  const write =
    number(span.json("ai.response.providerMetadata", "anthropic", "cacheCreationInputTokens")) ??
    usage("cache_creation_input_tokens");
  return input === undefined || read + write === 0 ? undefined : input + read + write;
}

const providerMetadata = (...path: string[]) => json("ai.response.providerMetadata", ...path);

export const vercelAi: Dialect = {
  name: "Vercel AI SDK",
  keys: ["ai.operationId", "gen_ai.client.operation.time_to_first_chunk"],
  prefixes: [
    "ai.model.",
    "ai.prompt.",
    "ai.response.",
    "ai.usage.",
    "ai.telemetry.",
    "ai.toolCall.",
    "ai.settings.",
  ],
  kind: {
    source: operation,
    operations: {
      ...Object.fromEntries(
        MODEL_CALLS.flatMap((name) => [
          [`ai.${name}`, AGENT],
          [`ai.${name}.doGenerate`, CHAT],
          [`ai.${name}.doStream`, CHAT],
        ]),
      ),
      "ai.embed": "embed",
      "ai.embed.doEmbed": EMBEDDINGS,
      "ai.embedMany": "embed",
      "ai.embedMany.doEmbed": EMBEDDINGS,
      "ai.rerank": "rerank_documents",
      "ai.rerank.doRerank": "rerank",
      "ai.toolCall": TOOL,
    },
  },
  corrections: { [ATTR.inputTokens]: [inclusiveInput] },
  attributes: {
    [ATTR.providerName]: ["ai.model.provider", "gen_ai.system"],
    [ATTR.requestModel]: ["ai.model.id"],
    [ATTR.responseModel]: ["ai.response.model"],
    [ATTR.responseId]: ["ai.response.id"],
    [ATTR.responseFinishReasons]: ["ai.response.finishReason", "ai.finishReason"],
    [ATTR.requestTemperature]: ["ai.settings.temperature"],
    [ATTR.requestTopP]: ["ai.settings.topP"],
    [ATTR.requestSeed]: ["ai.settings.seed"],
    [ATTR.requestMaxTokens]: ["ai.settings.maxOutputTokens", "ai.settings.maxTokens"],
    [ATTR.requestStream]: [(span) => (operation(span)?.endsWith(".doStream") ? true : undefined)],
    [ATTR.inputTokens]: ["ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"],
    [ATTR.outputTokens]: ["ai.usage.outputTokens", "ai.usage.completionTokens"],
    [ATTR.totalTokens]: ["ai.usage.totalTokens"],
    [ATTR.cacheReadTokens]: [
      "ai.usage.inputTokenDetails.cacheReadTokens",
      "ai.usage.cachedInputTokens",
      providerMetadata("openai", "cachedPromptTokens"),
      providerMetadata("anthropic", "usage", "cache_read_input_tokens"),
      providerMetadata("bedrock", "usage", "cacheReadInputTokens"),
    ],
    [ATTR.cacheWriteTokens]: [
      "ai.usage.inputTokenDetails.cacheWriteTokens",
      providerMetadata("anthropic", "cacheCreationInputTokens"),
      providerMetadata("anthropic", "usage", "cache_creation_input_tokens"),
      providerMetadata("bedrock", "usage", "cacheWriteInputTokens"),
    ],
    [ATTR.reasoningTokens]: [
      "ai.usage.outputTokenDetails.reasoningTokens",
      "ai.usage.reasoningTokens",
      providerMetadata("openai", "reasoningTokens"),
    ],
    [ATTR.responseTimeToFirstChunk]: [
      "gen_ai.client.operation.time_to_first_chunk",
      seconds("ai.response.msToFirstChunk"),
      seconds("ai.stream.msToFirstChunk"),
    ],
    [ATTR.inputMessages]: ["ai.prompt.messages", outerPrompt, embedded],
    [ATTR.outputMessages]: [answer],
    [ATTR.toolDefinitions]: ["ai.prompt.tools"],
    [ATTR.toolName]: ["ai.toolCall.name"],
    [ATTR.toolCallId]: ["ai.toolCall.id"],
    [ATTR.toolCallArguments]: ["ai.toolCall.args"],
    [ATTR.toolCallResult]: ["ai.toolCall.result"],
    [ATTR.retrievalDocuments]: [
      onKind(operation, ["ai.rerank", "ai.rerank.doRerank"], "ai.documents"),
    ],
    [ATTR.agentName]: [
      (span) =>
        text(operation(span))?.includes(".do") ? undefined : span.get("ai.telemetry.functionId"),
    ],
    [ATTR.conversationId]: ["ai.telemetry.metadata.sessionId"],
    [ATTR.userId]: ["ai.telemetry.metadata.userId"],
    [ATTR.promptName]: [json("ai.telemetry.metadata.langfusePrompt", "name")],
    [ATTR.promptVersion]: [json("ai.telemetry.metadata.langfusePrompt", "version")],
  },
  input: [
    "ai.prompt",
    "ai.prompt.messages",
    "ai.prompt.tools",
    "ai.value",
    "ai.values",
    "ai.toolCall.args",
  ],
  output: [
    "ai.response.text",
    "ai.response.object",
    "ai.response.reasoning",
    "ai.response.toolCalls",
    "ai.result.text",
    "ai.result.object",
    "ai.result.toolCalls",
    "ai.toolCall.result",
    "ai.documents",
  ],
};
