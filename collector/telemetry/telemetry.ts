/**
 * The collector about itself: /metrics for Prometheus, /healthz for whoever restarts it. On a port of its own, so that
 * it can stay on loopback while OTLP is open to others, and answers while the receiver is stopping.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Address } from "@assay/clickhouse";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { InsertStats } from "../insert/inserter.ts";
import type { LogStats } from "../log/log.ts";
import type { ReceiverStats } from "../receive/receiver-stats.ts";
import { ENCODE_METRICS, type EncodeStats } from "./encode-metrics.ts";
import { ENGINE_METRICS, type EngineStats } from "./engine.ts";
import { healthOf, type Health } from "./health.ts";
import { INSERT_METRICS } from "./insert-metrics.ts";
import { LOG_METRICS } from "./log-metrics.ts";
import { register } from "./metric-row.ts";
import { PROCESS_METRICS, processStats } from "./process-metrics.ts";
import { RECEIVER_METRICS } from "./receiver-metrics.ts";

/** Each may say undefined for as long as its stage is not there yet. */
export interface TelemetrySources {
  receiver?: () => ReceiverStats | undefined;
  log?: () => LogStats | undefined;
  encode?: () => EncodeStats | undefined;
  insert?: () => InsertStats | undefined;
  engine?: () => EngineStats | undefined;
}

export interface Telemetry {
  /** Resolves to the address in use, with the port that was given for port 0. */
  listen(address: Address): Promise<Address>;
  stop(): Promise<void>;
  /** Prometheus text. */
  metrics(): Promise<string>;
  health(): Health;
}

const absent = (): undefined => undefined;

export function createTelemetry(
  sources: TelemetrySources,
  { now = Date.now }: { now?: () => number } = {},
): Telemetry {
  const { receiver = absent, log = absent, encode = absent } = sources;
  const { insert = absent, engine = absent } = sources;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  register(registry, processStats, PROCESS_METRICS);
  register(registry, receiver, RECEIVER_METRICS);
  register(registry, log, LOG_METRICS);
  register(registry, encode, ENCODE_METRICS);
  register(registry, insert, INSERT_METRICS);
  register(registry, engine, ENGINE_METRICS);

  const health = (): Health => healthOf({ log: log(), insert: insert(), engine: engine() }, now());

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").replace(/\?.*$/s, "");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return reply(response, 405, TEXT, `expected GET, got "${request.method}"\n`);
    }
    if (path === "/metrics")
      return reply(response, 200, registry.contentType, await registry.metrics());
    if (path === "/healthz") {
      const found = health();
      const status = found.status === "ok" ? 200 : 503;
      return reply(response, status, "application/json", `${JSON.stringify(found)}\n`);
    }
    reply(response, 404, TEXT, `expected "/metrics" or "/healthz", got "${path.slice(0, 100)}"\n`);
  }

  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 10_000, maxHeaderSize: 16 * 1024 },
    (request, response) => {
      answer(request, response).catch((error: unknown) =>
        reply(response, 500, TEXT, `${String(error)}\n`),
      );
    },
  );
  server.maxConnections = 256;

  return {
    listen(address) {
      const { promise, resolve, reject } = Promise.withResolvers<Address>();
      server.once("error", reject);
      server.listen(address.port, address.host, () => {
        server.off("error", reject);
        resolve({ host: address.host, port: (server.address() as AddressInfo).port });
      });
      return promise;
    },
    stop() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      return promise;
    },
    metrics: () => registry.metrics(),
    health,
  };
}

const TEXT = "text/plain; charset=utf-8";

function reply(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(body),
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}
