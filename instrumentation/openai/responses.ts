/** responses.create: also what responses.parse and responses.stream go through. */
import { ATTR } from "../conventions.ts";
import type { ContentWriter } from "../content-writer.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import type { Usage } from "../pricing.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";
import { contentPart, newestFirst, normalFinishReason, tokenUsage } from "./chat.ts";
import { commonParameters, copyList, outputType, putCount, sizeOf } from "./request.ts";

export const responses: Dialect = {
  operation: "chat",
  request(body) {
    const attributes = commonParameters(body, "responses");
    putCount(attributes, ATTR.requestMaxTokens, body["max_output_tokens"]);
    const effort = text(fields(body["reasoning"])?.["effort"]);
    if (effort) attributes[ATTR.requestReasoningLevel] = effort;
    const previous = text(body["previous_response_id"]);
    if (previous) attributes[ATTR.requestPreviousResponseId] = previous;
    const conversation = text(body["conversation"]) ?? text(fields(body["conversation"])?.["id"]);
    if (conversation) attributes[ATTR.conversationId] = conversation;
    const type = outputType(fields(body["text"])?.["format"]);
    if (type) attributes[ATTR.outputType] = type;
    return attributes;
  },
  content: (body) => ({
    system: body["instructions"],
    messages: copyList(body["input"]),
    tools: list(body["tools"]).slice(),
    size: sizeOf(body["input"], 4) + sizeOf(body["instructions"]),
  }),
  reply: replyOf,
  stream: () => new ResponseStream(),
  input(content, writer) {
    const system = text(content.system);
    const messages = content.messages;
    return {
      ...(system === undefined ? {} : { system: [writer.textPart(system)] }),
      messages:
        typeof messages === "string"
          ? [{ role: "user", parts: [writer.textPart(messages)] }]
          : newestFirst(list(messages), (item) => writeItem(item, "user", writer)),
    };
  },
  /** Everything the model put out is one answer of one choice, whatever the number of items. */
  output: (reply, writer) => [
    {
      role: "assistant",
      parts: reply.output.flatMap((item) => itemParts(fields(item) ?? {}, writer)),
      finish_reason: normalFinishReason(reply.finishReasons[0]),
    },
  ],
};

function replyOf(result: Fields): Reply {
  const output = list(result["output"]);
  const error = fields(result["error"]);
  return {
    id: text(result["id"]),
    model: text(result["model"]),
    finishReasons: [finishReason(result, output)],
    usage: withSearches(responseUsage(result["usage"]), output),
    serviceTier: text(result["service_tier"]),
    output,
    outputSize: sizeOf(output, 4),
    failure: result["status"] === "failed" ? (text(error?.["code"]) ?? "failed") : undefined,
  };
}

/** The Responses API has a status instead; said in the words of chat completions. */
function finishReason(result: Fields, output: readonly unknown[]): string {
  switch (result["status"]) {
    case "completed":
      return output.some((item) => isToolCall(fields(item)?.["type"])) ? "tool_calls" : "stop";
    case "incomplete": {
      const reason = text(fields(result["incomplete_details"])?.["reason"]);
      return reason === "max_output_tokens" ? "length" : (reason ?? "error");
    }
    case "queued":
    case "in_progress":
      // A background response: there is no answer yet.
      return "in_progress";
    default:
      return "error";
  }
}

function isToolCall(type: unknown): boolean {
  return type === "function_call" || type === "custom_tool_call";
}

/** Also of images and of transcripts, which leave the `s` out of `input_tokens_details`. */
export function responseUsage(value: unknown): Usage | undefined {
  const usage = fields(value);
  const input = count(usage?.["input_tokens"]);
  const output = count(usage?.["output_tokens"]);
  if (!usage || (input === undefined && output === undefined)) return undefined;
  const inputDetails = fields(usage["input_tokens_details"] ?? usage["input_token_details"]);
  const outputDetails = fields(usage["output_tokens_details"]);
  return tokenUsage(
    input ?? 0,
    output ?? 0,
    count(inputDetails?.["cached_tokens"]),
    count(outputDetails?.["reasoning_tokens"]),
    count(inputDetails?.["audio_tokens"]),
    count(outputDetails?.["audio_tokens"]),
  );
}

/** Of a web search only the search itself is charged, not that a page was opened or searched in. */
function withSearches(usage: Usage | undefined, output: readonly unknown[]): Usage | undefined {
  if (usage === undefined) return undefined;
  const types = output.map((item) => {
    const { type, action } = fields(item) ?? {};
    const did = text(fields(action)?.["type"]) ?? "search";
    return type === "web_search_call" && did !== "search" ? "" : type;
  });
  const webSearches = types.filter((type) => type === "web_search_call").length;
  const fileSearches = types.filter((type) => type === "file_search_call").length;
  if (webSearches > 0) usage.webSearches = webSearches;
  if (fileSearches > 0) usage.fileSearches = fileSearches;
  return usage;
}

function writeItem(value: unknown, role: string, writer: ContentWriter): Fields {
  const item = fields(value) ?? {};
  const type = text(item["type"]) ?? "message";
  if (type.endsWith("_call_output")) return { role: "tool", parts: itemParts(item, writer) };
  const itemRole = text(item["role"]) ?? (type === "message" ? role : "assistant");
  return { role: itemRole, parts: itemParts(item, writer) };
}

function itemParts(item: Fields, writer: ContentWriter): Fields[] {
  const type = text(item["type"]) ?? "message";
  if (type === "message") {
    const content = item["content"];
    return typeof content === "string"
      ? [writer.textPart(content)]
      : list(content).map((part) => contentPart(part, writer));
  }
  if (type === "reasoning")
    return [...list(item["summary"]), ...list(item["content"])].map((part) =>
      writer.textPart(text(fields(part)?.["text"]) ?? "", "reasoning"),
    );
  if (isToolCall(type))
    return [writer.toolCall(item["call_id"], item["name"], item["arguments"] ?? item["input"])];
  if (type.endsWith("_call_output")) return [writer.toolResponse(item["call_id"], item["output"])];
  return [writer.generic(item)];
}

/** The last event holds the whole response; deltas are kept for streams that are cut before it. */
class ResponseStream implements StreamReader {
  #response: Fields = {};
  #finished = false;
  #failure: string | undefined;
  readonly #text: string[] = [];

  read(event: unknown): boolean {
    const fact = fields(event);
    const type = text(fact?.["type"]);
    if (!fact || !type) return false;
    const response = fields(fact["response"]);
    if (response) this.#response = response;
    if (/^response\.(completed|failed|incomplete)$/.test(type)) this.#finished = true;
    if (type === "error") this.#failure = text(fact["code"]) ?? "error";
    if (!type.endsWith(".delta")) return false;
    if (type === "response.output_text.delta") {
      const delta = text(fact["delta"]);
      if (delta) this.#text.push(delta);
    }
    return true;
  }

  reply(): Reply {
    const reply = replyOf(this.#response);
    if (this.#finished) return reply;
    const cut = this.#text.join("");
    return {
      ...reply,
      finishReasons: ["error"],
      failure: this.#failure,
      output: [{ type: "message", content: [{ type: "output_text", text: cut }] }],
      outputSize: cut.length,
    };
  }
}
