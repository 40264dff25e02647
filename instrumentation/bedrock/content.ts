/** Messages of Bedrock's Converse API as the messages of the conventions. */
import { normalStopReason as anthropicStopReason } from "../anthropic/content.ts";
import type { ContentWriter } from "../content-writer.ts";
import type { RequestContent } from "../dialect.ts";
import { newestFirst } from "../openai/chat.ts";
import { fields, list, text, type Fields } from "../untyped.ts";

export function writeInput(
  content: RequestContent,
  writer: ContentWriter,
): { system?: unknown[]; messages: unknown[] } {
  const messages = newestFirst(list(content.messages), (message) => writeMessage(message, writer));
  const system = list(content.system).map((block) => writeBlock(block, writer));
  return system.length > 0 ? { system, messages } : { messages };
}

export function writeMessage(value: unknown, writer: ContentWriter): Fields {
  const message = fields(value) ?? {};
  return {
    role: text(message["role"]) ?? "assistant",
    parts: list(message["content"]).map((block) => writeBlock(block, writer)),
  };
}

/** Anthropic's words, and those of Bedrock's own. */
export function normalStopReason(reason?: string): string {
  if (reason === "guardrail_intervened" || reason === "content_filtered") return "content_filter";
  return anthropicStopReason(reason);
}

function writeBlock(value: unknown, writer: ContentWriter): Fields {
  const block = fields(value) ?? {};
  const words = text(block["text"]);
  if (words !== undefined) return writer.textPart(words);
  const call = fields(block["toolUse"]);
  if (call) return writer.toolCall(call["toolUseId"], call["name"], call["input"]);
  const result = fields(block["toolResult"]);
  if (result) return writer.toolResponse(result["toolUseId"], resultOf(result["content"]));
  const reasoning = fields(block["reasoningContent"]);
  if (reasoning)
    return writer.textPart(text(fields(reasoning["reasoningText"])?.["text"]) ?? "", "reasoning");
  for (const modality of ["image", "document", "video", "audio"]) {
    const file = fields(block[modality]);
    if (file) return writeFile(modality, file, writer);
  }
  const [type = "unknown"] = Object.keys(block);
  return writer.generic({ ...fields(block[type]), type });
}

/** Texts alone are text; one value alone is that value. */
function resultOf(content: unknown): unknown {
  const blocks = list(content).map((block) => fields(block) ?? {});
  const texts = blocks.map((block) => text(block["text"]));
  if (texts.every((one) => one !== undefined)) return texts.join("");
  return blocks.length === 1 && blocks[0]?.["json"] !== undefined ? blocks[0]["json"] : content;
}

function writeFile(modality: string, file: Fields, writer: ContentWriter): Fields {
  const source = fields(file["source"]) ?? {};
  const address = fields(source["s3Location"])?.["uri"];
  if (address !== undefined) return writer.media(modality, address);
  const { bytes } = source;
  const base64 = bytes instanceof Uint8Array ? Buffer.from(bytes).toString("base64") : bytes;
  return writer.blob(modality, base64, `${modality}/${text(file["format"]) ?? "unknown"}`);
}
