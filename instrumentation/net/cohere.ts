/**
 * Cohere's API: chat of version 2 and of version 1, embed. https://docs.cohere.com/reference/chat
 *
 * Messages of version 2 are OpenAI's with a plan for the tools, which is reasoning; so is what is written of them.
 */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import { chat as openaiChat, tokenUsage } from "../openai/chat.ts";
import { embeddings } from "../openai/embeddings.ts";
import { commonParameters, copyList, outputType, putCount, sizeOf } from "../openai/request.ts";
import type { Usage } from "../pricing.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";

export const chatV2: Dialect = {
  operation: "chat",
  request: chatRequest,
  content: (body) => ({
    system: undefined,
    messages: copyList(body["messages"]),
    tools: list(body["tools"]).slice(),
    size: sizeOf(body["messages"], 4),
  }),
  reply(result) {
    const reason = text(result["finish_reason"]) ?? "error";
    return replyOf(result["id"], reason, fields(result["message"]) ?? {}, result["usage"]);
  },
  stream: () => new ChatStream(),
  input: (content, writer) =>
    openaiChat.input({ ...content, messages: list(content.messages).map(asOpenAi) }, writer),
  output: (reply, writer) => openaiChat.output(inOpenAiWords(reply), writer),
};

export const chatV1: Dialect = {
  operation: "chat",
  request: chatRequest,
  content: (body) => ({
    system: body["preamble"],
    messages: [
      ...list(body["chat_history"]),
      { role: "USER", message: body["message"] },
      ...list(body["tool_results"]).map((result) => ({ role: "TOOL", tool_results: [result] })),
    ],
    tools: list(body["tools"]).slice(),
    size: sizeOf(body["message"]) + sizeOf(body["chat_history"], 3) + sizeOf(body["preamble"]),
  }),
  reply: replyV1,
  stream: () => new ChatStreamV1(),
  input(content, writer) {
    const system = text(content.system);
    return {
      ...(system ? { system: [writer.textPart(system)] } : {}),
      ...openaiChat.input({ ...content, messages: list(content.messages).map(fromV1) }, writer),
    };
  },
  output: (reply, writer) => openaiChat.output(inOpenAiWords(reply), writer),
};

export const embed: Dialect = {
  ...embeddings,
  request(body) {
    const formats = list(body["embedding_types"]).filter((one) => typeof one === "string");
    const attributes: Attributes =
      formats.length > 0 ? { [ATTR.requestEncodingFormats]: formats } : {};
    putCount(attributes, ATTR.embeddingsDimensionCount, body["output_dimension"]);
    return attributes;
  },
  content: (body) => ({
    system: undefined,
    messages: copyList(body["texts"] ?? []),
    tools: [],
    size: sizeOf(body["texts"]),
  }),
  reply(result) {
    const billed = fields(fields(result["meta"])?.["billed_units"]);
    const input = count(billed?.["input_tokens"]);
    const all = result["embeddings"];
    const [vectors] = Array.isArray(all) ? [all] : Object.values(fields(all) ?? {});
    const vector = list(vectors)[0];
    return {
      id: text(result["id"]),
      finishReasons: [],
      usage: input === undefined ? undefined : tokenUsage(input, 0),
      dimensions: Array.isArray(vector) ? vector.length : undefined,
      output: [],
      outputSize: 0,
    };
  },
};

function chatRequest(body: Fields): Attributes {
  const attributes = commonParameters({
    ...body,
    top_p: body["p"],
    stop: body["stop_sequences"],
    n: body["num_generations"],
  });
  putCount(attributes, ATTR.requestMaxTokens, body["max_tokens"]);
  putCount(attributes, ATTR.requestTopK, body["k"]);
  const type = outputType(body["response_format"]);
  if (type) attributes[ATTR.outputType] = type;
  return attributes;
}

function replyOf(id: unknown, reason: string, message: Fields, usage: unknown): Reply {
  return {
    id: text(id),
    finishReasons: [reason],
    usage: usageOf(usage),
    output: [{ message }],
    outputSize: sizeOf(message, 5),
    failure: reason === "ERROR" ? "ERROR" : undefined,
  };
}

/** What is paid for, where it is said: the provider's own preamble is among the tokens, not among the billed ones. */
function usageOf(value: unknown): Usage | undefined {
  const usage = fields(value);
  const billed = fields(usage?.["billed_units"]);
  const tokens = fields(usage?.["tokens"]);
  const input = count(billed?.["input_tokens"]) ?? count(tokens?.["input_tokens"]);
  const output = count(billed?.["output_tokens"]) ?? count(tokens?.["output_tokens"]);
  if (input === undefined && output === undefined) return undefined;
  const cached = count(usage?.["cached_tokens"]);
  return tokenUsage(input ?? 0, output ?? 0, cached ? Math.min(cached, input ?? 0) : undefined);
}

const REASONS: Readonly<Record<string, string>> = {
  COMPLETE: "stop",
  STOP_SEQUENCE: "stop",
  MAX_TOKENS: "length",
  TOOL_CALL: "tool_calls",
  ERROR: "error",
  ERROR_TOXIC: "content_filter",
};

