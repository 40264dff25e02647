import "@assay/instrumentation/register";
/**
 * Answers questions from the handbook: finds passages, hands them to a model, returns the answer with its sources.
 *
 * The import above is all that tracing takes; `traceRetriever` and `withContext` add what no library can know: what is
 * searched, and whose question it is. Questions and answers pass the guardrails of `guardrails.ts`.
 */
import { GuardBlockedError, shutdown, traceRetriever, withContext } from "@assay/instrumentation";
import express from "express";
import type { NextFunction, Request, Response } from "express";
import { fileURLToPath } from "node:url";
import OpenAI, { APIError } from "openai";
import type {
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionCreateParamsStreaming,
} from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import { readPassages } from "./documents.ts";
import { guardrails } from "./guardrails.ts";
import { listen, portOf } from "./listen.ts";
import { PROMPT, systemPrompt } from "./prompt.ts";
import { BadQuestion, parseQuestion } from "./question.ts";
import type { Question } from "./question.ts";
import { createRetriever } from "./retriever.ts";
import type { FoundPassage } from "./retriever.ts";

const TOP_K = 4;
const PROJECT = process.env["ASSAY_PROJECT"] ?? "handbook";
const DEFAULT_MODEL = process.env["MODEL"] ?? "gpt-4o-mini";

const openai = createClient();
const ask = guardrails.wrap(
  (body: ChatCompletionCreateParamsNonStreaming, options: OpenAI.RequestOptions) =>
    openai.chat.completions.create(body, options),
);
const askStreamed = guardrails.wrap(
  (body: ChatCompletionCreateParamsStreaming, options: OpenAI.RequestOptions) =>
    openai.chat.completions.create(body, options),
);
const search = traceRetriever(
  createRetriever(readPassages(fileURLToPath(new URL("documents", import.meta.url))), TOP_K),
  {
    name: "handbook",
    provider: "minisearch",
    topK: TOP_K,
    documents: (found) =>
      found.map(({ id, score, title, text }) => ({
        id,
        score,
        content: text,
        metadata: { title },
      })),
  },
);

/** OpenAI with a key (OPENAI_BASE_URL is honoured); without one, the stand-in of `model-server.ts`. */
function createClient(): OpenAI {
  if (process.env["OPENAI_API_KEY"]) return new OpenAI();
  const baseURL = process.env["MODEL_SERVER_URL"] ?? "http://127.0.0.1:8093/v1";
  return new OpenAI({ apiKey: "stand-in", baseURL });
}

interface Answer {
  answer: string;
  sources: { id: string; title: string; score: number }[];
  model: string;
  usage: CompletionUsage | undefined;
  /** Null when nobody asked within a trace. */
  traceId: string | null;
}

const app = express();
app.use(express.json({ limit: "64kb" }));

app.post("/ask", async (request, response) => {
  const question = parseQuestion(request.body);
  const { user, session } = question;
  const context = {
    project: PROJECT,
    promptId: PROMPT.id,
    promptVersion: PROMPT.version,
    ...(user !== undefined && { user }),
    ...(session !== undefined && { session }),
  };
  await withContext(context, () => answer(question, request, response));
});

app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
  // Nobody is there to hear of it.
  if (response.closed) return;
  if (response.headersSent) return next(error);
  const { status, message } = describe(error);
  response.status(status).json({ error: message });
});

listen(process.env["OTEL_SERVICE_NAME"] ?? "handbook", app, {
  port: portOf(8092),
  stopped: shutdown,
});

async function answer(question: Question, request: Request, response: Response): Promise<void> {
  const passages = search(question.question);
  const completion = {
    model: question.model ?? DEFAULT_MODEL,
    messages: [
      { role: "system" as const, content: systemPrompt(passages) },
      { role: "user" as const, content: question.question },
    ],
  };
  // Whoever stops listening should not be paid for.
  const abort = new AbortController();
  response.once("close", () => abort.abort());
  const options = { signal: abort.signal };

  if (!question.stream) {
    const result = await ask(completion, options);
    const text = result.choices[0]?.message.content ?? "";
    response.json(toAnswer(request, { passages, text, model: result.model, usage: result.usage }));
    return;
  }

  const stream = await askStreamed(
    { ...completion, stream: true, stream_options: { include_usage: true } },
    options,
  );
  let text = "";
  let model = completion.model;
  let usage: CompletionUsage | undefined;
  response.setHeader("content-type", "text/event-stream");
  for await (const chunk of stream) {
    model = chunk.model;
    usage = chunk.usage ?? usage;
    const delta = chunk.choices[0]?.delta.content ?? "";
    text += delta;
    if (delta !== "") response.write(`event: delta\ndata: ${JSON.stringify({ text: delta })}\n\n`);
  }
  const done = toAnswer(request, { passages, text, model, usage });
  response.end(`event: done\ndata: ${JSON.stringify(done)}\n\n`);
}

function toAnswer(
  request: Request,
  given: {
    passages: FoundPassage[];
    text: string;
    model: string;
    usage: CompletionUsage | undefined;
  },
): Answer {
  const cited = new Set([...given.text.matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n) - 1));
  return {
    answer: given.text,
    sources: given.passages
      .filter((_, i) => cited.has(i))
      .map(({ id, title, score }) => ({ id, title, score })),
    model: given.model,
    usage: given.usage,
    traceId: request.header("traceparent")?.split("-")[1] ?? null,
  };
}

function describe(error: unknown): { status: number; message: string } {
  if (error instanceof BadQuestion) return { status: 400, message: error.message };
  if (error instanceof GuardBlockedError)
    return { status: 400, message: `question: refused (${error.types.join(", ")})` };
  if (error instanceof APIError)
    return { status: 502, message: `the model's API: ${error.message}` };
  const status = (error as { status?: unknown }).status;
  // What express refuses itself: a body that is too large, or no JSON.
  if (typeof status === "number" && status < 500) return { status, message: String(error) };
  console.error(error);
  return { status: 500, message: "internal error" };
}
