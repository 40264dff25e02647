/** The settings of a process: the tables of all packages as one, read from the environment. */
import {
  clickhouseSettings,
  createClickHouse,
  readSettings,
  SettingsError,
  targetOf,
  type Address,
} from "@assay/clickhouse";
import { collectorSettings } from "@assay/collector";
import { querySettings } from "@assay/query-api";
import type { ClickHouseClient } from "@clickhouse/client";

export const settingTables = { ...clickhouseSettings, ...collectorSettings, ...querySettings };

/** Variables of `@assay/instrumentation`, which may be set in the same shell. */
const instrumentationSettings = [
  "ASSAY_ENDPOINT",
  "ASSAY_PROJECT",
  "ASSAY_CONTENT",
  "ASSAY_PROPAGATE",
  "ASSAY_DISABLE",
];

export type Settings = ReturnType<typeof settings>;

/** @throws {SettingsError} naming every setting that is not what was expected */
export function settings() {
  const values = readSettings(settingTables, process.env, instrumentationSettings);
  if (!values.ASSAY_ALLOW_REMOTE) refuseRemoteAddresses(values);
  return values;
}

/** Connects to ClickHouse when it is asked to: a command may end before it needs to. */
export function connector(values: Settings) {
  return async (role: "reader" | "writer", requestTimeoutMs?: number): Promise<ClickHouseClient> =>
    createClickHouse(
      await targetOf(values, role),
      requestTimeoutMs === undefined ? {} : { requestTimeoutMs },
    );
}

/** An address as one types it into a browser. */
export function url({ host, port }: Address): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function refuseRemoteAddresses(values: Record<string, unknown>): void {
  const problems = Object.entries(values)
    .filter(
      (entry): entry is [string, Address] => isAddress(entry[1]) && !isLoopback(entry[1].host),
    )
    .map(([key, { host, port }]) => ({
      key,
      value: `${host}:${port}`,
      expected:
        "a loopback address, or ASSAY_ALLOW_REMOTE=true to open the port to whoever can reach it",
    }));
  if (problems.length > 0) throw new SettingsError(problems);
}

function isAddress(value: unknown): value is Address {
  return typeof value === "object" && value !== null && "host" in value && "port" in value;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
