/** Ollama's own API: chat, generate, embed. https://github.com/ollama/ollama/blob/main/docs/api.md */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply, RequestContent, StreamReader } from "../dialect.ts";
import { chat as openaiChat, tokenUsage } from "../openai/chat.ts";
import { embeddings } from "../openai/embeddings.ts";
import { commonParameters, copyList, putCount, sizeOf } from "../openai/request.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";

export const chat: Dialect = {
  operation: "chat",
  request,
  content: (body) => ({
    system: undefined,
    messages: copyList(body["messages"]),
    tools: list(body["tools"]).slice(),
    size: sizeOf(body["messages"], 4),
  }),
  reply: (result) => replyOf(result, fields(result["message"]) ?? {}),
  stream: () => new AnswerStream(),
  input: (content, writer) => openaiChat.input(asOpenAiInput(content), writer),
  output: (reply, writer) => openaiChat.output(reply, writer),
};

export const generate: Dialect = {
  ...chat,
  operation: "text_completion",
  content: (body) => ({
    system: undefined,
    messages: [
      ...(body["system"] ? [{ role: "system", content: body["system"] }] : []),
      { role: "user", content: body["prompt"], images: body["images"] },
    ],
    tools: [],
    size: sizeOf(body["prompt"]) + sizeOf(body["system"]),
  }),
  reply: (result) => replyOf(result, generated(result)),
};

/** Also the older `/api/embeddings`: one prompt, one vector. */
export const embed: Dialect = {
  ...embeddings,
  request(body) {
    const attributes: Attributes = {};
    putCount(attributes, ATTR.embeddingsDimensionCount, body["dimensions"]);
    return attributes;
  },
  content: (body) => embeddings.content({ input: body["input"] ?? body["prompt"] }),
  reply(result) {
    const input = count(result["prompt_eval_count"]);
    const vector = list(result["embeddings"])[0] ?? result["embedding"];
    return {
      model: text(result["model"]),
      finishReasons: [],
      usage: input === undefined ? undefined : tokenUsage(input, 0),
      dimensions: Array.isArray(vector) ? vector.length : undefined,
      output: [],
      outputSize: 0,
    };
  },
};

function request(body: Fields): Attributes {
  const options = fields(body["options"]) ?? {};
  // It streams unless it is told not to.
  const attributes = commonParameters({ ...options, stream: body["stream"] !== false });
  putCount(attributes, ATTR.requestMaxTokens, options["num_predict"]);
  putCount(attributes, ATTR.requestTopK, options["top_k"]);
  if (body["format"]) attributes[ATTR.outputType] = "json";
  const level = text(body["think"]);
  if (level) attributes[ATTR.requestReasoningLevel] = level;
  return attributes;
}

function generated(result: Fields): Fields {
  return { content: result["response"], thinking: result["thinking"] };
}

function replyOf(result: Fields, message: Fields): Reply {
  const { thinking, tool_calls: calls } = message;
  // A call of a tool comes with an empty text.
  const content = message["content"] === "" ? undefined : message["content"];
  const input = count(result["prompt_eval_count"]);
  const output = count(result["eval_count"]);
  const reason = result["done"] === true ? (text(result["done_reason"]) ?? "stop") : "error";
  return {
    model: text(result["model"]),
    finishReasons: [reason === "stop" && list(calls).length > 0 ? "tool_calls" : reason],
    // A prompt that is in its cache is not counted at all.
    usage: output === undefined ? undefined : tokenUsage(input ?? 0, output),
    output: [{ message: { content, reasoning_content: thinking, tool_calls: calls } }],
    outputSize: sizeOf(message, 5),
  };
}

function asOpenAiInput(content: RequestContent): RequestContent {
  return { ...content, messages: list(content.messages).map(asOpenAi) };
}

function asOpenAi(value: unknown): Fields {
  const message = fields(value) ?? {};
  const images = list(message["images"]).filter((image) => typeof image === "string");
  const parts = images.map((image) => ({
    type: "image_url",
    image_url: { url: `data:;base64,${image}` },
  }));
  return {
    ...message,
    content:
      parts.length > 0
        ? [{ type: "text", text: message["content"] }, ...parts]
        : message["content"],
    reasoning_content: message["thinking"],
    tool_call_id: message["tool_name"],
  };
}

/** Every event is a piece of the answer; the last one has the counts. */
class AnswerStream implements StreamReader {
  #last: Fields = {};
  complete = false;
  readonly #text: string[] = [];
  readonly #thinking: string[] = [];
  readonly #calls: unknown[] = [];

  read(value: unknown): boolean {
    const event = fields(value);
    if (!event) return false;
    if (event["model"]) this.#last = event;
    this.complete = event["done"] === true;
    const message = fields(event["message"]) ?? generated(event);
    const content = text(message["content"]);
    const thinking = text(message["thinking"]);
    const calls = list(message["tool_calls"]);
    if (content) this.#text.push(content);
    if (thinking) this.#thinking.push(thinking);
    this.#calls.push(...calls);
    return Boolean(content || thinking) || calls.length > 0;
  }

  reply(): Reply {
    return replyOf(this.#last, {
      content: this.#text.join(""),
      thinking: this.#thinking.join(""),
      tool_calls: this.#calls,
    });
  }
}
