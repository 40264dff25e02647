/** Any API of OpenAI's form, by OpenAI's own package. https://platform.openai.com/docs/api-reference/chat */
import OpenAI, { APIConnectionError, APIError, APIUserAbortError } from "openai";
import type {
  ChatCompletion,
  ChatCompletionCreateParamsNonStreaming,
} from "openai/resources/chat/completions";
import {
  CallError,
  PURPOSE,
  PURPOSE_HEADER,
  failureOfStatus,
  retryAfterMs,
  type CallModel,
  type EmbedTexts,
  type ModelAnswer,
  type ModelRequest,
} from "./provider.ts";

const TOP_LOGPROBS = 20;

interface Address {
  baseUrl: string;
  apiKey: string;
}

function clientOf({ baseUrl, apiKey }: Address): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    // A local server has no key, and the package insists on one.
    apiKey: apiKey || "none",
    maxRetries: 0,
    defaultHeaders: { [PURPOSE_HEADER]: PURPOSE },
  });
}

export function openaiProvider(address: Address): CallModel {
  const client = clientOf(address);
  /** Servers of this form that know no schemas say so with a 400; they are asked without from then on. */
  let withSchema = true;

  return async (request, signal) => {
    const schema = withSchema;
    try {
      return answerOf(await create(client, request, schema, signal));
    } catch (error) {
      if (schema && isAboutSchema(error)) {
        withSchema = false;
        return await attempt(() => create(client, request, false, signal));
      }
      throw callError(error);
    }
  };
}

export function openaiEmbeddings(address: Address): EmbedTexts {
  const client = clientOf(address);
  return async ({ model, texts, timeoutMs }, signal) => {
    try {
      const { data, ...answer } = await client.embeddings.create(
        { model, input: [...texts], encoding_format: "float" },
        { signal, timeout: timeoutMs },
      );
      if (data.length !== texts.length)
        throw new CallError(
          "unavailable",
          `expected ${texts.length} embeddings, got ${data.length}`,
        );
      const vectors = data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => embedding);
      const usage = { inputTokens: answer.usage?.prompt_tokens ?? 0, outputTokens: 0 };
      return { vectors, model: answer.model, fingerprint: "", usage };
    } catch (error) {
      throw callError(error);
    }
  };
}

async function attempt(call: () => Promise<ChatCompletion>): Promise<ModelAnswer> {
  try {
    return answerOf(await call());
  } catch (error) {
    throw callError(error);
  }
}

function create(
  client: OpenAI,
  request: ModelRequest,
  withSchema: boolean,
  signal: AbortSignal,
): Promise<ChatCompletion> {
  const { model, system, turns, temperature, seed, maxTokens, schema, logprobs, timeoutMs } =
    request;
  const body: ChatCompletionCreateParamsNonStreaming = {
    model,
    messages: [
      ...(system === "" ? [] : [{ role: "system" as const, content: system }]),
      ...turns.map(({ role, text }) => ({ role, content: text })),
    ],
    temperature,
    max_tokens: maxTokens,
  };
  if (schema)
    body.response_format = withSchema
      ? { type: "json_schema", json_schema: { name: "grade", strict: true, schema } }
      : { type: "json_object" };
  if (seed !== undefined) body.seed = seed;
  if (logprobs) Object.assign(body, { logprobs: true, top_logprobs: TOP_LOGPROBS });
  return client.chat.completions.create(body, { signal, timeout: timeoutMs });
}

function isAboutSchema(error: unknown): boolean {
  return (
    error instanceof APIError &&
    (error.status === 400 || error.status === 422) &&
    /response_format|json_schema/.test(error.message)
  );
}

function answerOf(completion: ChatCompletion): ModelAnswer {
  const choice = completion.choices[0];
  if (!choice) throw new CallError("unavailable", "the provider's answer has no choice");
  const { message, finish_reason: finish, logprobs } = choice;
  const usage = completion.usage;
  const cached = usage?.prompt_tokens_details?.cached_tokens;
  return {
    text: message.content ?? "",
    finish:
      finish === "length"
        ? "length"
        : finish === "content_filter" || message.refusal
          ? "filter"
          : "stop",
    model: completion.model,
    fingerprint: completion.system_fingerprint ?? "",
    usage: {
      inputTokens: usage?.prompt_tokens ?? 0,
      outputTokens: usage?.completion_tokens ?? 0,
      ...(cached ? { cacheReadTokens: cached } : {}),
    },
    ...(logprobs?.content
      ? {
          tokens: logprobs.content.map(({ token, top_logprobs }) => ({
            token,
            likely: top_logprobs,
          })),
        }
      : {}),
  };
}

function callError(error: unknown): unknown {
  if (error instanceof CallError || error instanceof APIUserAbortError) return error;
  if (error instanceof APIConnectionError)
    return new CallError("unavailable", error.message, { cause: error });
  if (!(error instanceof APIError)) return error;
  const { status, code, message, headers } = error as APIError<
    number | undefined,
    Headers | undefined
  >;
  return new CallError(failureOfStatus(status, String(code ?? "")), message, {
    retryAfterMs: retryAfterMs(headers?.get("retry-after")),
    cause: error,
  });
}
