/** Requests as OpenAI's API takes them, and its errors where they are wrong. */
import { CHAT_MODELS, EMBEDDING_MODELS } from "./models.ts";
import type { ChatModel } from "./models.ts";

/** Answered in OpenAI's shape: `{error: {message, type, param, code}}`. */
export class ApiError extends Error {
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;

  constructor(status: number, message: string, where: { param?: string; code?: string } = {}) {
    super(message);
    this.status = status;
    this.param = where.param ?? null;
    this.code = where.code ?? null;
  }
}

export interface Message {
  role: string;
  content: string;
}

export interface ChatRequest {
  model: ChatModel;
  messages: Message[];
  stream: boolean;
  includeUsage: boolean;
  maxTokens: number;
  /** response_format asks for JSON. */
  json: boolean;
}

const ROLES = ["developer", "system", "user", "assistant", "tool", "function"];

export function parseChatRequest(body: unknown): ChatRequest {
  const fields = asObject(body);
  const model = findModel(CHAT_MODELS, fields["model"]);
  const list = fields["messages"];
  if (!Array.isArray(list) || list.length === 0) {
    throw invalid(
      "messages",
      "Invalid 'messages': empty array. Expected an array with minimum length 1.",
    );
  }
  if (model.reasoning && fields["max_tokens"] !== undefined) {
    throw invalid(
      "max_tokens",
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      "unsupported_parameter",
    );
  }
  const temperature = numberOf(fields, "temperature", 0, 2);
  if (model.reasoning && temperature !== undefined && temperature !== 1) {
    throw invalid(
      "temperature",
      `Unsupported value: 'temperature' does not support ${temperature} with this model. Only the default (1) value is supported.`,
      "unsupported_value",
    );
  }
  const options = fields["stream_options"];
  const format = fields["response_format"];
  return {
    model,
    messages: list.map(parseMessage),
    stream: fields["stream"] === true,
    includeUsage: isObject(options) && options["include_usage"] === true,
    maxTokens:
      numberOf(fields, "max_completion_tokens", 1, Infinity) ??
      numberOf(fields, "max_tokens", 1, Infinity) ??
      Infinity,
    json: isObject(format) && format["type"] !== "text",
  };
}

function parseMessage(message: unknown, i: number): Message {
  const { role, content } = isObject(message) ? message : {};
  if (typeof role !== "string" || !ROLES.includes(role)) {
    throw invalid(
      `messages[${i}].role`,
      `Invalid value: '${String(role)}'. Supported values are: ${ROLES.map((name) => `'${name}'`).join(", ")}.`,
      "invalid_value",
    );
  }
  return { role, content: textOf(content, i) };
}

/** Text, or the text parts of a list; images are not looked at. */
function textOf(content: unknown, i: number): string {
  if (typeof content === "string") return content;
  if (content === null || content === undefined) return "";
  if (!Array.isArray(content)) {
    throw invalid(
      `messages[${i}].content`,
      `Invalid type for 'messages[${i}].content': expected a string or an array.`,
    );
  }
  return content
    .filter(isObject)
    .map((part) => (typeof part["text"] === "string" ? part["text"] : ""))
    .join("\n");
}

export interface EmbeddingsRequest {
  model: string;
  inputs: string[];
  dimensions: number;
  base64: boolean;
}

export function parseEmbeddingsRequest(body: unknown): EmbeddingsRequest {
  const fields = asObject(body);
  const size = findModel(EMBEDDING_MODELS, fields["model"]);
  const input = fields["input"];
  const inputs = typeof input === "string" ? [input] : input;
  if (
    !Array.isArray(inputs) ||
    inputs.length === 0 ||
    inputs.length > 2048 ||
    !inputs.every(isText)
  ) {
    throw invalid(
      "input",
      "'input' must be a text, or an array of 1 to 2048 texts, none of them empty.",
    );
  }
  return {
    model: String(fields["model"]),
    inputs,
    dimensions: numberOf(fields, "dimensions", 1, size) ?? size,
    base64: fields["encoding_format"] === "base64",
  };
}

function findModel<T>(models: ReadonlyMap<string, T>, name: unknown): T {
  if (typeof name !== "string") throw invalid("model", "you must provide a model parameter");
  const model = models.get(name);
  if (model !== undefined) return model;
  throw new ApiError(404, `The model \`${name}\` does not exist or you do not have access to it.`, {
    code: "model_not_found",
  });
}

function numberOf(
  fields: Record<string, unknown>,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw invalid(
    name,
    `Invalid '${name}': expected a number from ${least} to ${most}, but got ${JSON.stringify(value)} instead.`,
  );
}

function invalid(param: string, message: string, code?: string): ApiError {
  return new ApiError(400, message, { param, ...(code !== undefined && { code }) });
}

function asObject(body: unknown): Record<string, unknown> {
  if (isObject(body)) return body;
  throw new ApiError(400, "We could not parse the JSON body of your request.");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
