/**
 * The embedded server's process: entry point, start and end.
 *
 * It lives and dies with its parent. When the parent's channel closes, it kills itself at once: an orphan would
 * hold the lock and the port, and the engine is built to survive that. On an orderly stop it answers what runs,
 * then closes the engine. It never calls process.exit while a query runs: that hung.
 */
import fs from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { embeddedPaths } from "../client.ts";
import type { Address } from "../settings.ts";
import { writerPassword } from "./credentials.ts";
import { repairDeduplicationLogs } from "./dedup-log.ts";
import { openEngine } from "./engine.ts";
import { createFullDisk } from "./full-disk.ts";
import { createHttpInterface } from "./http.ts";
import { totalRunning } from "./lane.ts";
import type { LaneStats } from "./lane.ts";
import { takeLock } from "./lock.ts";
import { createQueryRunner } from "./query-runner.ts";
import { createResultPipes } from "./result-pipe.ts";

/** What the supervisor passes as the first argument, in JSON. */
export interface ChildOptions {
  dataDir: string;
  address: Address;
  memoryMb: number;
}

export type ChildMessage =
  | { type: "ready"; port: number }
  | { type: "failed"; message: string; locked: boolean }
  | { type: "lanes"; lanes: Record<string, LaneStats> }
  | { type: "log"; level: "info" | "warn" | "error"; message: string };

const drainMs = 10_000;
const tellMs = 100;
const reportEveryMs = 2_000;
const readerMaxSeconds = 300;

function send(message: ChildMessage): void {
  if (process.connected) process.send!(message);
}

function log(level: "info" | "warn" | "error", message: string): void {
  send({ type: "log", level, message });
}

async function start(options: ChildOptions): Promise<() => Promise<void>> {
  const paths = embeddedPaths(options.dataDir);
  await fs.mkdir(paths.spool, { recursive: true, mode: 0o700 });
  await takeLock(paths.lock, paths.root);
  const password = await writerPassword(paths.writerPassword);
  for (const { folder, bytesCut, recordsTakenBack } of await repairDeduplicationLogs(paths.root)) {
    if (bytesCut > 0) log("warn", `cut ${bytesCut} bytes of a torn record in ${folder}`);
    if (recordsTakenBack > 0)
      log(
        "warn",
        `took back ${recordsTakenBack} records of blocks that were never stored, ${folder}`,
      );
  }
  await removeOldBodies(paths.spool);
  const pipes = await createResultPipes(paths.runtime, totalRunning);
  const engine = await openEngine({
    root: paths.root,
    configFile: path.join(paths.runtime, "engine.xml"),
    memoryMb: options.memoryMb,
  });
  const fullDisk = createFullDisk(paths.root, () => {
    log("info", "the disk has room again: the engine is opened anew");
    // When those that run have been told; the supervisor starts the next one.
    setTimeout(() => process.kill(process.pid, "SIGKILL"), tellMs);
  });
  const runner = createQueryRunner({
    engine,
    pipes,
    fullDisk,
    spoolDir: paths.spool,
    readerLimits: new Map([
      ["max_execution_time", readerMaxSeconds],
      ["max_memory_usage", Math.floor((options.memoryMb * 1024 * 1024) / 2)],
      ["max_threads", availableParallelism()],
    ]),
  });
  const server = createHttpInterface({
    engine,
    runner,
    writerPassword: password,
    host: options.address.host,
    log,
  });
  send({ type: "ready", port: await server.listen(options.address) });
  setInterval(() => send({ type: "lanes", lanes: runner.stats() }), reportEveryMs).unref();

  return async () => {
    const answered = server.stop();
    const late = setTimeout(() => void runner.killAll(), drainMs);
    await answered;
    clearTimeout(late);
    await engine.close();
  };
}

/** Bodies that were being received when the server ended. What collectors left has other names and stays. */
async function removeOldBodies(spool: string): Promise<void> {
  for (const name of await fs.readdir(spool)) {
    if (name.startsWith("body-")) await fs.rm(path.join(spool, name), { force: true });
  }
}

process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
// A terminal sends these to the whole group; the parent decides when to stop.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

const started = start(JSON.parse(process.argv[2]!) as ChildOptions);
started.catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  send({ type: "failed", message, locked: error instanceof Error && error.name === "LockedError" });
});

process.on("message", (message) => {
  if (message !== "stop") return;
  started
    .then((stop) => stop())
    .catch((error: unknown) => log("error", `stop: ${String(error)}`))
    // Everything is answered and the engine is closed; its threads must not keep the process.
    .finally(() => process.kill(process.pid, "SIGKILL"));
});
