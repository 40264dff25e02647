/** Contents of Gemini's API as the messages of the conventions. */
import type { ContentWriter } from "../content-writer.ts";
import type { RequestContent, Reply } from "../dialect.ts";
import { newestFirst } from "../openai/chat.ts";
import { fields, list, text, type Fields } from "../untyped.ts";

export function writeInput(
  content: RequestContent,
  writer: ContentWriter,
): { system?: unknown[]; messages: unknown[] } {
  const messages = newestFirst(turnsOf(content.messages), (turn) =>
    writeTurn(fields(turn) ?? {}, writer),
  );
  const system = turnsOf(content.system).flatMap((turn) => writeParts(turn, writer));
  return system.length > 0 ? { system, messages } : { messages };
}

export function writeOutput(reply: Reply, writer: ContentWriter): unknown[] {
  return reply.output.map((candidate, at) => {
    const turn = fields(fields(candidate)?.["content"]) ?? {};
    const reason = normalReason(reply.finishReasons[at]);
    const calls = list(turn["parts"]).some((part) => fields(part)?.["functionCall"]);
    return {
      ...writeTurn({ role: "model", ...turn }, writer),
      finish_reason: calls && reason === "stop" ? "tool_call" : reason,
    };
  });
}

const REASONS: Readonly<Record<string, string>> = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content_filter",
  RECITATION: "content_filter",
  BLOCKLIST: "content_filter",
  PROHIBITED_CONTENT: "content_filter",
  SPII: "content_filter",
  IMAGE_SAFETY: "content_filter",
  MALFORMED_FUNCTION_CALL: "error",
};

/** The conventions' words; what they have none for stays. */
function normalReason(reason = "error"): string {
  return REASONS[reason] ?? reason;
}

/** A text, a part, a turn, or a list of either: whatever is not yet a turn is what the user says. */
function turnsOf(value: unknown): Fields[] {
  if (value === undefined || value === null) return [];
  const items = Array.isArray(value) ? list(value) : [value];
  const isTurns = items.every((item) => Array.isArray(fields(item)?.["parts"]));
  return isTurns ? items.map((item) => fields(item) ?? {}) : [{ role: "user", parts: items }];
}

function writeTurn(turn: Fields, writer: ContentWriter): Fields {
  const role = text(turn["role"]) ?? "user";
  const isAnswer = list(turn["parts"]).some((part) => fields(part)?.["functionResponse"]);
  return {
    role: isAnswer ? "tool" : role === "model" ? "assistant" : role,
    parts: writeParts(turn, writer),
  };
}

function writeParts(turn: Fields, writer: ContentWriter): Fields[] {
  return list(turn["parts"]).map((part) => writePart(part, writer));
}

function writePart(value: unknown, writer: ContentWriter): Fields {
  if (typeof value === "string") return writer.textPart(value);
  const part = fields(value) ?? {};
  const words = text(part["text"]);
  if (words !== undefined)
    return writer.textPart(words, part["thought"] === true ? "reasoning" : "text");
  const call = fields(part["functionCall"]);
  if (call) return writer.toolCall(call["id"], call["name"], call["args"]);
  const answer = fields(part["functionResponse"]);
  if (answer) return writer.toolResponse(answer["id"] ?? answer["name"], answer["response"]);
  const inline = fields(part["inlineData"]);
  if (inline) return writer.blob(modalityOf(inline), inline["data"], text(inline["mimeType"]));
  const file = fields(part["fileData"]);
  if (file) return writer.media(modalityOf(file), file["fileUri"], text(file["mimeType"]));
  const [type = "unknown"] = Object.keys(part);
  return writer.generic({ ...fields(part[type]), type });
}

/** `image/png` is an image. */
function modalityOf(data: Fields): string {
  const [type = ""] = (text(data["mimeType"]) ?? "").split("/");
  return ["image", "audio", "video"].includes(type) ? type : "document";
}
