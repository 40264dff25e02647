/** Sends answers, so that they arrive even when the request's body was not read to its end. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { CONTENT_TYPES, type Format } from "./media.ts";

/** What a client may still send, and how long, after an answer that came before the end of its body. */
const LINGER_BYTES = 16 * 1024 * 1024;
const LINGER_MS = 1_000;

export interface Answer {
  status: number;
  format: Format;
  body: Buffer;
  headers?: Readonly<Record<string, string>>;
  /** End the connection after this answer. */
  close: boolean;
}

export function respond(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.destroyed || response.headersSent) return;
  const bodyUnread = hasBody(request) && !request.readableEnded;
  response.writeHead(answer.status, {
    ...answer.headers,
    "Content-Type": CONTENT_TYPES[answer.format],
    "Content-Length": answer.body.length,
    "X-Content-Type-Options": "nosniff",
    ...(answer.close || bodyUnread ? { Connection: "close" } : {}),
  });
  if (bodyUnread) endAfterDraining(request, response, answer.body);
  else response.end(answer.body);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Closing a socket with unread bytes resets it, and the client may lose the answer that was on its way. So the answer
 * goes out whole, what the client still sends is thrown away for a moment, and then the connection ends.
 */
function endAfterDraining(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  let left = LINGER_BYTES;
  const end = (): void => {
    clearTimeout(timer);
    request.off("data", onData).off("end", end).off("close", end);
    response.end();
  };
  const onData = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left < 0) end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.on("error", () => {}); // `close` follows and ends the wait
  request.on("data", onData).on("end", end).on("close", end);
  response.write(body);
  request.resume();
}