function inOpenAiWords(reply: Reply): Reply {
  return {
    ...reply,
    finishReasons: reply.finishReasons.map((reason) => REASONS[reason] ?? reason),
    output: reply.output.map((choice) => ({ message: asOpenAi(fields(choice)?.["message"]) })),
  };
}

/** The plan for the tools, and parts that think, become reasoning; documents stay parts of their kind. */
function asOpenAi(value: unknown): Fields {
  const message = fields(value) ?? {};
  const parts = list(message["content"]);
  const thoughts = parts.map((part) => text(fields(part)?.["thinking"]) ?? "").join("");
  const rest = parts.filter((part) => fields(part)?.["type"] !== "thinking");
  return {
    ...message,
    content: Array.isArray(message["content"]) ? rest : message["content"],
    reasoning_content: thoughts + (text(message["tool_plan"]) ?? ""),
  };
}

/** Puts the events of a stream of version 2 together. */
class ChatStream implements StreamReader {
  #id: unknown;
  #reason: string | undefined;
  #usage: unknown;
  readonly #text: string[] = [];
  readonly #thinking: string[] = [];
  readonly #plan: string[] = [];
  readonly #calls = new Map<number, { id: unknown; name: unknown; arguments: string[] }>();

  read(value: unknown): boolean {
    const event = fields(value);
    const delta = fields(event?.["delta"]);
    if (!event || !delta) return false;
    this.#id ??= event["id"];
    if (event["type"] === "message-end") {
      this.#reason = text(delta["finish_reason"]);
      this.#usage = delta["usage"];
      return false;
    }
    const message = fields(delta["message"]);
    const content = fields(message?.["content"]);
    const grew = [
      push(this.#text, content?.["text"]),
      push(this.#thinking, content?.["thinking"]),
      push(this.#plan, message?.["tool_plan"]),
    ].includes(true);
    return this.#readCall(count(event["index"]) ?? 0, fields(message?.["tool_calls"])) || grew;
  }

  #readCall(index: number, delta: Fields | undefined): boolean {
    if (!delta) return false;
    const fn = fields(delta["function"]);
    const call = this.#calls.get(index) ?? { id: undefined, name: undefined, arguments: [] };
    this.#calls.set(index, call);
    call.id ??= delta["id"];
    call.name ??= fn?.["name"];
    push(call.arguments, fn?.["arguments"]);
    return true;
  }

  reply(): Reply {
    const thinking = this.#thinking.join("");
    const message = {
      role: "assistant",
      content: [
        ...(thinking ? [{ type: "thinking", thinking }] : []),
        ...(this.#text.length > 0 ? [{ type: "text", text: this.#text.join("") }] : []),
      ],
      tool_plan: this.#plan.join(""),
      tool_calls: [...this.#calls.values()].map(({ id, name, arguments: parts }) => ({
        id,
        function: { name, arguments: parts.join("") },
      })),
    };
    return replyOf(this.#id, this.#reason ?? "error", message, this.#usage);
  }
}

function push(parts: string[], value: unknown): boolean {
  if (typeof value !== "string" || value === "") return false;
  parts.push(value);
  return true;
}

const ROLES_V1: Readonly<Record<string, string>> = {
  USER: "user",
  CHATBOT: "assistant",
  SYSTEM: "system",
  TOOL: "tool",
};

function fromV1(value: unknown): Fields {
  const turn = fields(value) ?? {};
  const role = ROLES_V1[text(turn["role"])?.toUpperCase() ?? ""] ?? "user";
  if (role !== "tool")
    return { role, content: turn["message"], tool_calls: callsOfV1(turn["tool_calls"]) };
  const results = list(turn["tool_results"]);
  return { role, content: JSON.stringify(results.map((result) => fields(result)?.["outputs"])) };
}

function callsOfV1(calls: unknown): Fields[] {
  return list(calls).map((call) => ({
    function: { name: fields(call)?.["name"], arguments: fields(call)?.["parameters"] },
  }));
}

function replyV1(result: Fields): Reply {
  const message = {
    role: "assistant",
    content: text(result["text"]) ?? "",
    tool_calls: callsOfV1(result["tool_calls"]),
  };
  const calls = message.tool_calls.length > 0;
  const reason = text(result["finish_reason"]) ?? (calls ? "TOOL_CALL" : "COMPLETE");
  return replyOf(result["response_id"] ?? result["generation_id"], reason, message, result["meta"]);
}

/** The last event of version 1 holds the whole answer; pieces are kept for streams that are cut before it. */
class ChatStreamV1 implements StreamReader {
  #id: unknown;
  #answer: Fields | undefined;
  readonly #text: string[] = [];

  read(value: unknown): boolean {
    const event = fields(value);
    if (!event) return false;
    this.#id ??= event["generation_id"];
    if (event["event_type"] === "stream-end")
      this.#answer = { finish_reason: event["finish_reason"], ...fields(event["response"]) };
    if (event["event_type"] === "text-generation") return push(this.#text, event["text"]);
    return text(event["event_type"])?.startsWith("tool-calls") ?? false;
  }

  reply(): Reply {
    if (this.#answer) return replyV1(this.#answer);
    return replyOf(this.#id, "error", { content: this.#text.join("") }, undefined);
  }
}
