/**
 * Services that have other tracing in their process, or end in ways of their own: node services.mjs <name>.
 *
 * MODEL_URL is a model API, ASSAY_ENDPOINT our collector, BACKEND_URL somebody else's. Each makes its calls with the real
 * OpenAI SDK and prints what it saw as JSON.
 */
import cluster from "node:cluster";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

const require = createRequire(import.meta.url);
const { MODEL_URL, BACKEND_URL } = process.env;
const register = () => import("@assay/instrumentation/register");
const assay = () => import("@assay/instrumentation");

async function ask(model = "gpt-4o-mini", sdk) {
  const { OpenAI } = sdk ?? (await import("openai"));
  const client = new OpenAI({ apiKey: "test", baseURL: MODEL_URL, maxRetries: 0 });
  const messages = [{ role: "user", content: "hi" }];
  const { id, choices } = await client.chat.completions.create({ model, messages });
  return { id, said: choices[0].message.content };
}

async function report(answer, more = {}) {
  const { stats, status } = await assay();
  console.log(JSON.stringify({ answer, stats: stats(), status: status(), ...more }));
}

async function exporterTo(url) {
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  return new OTLPTraceExporter({ url: `${url}/v1/traces` });
}

/** A provider that the service made and registered itself, with the context manager that belongs to it. */
async function ownProvider(processors = []) {
  const { context, trace } = await import("@opentelemetry/api");
  const { SimpleSpanProcessor, TracerProvider } = await import("@opentelemetry/sdk-trace");
  const { AsyncLocalStorageContextManager } = require("@opentelemetry/context-async-hooks");
  const exporter = await exporterTo(BACKEND_URL);
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter }), ...processors],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return provider;
}

async function startSentry(enableOpenTelemetrySetup) {
  const Sentry = await import("@sentry/node");
  const dsn = `${BACKEND_URL.replace("http://", "http://public@")}/1`;
  Sentry.init({ dsn, tracesSampleRate: 1, enableOpenTelemetrySetup });
  return Sentry;
}

async function askWithSentry(Sentry) {
  const answer = await Sentry.startSpan({ name: "question" }, () => ask());
  await Sentry.flush(5_000);
  await (await assay()).flush();
  await report(answer);
  process.exit(0);
}

const services = {
  plain: async () => {
    await register();
    await report(await ask());
  },

  "a tracer provider": async () => {
    const provider = await ownProvider();
    await register();
    const answer = await ask();
    await provider.shutdown();
    await report(answer);
  },

  "Sentry, first": async () => {
    const Sentry = await startSentry(false);
    await register();
    await askWithSentry(Sentry);
  },

  "Sentry, last": async () => {
    await register();
    await askWithSentry(await startSentry(false));
  },

  "Sentry as the tracer provider": async () => {
    const Sentry = await startSentry(true);
    await register();
    await askWithSentry(Sentry);
  },

  Datadog: async () => {
    require("dd-trace").init({ url: BACKEND_URL, startupLogs: false, flushInterval: 50 });
    await register();
    // The form that Datadog's hooks see without a loader.
    const answer = await ask("gpt-4o-mini", require("openai"));
    await (await assay()).flush();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await report(answer);
    process.exit(0);
  },

  "another instrumentation of the SDK": async () => {
    const { LlmSpanProcessor } = await assay();
    const provider = await ownProvider([new LlmSpanProcessor()]);
    const { OpenAIInstrumentation } = require("@arizeai/openinference-instrumentation-openai");
    const { default: OpenAI } = await import("openai");
    new OpenAIInstrumentation().manuallyInstrument(OpenAI);
    await register();
    const answer = await ask();
    await provider.shutdown();
    await report(answer);
  },

  /** What a platform freezes when the handler has answered. */
  serverless: async () => {
    await register();
    const { flush } = await assay();
    const handler = async () => {
      const answer = await ask();
      await flush();
      return answer;
    };
    await report(await handler());
    process.kill(process.pid, "SIGKILL");
  },

  "worker threads": async () => {
    await register();
    const script = new URL(import.meta.url);
    const worker = new Worker(script, { argv: ["plain"], stdout: true });
    worker.stdout.resume();
    await new Promise((resolve) => worker.on("exit", resolve));
    await report(await ask("in-main"));
  },

  cluster: async () => {
    await register();
    if (cluster.isWorker) {
      await ask(`in-worker-${cluster.worker.id}`);
      return cluster.worker.disconnect();
    }
    cluster.setupPrimary({ args: ["cluster"] });
    const workers = [cluster.fork(), cluster.fork()];
    await Promise.all(workers.map((worker) => new Promise((done) => worker.on("exit", done))));
    await report(await ask("in-primary"));
  },

  "graceful exit": async () => {
    await register();
    const keepsItAlive = setInterval(() => {}, 1_000);
    process.on("SIGTERM", () => clearInterval(keepsItAlive));
    await report(await ask());
  },

  "process.exit()": async () => {
    await register();
    await report(await ask());
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.exit(7);
  },

  "process.exit() after flush()": async () => {
    await register();
    await report(await ask());
    await (await assay()).flush();
    process.exit(7);
  },

  uncaughtException: async () => {
    await register();
    await report(await ask());
    setTimeout(() => {
      throw new Error("nobody catches this");
    }, 20);
  },
};

await services[process.argv[2]]();
