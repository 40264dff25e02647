/**
 * OTLP over gRPC: unary calls on one HTTP/2 connection, made when the first call needs it and again when it is gone.
 *
 * A message is framed as `compressed flag u8 | length u32 | protobuf`. How the call ended is in the trailers: grpc-status,
 * grpc-message, and google.rpc.Status with RetryInfo in grpc-status-details-bin. A call without a grpc-status, broken
 * off, reset or timed out, may be sent again.
 */
import * as http2 from "node:http2";
import { promisify } from "node:util";
import { gunzipSync, gzip } from "node:zlib";
import { MAX_ANSWER_BYTES, readPartialSuccess, readStatus, type Answer } from "./answer.ts";
import type { Signal } from "../stages.ts";
import { presentable, type Destination } from "./destination.ts";
import type { Sender } from "./sender.ts";

const compress = promisify(gzip);
const FRAME_BYTES = 5;
/** How long a connection may leave a ping unanswered after a call on it timed out. */
const PING_MS = 5_000;
/** MiB of queued requests that Node lets one connection hold; its default of 10 refuses large bodies. */
const SESSION_MEMORY_MB = 512;

const METHODS: Readonly<Record<Signal, string>> = {
  traces: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
  logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
};

const OK = 0;
const RESOURCE_EXHAUSTED = 8;
/** CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. */
const RETRYABLE = new Set([1, 4, 10, 11, 14, 15]);

const NAMES = [
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE",
  "DATA_LOSS UNAUTHENTICATED",
]
  .join(" ")
  .split(" ");

/** What a call without a grpc-status ended as, by HTTP status (grpc: doc/http-grpc-status-mapping.md). */
const OF_HTTP: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};
const UNKNOWN = 2;

interface Call {
  httpStatus: number;
  contentType: string;
  /** Headers and trailers together. */
  metadata: http2.IncomingHttpHeaders;
  body: Buffer;
  isTooLong: boolean;
}

export function createGrpcSender(destination: Destination, userAgent: string): Sender {
  const { tls, compression, timeoutMs, urls } = destination;
  const url = urls.traces ?? urls.logs!;
  const headers: http2.OutgoingHttpHeaders = {
    ...destination.headers,
    ":method": "POST",
    "content-type": "application/grpc",
    "user-agent": userAgent,
    te: "trailers",
    "grpc-accept-encoding": "identity",
    "grpc-timeout": `${timeoutMs}m`,
    ...(compression === "gzip" ? { "grpc-encoding": "gzip" } : {}),
  };
  let session: http2.ClientHttp2Session | undefined;

  function connected(): http2.ClientHttp2Session {
    if (session && !session.closed && !session.destroyed) return session;
    const opened = http2.connect(url, { ...tls, maxSessionMemory: SESSION_MEMORY_MB });
    const forget = (): void => {
      if (session === opened) session = undefined;
    };
    // Each call on it is told by its own stream.
    opened.on("error", forget);
    opened.on("goaway", forget);
    opened.on("close", forget);
    opened.unref();
    session = opened;
    return opened;
  }

  function call(encoded: Uint8Array, kind: Signal, signal: AbortSignal): Promise<Call> {
    const { promise, resolve, reject } = Promise.withResolvers<Call>();
    const on = connected();
    const stream = on.request({ ...headers, ":path": METHODS[kind] });
    const found: Call = {
      httpStatus: 0,
      contentType: "",
      metadata: {},
      body: Buffer.alloc(0),
      isTooLong: false,
    };
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (error: Error) => {
      reject(error);
      stream.close(http2.constants.NGHTTP2_CANCEL);
    };
    const timer = setTimeout(() => {
      end(new Error(`no whole answer in ${timeoutMs} ms`));
      dropIfDead(on);
    }, timeoutMs);
    const abort = () => end(new Error("stopped"));
    signal.addEventListener("abort", abort, { once: true });
    stream.on("response", (metadata) => {
      found.httpStatus = Number(metadata[":status"]);
      found.contentType = String(metadata["content-type"] ?? "");
      found.metadata = { ...metadata };
    });
    stream.on("trailers", (trailers) => Object.assign(found.metadata, trailers));
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= MAX_ANSWER_BYTES + FRAME_BYTES) return void chunks.push(chunk);
      found.isTooLong = true;
      stream.close(http2.constants.NGHTTP2_CANCEL);
    });
    stream.on("error", reject);
    stream.on("close", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      found.body = Buffer.concat(chunks);
      if (found.httpStatus > 0) resolve(found);
      else reject(new Error("the connection closed without an answer"));
    });
    stream.end(encoded);
    return promise;
  }

  /** A connection that no longer answers would let every later call time out as well. */
  function dropIfDead(on: http2.ClientHttp2Session): void {
    if (on.destroyed) return;
    if (on.connecting) return on.destroy();
    const timer = setTimeout(() => on.destroy(), PING_MS).unref();
    on.ping(() => clearTimeout(timer));
  }

  return {
    encode: async (body) =>
      compression === "gzip" ? frame(await compress(body), 1) : frame(body, 0),
    async send(encoded, kind, signal) {
      try {
        if (signal.aborted) throw new Error("stopped");
        return answerOf(await call(encoded, kind, signal), destination);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        return { kind: "retry", code: codeOf(error), message: presentable(message, destination) };
      }
    },
    close() {
      session?.destroy();
      session = undefined;
    },
  };
}

