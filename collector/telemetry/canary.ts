/**
 * A span of our own each minute, from the receiver's door to a query: that all of the way works is what no stage can say by itself.
 *
 * It is sent over OTLP/HTTP as a service's would be, of the project "assay-canary", without an operation, so that it stands in no
 * rollup; and looked for in ClickHouse until it is there or has had its time. A collector that does not take it (503), an insert that
 * fails, a view that is gone: each is a miss.
 */
import { randomBytes } from "node:crypto";
import type { Address } from "@assay/clickhouse";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Logger } from "../stages.ts";
import type { MetricRow } from "./metric-row.ts";

export const CANARY_PROJECT = "assay-canary";
const EVERY_MS = 60_000;
const DEADLINE_MS = 30_000;
const LOOK_MS = 500;
const REQUEST_MS = 10_000;

export interface CanaryStats {
  /** Since the last that came through. */
  misses: number;
  /** From the sending to the answer of the query, of the last that came through; undefined before it. */
  seconds: number | undefined;
}

export interface Canary {
  /** The store is up; undefined when it was stopped before. */
  start(client: ClickHouseClient | undefined): void;
  stop(): Promise<void>;
  /** Undefined before the first one's end. */
  stats(): CanaryStats | undefined;
}

export interface CanaryOptions {
  /** The receiver's. */
  otlp: () => Address;
  tracesPath: string;
  log: Logger;
  /** @default 60,000 */
  everyMs?: number;
  /** @default 30,000 */
  deadlineMs?: number;
}

export function createCanary(options: CanaryOptions): Canary {
  const { everyMs = EVERY_MS, deadlineMs = DEADLINE_MS, log } = options;
  const stopping = new AbortController();
  let stats: CanaryStats | undefined;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  async function once(client: ClickHouseClient): Promise<void> {
    const began = performance.now();
    try {
      const traceId = await send(options, stopping.signal);
      await untilStored(client, traceId, { deadlineMs, signal: stopping.signal });
      stats = { misses: 0, seconds: (performance.now() - began) / 1_000 };
    } catch (error) {
      if (stopping.signal.aborted) return;
      stats = { misses: (stats?.misses ?? 0) + 1, seconds: stats?.seconds };
      const why = error instanceof Error ? error.message : String(error);
      log("warn", `canary: did not come through (${stats.misses} in a row): ${why}`);
    }
  }

  return {
    start(client) {
      if (!client || stopping.signal.aborted) return;
      const next = (): void => {
        running = once(client).finally(() => {
          if (!stopping.signal.aborted) timer = setTimeout(next, everyMs);
        });
      };
      next();
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
    stats: () => stats,
  };
}

/** Resolves to its trace's id when it was accepted. */
async function send({ otlp, tracesPath }: CanaryOptions, stopped: AbortSignal): Promise<string> {
  const [traceId, spanId] = [randomBytes(16).toString("hex"), randomBytes(8).toString("hex")];
  const now = String(BigInt(Date.now()) * 1_000_000n);
  const attributes = [{ key: "service.name", value: { stringValue: CANARY_PROJECT } }];
  const spans = [{ traceId, spanId, name: "canary", startTimeUnixNano: now, endTimeUnixNano: now }];
  const { host, port } = otlp();
  const response = await fetch(`http://${reachable(host)}:${port}${tracesPath}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }],
    }),
    signal: AbortSignal.any([stopped, AbortSignal.timeout(REQUEST_MS)]),
  });
  if (!response.ok) throw new Error(`expected 200 from the receiver, got ${response.status}`);
  return traceId;
}

/** Who listens on every address is reached on this machine's own. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

async function untilStored(
  client: ClickHouseClient,
  traceId: string,
  { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (performance.now() < deadline) {
    const result = await client.query({
      query: `SELECT count() AS n FROM spans WHERE project = {project:String} AND event_time >= now() - INTERVAL 1 HOUR AND trace_id = unhex({trace:String})`,
      query_params: { project: CANARY_PROJECT, trace: traceId },
      format: "JSONEachRow",
      abort_signal: signal,
    });
    const [row] = await result.json<{ n: number }>();
    if (Number(row?.n) > 0) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`not stored within ${deadlineMs / 1_000} s`);
}

export const CANARY_METRICS: readonly MetricRow<CanaryStats>[] = [
  {
    name: "assay_canary_misses",
    help: "Canaries in a row that did not come through; 0: the last one did.",
    type: "gauge",
    value: (stats) => stats.misses,
  },
  {
    name: "assay_canary_seconds",
    help: "From sending a canary to its answer in a query, of the last that came through.",
    type: "gauge",
    by: "protocol",
    value: (stats) => (stats.seconds === undefined ? [] : [["http", stats.seconds]]),
  },
];
