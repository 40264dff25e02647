/**
 * OTLP over HTTP: POST /v1/traces, protobuf or JSON, plain or gzip.
 *
 * Cheap checks come first and from the head alone: caller, path, method, type, encoding, announced size, and whether
 * the next stage takes anything at all (`admit`). Then the body is read, inflated, transcoded when it is JSON, and
 * validated; `consume` gets it last, and only what it resolved is answered 200. What is refused says whether to send
 * it again: 503 with Retry-After for what passes, 4xx for what never will, 500 only for an error of ours.
 *
 * Every answer has a body of the specification's in the request's own format (JSON when that is unknown). Memory is
 * bounded by the budget of all bodies in flight, connections by number, heads and bodies by time.
 *
 * There is no TLS and no authentication here: it listens on loopback unless told otherwise.
 */
import { hash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { totalmem } from "node:os";
import type { Address } from "@assay/clickhouse";
import {
  PermanentError,
  RefusedError,
  type AcceptedRequest,
  type AppendOutcome,
} from "../stages.ts";
import { statusBody, successBody } from "./answer.ts";
import { noMemory, readBody, tooLarge, type BodyLimits } from "./body.ts";
import { checkCaller, isLoopback } from "./caller.ts";
import { answerBrokenConnections } from "./connection-errors.ts";
import { decodeTraces, type Traces } from "./decode.ts";
import { createInflate } from "./inflate.ts";
import { announcedLength, formatOf, isGzip, unknownFormat, type Format } from "./media.ts";
import { createMemoryBudget } from "./memory.ts";
import { createOccasionalLog, type Log } from "./occasional-log.ts";
import { createReceiverStats, type ReceiverStats } from "./receiver-stats.ts";
import { AbortedError, Refusal } from "./refusal.ts";
import { respond } from "./respond.ts";
import { checkPath } from "./path.ts";

const MiB = 1024 * 1024;
const HASH_BYTES = 16;
const MAX_CONNECTIONS = 4_096;

export interface OtlpHttpReceiverOptions {
  /** Takes responsibility for the request when it resolves. Keeps `body`; nobody changes it afterwards. */
  consume: (request: AcceptedRequest) => Promise<AppendOutcome>;
  /** Asked before a body is read: why nothing is taken now. */
  admit: () => RefusedError | undefined;
  /** Largest body, as sent and inflated. */
  maxBodyBytes: number;
  /**
   * Largest sum of all bodies in flight.
   * @default a quarter of the memory there is, at most 512 MiB, at least two largest bodies
   */
  maxBytesInFlight?: number;
  /** @default 10,000 */
  headersTimeoutMs?: number;
  /** @default 30,000 */
  requestTimeoutMs?: number;
  log: Log;
}

export interface OtlpHttpReceiver {
  readonly server: Server;
  /** Resolves to the address in use, with the port that was given for port 0. */
  listen(address: Address): Promise<Address>;
  /** Takes no new requests, answers those in flight within `deadlineMs`, then ends all connections. */
  stop(deadlineMs: number): Promise<void>;
  stats(): ReceiverStats;
}

interface Head {
  format: Format;
  gzip: boolean;
  announced: number | undefined;
}

export function createOtlpHttpReceiver(options: OtlpHttpReceiverOptions): OtlpHttpReceiver {
  const { consume, admit, maxBodyBytes } = options;
  const stats = createReceiverStats();
  const budget = createMemoryBudget(options.maxBytesInFlight ?? defaultBytesInFlight(maxBodyBytes));
  const inflate = createInflate();
  const occasionally = createOccasionalLog(options.log);
  const active = new Map<Socket, number>();
  let loopbackOnly = true;
  let stopping = false;

  const requestTimeout = options.requestTimeoutMs ?? 30_000;
  const headersTimeout = options.headersTimeoutMs ?? 10_000;
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
    refuse(request, response, new Refusal("expectation", 'expected Expect "100-continue" or none'));
  });
  server.on("drop", () => stats.droppedConnections++);
  const broken = answerBrokenConnections(
    server,
    (socket) => active.has(socket as Socket),
    () => stats.brokenConnections++,
  );

  /** Answers one request, whatever happens. `proceed` tells a client that waits for it to send the body. */
  async function take(
    request: IncomingMessage,
    response: ServerResponse,
    proceed?: () => void,
  ): Promise<void> {
    const reservation = budget.reserve();
    const { socket } = request;
    active.set(socket, (active.get(socket) ?? 0) + 1);
    stats.requestsInFlight++;
    try {
      const head = checkHead(request);
      proceed?.();
      const limits = { maxBytes: maxBodyBytes, reservation };
      const sent = await readBody(request, head.announced, limits);
      stats.receivedBytes += sent.length;
      const traces = decodeTraces(head.format, await plain(head, sent, limits), limits);
      await store(traces, sent);
      respond(request, response, {
        status: 200,
        format: head.format,
        body: successBody(head.format, traces.partial),
        close: stopping,
      });
    } catch (error) {
      answerError(request, response, error);
    } finally {
      reservation.release();
      stats.requestsInFlight--;
      const left = active.get(socket)! - 1;
      if (left === 0) active.delete(socket);
      else active.set(socket, left);
    }
  }

  /** What can be decided without the body. @throws Refusal */
  function checkHead(request: IncomingMessage): Head {
    const { headers } = request;
    checkCaller(headers, loopbackOnly);
    checkPath(request.url ?? "");
    if (request.method !== "POST") {
      throw new Refusal("method", `expected POST, got "${request.method}"`, { Allow: "POST" });
    }
    const format = formatOf(headers);
    if (format === undefined) throw unknownFormat(headers);
    const gzip = isGzip(headers);
    const announced = announcedLength(headers);
    if ((announced ?? 0) > maxBodyBytes) throw tooLarge(maxBodyBytes, "as sent");
    if (stopping) throw new Refusal("stopping", "the collector is stopping, try again");
    const refused = admit();
    if (refused !== undefined) throw overload(refused);
    if (!budget.hasRoom(announced ?? 0)) throw noMemory();
    return { format, gzip, announced };
  }

  async function plain(head: Head, sent: Buffer, limits: BodyLimits): Promise<Buffer> {
    if (!head.gzip || sent.length === 0) return sent;
    const inflated = await inflate(sent, limits);
    stats.inflatedBytes += inflated.length;
    return inflated;
  }

  async function store(traces: Traces, sent: Buffer): Promise<void> {
    const { spanCount, rejected } = traces.validation;
    const accepted = spanCount - rejected.length;
    if (accepted > 0) {
      const outcome = await consumeCounting(accepted, {
        body: traces.body,
        spanCount,
        rejected,
        receivedAtUnixMs: Date.now(),
        bodyHash: hash("sha256", sent, "buffer").subarray(0, HASH_BYTES),
      });
      if (outcome === "duplicate") stats.duplicateRequests++;
    }
    stats.acceptedRequests++;
    stats.acceptedSpans += accepted;
    stats.rejectedSpans += rejected.length;
    if (traces.partial !== undefined) {
      stats.warnedRequests++;
      occasionally.say("partial", "warn", `OTLP request taken in part: ${traces.partial.message}`);
    }
  }

  async function consumeCounting(spans: number, request: AcceptedRequest): Promise<AppendOutcome> {
    try {
      return await consume(request);
    } catch (error) {
      if (error instanceof RefusedError) stats.refusedSpans += spans;
      else if (!(error instanceof PermanentError)) stats.failedSpans += spans;
      throw error;
    }
  }

  function answerError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (error instanceof AbortedError) {
      if (broken.timedOut(request.socket)) count("timeout");
      else stats.abortedRequests++;
      return;
    }
    refuse(request, response, asRefusal(error));
  }

  function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    count(refusal.reason);
    explain(refusal);
    const format = formatOf(request.headers) ?? "json";
    respond(request, response, {
      status: refusal.httpStatus,
      format,
      body: statusBody(format, refusal.rpcCode, refusal.message),
      headers: refusal.headers,
      close: stopping,
    });
  }

  function count(reason: Refusal["reason"]): void {
    stats.refusedRequests[reason] = (stats.refusedRequests[reason] ?? 0) + 1;
  }

  function explain(refusal: Refusal): void {
    if (refusal.reason === "failed") {
      const cause = refusal.cause instanceof Error ? refusal.cause.stack : String(refusal.cause);
      occasionally.say("failed", "error", `OTLP request failed, its spans are lost: ${cause}`);
    } else {
      const message = `OTLP request answered ${refusal.httpStatus}: ${refusal.message}`;
      occasionally.say(refusal.reason, "warn", message);
    }
  }

  return {
    server,
    listen(address) {
      loopbackOnly = isLoopback(address.host);
      const { promise, resolve, reject } = Promise.withResolvers<Address>();
      server.once("error", reject);
      server.listen(address.port, address.host, () => {
        server.off("error", reject);
        resolve({ host: address.host, port: (server.address() as AddressInfo).port });
      });
      return promise;
    },
    async stop(deadlineMs) {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
      await closed;
      clearTimeout(timer);
    },
    stats: () => ({
      ...stats,
      refusedRequests: { ...stats.refusedRequests },
      bytesInFlight: budget.taken,
      bytesInFlightCapacity: budget.capacity,
    }),
  };
}

function overload(refused: RefusedError): Refusal {
  const headers = { "Retry-After": String(refused.retryAfterSeconds) };
  return new Refusal("overload", refused.message, headers, { cause: refused });
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof RefusedError) return overload(error);
  if (error instanceof PermanentError)
    return new Refusal("malformed", error.message, {}, { cause: error });
  return new Refusal("failed", "internal error of the collector", {}, { cause: error });
}

function defaultBytesInFlight(maxBodyBytes: number): number {
  const memory = Math.min(process.constrainedMemory() || Infinity, totalmem());
  return Math.max(Math.min(memory / 4, 512 * MiB), 2 * maxBodyBytes);
}
