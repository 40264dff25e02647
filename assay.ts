/**
 * The command line. Reading it is reading what runs where: `start` is the collector (with the embedded engine as its
 * child) and the query API as a process of its own, so that a slow query never holds up a span.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  readSettings,
  SettingsError,
  clickhouseSettings,
  createClickHouse,
  settingsPage,
  targetOf,
  type Address,
  type ClickHouseTarget,
} from "@assay/clickhouse";
import {
  collectorSettings,
  readBudgets,
  readModelCatalogue,
  readChecksConfig,
  readPriceBook,
  runAttackCommand,
  runBackfillCommand,
  runChecksCommand,
  runDeadLetterCommand,
  runExperimentCommand,
  runJudgeCommand,
  runRepriceCommand,
  startCollector,
  type RunningCollector,
} from "@assay/collector";
import {
  querySettings,
  runExperimentsCommand,
  runLabelsCommand,
  runReconcileCommand,
  runReplayCommand,
  startQueryApi,
} from "@assay/query-api";

const tables = { ...clickhouseSettings, ...collectorSettings, ...querySettings };

/** Variables of `@assay/instrumentation`, which may be set in the same shell. */
const instrumentationSettings = [
  "ASSAY_ENDPOINT",
  "ASSAY_PROJECT",
  "ASSAY_CONTENT",
  "ASSAY_PROPAGATE",
  "ASSAY_DISABLE",
];

type Settings = ReturnType<typeof settings>;

