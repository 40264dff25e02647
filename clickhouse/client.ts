/** Clients for ClickHouse, be it the users' server or the embedded engine: the same interface and SQL. */
import fs from "node:fs/promises";
import path from "node:path";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Address } from "./settings.ts";

export interface ClickHouseTarget {
  /** As in `http://127.0.0.1:8123`. */
  url: string;
  username: string;
  password: string;
  database: "assay";
  embedded: boolean;
  /** Embedded only: the folder whose files an insert may name with `assay_spool`. */
  spoolDir?: string;
}

/** The embedded engine's places under ASSAY_DATA. */
export function embeddedPaths(dataDir: string) {
  const root = path.resolve(dataDir, "clickhouse");
  return {
    root,
    spool: path.join(root, "spool"),
    /** Everything here is the server's own and is emptied at its start. */
    runtime: path.join(root, "run"),
    writerPassword: path.join(root, "writer.password"),
    lock: path.join(root, "server.lock"),
  };
}

export function createClickHouse(
  target: ClickHouseTarget,
  options: { requestTimeoutMs?: number; maxOpenConnections?: number } = {},
): ClickHouseClient {
  const loopback = target.embedded;
  return createClient({
    url: target.url,
    username: target.username,
    password: target.password,
    database: target.database,
    application: "assay",
    request_timeout: options.requestTimeoutMs ?? 30_000,
    max_open_connections: options.maxOpenConnections ?? 10,
    log: { level: ClickHouseLogLevel.OFF }, // every failure is thrown: whoever catches it logs it
    compression: { request: !loopback, response: !loopback }, // on loopback it costs CPU and saves nothing
  });
}

/** Where ClickHouse is reached, by the settings. @throws when the embedded engine never ran in ASSAY_DATA */
export async function targetOf(
  settings: {
    ASSAY_DATA: string;
    CLICKHOUSE_URL?: string | undefined;
    ASSAY_CLICKHOUSE_HTTP: Address;
  },
  role: "writer" | "reader",
): Promise<ClickHouseTarget> {
  if (settings.CLICKHOUSE_URL) return serverTarget(settings.CLICKHOUSE_URL);
  return embeddedTarget(settings.ASSAY_DATA, settings.ASSAY_CLICKHOUSE_HTTP, role);
}

function serverTarget(text: string): ClickHouseTarget {
  const url = new URL(text);
  return {
    url: url.origin,
    username: decodeURIComponent(url.username) || "default",
    password: decodeURIComponent(url.password),
    database: "assay",
    embedded: false,
  };
}

export async function embeddedTarget(
  dataDir: string,
  address: Address,
  role: "writer" | "reader",
): Promise<ClickHouseTarget> {
  const paths = embeddedPaths(dataDir);
  const target: ClickHouseTarget = {
    url: addressUrl(address),
    username: role,
    password: "",
    database: "assay",
    embedded: true,
  };
  if (role === "reader") return target;
  return {
    ...target,
    password: await readWriterPassword(paths.writerPassword),
    spoolDir: paths.spool,
  };
}

/** A server bound to every address is reached by loopback. */
function addressUrl({ host, port }: Address): string {
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
}

async function readWriterPassword(file: string): Promise<string> {
  try {
    return (await fs.readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new Error(
      `expected the embedded engine's password in "${file}": has the collector run with this ASSAY_DATA?`,
      {
        cause,
      },
    );
  }
}
