/** A scripted server in OpenAI's protocol: every chat has the same tokens, whoever asks and however. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const MODEL = "gpt-4o-mini-2024-07-18";
const ANSWER = "A span is one timed operation.";
const USAGE = {
  prompt_tokens: 120,
  completion_tokens: 20,
  total_tokens: 140,
  prompt_tokens_details: { cached_tokens: 64, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 5, audio_tokens: 0 },
};
const TOOL_CALL = {
  id: "call_1",
  type: "function",
  function: { name: "weather", arguments: '{"city":"Oslo"}' },
};
const IDENTITY = { id: "chatcmpl-1", created: 1_767_225_600, model: MODEL };

interface ChatBody {
  stream?: boolean;
  tools?: unknown[];
  model?: string;
  encoding_format?: string;
}

function completion(body: ChatBody): object {
  const withTool = (body.tools?.length ?? 0) > 0;
  const message = withTool
    ? { role: "assistant", content: null, refusal: null, tool_calls: [TOOL_CALL] }
    : { role: "assistant", content: ANSWER, refusal: null };
  const choice = {
    index: 0,
    message,
    logprobs: null,
    finish_reason: withTool ? "tool_calls" : "stop",
  };
  return { ...IDENTITY, object: "chat.completion", choices: [choice], usage: USAGE };
}

function sendStream(response: ServerResponse): void {
  response.setHeader("content-type", "text/event-stream");
  const send = (choices: object[], usage: object | null): void => {
    const chunk = { ...IDENTITY, object: "chat.completion.chunk", choices, usage };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  const choice = (delta: object, reason: string | null) => [
    { index: 0, delta, logprobs: null, finish_reason: reason },
  ];
  send(choice({ role: "assistant", content: "" }, null), null);
  for (const word of ANSWER.split(/(?<= )/)) send(choice({ content: word }, null), null);
  send(choice({}, "stop"), null);
  send([], USAGE);
  response.end("data: [DONE]\n\n");
}

function embeddings(body: ChatBody): object {
  const vector = [0.5, 0.25, 0.125];
  const embedding =
    body.encoding_format === "base64"
      ? Buffer.from(Float32Array.from(vector).buffer).toString("base64")
      : vector;
  return {
    object: "list",
    data: [{ object: "embedding", index: 0, embedding }],
    model: "text-embedding-3-small",
    usage: { prompt_tokens: 5, total_tokens: 5 },
  };
}

export async function startModelServer(): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString() || "{}") as ChatBody;
      if (request.url?.endsWith("/chat/completions") && body.stream) return sendStream(response);
      response.setHeader("content-type", "application/json");
      const answer = request.url?.endsWith("/embeddings") ? embeddings(body) : completion(body);
      response.end(JSON.stringify(answer));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
