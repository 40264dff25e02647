/**
 * The collector, put together: receive → (sample → redact →) log → encode → insert; log → forward, as many times as
 * there are destinations; and, over what is stored, the judge and the checks.
 *
 * Built right to left, started so that spans are taken first: the log opens and the receiver listens before the store
 * is there, because the log is what a 200 promises. Then the store comes up in the background, in the order that keeps
 * exactly-once true: replay what was in flight, reconcile, and only then migrate (views must not change while an
 * insert is in doubt). Stopped left to right.
 */
import "./heap.ts";
import { join, resolve } from "node:path";
import type { Address, clickhouseSettings, SettingsOf } from "@assay/clickhouse";
import type { collectorSettings } from "./config.ts";
import { readChecksConfig } from "./checks/config.ts";
import { createChecksStage } from "./checks/stage.ts";
import { readForward } from "./forward/config.ts";
import { createOwnRequests } from "./forward/own-requests.ts";
import { consumersOf, startForwarding } from "./forward/stage.ts";
import { readJudgeConfig } from "./judge/config.ts";
import { createJudgeStage } from "./judge/stage.ts";
import { openLog } from "./log/log.ts";
import { readBudgets } from "./budgets.ts";
import { readPriceBook } from "./own-prices.ts";
import { readPrivacy } from "./privacy.ts";
import { VALIDATOR_VERSION } from "./otlp/validate.ts";
import { createOtlpGrpcReceiver } from "./receive/grpc/receiver.ts";
import { createIntake } from "./receive/intake.ts";
import { createOtlpHttpReceiver } from "./receive/receiver.ts";
import { createRedactStage } from "./redact/stage.ts";
import { createSampleStage } from "./sample/stage.ts";
import type { AcceptedRequest } from "./stages.ts";
import { createStore } from "./store.ts";
import { createCanary } from "./telemetry/canary.ts";
import { certificatesOf } from "./telemetry/certificate-metrics.ts";
import { diskStats } from "./telemetry/disk-metrics.ts";
import { createMetricsHistory } from "./telemetry/history.ts";
import { createTelemetry } from "./telemetry/telemetry.ts";

const MiB = 1024 * 1024;
const RECEIVER_STOP_MS = 5_000;
const FORWARD_STOP_MS = 5_000;

export type CollectorSettings = SettingsOf<typeof clickhouseSettings & typeof collectorSettings>;

export interface CollectorOptions {
  log: (level: "info" | "warn" | "error", message: string) => void;
  /** Called when the collector can go on neither now nor later: a log that cannot be synced, a newer schema. */
  onFatal: (error: unknown) => void;
}

export interface RunningCollector {
  otlp: Address;
  otlpGrpc: Address;
  metrics: Address;
  /** For people: where ClickHouse is, without a password. */
  clickhouse: string;
  dataDir: string;
  /** Resolves when the store is up and the schema is current; spans are taken before that. */
  ready: Promise<void>;
  /** Takes nothing more, waits for what is in flight, stores what it can, closes; about 20 s at most. */
  stop(): Promise<void>;
}

