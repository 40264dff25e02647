/** A model API on loopback that speaks OpenAI's protocol. What it answers depends on the name of the model. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ModelServer {
  /** For `baseURL`. */
  url: string;
  /** Models whose request was cut off by the client before the answer was complete. */
  aborted: Set<string>;
  /** Model → the headers of its last request. */
  headers: Map<string, IncomingMessage["headers"]>;
  close: () => Promise<void>;
}

interface Body {
  model: string;
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  tools?: unknown[];
}

export async function startModelServer(): Promise<ModelServer> {
  const aborted = new Set<string>();
  const headers = new Map<string, IncomingMessage["headers"]>();
  const requests = new Map<string, number>();
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === "/aborted") {
      response.end(JSON.stringify([...aborted]));
      return;
    }
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body = JSON.parse(text) as Body;
    const { model } = body;
    headers.set(model, request.headers);
    response.on("close", () => {
      if (!response.writableFinished) aborted.add(model);
    });
    const attempt = (requests.get(model) ?? 0) + 1;
    requests.set(model, attempt);
    response.setHeader("x-request-id", `req-${model}`);
    if (model.includes("hang")) return;
    if (model.includes("unauthorized")) return refuse(response, 401, "invalid_api_key");
    if (model.includes("limited") && attempt === 1) {
      response.setHeader("retry-after-ms", "1");
      return refuse(response, 429, "rate_limit_exceeded");
    }
    const path = (request.url ?? "").replace("/v1", "");
    if (body.stream) await streamAnswer(path, body, response);
    else json(response, 200, plainAnswer(path, body));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    aborted,
    headers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function refuse(response: ServerResponse, status: number, code: string): void {
  json(response, status, { error: { message: `refused: ${code}`, type: "error", code } });
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json").end(JSON.stringify(value));
}

const CHAT_USAGE = {
  prompt_tokens: 20,
  completion_tokens: 8,
  total_tokens: 28,
  prompt_tokens_details: { cached_tokens: 5, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 3 },
};
const RESPONSE_USAGE = {
  input_tokens: 30,
  output_tokens: 9,
  total_tokens: 39,
  input_tokens_details: { cached_tokens: 7 },
  output_tokens_details: { reasoning_tokens: 4 },
};
const WORDS = ["One", " two", " three", " four", " five", " six"];
const TOOL_CALL = {
  id: "call_1",
  type: "function",
  function: { name: "weather", arguments: '{"city":"Oslo"}' },
};

function plainAnswer(path: string, body: Body): unknown {
  const { model } = body;
  if (path === "/responses") return responseObject(model, "completed");
  if (path === "/embeddings")
    return {
      object: "list",
      model,
      data: [
        {
          object: "embedding",
          index: 0,
          embedding: Buffer.from(new Float32Array([1, 2, 3, 4]).buffer).toString("base64"),
        },
      ],
      usage: { prompt_tokens: 6, total_tokens: 6 },
    };
  if (path === "/completions")
    return {
      id: "cmpl-1",
      object: "text_completion",
      created: 1,
      model,
      choices: [{ index: 0, text: "done", finish_reason: "stop", logprobs: null }],
      usage: CHAT_USAGE,
    };
  const message = body.tools
    ? { role: "assistant", content: null, tool_calls: [TOOL_CALL] }
    : { role: "assistant", content: model.includes("json") ? '{"answer":42}' : WORDS.join("") };
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model,
    service_tier: "default",
    system_fingerprint: "fp_1",
    choices: [
      { index: 0, message, finish_reason: body.tools ? "tool_calls" : "stop", logprobs: null },
    ],
    usage: CHAT_USAGE,
  };
}

async function streamAnswer(path: string, body: Body, response: ServerResponse): Promise<void> {
  response.setHeader("content-type", "text/event-stream");
  const events = path === "/responses" ? responseEvents(body.model) : chatChunks(body);
  for (const [at, event] of events.entries()) {
    if (response.destroyed) return;
    if (body.model.includes("broken") && at === 3) {
      response.destroy();
      return;
    }
    if (body.model.includes("error-event") && at === 3) {
      response.write(
        `data: ${JSON.stringify({ error: { message: "overloaded", code: "overloaded" } })}\n\n`,
      );
      response.end();
      return;
    }
    response.write(`data: ${JSON.stringify(event)}\n\n`);
    // Time for the client to turn away; the rest of an endless stream comes only to those who stay.
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (body.model.includes("endless") && at === 3) return;
  }
  if (path !== "/responses") response.write("data: [DONE]\n\n");
  response.end();
}

function chatChunks(body: Body): unknown[] {
  const chunk = (choices: unknown[], usage?: unknown) => ({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model: body.model,
    service_tier: "default",
    system_fingerprint: "fp_1",
    choices,
    ...(usage === undefined ? {} : { usage }),
  });
  const choice = (delta: unknown, finishReason: string | null = null) => [
    { index: 0, delta, finish_reason: finishReason, logprobs: null },
  ];
  const toolDeltas = [
    { index: 0, id: "call_1", type: "function", function: { name: "weather", arguments: "" } },
    { index: 0, function: { arguments: '{"city":' } },
    { index: 0, function: { arguments: '"Oslo"}' } },
  ].map((call) => chunk(choice({ tool_calls: [call] })));
  return [
    chunk(choice({ role: "assistant", content: "" })),
    // An empty choices array in the middle, as Azure's content filter sends it.
    ...(body.model.includes("empty-choices") ? [chunk([])] : []),
    ...(body.tools ? toolDeltas : WORDS.map((word) => chunk(choice({ content: word })))),
    chunk(choice({}, body.tools ? "tool_calls" : "stop")),
    ...(body.stream_options?.include_usage ? [chunk([], CHAT_USAGE)] : []),
  ];
}

function responseObject(model: string, status: string): Record<string, unknown> {
  const text = WORDS.join("");
  return {
    id: "resp_1",
    object: "response",
    created_at: 1,
    model,
    status,
    error: null,
    incomplete_details: null,
    service_tier: "default",
    tools: [],
    output:
      status === "completed"
        ? [
            {
              id: "msg_1",
              type: "message",
              role: "assistant",
              status: "completed",
              content: [{ type: "output_text", text, annotations: [] }],
            },
          ]
        : [],
    usage: status === "completed" ? RESPONSE_USAGE : null,
  };
}

function responseEvents(model: string): unknown[] {
  const at = { item_id: "msg_1", output_index: 0, content_index: 0 };
  const part = (text: string) => ({ type: "output_text", text, annotations: [] });
  const item = (status: string, content: unknown[]) => ({
    id: "msg_1",
    type: "message",
    role: "assistant",
    status,
    content,
  });
  const text = WORDS.join("");
  const events: Record<string, unknown>[] = [
    { type: "response.created", response: responseObject(model, "in_progress") },
    { type: "response.output_item.added", output_index: 0, item: item("in_progress", []) },
    { type: "response.content_part.added", ...at, part: part("") },
    ...WORDS.map((delta) => ({ type: "response.output_text.delta", ...at, delta })),
    { type: "response.output_text.done", ...at, text },
    { type: "response.content_part.done", ...at, part: part(text) },
    { type: "response.output_item.done", output_index: 0, item: item("completed", [part(text)]) },
    { type: "response.completed", response: responseObject(model, "completed") },
  ];
  return events.map((event, sequence) => ({ ...event, sequence_number: sequence }));
}
