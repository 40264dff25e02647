/** Starts the query API and the page: a client for the read-only user, the app, a listening server. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Address, type ClickHouseTarget, createClickHouse } from "@assay/clickhouse";
import type { PriceBook } from "@assay/instrumentation/pricing";
import { createApp } from "./app.ts";
import type { LabelSettings } from "./labels/queue.ts";
import type { Budget } from "./budgets.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import { MAX_EXPORT_SECONDS, type QueryLimits } from "./store.ts";

/** To ClickHouse. Live spans and exports hold theirs for long, and must not keep the page waiting. */
const MAX_CONNECTIONS = 40;

export interface QueryApiOptions {
  /** Port 0: any free one. */
  address: Address;
  /** Where spans are stored; the `reader` role is enough. */
  target: ClickHouseTarget;
  log: (level: "info" | "warn" | "error", message: string) => void;
  /** Further host names that requests may name. @default [] */
  hosts?: readonly string[] | undefined;
  /** The server is meant to be reached from other machines: requests may name any IP address. @default false */
  allowRemote?: boolean;
  /** What the collector prices by. @default the bundled one */
  prices?: PriceBook;
  /** The same store, with the right to write. @default what would be written is refused */
  writer?: ClickHouseTarget | undefined;
  labels?: LabelSettings;
  /** @default [] */
  budgets?: readonly Budget[];
  /** What is known of models besides their traffic. @default [] */
  catalogue?: readonly CatalogueEntry[];
  /** Unix milliseconds. @default Date.now */
  now?: () => number;
  /** Limits, as in AppOptions. */
  requestsPerSecond?: number | undefined;
  liveClients?: number | undefined;
  queryLimits?: QueryLimits | undefined;
  stallMs?: number;
  heartbeatMs?: number;
  /** Every answer is held against its schema; for tests. @default false */
  checkAnswers?: boolean;
}

export interface QueryApi {
  address: Address;
  /** Lets requests finish for `deadlineMs`, then closes their connections. @default 5000 */
  stop(deadlineMs?: number): Promise<void>;
}

export async function startQueryApi(options: QueryApiOptions): Promise<QueryApi> {
  const client = createClickHouse(options.target, {
    requestTimeoutMs: (MAX_EXPORT_SECONDS + 5) * 1000,
    maxOpenConnections: MAX_CONNECTIONS,
  });
  const writer = options.writer && createClickHouse(options.writer);
  const { host, port } = options.address;
  const bracketed = host.includes(":") ? `[${host}]` : host;
  const app = createApp({
    client,
    log: options.log,
    hosts: [bracketed, ...(options.hosts ?? [])],
    allowRemote: options.allowRemote ?? false,
    checkAnswers: options.checkAnswers ?? false,
    requestsPerSecond: options.requestsPerSecond,
    liveClients: options.liveClients,
    queryLimits: options.queryLimits,
    ...(options.stallMs !== undefined && { stallMs: options.stallMs }),
    ...(options.heartbeatMs !== undefined && { heartbeatMs: options.heartbeatMs }),
    ...(options.prices && { prices: options.prices }),
    ...(options.labels && { labels: options.labels }),
    ...(writer && { writer }),
    budgets: options.budgets ?? [],
    catalogue: options.catalogue ?? [],
    ...(options.now && { now: options.now }),
  });
  const server = createServer(app);
  server.requestTimeout = 60_000;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    await Promise.all([client.close(), writer?.close()]);
    throw new Error(`cannot listen on ${bracketed}:${port} (ASSAY_HTTP)`, { cause: error });
  }
  return {
    address: { host, port: (server.address() as AddressInfo).port },
    async stop(deadlineMs = 5_000) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
      server.closeIdleConnections();
      await closed;
      clearTimeout(timer);
      await Promise.all([client.close(), writer?.close()]);
    },
  };
}
