/**
 * OTLP over HTTP, traces and logs: protobuf or JSON; plain, gzip or zstd.
 *
 * Cheap checks come first and from the head alone: caller, path, method, type, encoding, announced size, and whether
 * the next stage takes anything at all. Then the body is read and handed to the intake, which inflates, decodes and
 * stores it. What is refused says whether to send it again: 503 with Retry-After for what passes, 4xx for what never
 * will, 500 only for an error of ours.
 *
 * Every answer has a body of the specification's in the request's own format (JSON when that is unknown). Memory is
 * bounded by the budget of all bodies in flight, connections by number, heads and bodies by time.
 *
 * There is no TLS and no authentication here: it listens on loopback unless told otherwise.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Address } from "@assay/clickhouse";
import { statusBody, successBody } from "./answer.ts";
import { readBody, tooLarge } from "./body.ts";
import {
  checkCaller,
  corsHeaders,
  isLoopback,
  isPreflight,
  preflightHeaders,
  type Callers,
} from "./caller.ts";
import { answerBrokenConnections } from "./connection-errors.ts";
import type { BodyKind, Intake } from "./intake.ts";
import { announcedLength, encodingOf, formatOf, unknownFormat } from "./media.ts";
import { DEFAULT_TRACES_PATH, signalOf } from "./path.ts";
import type { ReceiverStats } from "./receiver-stats.ts";
import { AbortedError, Refusal } from "./refusal.ts";
import { respond } from "./respond.ts";

const MAX_CONNECTIONS = 4_096;

export interface OtlpHttpReceiverOptions {
  intake: Intake;
  /** Logs have the one beside it. @default /v1/traces */
  tracesPath?: string;
  /** Origins of web pages that may send, `https://app.example.com`. @default none */
  corsOrigins?: readonly string[];
  /** @default 10,000 */
  headersTimeoutMs?: number;
  /** @default 30,000 */
  requestTimeoutMs?: number;
}

export interface OtlpReceiver {
  /** Resolves to the address in use, with the port that was given for port 0. */
  listen(address: Address): Promise<Address>;
  /** Takes no new requests, answers those in flight within `deadlineMs`, then ends all connections. */
  stop(deadlineMs: number): Promise<void>;
  stats(): ReceiverStats;
}

export interface OtlpHttpReceiver extends OtlpReceiver {
  readonly server: Server;
}

interface Head extends BodyKind {
  announced: number | undefined;
}

export function createOtlpHttpReceiver(options: OtlpHttpReceiverOptions): OtlpHttpReceiver {
  const entrance = options.intake.open("HTTP");
  const { counts } = entrance;
  const tracesPath = options.tracesPath ?? DEFAULT_TRACES_PATH;
  const origins = new Set(options.corsOrigins?.map((origin) => origin.toLowerCase()));
  const callers: Callers = { loopbackOnly: true, origins };
  const active = new Map<Socket, number>();

  const requestTimeout = options.requestTimeoutMs ?? 30_000;
  const headersTimeout = Math.min(options.headersTimeoutMs ?? 10_000, requestTimeout);
  const server = createServer({
    maxHeaderSize: 16 * 1024,
    headersTimeout,
    requestTimeout,
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(1_000, headersTimeout, requestTimeout),
    noDelay: true,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.maxRequestsPerSocket = 10_000;
  server.maxHeadersCount = 100;
  server.on("request", (request, response) => void take(request, response));
  server.on(
    "checkContinue",
    (request, response) => void take(request, response, () => response.writeContinue()),
  );
  server.on("checkExpectation", (request, response) => {
    const expected = 'expected Expect "100-continue" or none';
    answerError(request, response, new Refusal("expectation", expected));
  });
  server.on("drop", () => counts.droppedConnections++);
  const broken = answerBrokenConnections(
    server,
    (socket) => active.has(socket as Socket),
    () => counts.brokenConnections++,
  );

  /** Answers one request, whatever happens. `proceed` tells a client that waits for it to send the body. */
  async function take(
    request: IncomingMessage,
    response: ServerResponse,
    proceed?: () => void,
  ): Promise<void> {
    const limits = entrance.begin();
    const { socket } = request;
    active.set(socket, (active.get(socket) ?? 0) + 1);
    try {
      if (answerPreflight(request, response)) return;
      const head = checkHead(request);
      proceed?.();
      const sent = await readBody(request, head.announced, limits);
      const partial = await entrance.take(head, sent, limits);
      respond(request, response, {
        status: 200,
        format: head.format,
        body: successBody(head, partial),
        headers: corsHeaders(request.headers, callers),
        close: entrance.closed,
      });
    } catch (error) {
      answerError(request, response, error);
    } finally {
      entrance.end(limits);
      const left = active.get(socket)! - 1;
      if (left === 0) active.delete(socket);
      else active.set(socket, left);
    }
  }

  function answerPreflight(request: IncomingMessage, response: ServerResponse): boolean {
    if (!isPreflight(request.method, request.headers)) return false;
    checkCaller(request.headers, callers);
    signalOf(request.url ?? "", tracesPath);
    response.writeHead(204, preflightHeaders(request.headers, callers)).end();
    return true;
  }

  /** What can be decided without the body. @throws Refusal */
  function checkHead(request: IncomingMessage): Head {
    const { headers } = request;
    checkCaller(headers, callers);
    const signal = signalOf(request.url ?? "", tracesPath);
    if (request.method !== "POST") {
      throw new Refusal("method", `expected POST, got "${request.method}"`, { Allow: "POST" });
    }
    const format = formatOf(headers);
    if (format === undefined) throw unknownFormat(headers);
    const encoding = encodingOf(headers);
    const announced = announcedLength(headers);
    if ((announced ?? 0) > entrance.maxBodyBytes) throw tooLarge(entrance.maxBodyBytes, "as sent");
    entrance.admit(announced ?? 0);
    return { signal, format, encoding, announced };
  }

  function answerError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const late = error instanceof AbortedError && broken.timedOut(request.socket);
    const refusal = entrance.refuse(
      late ? new Refusal("timeout", "the request took too long to arrive, try again") : error,
    );
    if (refusal === undefined) return;
    const format = formatOf(request.headers) ?? "json";
    respond(request, response, {
      status: refusal.httpStatus,
      format,
      body: statusBody(format, refusal),
      headers: { ...corsHeaders(request.headers, callers), ...refusal.headers },
      close: entrance.closed,
    });
  }

  return {
    server,
    listen(address) {
      callers.loopbackOnly = isLoopback(address.host);
      const { promise, resolve, reject } = Promise.withResolvers<Address>();
      server.once("error", reject);
      server.listen(address.port, address.host, () => {
        server.off("error", reject);
        resolve({ host: address.host, port: (server.address() as AddressInfo).port });
      });
      return promise;
    },
    async stop(deadlineMs) {
      entrance.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed;
      clearTimeout(timer);
    },
    stats: () => entrance.stats(),
  };
}
