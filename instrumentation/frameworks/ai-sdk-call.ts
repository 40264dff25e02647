/** A call of a model in the words of Vercel's AI SDK: its settings, prompt, answer and usage. */
import { ATTR } from "../conventions.ts";
import type { ContentWriter } from "../content-writer.ts";
import type { Dialect, Reply } from "../dialect.ts";
import type { CallRequest } from "../model-call.ts";
import { newestFirst } from "../openai/chat.ts";
import { copyList, putCount, sizeOf } from "../openai/request.ts";
import type { Usage } from "../pricing.ts";
import { serverOf, type ServerAddress } from "../providers.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";

/** The beginning of its names of providers → the conventions'; the longer before the shorter. */
const PROVIDERS: readonly (readonly [prefix: string, provider: string])[] = [
  ["azure", "azure.ai.openai"],
  ["google.vertex", "gcp.vertex_ai"],
  ["google", "gcp.gemini"],
  ["vertex", "gcp.vertex_ai"],
  ["amazon-bedrock", "aws.bedrock"],
  ["bedrock", "aws.bedrock"],
  ["mistral", "mistral_ai"],
  ["xai", "x_ai"],
  ["togetherai", "together"],
];

export function aiSdkCall(event: Fields): CallRequest {
  const { provider, modelId, ...rest } = event;
  return {
    dialect: modelCall,
    body: { ...rest, model: modelId },
    server: { provider: providerName(text(provider) ?? ""), address: "", port: undefined },
  };
}

/** The answer says where it came from. */
export function serverOfEvent(event: Fields): ServerAddress {
  const provider = providerName(text(event["provider"]) ?? "");
  return serverOf(text(fields(event["request"])?.["url"]), provider);
}

/** `openai.responses` is OpenAI's. */
function providerName(name: string): string {
  const known = PROVIDERS.find(([prefix]) => name.startsWith(prefix))?.[1];
  return known ?? (name.split(".", 1)[0] || "unknown");
}

const modelCall: Dialect = {
  operation: "chat",
  request(body) {
    const attributes = {};
    putCount(attributes, ATTR.requestTemperature, body["temperature"]);
    putCount(attributes, ATTR.requestTopP, body["topP"]);
    putCount(attributes, ATTR.requestTopK, body["topK"]);
    putCount(attributes, ATTR.requestMaxTokens, body["maxOutputTokens"]);
    putCount(attributes, ATTR.requestSeed, body["seed"]);
    return attributes;
  },
  content: (body) => ({
    system: body["instructions"],
    messages: copyList(body["messages"]),
    tools: list(body["tools"]).map(asDefinition),
    size: sizeOf(body["messages"], 4) + sizeOf(body["instructions"]),
  }),
  reply: replyOf,
  stream: () => ({ read: () => false, reply: () => replyOf({}) }),
  input(content, writer) {
    const messages = newestFirst(list(content.messages), (value) => {
      const message = fields(value) ?? {};
      return {
        role: text(message["role"]) ?? "user",
        parts: partsOf(message["content"], writer),
      };
    });
    const system = text(content.system);
    return system === undefined ? { messages } : { system: [writer.textPart(system)], messages };
  },
  output: (reply, writer) => [
    {
      role: "assistant",
      parts: partsOf(reply.output, writer),
      finish_reason: normalReason(reply.finishReasons[0]),
    },
  ],
};

function asDefinition(tool: unknown): unknown {
  const { name, description, inputSchema } = fields(tool) ?? {};
  return { type: "function", name, description, parameters: inputSchema };
}

export function replyOf(event: Fields): Reply {
  const content = list(event["content"]);
  return {
    id: text(event["responseId"]),
    model: text(event["modelId"]),
    finishReasons: [text(event["finishReason"]) ?? "error"],
    usage: usageOf(event["usage"]),
    output: content,
    outputSize: sizeOf(content),
  };
}

function usageOf(value: unknown): Usage | undefined {
  const said = fields(value);
  const input = count(said?.["inputTokens"]);
  const output = count(said?.["outputTokens"]);
  if (input === undefined && output === undefined) return undefined;
  const inputDetails = fields(said?.["inputTokenDetails"]);
  const outputDetails = fields(said?.["outputTokenDetails"]);
  const usage: Usage = { inputTokens: input ?? 0, outputTokens: output ?? 0 };
  const read = count(inputDetails?.["cacheReadTokens"]);
  const written = count(inputDetails?.["cacheWriteTokens"]);
  const reasoning = count(outputDetails?.["reasoningTokens"]);
  if (read !== undefined) usage.cacheReadTokens = read;
  if (written !== undefined) usage.cacheWriteTokens = written;
  if (reasoning !== undefined) usage.reasoningTokens = reasoning;
  return usage;
}

function normalReason(reason = "error"): string {
  if (reason === "tool-calls") return "tool_call";
  return reason === "content-filter" ? "content_filter" : reason;
}

function partsOf(content: unknown, writer: ContentWriter): Fields[] {
  if (typeof content === "string") return [writer.textPart(content)];
  return list(content).map((value) => writePart(fields(value) ?? {}, writer));
}

function writePart(part: Fields, writer: ContentWriter): Fields {
  switch (part["type"]) {
    case "text":
      return writer.textPart(text(part["text"]) ?? "");
    case "reasoning":
      return writer.textPart(text(part["text"]) ?? "", "reasoning");
    case "tool-call":
      return writer.toolCall(part["toolCallId"], part["toolName"], part["input"]);
    case "tool-result":
      return writer.toolResponse(part["toolCallId"], fields(part["output"])?.["value"]);
    default:
      return writer.generic({ type: part["type"] });
  }
}
