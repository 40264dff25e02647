/**
 * ClickHouse's HTTP interface on loopback: `/` and `/ping`, and queries by GET and POST.
 *
 * Only for programs on this machine: a request that names another host, or that a browser sent for another page,
 * is refused, so no web page can reach the engine through the user's browser.
 */
import { randomUUID } from "node:crypto";
import http from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import net from "node:net";
import type { Address } from "../settings.ts";
import { authenticate } from "./credentials.ts";
import type { Engine } from "./engine.ts";
import { engineError, queryError } from "./errors.ts";
import type { QueryError } from "./errors.ts";
import type { QueryRunner } from "./query-runner.ts";
import { helloBlock, isHello } from "./hello.ts";
import { readRequest } from "./request.ts";
import { sendError } from "./response.ts";

const displayName = "assay-embedded";

export interface HttpInterface {
  /** Resolves with the port. */
  listen(address: Address): Promise<number>;
  /** Takes no new requests; resolves when those under way are answered. */
  stop(): Promise<void>;
}

export interface HttpInterfaceOptions {
  engine: Engine;
  runner: QueryRunner;
  writerPassword: string;
  host: string;
  log: (level: "info" | "warn" | "error", message: string) => void;
}

export function createHttpInterface(options: HttpInterfaceOptions): HttpInterface {
  const { engine, runner, log } = options;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (isForeign(request, options.host)) {
      request.resume();
      response
        .writeHead(403, { "content-type": "text/plain" })
        .end("Forbidden: only local programs may ask\n");
      return;
    }
    const url = URL.parse(`http://localhost${request.url ?? "/"}`);
    if (!url) {
      response.writeHead(400, { "content-type": "text/plain" }).end("Bad request: not a URL\n");
      return;
    }
    response.setHeader("x-clickhouse-server-display-name", displayName);
    response.setHeader("x-clickhouse-timezone", engine.timezone);
    if (isPing(request, url)) {
      response.setHeader("content-type", "text/html; charset=UTF-8");
      response.end("Ok.\n");
      return;
    }
    const gone = new AbortController();
    response.on("close", () => {
      if (!response.writableFinished) gone.abort();
    });
    try {
      await answerQuery(request, url, response, gone.signal);
    } catch (thrown) {
      refuse(request, response, thrown);
    }
  }

  async function answerQuery(
    request: IncomingMessage,
    url: URL,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    if (request.method !== "GET" && request.method !== "POST" && request.method !== "HEAD") {
      throw queryError(36, `Expected method GET or POST, got "${request.method ?? ""}"`);
    }
    const role = authenticate(request, url, options.writerPassword);
    const query = await readRequest(request, url, role);
    const queryId = query.queryId ?? randomUUID();
    response.setHeader("x-clickhouse-query-id", queryId.replaceAll(/[^\x20-\x7e]/g, "?"));
    if (isHello(query.text, query.defaultFormat)) {
      const { version, timezone } = engine;
      response.setHeader("content-type", "application/octet-stream");
      response.end(helloBlock(query.protocolRevision, { name: displayName, version, timezone }));
      return;
    }
    const readOnlyMethod = request.method !== "POST";
    await runner.run(query, { role, readOnlyMethod, queryId, signal }, response);
  }

  function refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    const error = engineError(thrown);
    if (error.code === 1001 && !response.destroyed)
      log("error", `query failed: ${firstLine(error)}`);
    // What the client still sends is of no use; a large rest is not waited for.
    if (!request.complete) response.setHeader("connection", "close");
    request.resume();
    sendError(response, error, engine.version);
  }

  const server = http.createServer(
    { maxHeaderSize: 1024 * 1024, requestTimeout: 0 },
    (request, response) => {
      answer(request, response).catch((thrown: unknown) => {
        log("error", `request failed: ${String(thrown)}`);
        response.destroy();
      });
    },
  );
  server.maxConnections = 512;
  let stopping = false;
  server.on("request", (_request, response: ServerResponse) => {
    // A connection that is kept alive would hold up the stop.
    response.on("close", () => {
      if (stopping) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.keepAliveTimeout = 30_000; // the client library's sockets live for less

  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host, port }, () => {
          server.removeListener("error", reject);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

function firstLine(error: QueryError): string {
  return error.message.split("\n")[0]!.slice(0, 300);
}

function isPing(request: IncomingMessage, url: URL): boolean {
  if (url.pathname === "/ping" || url.pathname === "/replicas_status") return true;
  return url.pathname === "/" && request.method === "GET" && url.search === "";
}

/** Not for this host, or sent by a browser on behalf of a page. */
function isForeign(request: IncomingMessage, boundHost: string): boolean {
  const site = request.headers["sec-fetch-site"];
  if (request.headers.origin !== undefined || site === "cross-site" || site === "same-site")
    return true;
  const host = hostName(request.headers.host ?? "");
  if (host === undefined) return true;
  if (
    host === "localhost" ||
    host === boundHost ||
    host === "::1" ||
    /^127\.\d+\.\d+\.\d+$/.test(host)
  )
    return false;
  // Bound to every address: any of the machine's own, named by number. Names can be rebound, numbers cannot.
  return !((boundHost === "0.0.0.0" || boundHost === "::") && net.isIP(host) !== 0);
}

function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::\d+)?$/.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
