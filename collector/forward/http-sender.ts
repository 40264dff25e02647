/**
 * OTLP over HTTP, protobuf. Redirects are not followed: they would carry the headers to somewhere that nobody
 * configured. An answer is read up to 4 MiB; a success in HTML, or a longer one, is no OTLP answer: it may
 * have been taken and may not, so it is not sent again and not counted as sent.
 */
import * as http from "node:http";
import * as https from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import {
  MAX_ANSWER_BYTES,
  readJsonPartialSuccess,
  readJsonStatus,
  readPartialSuccess,
  readRetryAfter,
  readStatus,
  type Answer,
} from "./answer.ts";
import { presentable, type Destination } from "./destination.ts";
import type { Sender } from "./sender.ts";

const compress = promisify(gzip);
const RETRYABLE = new Set([429, 502, 503, 504]);
const PROTOBUF = "application/x-protobuf";

interface Exchange {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
  /** Why the body is not all there. */
  cut: "too-long" | "broken" | undefined;
}

export function createHttpSender(destination: Destination, userAgent: string): Sender {
  const { tls, maxInFlight, compression, timeoutMs, urls } = destination;
  const options = { keepAlive: true, maxSockets: maxInFlight, scheduling: "lifo" as const };
  const agents = {
    "http:": new http.Agent(options),
    "https:": new https.Agent({ ...options, ...tls, minVersion: "TLSv1.2" }),
  };
  const headers: Record<string, string> = {
    ...destination.headers,
    "content-type": PROTOBUF,
    "user-agent": userAgent,
    ...(compression === "gzip" ? { "content-encoding": "gzip" } : {}),
  };

  function exchange(url: URL, encoded: Uint8Array, signal: AbortSignal): Promise<Exchange> {
    const isTls = url.protocol === "https:";
    const { promise, resolve, reject } = Promise.withResolvers<Exchange>();
    const request = (isTls ? https : http).request(url, {
      method: "POST",
      agent: agents[isTls ? "https:" : "http:"],
      headers: { ...headers, "content-length": encoded.byteLength },
      signal,
    });
    // From connecting to the last byte: a timeout of Node's own starts anew with every byte that comes.
    const timer = setTimeout(
      () => request.destroy(new Error(`no whole answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
    request.on("response", (response) => void readAnswer(response).then(resolve, reject));
    request.on("error", reject);
    request.on("close", () => clearTimeout(timer));
    request.end(encoded);
    return promise;
  }

  return {
    encode: async (body) => (compression === "gzip" ? compress(body) : body),
    async send(encoded, kind, signal) {
      try {
        return answerOf(await exchange(urls[kind]!, encoded, signal), destination);
      } catch (error) {
        return {
          kind: "retry",
          code: codeOf(error),
          message: presentable(words(error), destination),
        };
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

/** Resolves once there is a status, with as much of the body as came. */
async function readAnswer(response: http.IncomingMessage): Promise<Exchange> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let cut: Exchange["cut"];
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > MAX_ANSWER_BYTES) {
        cut = "too-long";
        break;
      }
      chunks.push(chunk);
    }
  } catch {
    // The status is there, and it is what counts.
    cut = "broken";
  }
  response.destroy();
  const { statusCode: status = 0, headers } = response;
  return { status, headers, body: Buffer.concat(chunks), cut };
}

function answerOf({ status, headers, body, cut }: Exchange, destination: Destination): Answer {
  const type = (headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  if (status >= 200 && status < 300) {
    const fault = cut === "too-long" ? "an answer longer than 4 MiB" : undefined;
    const why = fault ?? (type === "text/html" ? "a page instead of an OTLP answer" : undefined);
    if (why)
      return { kind: "permanent", code: `${status}`, message: `${why}; is the address right?` };
    const { rejected, message } = partialSuccess(type, body);
    return { kind: "accepted", rejected, message: presentable(message, destination) };
  }
  const code = String(status);
  const message = presentable(reason(type, body, headers), destination);
  if (RETRYABLE.has(status)) {
    const afterMs = readRetryAfter(headers["retry-after"], Date.now());
    return { kind: "retry", code, message, ...(afterMs === undefined ? {} : { afterMs }) };
  }
  if (status === 413) return { kind: "too-large", code, message };
  return { kind: "permanent", code, message };
}

function partialSuccess(type: string, body: Buffer) {
  if (type === "application/json") return readJsonPartialSuccess(body);
  return type === PROTOBUF || type === "application/protobuf"
    ? readPartialSuccess(body)
    : { rejected: 0, message: "" };
}

function reason(type: string, body: Buffer, { location }: http.IncomingHttpHeaders): string {
  if (location) return `a redirect to "${location}", which is not followed`;
  if (type === PROTOBUF) return readStatus(body).message;
  if (type === "application/json") return readJsonStatus(body) || body.toString("utf8", 0, 1000);
  return type.startsWith("text/") ? body.toString("utf8", 0, 1000) : "";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "timeout";
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
