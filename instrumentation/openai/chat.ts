/** chat.completions.create: also what parse, stream and runTools go through. */
import { ATTR } from "../conventions.ts";
import type { ContentWriter } from "../content-writer.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import type { Usage } from "../pricing.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";
import { commonParameters, copyList, outputType, putCount, sizeOf } from "./request.ts";

export const chat: Dialect = {
  operation: "chat",
  request(body) {
    const attributes = commonParameters(body, "chat_completions");
    putCount(
      attributes,
      ATTR.requestMaxTokens,
      body["max_completion_tokens"] ?? body["max_tokens"],
    );
    const effort = text(body["reasoning_effort"]);
    if (effort) attributes[ATTR.requestReasoningLevel] = effort;
    const type = list(body["modalities"]).includes("audio")
      ? "speech"
      : outputType(body["response_format"]);
    if (type) attributes[ATTR.outputType] = type;
    return attributes;
  },
  content: (body) => ({
    system: undefined,
    messages: copyList(body["messages"]),
    tools: [...list(body["tools"]), ...list(body["functions"])],
    size: sizeOf(body["messages"], 4),
  }),
  reply: (result) => replyOf(result, list(result["choices"])),
  stream: () => new ChatStream(),
  input: (content, writer) => ({
    messages: newestFirst(list(content.messages), (message) => writeMessage(message, writer)),
  }),
  output: (reply, writer) =>
    reply.output.map((choice, at) => ({
      ...writeMessage(fields(choice)?.["message"], writer),
      finish_reason: normalFinishReason(reply.finishReasons[at]),
    })),
};

/** Under a size limit the end of a conversation says more than its beginning. */
export function newestFirst(
  messages: readonly unknown[],
  write: (message: unknown) => unknown,
): unknown[] {
  const written: unknown[] = [];
  for (let at = messages.length - 1; at >= 0; at--) written.push(write(messages[at]));
  return written.reverse();
}

function replyOf(result: Fields, choices: readonly unknown[]): Reply {
  return {
    id: text(result["id"]),
    model: text(result["model"]),
    finishReasons: choices.map((choice) => text(fields(choice)?.["finish_reason"]) ?? "error"),
    usage: chatUsage(result["usage"]),
    serviceTier: text(result["service_tier"]),
    systemFingerprint: text(result["system_fingerprint"]),
    output: choices,
    outputSize: sizeOf(choices, 5),
  };
}

export function chatUsage(value: unknown): Usage | undefined {
  const usage = fields(value);
  const input = count(usage?.["prompt_tokens"]);
  const output = count(usage?.["completion_tokens"]);
  if (!usage || (input === undefined && output === undefined)) return undefined;
  const inputDetails = fields(usage["prompt_tokens_details"]);
  const outputDetails = fields(usage["completion_tokens_details"]);
  const cached =
    count(inputDetails?.["cached_tokens"]) ??
    // DeepSeek's name.
    count(usage["prompt_cache_hit_tokens"]);
  return tokenUsage(
    input ?? 0,
    output ?? 0,
    cached,
    count(outputDetails?.["reasoning_tokens"]),
    count(inputDetails?.["audio_tokens"]),
    count(outputDetails?.["audio_tokens"]),
  );
}

export function tokenUsage(
  inputTokens: number,
  outputTokens: number,
  cacheRead?: number,
  reasoning?: number,
  audioInput?: number,
  audioOutput?: number,
): Usage {
  const usage: Usage = { inputTokens, outputTokens };
  if (cacheRead !== undefined) usage.cacheReadTokens = cacheRead;
  if (reasoning !== undefined) usage.reasoningTokens = reasoning;
  if (audioInput) usage.audioInputTokens = audioInput;
  if (audioOutput) usage.audioOutputTokens = audioOutput;
  return usage;
}

/** The conventions' words; what they have none for stays. */
export function normalFinishReason(reason: string | undefined): string {
  if (reason === "tool_calls" || reason === "function_call") return "tool_call";
  return reason ?? "error";
}

function writeMessage(value: unknown, writer: ContentWriter): Fields {
  const message = fields(value) ?? {};
  const role = text(message["role"]) ?? "assistant";
  const parts = messageParts(role, message, writer);
  const name = text(message["name"]);
  return name === undefined ? { role, parts } : { role, parts, name };
}

function messageParts(role: string, message: Fields, writer: ContentWriter): Fields[] {
  if (role === "tool" || role === "function")
    return [
      writer.toolResponse(message["tool_call_id"] ?? message["name"], toolText(message["content"])),
    ];
  const parts: Fields[] = [];
  const reasoning = text(message["reasoning_content"]) ?? text(message["reasoning"]);
  if (reasoning) parts.push(writer.textPart(reasoning, "reasoning"));
  const content = message["content"];
  if (typeof content === "string") parts.push(writer.textPart(content));
  for (const part of list(content)) parts.push(contentPart(part, writer));
  const refusal = text(message["refusal"]);
  if (refusal) parts.push(writer.textPart(refusal));
  const audio = fields(message["audio"]);
  if (audio) parts.push(...audioParts(audio, writer));
  for (const call of list(message["tool_calls"]))
    parts.push(toolCallPart(fields(call) ?? {}, writer));
  const legacy = fields(message["function_call"]);
  if (legacy) parts.push(writer.toolCall(undefined, legacy["name"], legacy["arguments"]));
  return parts;
}

