/**
 * `assay start`: everything on one machine. The collector has the embedded engine as its child; the query API is a
 * process of its own, so that a slow query never holds up a span.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Address } from "@assay/clickhouse";
import { startCollector, type RunningCollector } from "@assay/collector";
import { printAddresses } from "./addresses.ts";
import { describe, failed, log } from "./log.ts";
import { settings, type Settings } from "./settings.ts";
import { stopRequested } from "./stop-requested.ts";

export async function run(): Promise<void> {
  const running = await startAll(settings());
  printAddresses(running.collector, running.api);
  await stopRequested();
  log("info", "stopping; Ctrl-C again ends it at once");
  await running.stop();
}

export interface Running {
  collector: RunningCollector;
  api: Address;
  stop(): Promise<void>;
}

/** Resolves when it takes spans and answers queries. */
export async function startAll(values: Settings): Promise<Running> {
  const collector = await startCollector(values, { log, onFatal: failed });
  await collector.ready;
  const api = await startApi().catch(async (error: unknown) => {
    await collector.stop();
    throw error;
  });
  return {
    collector,
    api: api.address,
    async stop() {
      await api.stop();
      await collector.stop();
    },
  };
}

interface ApiProcess {
  address: Address;
  stop(): Promise<void>;
}

/** The query API in a process of its own, started again whenever it ends by itself. */
async function startApi(): Promise<ApiProcess> {
  let stopping = false;
  let child: ChildProcess;
  const start = async (): Promise<Address> => {
    const api = fork(new URL("../assay.mjs", import.meta.url), ["query-api"]);
    child = api;
    const address = await firstAddress(api);
    api.once("exit", (code) => {
      if (stopping) return;
      log("error", `the query API ended with code ${code}; starting it again`);
      start().catch((error: unknown) => log("error", `no query API: ${describe(error)}`));
    });
    return address;
  };
  return {
    address: await start(),
    async stop() {
      stopping = true;
      if (child.exitCode !== null || !child.connected) return;
      const ended = once(child, "exit");
      child.send("stop");
      await ended;
    },
  };
}

function firstAddress(api: ChildProcess): Promise<Address> {
  return new Promise((resolve, reject) => {
    api.once("message", (message) => resolve((message as { address: Address }).address));
    api.once("exit", (code) =>
      reject(new Error(`the query API did not start (exit code ${code})`)),
    );
  });
}
