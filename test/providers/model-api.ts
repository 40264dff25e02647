/** A model API on loopback: what it answers is up to the provider; that requests were cut off is remembered here. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Exchange {
  path: string;
  headers: IncomingMessage["headers"];
  body: Record<string, unknown>;
  /** Of the path, or of the body. */
  model: string;
  /** 1, 2 … of this model. */
  attempt: number;
  response: ServerResponse;
}

export interface ModelApi {
  url: string;
  close(): Promise<void>;
}

export async function startModelApi(answer: (exchange: Exchange) => unknown): Promise<ModelApi> {
  const attempts = new Map<string, number>();
  const cut = new Set<string>();
  const server = createServer((request, response) => {
    void exchangeOf(request, response);
  });

  async function exchangeOf(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    // The child asks whether a request for this model has come, or was cut off.
    if (pathname === "/asked")
      return json(
        response,
        cut.has(searchParams.get("cut") ?? "") || attempts.has(searchParams.get("got") ?? ""),
      );
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const isForm = request.headers["content-type"]?.startsWith("multipart/") ?? false;
    const body = (isForm ? formOf(text) : JSON.parse(text || "{}")) as Record<string, unknown>;
    const named = /\/models?\/([^/:?]+)/.exec(pathname)?.[1];
    const model = named === undefined ? String(body["model"]) : decodeURIComponent(named);
    const attempt = (attempts.get(model) ?? 0) + 1;
    attempts.set(model, attempt);
    response.on("close", () => {
      if (!response.writableFinished) cut.add(model);
    });
    await answer({ path: pathname, headers: request.headers, body, model, attempt, response });
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The model is all that matters of what is uploaded. */
function formOf(text: string): unknown {
  return { model: /name="model"\r\n\r\n([^\r]*)/.exec(text)?.[1] };
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json").end(JSON.stringify(value));
}

interface StreamPlan {
  /** After this many events nothing more comes. */
  hangAfter?: number | undefined;
  /** After this many events the connection goes. */
  breakAfter?: number | undefined;
}

export interface StreamEvent {
  event?: string;
  data: unknown;
}

/** Server-sent events, with time between them for the client to turn away. A text is sent as it is (`[DONE]`). */
export function sendEvents(
  response: ServerResponse,
  events: readonly StreamEvent[],
  plan: StreamPlan = {},
): Promise<void> {
  response.setHeader("content-type", "text/event-stream");
  return sendPieces(
    response,
    events.map(({ event, data }) => {
      const text = typeof data === "string" ? data : JSON.stringify(data);
      return `${event ? `event: ${event}\n` : ""}data: ${text}\n\n`;
    }),
    plan,
  );
}

/** A JSON value a line. */
export function sendLines(
  response: ServerResponse,
  events: readonly StreamEvent[],
  plan: StreamPlan = {},
): Promise<void> {
  response.setHeader("content-type", "application/x-ndjson");
  return sendPieces(
    response,
    events.map(({ data }) => `${JSON.stringify(data)}\n`),
    plan,
  );
}

export async function sendPieces(
  response: ServerResponse,
  pieces: readonly (string | Uint8Array)[],
  { hangAfter, breakAfter }: StreamPlan,
): Promise<void> {
  for (const [at, piece] of pieces.entries()) {
    if (response.destroyed || at === hangAfter) return;
    if (at === breakAfter) return void response.destroy();
    response.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  response.end();
}
