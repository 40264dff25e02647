/**
 * Messages of any provider and framework in the form of `gen_ai.input.messages` and `gen_ai.output.messages`.
 *
 * Told apart by their shape, because dialects pass on what the provider or framework had: OpenAI's chat and Responses,
 * Anthropic's blocks, Gemini's parts, the AI SDK's model messages, LangChain's (serialised or not), and the
 * conventions' own.
 */
import { type Fields, fields, isFields, list, parsed, text } from "./value.ts";
import { finishReason } from "../finish-reason.ts";

type Message = { role: string; parts: Fields[]; name?: string; finish_reason?: string };

const ROLES: Readonly<Record<string, string>> = {
  human: "user",
  ai: "assistant",
  AIMessage: "assistant",
  AIMessageChunk: "assistant",
  HumanMessage: "user",
  SystemMessage: "system",
  ToolMessage: "tool",
  developer: "developer",
  function: "tool",
  model: "assistant",
};

/** A conversation in any shape: a list of messages, an object that holds one, JSON text of either, or plain text. */
export function messagesOf(value: unknown, role = "user"): Message[] {
  const given = parsed(value);
  if (given === undefined || given === null || given === "") return [];
  if (Array.isArray(given)) return messagesOfList(given as unknown[], role);
  const object = fields(given);
  if (object === undefined) return [textMessage(String(given as string), role)];
  const inner = innerList(object);
  if (inner !== undefined) {
    const before = text(object["system"]) ?? text(object["instructions"]);
    const rest = messagesOf(inner, role);
    return before === undefined ? rest : [textMessage(before, "system"), ...rest];
  }
  const message = messageOf(object, role);
  // Not a message but some arguments or result.
  return message.parts.length > 0 || object["role"] !== undefined
    ? [message]
    : [textMessage(textOf(value), role)];
}

/** Requests and results hold their messages under one of these. */
function innerList(object: Fields): unknown {
  if (object["role"] !== undefined || object["parts"] !== undefined) return undefined;
  for (const key of ["messages", "choices", "generations", "contents", "prompt", "input", "output"])
    if (object[key] !== undefined && object[key] !== null) return object[key];
  return undefined;
}

function messagesOfList(values: readonly unknown[], role: string): Message[] {
  // LangChain nests a list of messages for each prompt.
  const flat = values.length === 1 && Array.isArray(values[0]) ? list(values[0]) : values;
  if (flat.length > 0 && flat.every((part) => isContentPart(part)))
    return [{ role, parts: flat.flatMap(partOf) }];
  return flat.map((value) =>
    isFields(value) ? messageOf(value, role) : textMessage(textOf(value), role),
  );
}

/** A part without a message around it. */
function isContentPart(value: unknown): boolean {
  const part = fields(value);
  return (
    part !== undefined &&
    part["role"] === undefined &&
    ["text", "tool-call", "tool_use", "reasoning", "thinking"].includes(part["type"] as string)
  );
}

function textMessage(content: string, role: string): Message {
  return { role, parts: [{ type: "text", content }] };
}

function messageOf(outer: Fields, defaultRole: string): Message {
  // A choice, an OpenInference item, a LangChain generation hold the message inside.
  const inner = fields(outer["message"]) ?? outer;
  const message = fields(inner["kwargs"]) ?? fields(inner["data"]) ?? inner;
  const role = roleOf(message, inner, defaultRole);
  const name = text(message["name"]);
  const reason = text(outer["finish_reason"] ?? message["finish_reason"]);
  return {
    role,
    parts: partsOf(message, role),
    ...(name === undefined || role === "tool" ? {} : { name }),
    ...(reason === undefined ? {} : { finish_reason: finishReason(reason) }),
  };
}

function roleOf(message: Fields, outer: Fields, defaultRole: string): string {
  // LangChain says the class: {"lc": 1, "id": ["langchain_core", "messages", "HumanMessage"]}.
  const className = text(list(outer["id"]).at(-1));
  const type = text(message["type"]) ?? text(outer["type"]);
  if (type === "function_call" || type === "reasoning") return "assistant";
  if (type === "function_call_output") return "tool";
  const said =
    text(message["role"]) ?? className ?? (type !== undefined && ROLES[type] ? type : "");
  return ROLES[said] ?? (said === "" ? defaultRole : said);
}

function partsOf(message: Fields, role: string): Fields[] {
  if (Array.isArray(message["parts"])) return list(message["parts"]).flatMap(partOf);
  if (message["type"] === "function_call") return [toolCall(message)];
  if (message["type"] === "function_call_output")
    return [toolResponse(message["call_id"], message["output"])];
  const content = parsedContent(message["content"] ?? message["contents"] ?? message["text"]);
  if (role === "tool" && !isToolResultList(content))
    return [toolResponse(message["tool_call_id"] ?? message["id"] ?? message["name"], content)];
  const parts: Fields[] = [];
  const reasoning = text(message["reasoning_content"]) ?? text(message["reasoning"]);
  if (reasoning !== undefined) parts.push({ type: "reasoning", content: reasoning });
  if (Array.isArray(content)) parts.push(...content.flatMap(partOf));
  else if (isFields(content)) parts.push(...partOf(content));
  else if (text(content) !== undefined) parts.push({ type: "text", content: text(content)! });
  const refusal = text(message["refusal"]);
  if (refusal !== undefined) parts.push({ type: "text", content: refusal });
  parts.push(...toolCallsOf(message));
  return parts;
}

