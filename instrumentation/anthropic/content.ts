/** Messages of Anthropic's API as the messages of the conventions. */
import type { ContentWriter } from "../content-writer.ts";
import type { RequestContent } from "../dialect.ts";
import { newestFirst } from "../openai/chat.ts";
import { fields, list, text, type Fields } from "../untyped.ts";

export function writeInput(
  content: RequestContent,
  writer: ContentWriter,
): { system?: unknown[]; messages: unknown[] } {
  const messages = newestFirst(list(content.messages), (message) => writeMessage(message, writer));
  const system = writeBlocks(content.system, writer);
  return system.length > 0 ? { system, messages } : { messages };
}

export function writeMessage(value: unknown, writer: ContentWriter): Fields {
  const message = fields(value) ?? {};
  return {
    role: text(message["role"]) ?? "assistant",
    parts: writeBlocks(message["content"], writer),
  };
}

/** The conventions' words; what they have none for stays. */
export function normalStopReason(reason = "error"): string {
  return STOP_REASONS[reason] ?? reason;
}

const STOP_REASONS: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_call",
  refusal: "content_filter",
};

function writeBlocks(content: unknown, writer: ContentWriter): Fields[] {
  if (typeof content === "string") return [writer.textPart(content)];
  return list(content).map((block) => writeBlock(fields(block) ?? {}, writer));
}

function writeBlock(block: Fields, writer: ContentWriter): Fields {
  const type = text(block["type"]) ?? "";
  switch (type) {
    case "text":
      return writer.textPart(text(block["text"]) ?? "");
    case "thinking":
      return writer.textPart(text(block["thinking"]) ?? "", "reasoning");
    case "redacted_thinking":
      // Encrypted: nobody but the provider can read it.
      return writer.textPart("", "reasoning");
    case "image":
    case "document":
      return writeFile(type, block, writer);
    case "tool_use":
    case "server_tool_use":
    case "mcp_tool_use":
      return writer.toolCall(block["id"], block["name"], block["input"]);
  }
  if (block["tool_use_id"] !== undefined)
    return writer.toolResponse(block["tool_use_id"], resultText(block["content"]));
  return writer.generic(block);
}

function writeFile(modality: string, block: Fields, writer: ContentWriter): Fields {
  const source = fields(block["source"]) ?? {};
  switch (source["type"]) {
    case "base64":
      return writer.blob(modality, source["data"], text(source["media_type"]));
    case "url":
      return writer.media(modality, source["url"]);
    case "file":
      return { type: "file", modality, file_id: text(source["file_id"]) ?? "" };
    case "text":
      return writer.textPart(text(source["data"]) ?? "");
    default:
      return writer.generic(block);
  }
}

/** Text, or blocks; blocks of text alone are text. */
function resultText(content: unknown): unknown {
  const texts = list(content).map((block) => text(fields(block)?.["text"]));
  return Array.isArray(content) && texts.every((one) => one !== undefined)
    ? texts.join("")
    : content;
}
