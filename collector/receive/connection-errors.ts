/**
 * Connections that break before there is a request to answer: what is not HTTP, heads that are too large, and heads or
 * bodies that take too long. Node's own answers have no Status body, and its 408 makes senders drop their spans.
 */
import { STATUS_CODES, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { statusBody } from "./answer.ts";
import { CONTENT_TYPES } from "./media.ts";
import { Refusal } from "./refusal.ts";

interface ParserError extends Error {
  code?: string;
}

export interface BrokenConnections {
  /** Whether the connection was ended because its request took too long. */
  timedOut(socket: Duplex): boolean;
}

/** @param onBroken called for each that has no request in progress */
export function answerBrokenConnections(
  server: Server,
  hasRequest: (socket: Duplex) => boolean,
  onBroken: () => void,
): BrokenConnections {
  const late = new WeakSet<Duplex>();
  server.on("clientError", (error: ParserError, socket: Duplex) => {
    if (!hasRequest(socket)) onBroken();
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") late.add(socket);
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else socket.end(rawAnswer(error), () => socket.destroy());
  });
  return { timedOut: (socket) => late.has(socket) };
}

function rawAnswer(error: ParserError): string {
  const refusal = explain(error);
  const body = statusBody("json", refusal);
  return [
    `HTTP/1.1 ${refusal.httpStatus} ${STATUS_CODES[refusal.httpStatus]}`,
    `Content-Type: ${CONTENT_TYPES.json}`,
    `Content-Length: ${body.length}`,
    ...Object.entries(refusal.headers).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
    "",
    body.toString(),
  ].join("\r\n");
}

function explain(error: ParserError): Refusal {
  switch (error.code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new Refusal("timeout", "the request took too long to arrive, try again");
    case "HPE_HEADER_OVERFLOW":
      return new Refusal("head_too_large", "expected headers of at most 16 KiB, got more");
    default:
      return new Refusal("malformed", `malformed HTTP request: ${error.message}`);
  }
}
