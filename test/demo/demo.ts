/**
 * What `npm run demo` adds to a running Assay: generated history, and the example's three processes with traffic.
 *
 * With OPENAI_API_KEY the example asks the real API, which costs money, so it gets a few questions only; without, a
 * stand-in answers as long as the demo runs.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runExperiment } from "./experiment.ts";
import { seedHistory } from "./history.ts";
import { runReviewers } from "./reviewers.ts";
import { runTraffic } from "./traffic.ts";

export interface DemoOptions {
  /** OTLP/HTTP: http://127.0.0.1:4318 */
  otlp: string;
  /** The page: http://127.0.0.1:8080 */
  page: string;
  log: (level: "info" | "warn" | "error", message: string) => void;
  /** Remembers here that history was seeded. @default ASSAY_DATA */
  dataDir?: string;
}

export interface Demo {
  /** What to tell whoever started it. */
  notice: string;
  stop(): Promise<void>;
}

const QUESTIONS_FOR_MONEY = 20;
const STAND_IN_JUDGE = "stand-in-judge";
const JUDGE_FILE = fileURLToPath(new URL("../../examples/rag/judge.yaml", import.meta.url));

/**
 * Has the demo's answers judged, unless the environment says how already: by the model that JUDGE_BASE_URL, JUDGE_API_KEY
 * and JUDGE_MODEL name, or else by a stand-in. To be called before the collector reads its settings.
 */
export async function startDemoJudge(): Promise<{ stop(): Promise<void> }> {
  const nothing = { stop: () => Promise.resolve() };
  if (process.env["ASSAY_JUDGE"]) return nothing;
  process.env["ASSAY_JUDGE"] = JUDGE_FILE;
  if (process.env["JUDGE_BASE_URL"]) return nothing;
  const standIn = await startExample("model-server.ts", {
    OTEL_SERVICE_NAME: "judge",
    OTEL_SDK_DISABLED: "true",
  });
  process.env["JUDGE_BASE_URL"] = `${standIn.url}/v1`;
  process.env["JUDGE_API_KEY"] = "stand-in";
  process.env["JUDGE_MODEL"] = STAND_IN_JUDGE;
  return standIn;
}

/** One that costs nothing. */
function withStandInJudge(): boolean {
  return process.env["JUDGE_MODEL"] === STAND_IN_JUDGE;
}

export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { dataDir = process.env["ASSAY_DATA"] ?? "./data", log } = options;
  await seedOnce(options, dataDir);
  const real = Boolean(process.env["OPENAI_API_KEY"]);
  const started: ExampleProcess[] = [];
  const start = async (file: string, name: string, env: Record<string, string> = {}) => {
    const example = await startExample(file, {
      OTEL_SERVICE_NAME: name,
      ...telemetry(options),
      ...env,
    });
    started.push(example);
    return example.url;
  };
  const stopExamples = () => Promise.all(started.toReversed().map((example) => example.stop()));
  try {
    const model = real
      ? {}
      : { MODEL_SERVER_URL: `${await start("model-server.ts", "model-server")}/v1` };
    const handbookUrl = await start("service.ts", "handbook", model);
    const frontdeskUrl = await start("frontdesk.ts", "frontdesk", { HANDBOOK_URL: handbookUrl });
    const abort = new AbortController();
    const limit = real ? { count: QUESTIONS_FOR_MONEY } : {};
    const traffic = runTraffic({ frontdeskUrl, signal: abort.signal, ...limit });
    const reviewing = runReviewers({ page: options.page, signal: abort.signal });
    const experiment = withStandInJudge()
      ? runExperiment(dataDir, abort.signal).catch((error: unknown) => {
          if (!abort.signal.aborted) log("warn", `demo: no experiment: ${String(error)}`);
        })
      : undefined;
    return {
      notice: notice(frontdeskUrl, real),
      stop: async () => {
        abort.abort();
        const [{ asked, failed }] = await Promise.all([traffic, reviewing, experiment]);
        log("info", `demo: asked ${asked} questions, ${failed} of them failed`);
        await stopExamples();
      },
    };
  } catch (error) {
    await stopExamples();
    throw error;
  }
}

function notice(frontdeskUrl: string, real: boolean): string {
  const who = real
    ? `the example asked OpenAI ${QUESTIONS_FOR_MONEY} questions with your key`
    : "the example's answers come from a stand-in, not from a model (set OPENAI_API_KEY for real ones)";
  return [
    `The past is generated (resource attribute assay.generated); ${who}.`,
    "Labels of faithfulness come from two stand-ins for people, until you give yours: the page's Labels.",
    "Ask it yourself:",
    `  curl ${frontdeskUrl}/questions -H 'content-type: application/json' -d '{"question":"How long can I cancel a label?"}'`,
  ].join("\n");
}

async function seedOnce({ otlp, log }: DemoOptions, dataDir: string): Promise<void> {
  const marker = join(dataDir, "demo-history");
  if (existsSync(marker)) {
    log("info", "demo: the generated history is already there");
    return;
  }
  const startMs = performance.now();
  const { spans, traces } = await seedHistory({ endpoint: otlp });
  await mkdir(dirname(marker), { recursive: true });
  writeFileSync(marker, `${spans} spans\n`);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  log(
    "info",
    `demo: generated fourteen days of history: ${spans} spans, ${traces} traces, ${seconds} s`,
  );
}

function telemetry({ otlp }: DemoOptions): Record<string, string> {
  return {
    ASSAY_ENDPOINT: otlp,
    ASSAY_PROJECT: "handbook",
    OTEL_RESOURCE_ATTRIBUTES:
      "service.version=1.5.0,deployment.environment.name=production,cloud.region=eu-central-1",
  };
}

interface ExampleProcess {
  url: string;
  stop(): Promise<void>;
}

const STOP_GRACE_MS = 5_000;

/** Resolves when the process says where it listens. */
async function startExample(file: string, env: Record<string, string>): Promise<ExampleProcess> {
  const path = fileURLToPath(import.meta.resolve(`@assay/example-rag/${file}`));
  const child = spawn(process.execPath, [path], {
    env: { ...process.env, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    return { url: await addressOf(child, file), stop: () => stopChild(child) };
  } catch (error) {
    await stopChild(child);
    throw error;
  }
}

function addressOf(child: ChildProcess, file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(`${file} ended before it listened (exit code ${code})`)),
    );
    let printed = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      // Only the first line matters; the rest is read so that the pipe does not fill up.
      if (printed.length < 4_096) printed += chunk.toString();
      const address = /listening on (http:\S+)/.exec(printed)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
  await exit;
  clearTimeout(timer);
}
