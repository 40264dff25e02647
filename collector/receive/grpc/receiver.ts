/**
 * OTLP over gRPC, on Node's own HTTP/2: unary Export calls, plain or gzip, and the health service.
 *
 * gRPC is a thin layer here: a path names the method, five bytes precede a message, trailers carry the status. Reading
 * it ourselves keeps a corrupt gzip message from ending the process, and the bytes of a message from being copied more
 * than once. Everything from there on is the intake's, shared with OTLP/HTTP; so are limits, memory and reasons.
 *
 * A call that runs past its deadline is answered DEADLINE_EXCEEDED, although its spans may be stored: the sender tries
 * again, and the same message again is stored once. Sessions are bounded in number, age, streams and tempers
 * (session-guard.ts).
 *
 * There is no TLS and no authentication here: it listens on loopback unless told otherwise. Browsers cannot speak
 * HTTP/2 without TLS, so no web page reaches it.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { successBody } from "../answer.ts";
import type { Signal } from "../../stages.ts";
import type { BodyLimits } from "../body.ts";
import type { Intake } from "../intake.ts";
import { noMetrics } from "../path.ts";
import type { OtlpReceiver } from "../receiver.ts";
import { Refusal } from "../refusal.ts";
import { answerMessage, answerRefusal } from "./answer.ts";
import { readMessage, type Message } from "./framing.ts";
import { readHead, type CallHead } from "./head.ts";
import { createHealth } from "./health.ts";
import { createPatience, type Patience } from "./patience.ts";
import { guardSession, type SessionLimits } from "./session-guard.ts";

const MiB = 1024 * 1024;
const MAX_CONNECTIONS = 4_096;
/** nghttp2's error for a connection that does not begin as HTTP/2 does. */
const BAD_CLIENT_MAGIC = -903;
/** What a client may send before it waits for us: a request of 500 large spans without a stop. */
const STREAM_WINDOW_BYTES = 4 * MiB;
const SESSION_WINDOW_BYTES = 16 * MiB;

const SERVICES = "opentelemetry.proto.collector";
const TRACE_SERVICE = `${SERVICES}.trace.v1.TraceService`;
const LOGS_SERVICE = `${SERVICES}.logs.v1.LogsService`;
const METRICS_EXPORT = `/${SERVICES}.metrics.v1.MetricsService/Export`;
const EXPORTS: ReadonlyMap<string, Signal> = new Map([
  [`/${TRACE_SERVICE}/Export`, "traces"],
  [`/${LOGS_SERVICE}/Export`, "logs"],
]);
const HEALTH_METHODS: ReadonlyMap<string, "check" | "watch"> = new Map([
  ["/grpc.health.v1.Health/Check", "check"],
  ["/grpc.health.v1.Health/Watch", "watch"],
]);

export interface OtlpGrpcReceiverOptions {
  intake: Intake;
  /** How long a message may take to arrive. @default 30,000 */
  requestTimeoutMs?: number;
  sessions?: SessionLimits;
}

export function createOtlpGrpcReceiver(options: OtlpGrpcReceiverOptions): OtlpReceiver {
  const entrance = options.intake.open("gRPC");
  const { counts } = entrance;
  const requestTimeoutMs = options.requestTimeoutMs ?? 30_000;
  const health = createHealth([TRACE_SERVICE, LOGS_SERVICE]);
  const sessions = new Set<ServerHttp2Session>();

  const server = createServer({
    settings: {
      maxConcurrentStreams: 100,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: 16 * 1024,
      enablePush: false,
    },
    maxHeaderListPairs: 100,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on("drop", () => counts.droppedConnections++);
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    guardSession(session, options.sessions ?? {});
  });
  server.on("sessionError", (error: NodeJS.ErrnoException) => {
    counts.brokenConnections++;
    const what =
      error.errno === BAD_CLIENT_MAGIC
        ? "expected HTTP/2, got something else; OTLP/HTTP has a port of its own (4318)"
        : error.message;
    entrance.say("session", "warn", `gRPC connection ended: ${what}`);
  });
  server.on("stream", (stream, headers) => void call(stream, headers));

  /** Answers one call, whatever happens. */
  async function call(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    stream.on("error", () => {}); // a reset stream closes as well, and that is counted
    const patience = createPatience(requestTimeoutMs);
    const limits = entrance.begin();
    const work = serve(stream, headers, { limits, patience });
    try {
      await Promise.race([work, patience.lapsed]);
    } catch (error) {
      const refusal = entrance.refuse(error);
      if (refusal !== undefined) answerRefusal(stream, refusal);
      await work.catch(() => {}); // it may have been answered before its work was done
    } finally {
      patience.end();
      entrance.end(limits);
    }
  }

  async function serve(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    { limits, patience }: { limits: BodyLimits; patience: Patience },
  ): Promise<void> {
    const head = readHead(headers);
    if (head.timeoutMs !== undefined) patience.until(head.timeoutMs);
    const path = String(headers[":path"]);
    const healthMethod = HEALTH_METHODS.get(path);
    if (healthMethod !== undefined) {
      const message = await readMessage(stream, limits);
      patience.arrived();
      return health[healthMethod](stream, message.content);
    }
    const signal = signalOf(path);
    entrance.admit(0);
    const message = await readMessage(stream, limits);
    patience.arrived();
    const kind = { signal, format: "protobuf", encoding: encodingOf(head, message) } as const;
    const partial = await entrance.take(kind, message.content, limits);
    answerMessage(stream, successBody(kind, partial));
  }

  return {
    listen(address) {
      const { promise, resolve, reject } = Promise.withResolvers<typeof address>();
      server.once("error", reject);
      server.listen(address.port, address.host, () => {
        server.off("error", reject);
        resolve({ host: address.host, port: (server.address() as AddressInfo).port });
      });
      return promise;
    },
    async stop(deadlineMs) {
      entrance.close();
      health.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy();
      }, deadlineMs);
      await closed;
      clearTimeout(timer);
    },
    stats: () => entrance.stats(),
  };
}

/** @throws Refusal for a method that takes nothing */
function signalOf(path: string): Signal {
  const signal = EXPORTS.get(path);
  if (signal !== undefined) return signal;
  if (path === METRICS_EXPORT) throw noMetrics();
  throw new Refusal("not_found", `unknown method "${path.slice(0, 100)}"`);
}

/** @throws Refusal for a message that says it is compressed when its call did not say how */
function encodingOf({ gzip }: CallHead, { compressed }: Message): "gzip" | "identity" {
  if (!compressed) return "identity";
  if (gzip) return "gzip";
  throw new Refusal("malformed", "expected grpc-encoding gzip with a compressed message, got none");
}
