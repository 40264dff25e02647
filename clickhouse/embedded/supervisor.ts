/**
 * Keeps the embedded server running as a child process.
 *
 * A crash of the engine is the child's only: it is started again after 0.2 s, then twice that, up to 10 s, and the
 * delay starts over once a child has lived for 30 s. Whoever talks to the server sees refused connections meanwhile.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { embeddedTarget } from "../client.ts";
import type { ClickHouseTarget } from "../client.ts";
import type { Address } from "../settings.ts";
import type { ChildMessage, ChildOptions } from "./child.ts";
import { totalRunning } from "./lane.ts";
import type { LaneStats } from "./lane.ts";

export interface EmbeddedServer {
  /** The writer's. */
  target: ClickHouseTarget;
  /** Answers what runs, closes the engine; kills the child when that takes over 20 s. */
  stop(): Promise<void>;
  pid(): number | undefined;
  /** How often the child was started again. */
  restarts(): number;
  /** What runs, waits and was refused in each lane, as of the last 2 s; counts begin anew with each child. */
  lanes(): Readonly<Record<string, LaneStats>>;
}

export interface EmbeddedServerOptions {
  /** ASSAY_DATA. */
  dataDir: string;
  address: Address;
  memoryMb: number;
  log: (level: "info" | "warn" | "error", message: string) => void;
}

const firstDelayMs = 200;
const longestDelayMs = 10_000;
const provenAfterMs = 30_000;
const startMs = 180_000;
/** How often a child that is killed at the very first start is started again. */
const killedAtStart = 5;
const stopMs = 20_000;

/** What a signal ended, which says nothing of its settings and data. */
class KilledError extends Error {}

/**
 * Resolves once the server answers. Rejects when the first start fails; later failures are retried, and so is a first start that
 * was killed.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  let address = options.address;
  let child: ChildProcess | undefined;
  let stopping = false;
  let restarts = 0;
  let lanes: Record<string, LaneStats> = {};
  let delayMs = firstDelayMs;
  let timer: NodeJS.Timeout | undefined;

  async function begin(): Promise<void> {
    const startedAt = Date.now();
    const current = forkChild({ dataDir: options.dataDir, address, memoryMb: options.memoryMb });
    child = current;
    current.on("message", (message: ChildMessage) => {
      if (message.type === "lanes") lanes = message.lanes;
      if (message.type === "log") options.log(message.level, message.message);
    });
    const port = await readyPort(current);
    address = { ...address, port }; // the same one after a restart, also when it was 0
    current.once("exit", (code, signal) => {
      if (stopping) return;
      if (Date.now() - startedAt > provenAfterMs) delayMs = firstDelayMs;
      options.log(
        "warn",
        `the embedded ClickHouse ended (${signal ?? `code ${code}`}), starting it again`,
      );
      beginLater();
    });
    if (current.exitCode !== null || current.signalCode !== null)
      throw new Error("it ended right after its start");
  }

  function beginLater(): void {
    const wait = delayMs;
    delayMs = Math.min(delayMs * 2, longestDelayMs);
    timer = setTimeout(() => {
      if (stopping) return;
      restarts++;
      begin().catch((error: unknown) => {
        if (stopping) return;
        options.log("error", `the embedded ClickHouse does not start: ${(error as Error).message}`);
        beginLater();
      });
    }, wait);
  }

  for (let kills = 0; ; kills++) {
    try {
      await begin();
      break;
    } catch (error) {
      if (!(error instanceof KilledError) || kills === killedAtStart) throw error;
      options.log("warn", `${error.message}, starting it again`);
      await delay(firstDelayMs * 2 ** kills);
    }
  }
  return {
    target: await embeddedTarget(options.dataDir, address, "writer"),
    async stop() {
      stopping = true;
      clearTimeout(timer);
      if (child) await stopChild(child);
    },
    pid: () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined),
    restarts: () => restarts,
    lanes: () => lanes,
  };
}

function forkChild(options: ChildOptions): ChildProcess {
  const threads = totalRunning + 6; // control, and files
  // Not the whole environment: keys of model providers are no business of the engine.
  const { PATH, HOME, TMPDIR, LANG, LD_LIBRARY_PATH } = process.env;
  const kept = Object.entries({ PATH, HOME, TMPDIR, LANG, LD_LIBRARY_PATH }).filter(
    ([, value]) => value !== undefined,
  );
  return fork(fileURLToPath(new URL("./child.ts", import.meta.url)), [JSON.stringify(options)], {
    env: { ...Object.fromEntries(kept), TZ: "UTC", UV_THREADPOOL_SIZE: String(threads) },
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
}

/** Resolves with the port once the child listens. */
function readyPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (reason: Error): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(reason);
    };
    const timer = setTimeout(
      () => fail(new Error(`expected the embedded ClickHouse to start within ${startMs / 1000} s`)),
      startMs,
    );
    child.on("message", (message: ChildMessage) => {
      if (message.type === "failed") fail(new Error(message.message));
      if (message.type !== "ready") return;
      clearTimeout(timer);
      resolve(message.port);
    });
    child.once("error", fail);
    child.once("exit", (code, signal) => {
      const reason = `the embedded ClickHouse ended at its start (${signal ?? `code ${code}`})`;
      fail(signal === null ? new Error(reason) : new KilledError(reason));
    });
  });
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  if (child.connected) child.send("stop");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
  await ended;
  clearTimeout(timer);
}