function settings() {
  const values = readSettings(tables, process.env, instrumentationSettings);
  if (!values.ASSAY_ALLOW_REMOTE) refuseRemoteAddresses(values);
  return values;
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

function log(level: "info" | "warn" | "error", message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${level} ${message}\n`);
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopRequested(): Promise<void> {
  if (process.send) return parentStops();
  return new Promise((resolve) => {
    let asked = false;
    const ask = (): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on("SIGINT", ask);
    process.on("SIGTERM", ask);
  });
}

/**
 * For a process started by `assay start`: that one stops it, by a message or by going away. A signal that reaches the
 * whole group, as the terminal's Ctrl-C does, is the parent's to answer.
 */
function parentStops(): Promise<void> {
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => {});
  return new Promise((resolve) => {
    process.once("disconnect", resolve);
    process.on("message", (message) => message === "stop" && resolve());
  });
}

async function runCollector(): Promise<void> {
  const collector = await startCollector(settings(), { log, onFatal: failed });
  printAddresses(collector, undefined);
  await stopRequested();
  await collector.stop();
}

async function runQueryApi(): Promise<void> {
  const values = settings();
  const api = await startQueryApi({
    address: values.ASSAY_HTTP,
    target: await targetOf(values, "reader"),
    writer: await writerTarget(values),
    labels: labelSettings(values),
    log,
    allowRemote: values.ASSAY_ALLOW_REMOTE,
    hosts: values.ASSAY_HTTP_HOSTS,
    prices: readPriceBook(values.ASSAY_PRICES),
    budgets: readBudgets(values.ASSAY_BUDGETS),
    catalogue: readModelCatalogue(values.ASSAY_MODELS),
    requestsPerSecond: values.ASSAY_HTTP_RATE,
    liveClients: values.ASSAY_HTTP_LIVE_CLIENTS,
    queryLimits: {
      rows: values.ASSAY_QUERY_MAX_ROWS,
      bytes: values.ASSAY_QUERY_MAX_GB * 1e9,
    },
  });
  process.send?.({ address: api.address });
  if (!process.send) console.log(`Page and query API  ${url(api.address)}`);
  await stopRequested();
  await api.stop();
  if (process.connected) process.disconnect();
}

/** Undefined: the page can show everything and takes nothing. */
async function writerTarget(values: Settings): Promise<ClickHouseTarget | undefined> {
  try {
    return await targetOf(values, "writer");
  } catch (error) {
    log("info", `labels and acknowledgements are refused: ${describe(error)}`);
    return undefined;
  }
}

function labelSettings(values: Settings): { share: number; twice: number } {
  return { share: values.ASSAY_LABEL_SHARE, twice: values.ASSAY_LABEL_TWICE };
}

interface Running {
  collector: RunningCollector;
  api: Address;
  stop(): Promise<void>;
}

/** Everything on one machine; resolves when it takes spans and answers queries. */
async function startAll(values: Settings): Promise<Running> {
  const collector = await startCollector(values, { log, onFatal: failed });
  await collector.ready;
  let stopping = false;
  let child: ChildProcess | undefined;
  const startApi = async (): Promise<Address> => {
    const api = fork(new URL("./assay.mjs", import.meta.url), ["query-api"]);
    child = api;
    const address = await firstAddress(api);
    api.once("exit", (code) => {
      if (stopping) return;
      log("error", `the query API ended with code ${code}; starting it again`);
      startApi().catch((error: unknown) => log("error", `no query API: ${describe(error)}`));
    });
    return address;
  };
  const address = await startApi().catch(async (error: unknown) => {
    stopping = true;
    await collector.stop();
    throw error;
  });
  return {
    collector,
    api: address,
    async stop() {
      stopping = true;
      const api = child;
      if (api && api.exitCode === null && api.connected) {
        const ended = once(api, "exit");
        api.send("stop");
        await ended;
      }
      await collector.stop();
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

async function runAll(): Promise<void> {
  const running = await startAll(settings());
  printAddresses(running.collector, running.api);
  await stopRequested();
  log("info", "stopping; Ctrl-C again ends it at once");
  await running.stop();
}

async function runDeadLetters(args: readonly string[]): Promise<void> {
  const { ASSAY_DATA, ASSAY_OTLP_HTTP } = settings();
  const options = { dataDir: ASSAY_DATA, otlp: ASSAY_OTLP_HTTP, print: console.log };
  await runDeadLetterCommand(args, options);
}

async function runChecks(args: readonly string[]): Promise<void> {
  const values = settings();
  const budgets = readBudgets(values.ASSAY_BUDGETS);
  const config = readChecksConfig(values.ASSAY_CHECKS, process.env, budgets);
  if (!config) throw new Error('ASSAY_CHECKS: expected a file or nothing, got "off"');
  const connect = async () => createClickHouse(await targetOf(values, "reader"));
  await runChecksCommand(args, { config, connect, print: console.log });
}

async function runJudge(args: readonly string[]): Promise<void> {
  const values = settings();
  const [action, ...rest] = args;
  const options = { configFile: values.ASSAY_JUDGE, env: process.env, print: console.log };
  if (action === "backfill") {
    const connect = async () => createClickHouse(await targetOf(values, "writer"));
    return runBackfillCommand(rest, { ...options, connect });
  }
  if (action === "attack") {
    if (!(await runAttackCommand(rest, options))) process.exitCode = 1;
    return;
  }
  await runJudgeCommand(args, {
    configFile: values.ASSAY_JUDGE,
    env: process.env,
    connect: async () => createClickHouse(await targetOf(values, "reader")),
    print: console.log,
    note: (line) => void process.stderr.write(`${line}\n`),
  });
}

async function runExperiment(args: readonly string[]): Promise<void> {
  const values = settings();
  const connect = (role: "reader" | "writer") => async () =>
    createClickHouse(await targetOf(values, role));
  if (args[0] !== "run")
    return runExperimentsCommand(args, { connect: connect("reader"), print: console.log });
  await runExperimentCommand(args.slice(1), {
    configFile: values.ASSAY_JUDGE,
    env: process.env,
    connect: connect("writer"),
    print: console.log,
    note: (line) => void process.stderr.write(`${line}\n`),
  });
}

async function runLabels(args: readonly string[]): Promise<void> {
  const values = settings();
  await runLabelsCommand(args, {
    connect: async (role) => createClickHouse(await targetOf(values, role)),
    share: values.ASSAY_LABEL_SHARE,
    print: console.log,
  });
}

async function runReprice(args: readonly string[]): Promise<void> {
  const values = settings();
  const book = readPriceBook(values.ASSAY_PRICES);
  // A mutation of a day's spans takes as long as it takes.
  const connect = async () =>
    createClickHouse(await targetOf(values, "writer"), { requestTimeoutMs: 3_600_000 });
  await runRepriceCommand(args, { book, connect, print: console.log });
}

async function runReconcile(args: readonly string[]): Promise<void> {
  const values = settings();
  const connect = async () => createClickHouse(await targetOf(values, "reader"));
  const book = readPriceBook(values.ASSAY_PRICES);
  await runReconcileCommand(args, { book, connect, print: console.log });
}

async function runWhatIf(args: readonly string[]): Promise<void> {
  const values = settings();
  await runReplayCommand(args, {
    book: readPriceBook(values.ASSAY_PRICES),
    connect: async () => createClickHouse(await targetOf(values, "reader")),
    otlpUrl: `${url(values.ASSAY_OTLP_HTTP)}${values.ASSAY_OTLP_TRACES_PATH}`,
    print: console.log,
    env: process.env,
  });
}

async function runDemo(): Promise<void> {
  // History is filed under the day it tells of, not under today.
  process.env["ASSAY_MAX_SPAN_AGE_DAYS"] ??= "30";
  process.env["ASSAY_DATA"] ??= "./data/demo";
  // Little is judged in a demo's minutes: people are asked about all of it.
  process.env["ASSAY_LABEL_SHARE"] ??= "1";
  const { startDemo, startDemoJudge } = await import("./test/demo/demo.ts");
  const judge = await startDemoJudge();
  const running = await startAll(settings());
  const demo = await startDemo({ otlp: url(running.collector.otlp), page: url(running.api), log });
  printAddresses(running.collector, running.api);
  console.log(`\nThe page: ${url(running.api)}\n${demo.notice}\nCtrl-C stops it.`);
  await stopRequested();
  await demo.stop();
  await running.stop();
  await judge.stop();
}

function printAddresses(collector: RunningCollector, api: Address | undefined): void {
  const lines = [
    api && ["Page and query API", url(api)],
    ["OTLP/HTTP", `${url(collector.otlp)}  (point a service here: OTEL_EXPORTER_OTLP_ENDPOINT)`],
    ["OTLP/gRPC", url(collector.otlpGrpc)],
    ["ClickHouse", collector.clickhouse],
    ["Metrics and health", `${url(collector.metrics)}/metrics  ${url(collector.metrics)}/healthz`],
    ["Data", collector.dataDir],
  ].filter((line) => line !== undefined);
  console.log(
    `Assay is ready.\n${lines.map(([name, value]) => `  ${name!.padEnd(20)}${value}`).join("\n")}`,
  );
}

function url({ host, port }: Address): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function failed(error: unknown): never {
  process.stderr.write(`${error instanceof SettingsError ? error.message : describe(error)}\n`);
  process.exit(1);
}

/** The chain of causes in one line; the stack only for what is a bug of ours. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof TypeError || error instanceof ReferenceError)
    return error.stack ?? error.message;
  return error.cause ? `${error.message}: ${describe(error.cause)}` : error.message;
}

interface Command {
  run: (args: readonly string[]) => void | Promise<void>;
  about: string;
  /** Whether more words may follow its name. */
  takesArgs?: boolean;
}

const commands: Record<string, Command> = {
  start: { run: runAll, about: "embedded engine, collector, query API and page, until Ctrl-C" },
  demo: {
    run: runDemo,
    about: "the same, with an example service, its traffic and generated history",
  },
  collector: {
    run: runCollector,
    about: "the collector alone (with the embedded engine unless CLICKHOUSE_URL is set)",
  },
  "query-api": { run: runQueryApi, about: "the query API and page alone" },
  "dead-letters": {
    run: runDeadLetters,
    about: "requests that could not be stored: list | show N | replay N|all | drop N|all",
    takesArgs: true,
  },
  checks: {
    run: runChecks,
    about:
      "list | test --from TIME [--to TIME] [--check NAME]: the checks; when they would have fired",
    takesArgs: true,
  },
  judge: {
    run: runJudge,
    about:
      "test | run FILE | compare --metric NAME | backfill --from TIME | attack: asks the judges, judges a file, compares judges, judges a past period, tries to sway them",
    takesArgs: true,
  },
  experiment: {
    run: runExperiment,
    about:
      "run NAME --run RUN … | list | compare NAME RUN RUN: a dataset answered and judged, runs compared",
    takesArgs: true,
  },
  labels: {
    run: runLabels,
    about: "import FILE | export [--metric NAME]: what people say of records, as JSON Lines",
    takesArgs: true,
  },
  reprice: {
    run: runReprice,
    about:
      "--from DAY --to DAY [--apply --reason TEXT]: what the prices of now change in that time; or does it",
    takesArgs: true,
  },
  reconcile: {
    run: runReconcile,
    about: "FILE… [--project P] [--json]: a provider's own usage and cost reports against ours",
    takesArgs: true,
  },
  "what-if": {
    run: runWhatIf,
    about:
      "replay --candidate PROVIDER/MODEL --url URL --from DAY --to DAY [--yes]: asks a sample of recorded calls again",
    takesArgs: true,
  },
  settings: {
    run: () => console.log(settingsPage(tables)),
    about: "every setting, its default and what it does",
  },
};

const [name = "help", ...rest] = process.argv.slice(2);
const command = commands[name];
if (!command || (rest.length > 0 && !command.takesArgs)) {
  const asked = name === "help" || name === "--help" || name === "-h";
  const list = Object.entries(commands).map(
    ([key, { about }]) => `  assay ${key.padEnd(12)} ${about}`,
  );
  const problem = asked ? "" : `Unknown: "${[name, ...rest].join(" ")}".\n`;
  (asked ? process.stdout : process.stderr).write(`${problem}Usage:\n${list.join("\n")}\n`);
  process.exitCode = asked ? 0 : 1;
} else {
  await Promise.resolve(rest).then(command.run).catch(failed);
}
