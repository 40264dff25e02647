/** A model API of OpenAI's form on loopback that grades as it is told: the material of each request decides. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface JudgeRequest {
  /** "": no judging, a canary. */
  metric: string;
  data: { question?: string; answer?: string; context?: string[]; reference?: string };
  taskId: string;
  /** 1, 2 … of the same metric and material. */
  attempt: number;
  system: string;
  model: string;
  temperature: number | undefined;
  maxTokens: number;
  messages: number;
  headers: IncomingHttpHeaders;
}

export interface JudgeReply {
  /** @default 200 */
  status?: number;
  headers?: Record<string, string>;
  /** Instead of a grade. */
  text?: string;
  score?: number;
  /** Instead of evidence, reasoning and score. */
  fields?: Record<string, unknown>;
  cannotJudge?: boolean;
  /** @default the request's own */
  taskId?: string;
  finish?: string;
  error?: { code: string; message: string };
  /** Break the connection. */
  hangUp?: boolean;
  /** Never answer. */
  hang?: boolean;
  /** Probability by token, where the score stands. */
  logprobs?: Record<string, number>;
}

export interface JudgeServer {
  url: string;
  requests: JudgeRequest[];
  /** Of all requests at once, at the most. */
  mostAtOnce(): number;
  close(): Promise<void>;
}

export async function startJudgeServer(
  reply: (request: JudgeRequest) => JudgeReply | Promise<JudgeReply>,
): Promise<JudgeServer> {
  const requests: JudgeRequest[] = [];
  const attempts = new Map<string, number>();
  let [open, most] = [0, 0];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      most = Math.max(most, ++open);
      response.on("close", () => open--);
      const sent = Buffer.concat(chunks).toString();
      if (request.url?.endsWith("/embeddings")) return embed(response, sent);
      const body = JSON.parse(sent) as ChatBody;
      const read = readRequest(body, request.headers, attempts);
      requests.push(read);
      void Promise.resolve(reply(read)).then((given) => answer(response, read, given, body.model));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    mostAtOnce: () => most,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A text is how often each letter stands in it. */
function embed(response: ServerResponse, sent: string): void {
  const { model, input } = JSON.parse(sent) as { model: string; input: string[] };
  const letters = Array.from("abcdefghijklmnopqrstuvwxyz");
  const data = input.map((text, index) => ({
    object: "embedding",
    index,
    embedding: letters.map((letter) => text.toLowerCase().split(letter).length - 1),
  }));
  response.writeHead(200, { "content-type": "application/json" });
  // In any order: the index counts.
  const body = { object: "list", model: `${model}-1`, data: data.toReversed(), usage: { prompt_tokens: 1_000, total_tokens: 1_000 } }; // prettier-ignore
  response.end(JSON.stringify(body));
}

interface ChatBody {
  model: string;
  temperature?: number;
  max_tokens: number;
  messages: { role: string; content: string }[];
}

function readRequest(
  body: ChatBody,
  headers: IncomingHttpHeaders,
  attempts: Map<string, number>,
): JudgeRequest {
  const said = (role: string): string =>
    body.messages.find((message) => message.role === role)?.content ?? "";
  const system = said("system");
  const lines = said("user").split("\n");
  const isJudging = lines[0]!.startsWith("<<DATA ");
  const data = isJudging
    ? (JSON.parse(lines.slice(1, -2).join("\n")) as JudgeRequest["data"])
    : { question: lines.join("\n") };
  const metric = /one quality: ([a-z0-9 ]+)\./.exec(system)?.[1]?.replaceAll(" ", "_") ?? "";
  const key = JSON.stringify([metric, body.model, data]);
  const attempt = (attempts.get(key) ?? 0) + 1;
  attempts.set(key, attempt);
  return {
    metric,
    data,
    taskId: /"task_id": "(\w+)"/.exec(system)?.[1] ?? "",
    attempt,
    system,
    model: body.model,
    temperature: body.temperature,
    maxTokens: body.max_tokens,
    messages: body.messages.length,
    headers,
  };
}

function answer(
  response: ServerResponse,
  request: JudgeRequest,
  reply: JudgeReply,
  model: string,
): void {
  if (reply.hang) return;
  if (reply.hangUp) return void response.destroy();
  const headers = { "content-type": "application/json", ...reply.headers };
  if (reply.status !== undefined && reply.status !== 200) {
    response.writeHead(reply.status, headers);
    response.end(JSON.stringify({ error: reply.error ?? { message: "no", code: "none" } }));
    return;
  }
  const grade = {
    task_id: reply.taskId ?? request.taskId,
    ...(reply.fields ?? { evidence: ["quoted"], reasoning: "Because.", score: reply.score ?? 3 }),
    cannot_judge: reply.cannotJudge ?? false,
  };
  const content = reply.text ?? JSON.stringify(grade);
  response.writeHead(200, headers);
  response.end(
    JSON.stringify({
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 1,
      model: `${model}-2026`,
      system_fingerprint: "fp_1",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content },
          finish_reason: reply.finish ?? "stop",
          ...(reply.logprobs ? { logprobs: { content: tokensOf(content, reply.logprobs) } } : {}),
        },
      ],
      usage: { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
    }),
  );
}

/** A token a character, but for the probabilities of the one that is the score. */
function tokensOf(content: string, likely: Record<string, number>) {
  const at = content.indexOf('"score":') + '"score":'.length;
  return Array.from(content).map((token, i) => ({
    token,
    logprob: 0,
    bytes: null,
    top_logprobs:
      i === at
        ? Object.entries(likely).map(([one, p]) => ({
            token: one,
            logprob: Math.log(p),
            bytes: null,
          }))
        : [],
  }));
}
