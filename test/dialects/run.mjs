/**
 * Makes the same calls to a model through one instrumentation: node run.mjs <instrumentation>.
 *
 * MODEL_URL is an OpenAI-compatible server, OTLP_URL an OTLP/HTTP receiver. The calls: a chat, the same streamed, one
 * that ends in a tool call, and embeddings.
 */
import { createRequire } from "node:module";
import { metrics } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

// As CommonJS, because instrumentations patch that form without a loader flag.
const require = createRequire(import.meta.url);
const { MODEL_URL, OTLP_URL } = process.env;
const baseURL = `${MODEL_URL}/v1`;
const apiKey = "test";

const SYSTEM = "Be brief.";
const QUESTION = "What is a span?";
const tool = {
  name: "weather",
  description: "The weather of a city",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

function openProvider(processor) {
  const exporter = new OTLPTraceExporter({ url: `${OTLP_URL}/v1/traces` });
  const provider = new NodeTracerProvider({
    spanProcessors: [processor ?? new BatchSpanProcessor(exporter)],
  });
  provider.register();
  return () => provider.shutdown();
}

const chat = (text) => ({
  model: "gpt-4o-mini",
  messages: [
    { role: "system", content: SYSTEM },
    { role: "user", content: text },
  ],
  temperature: 0.5,
  top_p: 0.9,
  seed: 7,
  max_tokens: 64,
});

async function callOpenAi(client) {
  await client.chat.completions.create(chat(QUESTION));
  const stream = await client.chat.completions.create({
    ...chat(QUESTION),
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) void chunk;
  await client.chat.completions.create({
    ...chat("Weather in Oslo?"),
    tools: [{ type: "function", function: tool }],
  });
  await client.embeddings.create({ model: "text-embedding-3-small", input: QUESTION });
}

const openAi = () => new (require("openai").OpenAI)({ baseURL, apiKey, maxRetries: 0 });

async function withInstrumentation(name, className) {
  const close = openProvider();
  const instrumentation = new (require(name)[className])({ captureMessageContent: true });
  // It records metrics without asking whether there is somebody to take them.
  instrumentation.setMeterProvider(metrics.getMeterProvider());
  await callOpenAi(openAi());
  await close();
}

const runs = {
  assay: async () => {
    const close = openProvider();
    const { flush, instrument } = await import("@assay/instrumentation");
    await callOpenAi(instrument(openAi()));
    await flush();
    await close();
  },
  opentelemetry: () =>
    withInstrumentation("@opentelemetry/instrumentation-openai", "OpenAIInstrumentation"),
  openinference: async () => {
    const close = openProvider();
    const { OpenAIInstrumentation } = require("@arizeai/openinference-instrumentation-openai");
    new OpenAIInstrumentation().manuallyInstrument(require("openai").OpenAI);
    await callOpenAi(openAi());
    await close();
  },
  traceloop: async () => {
    const traceloop = require("@traceloop/node-server-sdk");
    const exporter = new OTLPTraceExporter({ url: `${OTLP_URL}/v1/traces` });
    traceloop.initialize({
      exporter,
      disableBatch: true,
      traceloopSyncEnabled: false,
      silenceInitializationMessage: true,
      instrumentModules: { openAI: require("openai").OpenAI },
    });
    await traceloop.withAssociationProperties({ session_id: "session-1", user_id: "user-1" }, () =>
      traceloop.withWorkflow({ name: "questions" }, () => callOpenAi(openAi())),
    );
    await traceloop.forceFlush();
  },
  langfuse: async () => {
    const { LangfuseSpanProcessor } = await import("@langfuse/otel");
    const { observeOpenAI } = await import("@langfuse/openai");
    const exporter = new OTLPTraceExporter({ url: `${OTLP_URL}/v1/traces` });
    const close = openProvider(new LangfuseSpanProcessor({ exporter }));
    await callOpenAi(observeOpenAI(openAi()));
    await close();
  },
  openlit: async () => {
    const openlit = require("openlit").default;
    openlit.init({
      otlpEndpoint: OTLP_URL,
      applicationName: "dialects",
      disableMetrics: true,
      disableBatch: true,
      instrumentations: { openai: require("openai") },
    });
    await callOpenAi(openAi());
    await new Promise((resolve) => setTimeout(resolve, 1000));
  },
  "ai-6": async () => {
    const close = openProvider();
    await callAi(await import("ai-6"), await import("ai-sdk-openai-3"), {
      experimental_telemetry: { isEnabled: true, metadata: { sessionId: "session-1" } },
    });
    await close();
  },
  "ai-7": async () => {
    const close = openProvider();
    const ai = await import("ai");
    const otel = await import("@ai-sdk/otel");
    ai.registerTelemetry(new otel.OpenTelemetry());
    await callAi(ai, await import("@ai-sdk/openai"), {});
    await close();
  },
};

async function callAi(ai, { createOpenAI }, telemetry) {
  const openai = createOpenAI({ baseURL, apiKey });
  const settings = {
    model: openai.chat("gpt-4o-mini"),
    system: SYSTEM,
    temperature: 0.5,
    topP: 0.9,
    seed: 7,
    maxOutputTokens: 64,
    ...telemetry,
  };
  await ai.generateText({ ...settings, prompt: QUESTION });
  const { textStream } = ai.streamText({ ...settings, prompt: QUESTION });
  for await (const text of textStream) void text;
  await ai.generateText({
    ...settings,
    prompt: "Weather in Oslo?",
    tools: {
      weather: ai.tool({
        description: tool.description,
        inputSchema: ai.jsonSchema(tool.parameters),
      }),
    },
  });
  await ai.embed({
    model: (openai.embeddingModel ?? openai.textEmbeddingModel)("text-embedding-3-small"),
    value: QUESTION,
    ...telemetry,
  });
}

await runs[process.argv[2]]();
process.exit(0);
