/** messages.create and beta.messages.create: also what parse, stream and the tool runner go through. */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply } from "../dialect.ts";
import { copyList, outputType, putCount, sizeOf } from "../openai/request.ts";
import type { Usage } from "../pricing.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";
import { normalStopReason, writeInput, writeMessage } from "./content.ts";
import { MessageReader } from "./stream.ts";

/** Depth at which the text of a message's blocks lies; files lie one deeper and are not counted. */
const TEXT_DEPTH = 4;

export const messages: Dialect = {
  operation: "chat",
  request: describeRequest,
  content: (body) => ({
    system: copyList(body["system"]),
    messages: copyList(body["messages"]),
    tools: list(body["tools"]).map(asDefinition),
    size: sizeOf(body["messages"], TEXT_DEPTH) + sizeOf(body["system"]),
  }),
  reply: replyOf,
  stream: () => new MessageReader(replyOf),
  input: writeInput,
  output: (reply, writer) =>
    reply.output.map((message, at) => ({
      ...writeMessage(message, writer),
      finish_reason: normalStopReason(reply.finishReasons[at]),
    })),
};

function describeRequest(body: Fields): Attributes {
  const attributes: Attributes = {};
  putCount(attributes, ATTR.requestMaxTokens, body["max_tokens"]);
  putCount(attributes, ATTR.requestTemperature, body["temperature"]);
  putCount(attributes, ATTR.requestTopP, body["top_p"]);
  putCount(attributes, ATTR.requestTopK, body["top_k"]);
  if (body["stream"] === true) attributes[ATTR.requestStream] = true;
  if (Array.isArray(body["stop_sequences"]))
    attributes[ATTR.requestStopSequences] = body["stop_sequences"].filter(
      (one) => typeof one === "string",
    );
  const output = fields(body["output_config"]);
  const effort = text(output?.["effort"]);
  if (effort) attributes[ATTR.requestReasoningLevel] = effort;
  const type = outputType(output?.["format"] ?? body["output_format"]);
  if (type) attributes[ATTR.outputType] = type;
  return attributes;
}

/** Tools of one's own have a schema; Anthropic's are known by their type. */
function asDefinition(tool: unknown): unknown {
  const { name, description, input_schema: parameters } = fields(tool) ?? {};
  return parameters === undefined ? tool : { type: "function", name, description, parameters };
}

function replyOf(message: Fields): Reply {
  return {
    id: text(message["id"]),
    model: text(message["model"]),
    finishReasons: [text(message["stop_reason"]) ?? "error"],
    usage: messageUsage(message["usage"]),
    serviceTier: text(fields(message["usage"])?.["service_tier"]),
    output: [message],
    outputSize: sizeOf(message["content"]),
  };
}

/** Of the input, `input_tokens` is what was neither read from the cache nor written to it; the conventions count all. */
function messageUsage(value: unknown): Usage | undefined {
  const said = fields(value);
  const output = count(said?.["output_tokens"]);
  if (!said || output === undefined) return undefined;
  const read = count(said["cache_read_input_tokens"]);
  const written = count(said["cache_creation_input_tokens"]);
  const usage: Usage = {
    inputTokens: (count(said["input_tokens"]) ?? 0) + (read ?? 0) + (written ?? 0),
    outputTokens: output,
  };
  if (read !== undefined) usage.cacheReadTokens = read;
  if (written !== undefined) usage.cacheWriteTokens = written;
  const lasting = count(fields(said["cache_creation"])?.["ephemeral_1h_input_tokens"]);
  if (lasting) usage.cacheWrite1hTokens = lasting;
  const searches = count(fields(said["server_tool_use"])?.["web_search_requests"]);
  if (searches) usage.webSearches = searches;
  const thinking = count(fields(said["output_tokens_details"])?.["thinking_tokens"]);
  if (thinking !== undefined) usage.reasoningTokens = thinking;
  return usage;
}
