/**
 * One way to switch on each instrumentation of the OpenAI SDK: `setUp[name]({ OpenAI, url, content, logs, requireSdk })`, with
 * `content` one of `off`, `full` and, for ours, `redacted`, gives `wrap(client)`, which returns the client to use, and `flush()`, after which every ended span was sent.
 */
import { createRequire } from "node:module";
import { metrics } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

// As CommonJS, because instrumentations patch that form without a loader flag.
const require = createRequire(import.meta.url);
const same = (client) => client;

const exporterTo = (url) => new OTLPTraceExporter({ url: `${url}/v1/traces` });

function registered(processor) {
  const provider = new NodeTracerProvider({ spanProcessors: [processor] });
  provider.register();
  return provider;
}

const batched = (url) => registered(new BatchSpanProcessor(exporterTo(url)));

export const setUp = {
  none: async () => ({ wrap: same, flush: async () => {} }),
  assay: async ({ url, content }) => {
    process.env.ASSAY_ENDPOINT = url;
    process.env.ASSAY_CONTENT = content;
    const { flush, instrument } = await import("@assay/instrumentation");
    return { wrap: (client) => instrument(client), flush: () => flush(60_000) };
  },
  // What it captures are log records.
  opentelemetry: async ({
    url,
    content,
    logs: hasLogs = false,
    requireSdk = () => require("openai"),
  }) => {
    const provider = batched(url);
    const exporter = new OTLPLogExporter({ url: `${url}/v1/logs` });
    const processors = hasLogs ? [new BatchLogRecordProcessor(exporter)] : [];
    const logs = new LoggerProvider({ processors });
    const { OpenAIInstrumentation } = require("@opentelemetry/instrumentation-openai");
    const instrumentation = new OpenAIInstrumentation({ captureMessageContent: content !== "off" });
    instrumentation.setLoggerProvider(logs);
    // It records metrics without asking whether there is somebody to take them.
    instrumentation.setMeterProvider(metrics.getMeterProvider());
    // Its hook patches what is required from now on.
    for (const path of Object.keys(require.cache))
      if (path.includes("/openai/")) delete require.cache[path];
    const { OpenAI } = requireSdk();
    const flush = () => Promise.all([provider.forceFlush(), logs.forceFlush()]);
    return { OpenAI, wrap: same, flush };
  },
  openinference: async ({ OpenAI, url, content }) => {
    const provider = batched(url);
    const { OpenAIInstrumentation } = require("@arizeai/openinference-instrumentation-openai");
    const traceConfig = { hideInputs: content === "off", hideOutputs: content === "off" };
    new OpenAIInstrumentation({ traceConfig }).manuallyInstrument(OpenAI);
    return { wrap: same, flush: () => provider.forceFlush() };
  },
  traceloop: async ({ OpenAI, url, content }) => {
    const traceloop = require("@traceloop/node-server-sdk");
    traceloop.initialize({
      exporter: exporterTo(url),
      traceContent: content !== "off",
      traceloopSyncEnabled: false,
      silenceInitializationMessage: true,
      instrumentModules: { openAI: OpenAI },
    });
    return { wrap: same, flush: () => traceloop.forceFlush() };
  },
  // It has no setting that leaves messages out.
  langfuse: async ({ url }) => {
    const { LangfuseSpanProcessor } = await import("@langfuse/otel");
    const { observeOpenAI } = await import("@langfuse/openai");
    const processor = new LangfuseSpanProcessor({ exporter: exporterTo(url) });
    registered(processor);
    return { wrap: (client) => observeOpenAI(client), flush: () => processor.forceFlush() };
  },
};
