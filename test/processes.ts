/** Real processes for the tests that cross packages: Assay itself, services, model servers. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

/**
 * Below the ports that systems give to outgoing connections: one of those could take a port while a process restarts on it. The two
 * workers of a test run have half of them each, so that neither takes what the other was just given.
 */
const PORTS = 6_000;
const FIRST_PORT = 20_000 + PORTS * (Number(process.env["VITEST_POOL_ID"] ?? 0) % 2);
const givenPorts = new Set<number>();

/** A port of 127.0.0.1 that was free a moment ago, and that no other caller of this process was given. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, FIRST_PORT + PORTS);
    if (givenPorts.has(port) || !(await isFree(port))) continue;
    givenPorts.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

export interface RunningProcess {
  child: ChildProcess;
  /** Everything printed so far, both streams. */
  output(): string;
  /** SIGTERM, then waits for the exit code; SIGKILL after `graceMs`. What an exit code other than 0 came with is printed. */
  stop(graceMs?: number): Promise<number | null>;
}

/** Starts a Node process and resolves when it prints `ready`. */
export async function startProcess(
  args: readonly string[],
  env: Record<string, string>,
  ready: RegExp,
  timeoutMs = 90_000,
): Promise<RunningProcess> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...cleanEnv(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const seen = new Promise<void>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      text += chunk.toString();
      if (ready.test(text)) resolve();
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("exit", (code, signal) =>
      reject(new Error(`${args.join(" ")} ended (${code ?? signal}):\n${text}`)),
    );
    setTimeout(
      () =>
        reject(new Error(`${args.join(" ")} did not print ${ready} in ${timeoutMs} ms:\n${text}`)),
      timeoutMs,
    ).unref();
  });
  await seen.catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
  const stop = async (graceMs = 20_000): Promise<number | null> => {
    const code = await stopProcess(child, graceMs);
    if (code) process.stderr.write(`${args.join(" ")} ended with code ${code}:\n${text}\n`);
    return code;
  };
  return { child, output: () => text, stop };
}

async function stopProcess(child: ChildProcess, graceMs: number): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  const [code] = (await exit) as [number | null];
  clearTimeout(timer);
  return code;
}

/** The environment without what would change what is tested. */
function cleanEnv(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      !/^(ASSAY|OTEL|OPENAI|CLICKHOUSE|NODE_OPTIONS|VITEST)/.test(entry[0]),
  );
  return Object.fromEntries(entries);
}

export interface RunningAssay extends RunningProcess {
  otlp: string;
  api: string;
  metrics: string;
  clickhouse: string;
  dataDir: string;
  env: Record<string, string>;
}

/** Settings for an Assay of its own: free ports and an empty data folder. */
export async function assayEnv(
  overrides: Record<string, string> = {},
): Promise<Record<string, string>> {
  const [otlp, grpc, api, metrics, clickhouse] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  return {
    ASSAY_DATA: await mkdtemp(join(tmpdir(), "assay-")),
    ASSAY_OTLP_HTTP: `127.0.0.1:${otlp}`,
    ASSAY_OTLP_GRPC: `127.0.0.1:${grpc}`,
    ASSAY_HTTP: `127.0.0.1:${api}`,
    ASSAY_METRICS: `127.0.0.1:${metrics}`,
    ASSAY_CLICKHOUSE_HTTP: `127.0.0.1:${clickhouse}`,
    ASSAY_ENGINE_MEMORY_MB: "1024",
    ...overrides,
  };
}

/** Preload that moves a process's clock by `MOVED_CLOCK_MS`. */
export const MOVED_CLOCK = new URL("moved-clock.ts", import.meta.url).href;

/** Runs `assay start` (or another command) and resolves when it is ready. */
export async function startAssay(
  command: "start" | "collector",
  env: Record<string, string>,
  nodeArgs: readonly string[] = [],
): Promise<RunningAssay> {
  const running = await startProcess([...nodeArgs, "assay.mjs", command], env, /Assay is ready/);
  const url = (key: string): string => `http://${env[key]}`;
  return {
    ...running,
    otlp: url("ASSAY_OTLP_HTTP"),
    api: url("ASSAY_HTTP"),
    metrics: url("ASSAY_METRICS"),
    clickhouse: url("ASSAY_CLICKHOUSE_HTTP"),
    dataDir: env["ASSAY_DATA"]!,
    env,
  };
}

export async function removeData(env: Record<string, string>): Promise<void> {
  await rm(env["ASSAY_DATA"]!, { recursive: true, force: true });
}

/** Asks until `accept` likes the answer; the last answer is part of the error. */
export async function until<T>(
  ask: () => Promise<T>,
  accept: (answer: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (accept(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(
    `not so after ${timeoutMs} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  );
}