function toolCallPart(call: Fields, writer: ContentWriter): Fields {
  const fn = fields(call["function"]);
  const custom = fields(call["custom"]);
  return writer.toolCall(
    call["id"],
    fn?.["name"] ?? custom?.["name"],
    fn?.["arguments"] ?? custom?.["input"],
  );
}

function audioParts(audio: Fields, writer: ContentWriter): Fields[] {
  const parts: Fields[] = [];
  const transcript = text(audio["transcript"]);
  if (transcript) parts.push(writer.textPart(transcript));
  if (audio["data"] !== undefined) parts.push(writer.blob("audio", audio["data"]));
  return parts;
}

/** A tool's answer may be text or an array of text parts. */
function toolText(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  return content.map((part) => text(fields(part)?.["text"]) ?? "").join("");
}

export function contentPart(value: unknown, writer: ContentWriter): Fields {
  const part = fields(value) ?? {};
  switch (part["type"]) {
    case "text":
    case "input_text":
    case "output_text":
      return writer.textPart(text(part["text"]) ?? "");
    case "refusal":
      return writer.textPart(text(part["refusal"]) ?? "");
    case "image_url":
      return writer.media("image", fields(part["image_url"])?.["url"] ?? part["image_url"]);
    case "input_image":
      return part["file_id"]
        ? { type: "file", modality: "image", file_id: text(part["file_id"]) }
        : writer.media("image", part["image_url"]);
    case "input_audio": {
      const audio = fields(part["input_audio"]);
      return writer.blob("audio", audio?.["data"], `audio/${text(audio?.["format"]) ?? "unknown"}`);
    }
    case "file":
    case "input_file":
      return filePart(fields(part["file"]) ?? part, writer);
    default:
      return writer.generic(part);
  }
}

function filePart(file: Fields, writer: ContentWriter): Fields {
  if (file["file_id"])
    return { type: "file", modality: "document", file_id: text(file["file_id"]) };
  return writer.media("document", file["file_data"] ?? file["file_url"]);
}

interface ChoiceParts {
  finishReason: string | undefined;
  content: string[];
  reasoning: string[];
  refusal: string[];
  toolCalls: Map<number, { id: unknown; name: string; arguments: string[] }>;
}

/** Puts the deltas of a stream together. It keeps references to strings and joins them only for `reply`. */
class ChatStream implements StreamReader {
  #last: Record<string, unknown> = {};
  readonly #choices = new Map<number, ChoiceParts>();

  read(event: unknown): boolean {
    const chunk = fields(event);
    if (!chunk) return false;
    for (const name of ["id", "model", "service_tier", "system_fingerprint", "usage"])
      if (chunk[name]) this.#last[name] = chunk[name];
    let output = false;
    // A chunk with usage has no choices; some gateways leave the field out altogether.
    for (const choice of list(chunk["choices"]))
      output = this.#readChoice(fields(choice) ?? {}) || output;
    return output;
  }

  #readChoice(choice: Fields): boolean {
    const parts = this.#choice(count(choice["index"]) ?? 0);
    const reason = text(choice["finish_reason"]);
    if (reason) parts.finishReason = reason;
    const delta = fields(choice["delta"]);
    if (!delta) return false;
    const grew =
      push(parts.content, delta["content"]) ||
      push(parts.reasoning, delta["reasoning_content"] ?? delta["reasoning"]) ||
      push(parts.refusal, delta["refusal"]);
    const calls = list(delta["tool_calls"]);
    for (const call of calls) readToolCall(parts, fields(call) ?? {});
    const legacy = fields(delta["function_call"]);
    if (legacy) readToolCall(parts, { index: 0, function: legacy });
    return grew || calls.length > 0 || legacy !== undefined;
  }

  #choice(index: number): ChoiceParts {
    let parts = this.#choices.get(index);
    if (!parts) {
      parts = {
        finishReason: undefined,
        content: [],
        reasoning: [],
        refusal: [],
        toolCalls: new Map(),
      };
      this.#choices.set(index, parts);
    }
    return parts;
  }

  reply(): Reply {
    const choices = [...this.#choices.entries()]
      .sort(([a], [b]) => a - b)
      .map(([, parts]) => ({
        finish_reason: parts.finishReason,
        message: {
          role: "assistant",
          content: parts.content.length > 0 ? parts.content.join("") : null,
          reasoning_content: parts.reasoning.join(""),
          refusal: parts.refusal.join(""),
          tool_calls: [...parts.toolCalls.values()].map((call) => ({
            id: call.id,
            function: { name: call.name, arguments: call.arguments.join("") },
          })),
        },
      }));
    return replyOf(this.#last, choices.length > 0 ? choices : [{ message: {} }]);
  }
}

function push(parts: string[], value: unknown): boolean {
  if (typeof value !== "string" || value === "") return false;
  parts.push(value);
  return true;
}

function readToolCall(parts: ChoiceParts, delta: Fields): void {
  const index = count(delta["index"]) ?? 0;
  let call = parts.toolCalls.get(index);
  if (!call) {
    call = { id: undefined, name: "", arguments: [] };
    parts.toolCalls.set(index, call);
  }
  if (delta["id"]) call.id = delta["id"];
  const fn = fields(delta["function"]);
  if (text(fn?.["name"])) call.name += text(fn?.["name"]);
  push(call.arguments, fn?.["arguments"]);
}
