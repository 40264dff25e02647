/**
 * Converse and ConverseStream, and what Nova models take in InvokeModel, which is the same.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply, StreamReader } from "../dialect.ts";
import { copyList, putCount, sizeOf } from "../openai/request.ts";
import type { Usage } from "../pricing.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";
import { normalStopReason, writeInput, writeMessage } from "./content.ts";

/** Depth at which the text of a message's blocks lies. */
const TEXT_DEPTH = 4;

export const converse: Dialect = {
  operation: "chat",
  request: describeRequest,
  content: (body) => ({
    system: copyList(body["system"]),
    messages: copyList(body["messages"]),
    tools: list(fields(body["toolConfig"])?.["tools"]).map(asDefinition),
    size: sizeOf(body["messages"], TEXT_DEPTH) + sizeOf(body["system"]),
  }),
  reply: (result) => replyOf(result, fields(fields(result["output"])?.["message"]) ?? {}),
  stream: () => new ConverseReader(),
  input: writeInput,
  output: (reply, writer) =>
    reply.output.map((message, at) => ({
      ...writeMessage(message, writer),
      finish_reason: normalStopReason(reply.finishReasons[at]),
    })),
};

function describeRequest(body: Fields): Attributes {
  const attributes: Attributes = {};
  const config = fields(body["inferenceConfig"]) ?? {};
  // InvokeModel has Nova's older name.
  putCount(attributes, ATTR.requestMaxTokens, config["maxTokens"] ?? config["max_new_tokens"]);
  putCount(attributes, ATTR.requestTemperature, config["temperature"]);
  putCount(attributes, ATTR.requestTopP, config["topP"] ?? config["top_p"]);
  putCount(attributes, ATTR.requestTopK, config["topK"] ?? config["top_k"]);
  const stop = list(config["stopSequences"]).filter((one) => typeof one === "string");
  if (stop.length > 0) attributes[ATTR.requestStopSequences] = stop;
  return attributes;
}

function asDefinition(tool: unknown): unknown {
  const { name, description, inputSchema } = fields(fields(tool)?.["toolSpec"]) ?? {};
  if (name === undefined) return tool;
  return { type: "function", name, description, parameters: fields(inputSchema)?.["json"] };
}

function replyOf(result: Fields, message: Fields): Reply {
  return {
    id: text(fields(result["$metadata"])?.["requestId"]),
    finishReasons: [text(result["stopReason"]) ?? "error"],
    usage: converseUsage(result["usage"]),
    output: [message],
    outputSize: sizeOf(message["content"]),
  };
}

/** Of the input, `inputTokens` is what was neither read from the cache nor written to it; the conventions count all. */
function converseUsage(value: unknown): Usage | undefined {
  const said = fields(value);
  const output = count(said?.["outputTokens"]);
  if (!said || output === undefined) return undefined;
  const read = count(said["cacheReadInputTokens"] ?? said["cacheReadInputTokenCount"]);
  const written = count(said["cacheWriteInputTokens"] ?? said["cacheWriteInputTokenCount"]);
  const usage: Usage = {
    inputTokens: (count(said["inputTokens"]) ?? 0) + (read ?? 0) + (written ?? 0),
    outputTokens: output,
  };
  if (read !== undefined) usage.cacheReadTokens = read;
  if (written !== undefined) usage.cacheWriteTokens = written;
  return usage;
}

interface Block {
  start: Fields;
  /** What its deltas said, of whichever kind it is. */
  text: string[];
  kind: "text" | "toolUse" | "reasoning";
}

/** Every event has one field, which names it. */
class ConverseReader implements StreamReader {
  readonly #blocks = new Map<number, Block>();
  #stopReason: string | undefined;
  #usage: unknown;

  read(value: unknown): boolean {
    const event = fields(value);
    const started = fields(event?.["contentBlockStart"]);
    if (started) return this.#block(started, "toolUse", fields(started["start"]));
    const delta = fields(event?.["contentBlockDelta"]);
    if (delta) return this.#continue(delta);
    const stopped = fields(event?.["messageStop"]);
    if (stopped) this.#stopReason = text(stopped["stopReason"]);
    const usage = fields(event?.["metadata"])?.["usage"];
    if (usage !== undefined) this.#usage = usage;
    return false;
  }

  #block(event: Fields, kind: Block["kind"], start: Fields = {}): boolean {
    const isToolUse = start["toolUse"] !== undefined;
    this.#blocks.set(count(event["contentBlockIndex"]) ?? 0, {
      start: fields(start["toolUse"]) ?? {},
      text: [],
      kind: isToolUse ? kind : "text",
    });
    return isToolUse;
  }

  #continue(event: Fields): boolean {
    const index = count(event["contentBlockIndex"]) ?? 0;
    const delta = fields(event["delta"]) ?? {};
    // Texts begin without an event of their own.
    if (!this.#blocks.has(index)) this.#block(event, "text");
    const block = this.#blocks.get(index);
    const thought = text(fields(delta["reasoningContent"])?.["text"]);
    const piece = text(delta["text"]) ?? thought ?? text(fields(delta["toolUse"])?.["input"]);
    if (!block || !piece) return false;
    if (thought !== undefined) block.kind = "reasoning";
    block.text.push(piece);
    return true;
  }

  reply(): Reply {
    const content = [...this.#blocks.entries()]
      .sort(([one], [other]) => one - other)
      .map(([, block]) => wholeBlock(block));
    return replyOf(
      { stopReason: this.#stopReason, usage: this.#usage },
      { role: "assistant", content },
    );
  }
}

function wholeBlock({ start, text: pieces, kind }: Block): Fields {
  const whole = pieces.join("");
  switch (kind) {
    case "toolUse":
      return { toolUse: { ...start, input: whole } };
    case "reasoning":
      return { reasoningContent: { reasoningText: { text: whole } } };
    case "text":
      return { text: whole };
  }
}