export async function startCollector(
  settings: CollectorSettings,
  options: CollectorOptions,
): Promise<RunningCollector> {
  const privacy = readPrivacy(settings.ASSAY_PRIVACY, settings.ASSAY_REDACT_KEY);
  const destinations = readForward(settings.ASSAY_FORWARD, process.env);
  const judging = readJudgeConfig(settings.ASSAY_JUDGE, process.env);
  const checking = readChecksConfig(
    settings.ASSAY_CHECKS,
    process.env,
    readBudgets(settings.ASSAY_BUDGETS),
  );
  const priceBook = readPriceBook(settings.ASSAY_PRICES);
  const dataDir = resolve(settings.ASSAY_DATA);
  const log = await openLog({
    dir: join(dataDir, "log"),
    maxBytes: settings.ASSAY_LOG_MAX_MB * MiB,
    // The segment that is being written is never removed: it may only be a small part, or a full log stays full.
    segmentBytes: Math.min(64, settings.ASSAY_LOG_MAX_MB / 8) * MiB,
    reserveBytes: Math.min(32, settings.ASSAY_LOG_MAX_MB / 32) * MiB,
    consumers: consumersOf(destinations),
    validatorVersion: VALIDATOR_VERSION,
    log: options.log,
    onFailed: options.onFatal,
    onSync: (ms) => telemetry.observeSync(ms),
  });
  const store = createStore({ settings, priceBook, dataDir, source: log, log: options.log });
  const ownRequests = createOwnRequests(destinations, options.log);
  const judge = createJudgeStage({
    config: judging,
    reread: () => readJudgeConfig(settings.ASSAY_JUDGE, process.env)!,
    collectorId: log.id,
    dataDir,
    insertStats: () => store.sources.insert?.(),
    sendEvent: ownRequests.isWanted ? (body) => ownRequests.offer(body) : undefined,
    log: options.log,
  });
  const checks = createChecksStage({
    config: checking,
    dataDir,
    collectorId: log.id,
    shared: settings.CLICKHOUSE_URL !== undefined,
    log: options.log,
  });
  const forwarding = startForwarding(destinations, log, options.log);
  const append = (request: AcceptedRequest) => log.append(request);
  const redaction = privacy.redact && createRedactStage(privacy.redact, append);
  const sampling =
    privacy.sample && createSampleStage(privacy.sample, redaction?.consume ?? append);
  const intake = createIntake({
    consume: sampling?.consume ?? redaction?.consume ?? append,
    admit: () => log.admission(),
    maxBodyBytes: settings.ASSAY_MAX_BODY_MB * MiB,
    hashName: log.id,
    log: options.log,
  });
  const receiver = createOtlpHttpReceiver({
    intake,
    tracesPath: settings.ASSAY_OTLP_TRACES_PATH,
    corsOrigins: settings.ASSAY_OTLP_CORS_ORIGINS,
  });
  const grpcReceiver = createOtlpGrpcReceiver({ intake });
  const certificates = certificatesOf(destinations);
  const telemetry = createTelemetry({
    receiver: () => receiver.stats(),
    grpcReceiver: () => grpcReceiver.stats(),
    sampling: () => sampling?.stats(),
    redaction: () => redaction?.stats(),
    forwarding: () => forwarding.stats(),
    ownRequests: () => ownRequests.stats(),
    judge: () => judge.stats(),
    checks: () => checks.stats(),
    notify: () => checks.notifyStats(),
    history: () => history.stats(),
    canary: () => canary?.stats(),
    log: () => log.stats(),
    disk: () => diskStats(dataDir),
    certificates: () => certificates,
    ...store.sources,
  });
  let canaryTarget: Address | undefined;
  const canary =
    settings.ASSAY_CANARY === "on"
      ? createCanary({
          otlp: () => canaryTarget!,
          tracesPath: settings.ASSAY_OTLP_TRACES_PATH,
          log: options.log,
        })
      : undefined;
  const history = createMetricsHistory({
    collectorId: log.id,
    read: () => telemetry.samples(),
    log: options.log,
  });
  async function stop(): Promise<void> {
    await canary?.stop();
    await Promise.all([receiver.stop(RECEIVER_STOP_MS), grpcReceiver.stop(RECEIVER_STOP_MS)]);
    await Promise.all([judge.stop(), checks.stop(), history.stop()]);
    await ownRequests.stop();
    await Promise.all([store.stop(), forwarding.stop(FORWARD_STOP_MS)]);
    await log.close();
    await telemetry.stop();
  }
  try {
    const metrics = await listen(telemetry, "ASSAY_METRICS", settings);
    const otlp = await listen(receiver, "ASSAY_OTLP_HTTP", settings);
    canaryTarget = otlp;
    const otlpGrpc = await listen(grpcReceiver, "ASSAY_OTLP_GRPC", settings);
    const ready = store.start().then(() => {
      judge.start(store.client());
      checks.start(store.client());
      history.start(store.client());
      canary?.start(store.client());
    });
    ready.catch(options.onFatal);
    return { otlp, otlpGrpc, metrics, clickhouse: publicAddress(settings), dataDir, ready, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function listen(
  server: { listen(address: Address): Promise<Address> },
  setting: "ASSAY_METRICS" | "ASSAY_OTLP_HTTP" | "ASSAY_OTLP_GRPC",
  settings: CollectorSettings,
): Promise<Address> {
  const { host, port } = settings[setting];
  try {
    return await server.listen({ host, port });
  } catch (error) {
    throw new Error(`${setting}: cannot listen on ${host}:${port}`, { cause: error });
  }
}

function publicAddress(settings: CollectorSettings): string {
  const { host, port } = settings.ASSAY_CLICKHOUSE_HTTP;
  if (settings.CLICKHOUSE_URL === undefined)
    return `http://${host}:${port}  (user "reader", no password, read only)`;
  const url = new URL(settings.CLICKHOUSE_URL);
  return `${url.protocol}//${url.host}`;
}
