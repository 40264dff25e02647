/** A call of a model as LangChain sees it: told where the SDK beneath it was not (framework-call.ts). */
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply } from "../dialect.ts";
import { guarded } from "../health.ts";
import type { CallRequest } from "../model-call.ts";
import { observeResult, type ResultWatch } from "../observe-result.ts";
import { chat, tokenUsage } from "../openai/chat.ts";
import { putCount, sizeOf } from "../openai/request.ts";
import type { Tracer } from "../patch-method.ts";
import type { Usage } from "../pricing.ts";
import { count, fields, list, memberOf, text, type Fields } from "../untyped.ts";
import { startFrameworkCall, type FrameworkCall } from "./framework-call.ts";

/** `ls_provider` → the conventions' names, where they differ. */
const PROVIDERS: Readonly<Record<string, string>> = {
  azure: "azure.ai.openai",
  amazon_bedrock: "aws.bedrock",
  bedrock: "aws.bedrock",
  google_genai: "gcp.gemini",
  google_vertexai: "gcp.vertex_ai",
  mistral: "mistral_ai",
  xai: "x_ai",
};

/** generate(messages of each prompt, options): a list of answers. */
export const traceGenerate: Tracer = (original, self, args) => {
  const call = startFrameworkCall(() => requestOf(self, list(args[0])[0], args[1]));
  const generate = (): unknown => Reflect.apply(original, self, args);
  return call ? observed(call, generate, (result) => answerIn(result)) : generate();
};

/** _streamIterator(input, options): an iterator over pieces of a message. */
export const traceStream: Tracer = (original, self, args) => {
  const call = startFrameworkCall(() => requestOf(self, args[0], args[1], true));
  const stream = (): unknown => Reflect.apply(original, self, args);
  return call ? observed(call, stream, (_, pieces) => concatenated(pieces)) : stream();
};

function requestOf(self: unknown, input: unknown, options: unknown, stream = false): CallRequest {
  const say = memberOf(self, "getLsParams");
  const said =
    typeof say === "function" ? fields(Reflect.apply(say, self, [fields(options) ?? {}])) : {};
  const provider = (text(said?.["ls_provider"]) ?? "unknown").toLowerCase();
  return {
    dialect: langchainCall,
    body: {
      model: text(said?.["ls_model_name"]) ?? text(memberOf(self, "model")) ?? "",
      messages: messagesOf(input),
      temperature: said?.["ls_temperature"],
      max_tokens: said?.["ls_max_tokens"],
      stream,
    },
    server: { provider: PROVIDERS[provider] ?? provider, address: "", port: undefined },
  };
}

/** A text, a prompt, messages. */
function messagesOf(input: unknown): readonly unknown[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  const inner = Array.isArray(input) ? input : memberOf(input, "messages");
  return list(inner).map(asOpenAi);
}

const ROLES: Readonly<Record<string, string>> = { human: "user", ai: "assistant" };

/** A message of LangChain's in OpenAI's form, which the conventions' is made from. */
function asOpenAi(value: unknown): Fields {
  if (typeof value === "string") return { role: "user", content: value };
  const typeOf = memberOf(value, "_getType");
  const type = typeof typeOf === "function" ? String(Reflect.apply(typeOf, value, [])) : "user";
  return {
    role: ROLES[type] ?? type,
    content: memberOf(value, "content"),
    tool_call_id: memberOf(value, "tool_call_id"),
    tool_calls: list(memberOf(value, "tool_calls")).map((call) => {
      const { id, name, args } = fields(call) ?? {};
      return { id, function: { name, arguments: args } };
    }),
  };
}

const langchainCall: Dialect = {
  ...chat,
  request(body) {
    const attributes = body["stream"] === true ? { [ATTR.requestStream]: true } : {};
    putCount(attributes, ATTR.requestTemperature, body["temperature"]);
    putCount(attributes, ATTR.requestMaxTokens, body["max_tokens"]);
    return attributes;
  },
};

/** A message, or a text where the model speaks none. */
type Answer = (result: unknown, pieces: readonly unknown[]) => unknown;

function observed(call: FrameworkCall, work: () => unknown, answer: Answer): unknown {
  const pieces: unknown[] = [];
  const watch: ResultWatch = {
    succeed: (value) => call.succeed(() => replyOf(answer(value, pieces))),
    fail: (error) => call.fail(error),
    abandon: () => call.succeed(() => replyOf(concatenated(pieces))),
    // Kept only as long as they may be needed.
    chunk: (piece) => void (call.isTold ? (pieces.length = 0) : pieces.push(piece)),
    run: (step) => call.run(step),
  };
  let result: unknown;
  try {
    result = call.run(work);
  } catch (error) {
    call.fail(error);
    throw error;
  }
  return observeResult(result, watch);
}

function answerIn(result: unknown): unknown {
  const generation = fields(list(list(memberOf(result, "generations"))[0])[0]);
  return generation?.["message"] ?? generation?.["text"];
}

/** Pieces know how to be put together. */
function concatenated(pieces: readonly unknown[]): unknown {
  return pieces.reduce((whole, piece) => {
    if (typeof whole === "string") return whole + String(piece);
    const concat = memberOf(whole, "concat");
    const joined: unknown =
      typeof concat === "function"
        ? guarded("joining pieces", () => Reflect.apply(concat, whole, [piece]) as unknown)
        : undefined;
    return joined ?? whole;
  });
}

function replyOf(answer: unknown): Reply {
  const message =
    typeof answer === "string" ? { role: "assistant", content: answer } : asOpenAi(answer);
  const said = fields(memberOf(answer, "response_metadata"));
  const reason = text(said?.["finish_reason"]) ?? text(said?.["stop_reason"]);
  return {
    id: text(memberOf(answer, "id")),
    model: text(said?.["model_name"]) ?? text(said?.["model"]),
    finishReasons: [reason ?? (answer === undefined ? "error" : "stop")],
    usage: usageOf(memberOf(answer, "usage_metadata")),
    output: [{ message }],
    outputSize: sizeOf(message["content"]),
  };
}

function usageOf(value: unknown): Usage | undefined {
  const said = fields(value);
  const input = count(said?.["input_tokens"]);
  const output = count(said?.["output_tokens"]);
  if (input === undefined && output === undefined) return undefined;
  const inputDetails = fields(said?.["input_token_details"]);
  const usage = tokenUsage(
    input ?? 0,
    output ?? 0,
    count(inputDetails?.["cache_read"]),
    count(fields(said?.["output_token_details"])?.["reasoning"]),
  );
  const written = count(inputDetails?.["cache_creation"]);
  if (written !== undefined) usage.cacheWriteTokens = written;
  return usage;
}
