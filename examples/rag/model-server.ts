/**
 * A STAND-IN for a model's API, for trying the example without a key. It speaks OpenAI's HTTP protocol, so that the
 * real SDK talks to it, but no model is behind it: chat answers are sentences picked from the prompt
 * (model-server/answer.ts), grades come of shared words (model-server/grade.ts). Tokens are really counted, prefixes are cached as OpenAI caches them, latency follows the
 * number of tokens. Each response says what it is: header `x-stand-in: assay`, system_fingerprint `fp_stand_in`.
 *
 * It takes chat completions (streaming too), embeddings and the list of models. Tools are accepted and never called;
 * `n` is 1.
 *
 * PORT (8093); MODEL_SERVER_SPEED: 1 is as fast as the models, 10 ten times as fast, 0 without waiting.
 */
import express from "express";
import type { NextFunction, Request, Response } from "express";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { listen, portOf } from "./listen.ts";
import { answerTo } from "./model-server/answer.ts";
import { gradeOf } from "./model-server/grade.ts";
import { embed } from "./model-server/embeddings.ts";
import { CHAT_MODELS, EMBEDDING_MODELS } from "./model-server/models.ts";
import { createPromptCache } from "./model-server/prompt-cache.ts";
import { ApiError, parseChatRequest, parseEmbeddingsRequest } from "./model-server/requests.ts";
import type { ChatRequest } from "./model-server/requests.ts";
import { embeddingTokens, promptTokens, textOf, tokensOf } from "./model-server/tokens.ts";

const speed = speedOf(process.env["MODEL_SERVER_SPEED"] ?? "1");
const countCached = createPromptCache();

const app = express();
app.disable("x-powered-by");
app.use((request, response, next) => {
  response.setHeader("x-stand-in", "assay");
  response.setHeader("x-request-id", `req_${randomUUID().replaceAll("-", "")}`);
  if (!/^Bearer ./.test(request.header("authorization") ?? "")) {
    throw new ApiError(401, "You didn't provide an API key.", { code: "invalid_api_key" });
  }
  next();
});
app.use(express.json({ limit: "16mb" }));

app.get("/v1/models", (_request, response) => {
  const names = [...CHAT_MODELS.keys(), ...EMBEDDING_MODELS.keys()];
  const data = names.map((id) => ({
    id,
    object: "model",
    created: 1_700_000_000,
    owned_by: "stand-in",
  }));
  response.json({ object: "list", data });
});

app.post("/v1/embeddings", async (request, response) => {
  const { model, inputs, dimensions, base64 } = parseEmbeddingsRequest(request.body);
  const tokens = inputs.reduce((sum, input) => sum + embeddingTokens(input), 0);
  await wait(40 + tokens / 50);
  const data = inputs.map((input, index) => {
    const vector = embed(input, dimensions);
    const embedding = base64 ? Buffer.from(vector.buffer).toString("base64") : [...vector];
    return { object: "embedding", index, embedding };
  });
  response.json({
    object: "list",
    data,
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
});

app.post("/v1/chat/completions", async (request, response) => {
  const chat = parseChatRequest(request.body);
  const completion = complete(chat);
  if (chat.stream) await sendStream(chat, completion, response);
  else await sendWhole(chat, completion, response);
});

app.use((request) => {
  throw new ApiError(404, `Unknown request URL: ${request.method} ${request.path}.`, {
    code: "unknown_url",
  });
});

app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
  if (response.headersSent) return next(error);
  const known = error instanceof ApiError ? error : parseError(error);
  response.status(known.status).json({
    error: {
      message: known.message,
      type: known.status >= 500 ? "server_error" : "invalid_request_error",
      param: known.param,
      code: known.code,
    },
  });
});

listen("model-server (a stand-in, no model)", app, { port: portOf(8093) });

interface Completion {
  /** The same in each chunk of a stream. */
  identity: { id: string; created: number; model: string; system_fingerprint: string };
  tokens: number[];
  finishReason: "stop" | "length";
  reasoningTokens: number;
  usage: object;
}

