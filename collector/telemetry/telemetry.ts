/**
 * The collector about itself: /metrics for Prometheus, /healthz for whoever restarts it. On a port of its own, so that
 * it can stay on loopback while OTLP is open to others, and answers while the receiver is stopping.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Address } from "@assay/clickhouse";
import { collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { ForwardStats } from "../forward/forwarder.ts";
import type { InsertStats } from "../insert/inserter.ts";
import type { EvaluatorStats } from "../checks/evaluator.ts";
import type { OwnRequestsStats } from "../forward/own-requests.ts";
import type { JudgeStageStats } from "../judge/stage.ts";
import type { LogStats } from "../log/log.ts";
import type { ReceiverStats } from "../receive/receiver-stats.ts";
import type { RedactStats } from "../redact/stage.ts";
import type { SampleStats } from "../sample/stage.ts";
import { CANARY_METRICS, type CanaryStats } from "./canary.ts";
import { CERTIFICATE_METRICS, type CertificateStats } from "./certificate-metrics.ts";
import { DISK_METRICS, type DiskStats } from "./disk-metrics.ts";
import { ENCODE_METRICS, type EncodeStats } from "./encode-metrics.ts";
import { ENGINE_METRICS, type EngineStats } from "./engine.ts";
import { FORWARD_METRICS, OWN_REQUESTS_METRICS } from "./forward-metrics.ts";
import { healthOf, type Health } from "./health.ts";
import { HISTORY_METRICS, type HistoryStats, type Sample } from "./history.ts";
import { INSERT_METRICS } from "./insert-metrics.ts";
import type { NotifierStats } from "../checks/notify/notifier.ts";
import { CHECKS_METRICS, NOTIFY_METRICS } from "./checks-metrics.ts";
import { JUDGE_METRICS } from "./judge-metrics.ts";
import { LEDGER_METRICS, type LedgerStats } from "./ledger.ts";
import { LOG_METRICS } from "./log-metrics.ts";
import { register, registerEach } from "./metric-row.ts";
import { REDACT_METRICS, SAMPLE_METRICS } from "./privacy-metrics.ts";
import { PROCESS_METRICS, processStats } from "./process-metrics.ts";
import { RECEIVER_MEMORY_METRICS, RECEIVER_METRICS } from "./receiver-metrics.ts";
import { createRunway, RUNWAY_METRICS } from "./runway.ts";
import { samplesOf } from "./samples.ts";

/** Each may say undefined for as long as its stage is not there yet. */
export interface TelemetrySources {
  /** OTLP over HTTP, and over gRPC. */
  receiver?: () => ReceiverStats | undefined;
  grpcReceiver?: () => ReceiverStats | undefined;
  sampling?: () => SampleStats | undefined;
  redaction?: () => RedactStats | undefined;
  /** One for each destination. */
  forwarding?: () => readonly ForwardStats[];
  ownRequests?: () => readonly OwnRequestsStats[];
  log?: () => LogStats | undefined;
  disk?: () => DiskStats | undefined;
  certificates?: () => CertificateStats | undefined;
  encode?: () => EncodeStats | undefined;
  insert?: () => InsertStats | undefined;
  engine?: () => EngineStats | undefined;
  ledger?: () => LedgerStats | undefined;
  judge?: () => JudgeStageStats | undefined;
  checks?: () => EvaluatorStats | undefined;
  notify?: () => NotifierStats | undefined;
  history?: () => HistoryStats | undefined;
  canary?: () => CanaryStats | undefined;
}

export interface Telemetry {
  /** Resolves to the address in use, with the port that was given for port 0. */
  listen(address: Address): Promise<Address>;
  stop(): Promise<void>;
  /** Prometheus text. */
  metrics(): Promise<string>;
  /** The same, one number at a time. */
  samples(): Promise<readonly Sample[]>;
  health(): Health;
  /** The log was synced. */
  observeSync(ms: number): void;
}

const absent = (): undefined => undefined;

export function createTelemetry(
  sources: TelemetrySources,
  { now = Date.now }: { now?: () => number } = {},
): Telemetry {
  const { receiver = absent, grpcReceiver = absent, log = absent, encode = absent } = sources;
  const { forwarding = () => [], ownRequests = () => [] } = sources;
  const { sampling = absent, redaction = absent } = sources;
  const { insert = absent, engine = absent, ledger = absent, judge = absent } = sources;
  const { checks = absent, notify = absent, history = absent } = sources;
  const { disk = absent, certificates = absent, canary = absent } = sources;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  register(registry, processStats, PROCESS_METRICS);
  const receivers = () =>
    [
      { labels: { transport: "http" }, stats: receiver() },
      { labels: { transport: "grpc" }, stats: grpcReceiver() },
    ].filter((one): one is typeof one & { stats: ReceiverStats } => one.stats !== undefined);
  registerEach(registry, receivers, RECEIVER_METRICS, ["transport"]);
  register(registry, receiver, RECEIVER_MEMORY_METRICS);
  register(registry, sampling, SAMPLE_METRICS);
  register(registry, redaction, REDACT_METRICS);
  const destinations = () =>
    forwarding().map((stats) => ({ labels: { destination: stats.name }, stats }));
  registerEach(registry, destinations, FORWARD_METRICS, ["destination"]);
  const scores = () =>
    ownRequests().map((stats) => ({ labels: { destination: stats.name }, stats }));
  registerEach(registry, scores, OWN_REQUESTS_METRICS, ["destination"]);
  register(registry, log, LOG_METRICS);
  register(registry, createRunway(log, now), RUNWAY_METRICS);
  register(registry, disk, DISK_METRICS);
  register(registry, certificates, CERTIFICATE_METRICS);
  register(registry, ledger, LEDGER_METRICS);
  const syncs = new Histogram({
    name: "assay_log_sync_seconds",
    help: "Duration of a sync of the log; every acknowledge waits for one.",
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
    registers: [registry],
  });
  register(registry, encode, ENCODE_METRICS);
  register(registry, insert, INSERT_METRICS);
  register(registry, engine, ENGINE_METRICS);
  register(registry, judge, JUDGE_METRICS);
  register(registry, checks, CHECKS_METRICS);
  register(registry, notify, NOTIFY_METRICS);
  register(registry, history, HISTORY_METRICS);
  register(registry, canary, CANARY_METRICS);

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
    samples: () => samplesOf(registry),
    health,
    observeSync: (ms) => syncs.observe(ms / 1_000),
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