function toolCallsOf(message: Fields): Fields[] {
  const extra = fields(message["additional_kwargs"]);
  const calls = [message["tool_calls"], message["toolCalls"], extra?.["tool_calls"]]
    .map((value) => list(parsed(value)))
    .find((found) => found.length > 0);
  const legacy = fields(message["function_call"]);
  return [
    ...(calls ?? []).map((call) => toolCall(fields(fields(call)?.["tool_call"]) ?? fields(call))),
    ...(legacy === undefined ? [] : [toolCall(legacy)]),
  ];
}

/** Some write the parts of a message as JSON text. */
function parsedContent(content: unknown): unknown {
  if (typeof content !== "string" || !/^\s*\[\s*\{\s*"type"/.test(content)) return content;
  return parsed(content);
}

function isToolResultList(content: unknown): boolean {
  return list(content).some((part) =>
    ["tool-result", "tool_result"].includes(fields(part)?.["type"] as string),
  );
}

function partOf(value: unknown): Fields[] {
  const outer = fields(value);
  if (outer === undefined) return [{ type: "text", content: textOf(value) }];
  const part = fields(outer["message_content"]) ?? outer; // OpenInference
  switch (part["type"]) {
    case "text":
    case "input_text":
    case "output_text":
      return [{ type: "text", content: textOf(part["text"] ?? part["content"]) }];
    case "reasoning":
    case "thinking":
      return [
        { type: "reasoning", content: textOf(part["content"] ?? part["text"] ?? part["thinking"]) },
      ];
    case "tool_call":
    case "tool-call":
    case "tool_use":
    case "function":
      return [toolCall(part)];
    case "tool_call_response":
      return [toolResponse(part["id"], part["response"] ?? part["result"])];
    case "tool-result":
    case "tool_result":
      return [
        toolResponse(
          part["toolCallId"] ?? part["tool_use_id"],
          outputOf(part["output"] ?? part["result"] ?? part["content"]),
        ),
      ];
    case "image_url":
      return [{ type: "uri", modality: "image", uri: fields(part["image_url"])?.["url"] ?? "" }];
    case undefined:
      return geminiPart(part);
    default:
      return [part];
  }
}

/** The AI SDK wraps a tool's output: {type: "json", value: …}. */
function outputOf(output: unknown): unknown {
  const wrapped = fields(output);
  return wrapped?.["value"] !== undefined && wrapped["type"] !== undefined
    ? wrapped["value"]
    : output;
}

function geminiPart(part: Fields): Fields[] {
  const call = fields(part["functionCall"] ?? part["function_call"]);
  const response = fields(part["functionResponse"] ?? part["function_response"]);
  if (call) return [toolCall(call)];
  if (response) return [toolResponse(response["name"], response["response"])];
  if (part["text"] !== undefined) return [{ type: "text", content: textOf(part["text"]) }];
  return [{ type: "generic", content: part }];
}

function toolCall(call: Fields | undefined): Fields {
  const inner = fields(call?.["function"]) ?? call ?? {};
  return {
    type: "tool_call",
    id:
      text(call?.["call_id"]) ??
      text(call?.["id"]) ??
      text(call?.["toolCallId"]) ??
      text(call?.["tool_call_id"]) ??
      null,
    name: text(inner["name"]) ?? text(inner["toolName"]) ?? text(inner["tool_name"]) ?? "",
    arguments: parsed(inner["arguments"] ?? inner["args"] ?? inner["input"] ?? null),
  };
}

function toolResponse(id: unknown, response: unknown): Fields {
  return { type: "tool_call_response", id: text(id) ?? null, response: response ?? null };
}

/** Definitions of tools as the conventions have them: type, name, description, parameters. */
export function toolDefinitionsOf(value: unknown): Fields[] {
  return list(parsed(value)).map((one) => {
    const outer = fields(parsed(fields(fields(one)?.["tool"])?.["json_schema"] ?? one)) ?? {};
    const inner = fields(outer["function"]) ?? outer;
    const parameters = inner["parameters"] ?? inner["inputSchema"] ?? inner["input_schema"];
    return {
      type: text(outer["type"]) ?? "function",
      name: text(inner["name"]) ?? "",
      ...(inner["description"] === undefined ? {} : { description: inner["description"] }),
      ...(parameters === undefined ? {} : { parameters: parsed(parameters) }),
    };
  });
}

/** Retrieved documents: id, score, content, metadata; whatever else they have stays. */
export function documentsOf(value: unknown): unknown[] {
  const given = parsed(value);
  const found = Array.isArray(given) ? given : list(fields(given)?.["documents"]);
  return found.map((one) => {
    const outer = fields(one);
    if (outer === undefined) return { content: textOf(one) };
    const document = fields(outer["document"]) ?? outer;
    const { page_content: pageContent, pageContent: camel, metadata, ...rest } = document;
    const content = rest["content"] ?? pageContent ?? camel;
    return {
      ...rest,
      ...(content === undefined ? {} : { content }),
      ...(metadata === undefined ? {} : { metadata: parsed(metadata) }),
    };
  });
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