function complete(chat: ChatRequest): Completion {
  const { model } = chat;
  const prompt = promptTokens(chat.messages);
  if (prompt.length > model.contextWindow) {
    throw new ApiError(
      400,
      `This model's maximum context length is ${model.contextWindow} tokens. However, your messages resulted in ${prompt.length} tokens. Please reduce the length of the messages.`,
      { param: "messages", code: "context_length_exceeded" },
    );
  }
  const whole = tokensOf(textFor(chat));
  // A reasoning model thinks in blocks of 64 tokens, longer about longer prompts, and that counts against the limit.
  const reasoningTokens = model.reasoning
    ? Math.min(64 * (2 + Math.floor(prompt.length / 300)), chat.maxTokens)
    : 0;
  const tokens = whole.slice(0, chat.maxTokens - reasoningTokens);
  const completionTokens = tokens.length + reasoningTokens;
  return {
    identity: {
      id: `chatcmpl-${randomUUID().replaceAll("-", "").slice(0, 29)}`,
      created: Math.floor(Date.now() / 1000),
      model: model.snapshot,
      system_fingerprint: "fp_stand_in",
    },
    tokens,
    finishReason: tokens.length < whole.length ? "length" : "stop",
    reasoningTokens,
    usage: {
      prompt_tokens: prompt.length,
      completion_tokens: completionTokens,
      total_tokens: prompt.length + completionTokens,
      prompt_tokens_details: {
        cached_tokens: countCached(model.snapshot, prompt),
        audio_tokens: 0,
      },
      completion_tokens_details: {
        reasoning_tokens: reasoningTokens,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
  };
}

function textFor({ messages, json }: ChatRequest): string {
  const grade = gradeOf(messages);
  if (grade !== undefined) return grade;
  const text = answerTo(messages);
  return json ? JSON.stringify({ answer: text }) : text;
}

async function sendWhole(
  chat: ChatRequest,
  completion: Completion,
  response: Response,
): Promise<void> {
  const { identity, tokens, finishReason, reasoningTokens, usage } = completion;
  await wait(chat.model.firstTokenMs + tokensMs(chat, tokens.length + reasoningTokens));
  const message = { role: "assistant", content: textOf(tokens), refusal: null, annotations: [] };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }];
  response.json({
    ...identity,
    object: "chat.completion",
    choices,
    usage,
    service_tier: "default",
  });
}

async function sendStream(
  chat: ChatRequest,
  completion: Completion,
  response: Response,
): Promise<void> {
  const { identity, tokens, finishReason, reasoningTokens, usage } = completion;
  const send = (choices: object[], last?: object) => {
    // Every chunk but the last says `usage: null` when usage was asked for.
    const withUsage = chat.includeUsage ? { usage: last ?? null } : {};
    const chunk = {
      ...identity,
      object: "chat.completion.chunk",
      choices,
      service_tier: "default",
      ...withUsage,
    };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  const choice = (delta: object, reason: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason: reason },
  ];
  await wait(chat.model.firstTokenMs + tokensMs(chat, reasoningTokens));
  response.setHeader("content-type", "text/event-stream; charset=utf-8");
  send(choice({ role: "assistant", content: "", refusal: null }));
  let sent = "";
  for (let end = 1; end <= tokens.length && !response.destroyed; end++) {
    const text = textOf(tokens.slice(0, end));
    // A character may be made of several tokens: it is sent when it is whole.
    if (text.endsWith("\ufffd") && end < tokens.length) continue;
    send(choice({ content: text.slice(sent.length) }));
    sent = text;
    await wait(tokensMs(chat, 1));
  }
  send(choice({}, finishReason));
  if (chat.includeUsage) send([], usage);
  response.end("data: [DONE]\n\n");
}

function tokensMs(chat: ChatRequest, tokens: number): number {
  return (tokens * 1000) / chat.model.tokensPerSecond;
}

async function wait(ms: number): Promise<void> {
  if (speed > 0) await sleep(ms / speed);
}

function speedOf(text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new Error(`MODEL_SERVER_SPEED: expected a number from 0, got "${text}"`);
}

/** What express refuses itself: no JSON, or too much of it. */
function parseError(error: unknown): ApiError {
  const { status } = error as { status?: unknown };
  if (typeof status === "number" && status < 500) {
    return new ApiError(status, "We could not parse the JSON body of your request.");
  }
  console.error(error);
  return new ApiError(500, "The server had an error while processing your request.");
}