function frame(message: Uint8Array, compressed: 0 | 1): Buffer {
  const framed = Buffer.allocUnsafeSlow(FRAME_BYTES + message.byteLength);
  framed.writeUInt8(compressed, 0);
  framed.writeUInt32BE(message.byteLength, 1);
  framed.set(message, FRAME_BYTES);
  return framed;
}

function answerOf(found: Call, destination: Destination): Answer {
  if (found.isTooLong) {
    const message = "an answer longer than 4 MiB; is the address right?";
    return { kind: "permanent", code: "answer", message };
  }
  const { httpStatus, metadata } = found;
  const given = header(metadata, "grpc-status");
  if (given === undefined && httpStatus === 200) {
    const isGrpc = found.contentType.startsWith("application/grpc");
    if (isGrpc)
      return { kind: "retry", code: "broken", message: "the call ended without a status" };
  }
  const status = given === undefined ? (OF_HTTP[httpStatus] ?? UNKNOWN) : Number(given);
  if (status === OK) {
    const { rejected, message } = readPartialSuccess(unframed(found));
    return { kind: "accepted", rejected, message: presentable(message, destination) };
  }
  const code = NAMES[status] ?? String(given).slice(0, 20);
  const details = readStatus(
    Buffer.from(header(metadata, "grpc-status-details-bin") ?? "", "base64"),
  );
  const said = decoded(header(metadata, "grpc-message") ?? "") || details.message;
  const message = presentable(said || `HTTP ${httpStatus}`, destination);
  const { retryAfterMs: afterMs } = details;
  if (status === RESOURCE_EXHAUSTED && afterMs === undefined)
    return { kind: "too-large", code, message };
  if (status === RESOURCE_EXHAUSTED || RETRYABLE.has(status))
    return { kind: "retry", code, message, ...(afterMs === undefined ? {} : { afterMs }) };
  return { kind: "permanent", code, message };
}

function header(metadata: http2.IncomingHttpHeaders, name: string): string | undefined {
  const value = metadata[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The message in the answer; empty when it is none that can be read: the call has succeeded all the same. */
function unframed({ body, metadata }: Call): Uint8Array {
  if (body.byteLength < FRAME_BYTES) return new Uint8Array(0);
  const message = body.subarray(FRAME_BYTES, FRAME_BYTES + body.readUInt32BE(1));
  if (body[0] === 0) return message;
  try {
    if (header(metadata, "grpc-encoding") === "gzip")
      return gunzipSync(message, { maxOutputLength: MAX_ANSWER_BYTES });
  } catch {
    // We did not ask for compression; what it says is lost, not what we sent.
  }
  return new Uint8Array(0);
}

/** grpc-message is percent-encoded UTF-8. */
function decoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    // Not encoded as it should be: shown as it came.
    return message;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "broken";
}
