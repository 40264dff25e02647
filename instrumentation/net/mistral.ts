/**
 * What Mistral's API has besides OpenAI's: fill-in-the-middle, agents, a seed of another name, and content that comes in
 * parts, the thinking ones among them. https://docs.mistral.ai/api
 *
 * Read for every API of OpenAI's form: one that sends none of these reads the same.
 */
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import { chat as openaiChat } from "../openai/chat.ts";
import { sizeOf } from "../openai/request.ts";
import { fields, list, text, type Fields } from "../untyped.ts";

export const chat: Dialect = {
  ...openaiChat,
  /** Agents have a model of their own. */
  model: (body) => text(body["model"]) ?? text(body["agent_id"]),
  request: (body) => openaiChat.request({ ...body, seed: body["seed"] ?? body["random_seed"] }),
  stream() {
    const reader = openaiChat.stream();
    return { read: (event) => reader.read(withPlainDeltas(event)), reply: () => reader.reply() };
  },
  input: (content, writer) =>
    openaiChat.input({ ...content, messages: list(content.messages).map(withReasoning) }, writer),
  output: (reply, writer) => openaiChat.output(withPlainMessages(reply), writer),
};

/** Code between `prompt` and `suffix`; the answer is that of a chat. */
export const fillInTheMiddle: Dialect = {
  ...chat,
  operation: "text_completion",
  content: (body) => ({
    system: undefined,
    messages: [body["prompt"], body["suffix"]]
      .filter((one) => typeof one === "string")
      .map((content) => ({ role: "user", content })),
    tools: [],
    size: sizeOf(body["prompt"]) + sizeOf(body["suffix"]),
  }),
  stream: (): StreamReader => chat.stream(),
};

function withPlainDeltas(value: unknown): unknown {
  const event = fields(value);
  const choices = list(event?.["choices"]);
  if (!choices.some((choice) => Array.isArray(fields(fields(choice)?.["delta"])?.["content"])))
    return value;
  return {
    ...event,
    choices: choices.map((choice) => ({
      ...fields(choice),
      delta: plain(fields(choice)?.["delta"]),
    })),
  };
}

function withPlainMessages(reply: Reply): Reply {
  return {
    ...reply,
    output: reply.output.map((choice) => ({
      ...fields(choice),
      message: withReasoning(fields(choice)?.["message"]),
    })),
  };
}

/** Text and reasoning as strings, as deltas of OpenAI's have them. */
function plain(value: unknown): Fields {
  const delta = withReasoning(value);
  const parts = list(delta["content"]);
  return { ...delta, content: parts.map((part) => text(fields(part)?.["text"]) ?? "").join("") };
}

function withReasoning(value: unknown): Fields {
  const message = fields(value) ?? {};
  const parts = message["content"];
  if (!Array.isArray(parts)) return message;
  const thoughts = parts.flatMap((part) => list(fields(part)?.["thinking"]));
  if (thoughts.length === 0) return message;
  return {
    ...message,
    content: parts.filter((part) => fields(part)?.["type"] !== "thinking"),
    reasoning_content: thoughts.map((part) => text(fields(part)?.["text"]) ?? "").join(""),
  };
}
