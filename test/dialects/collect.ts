/**
 * What the collector makes of the same calls through each instrumentation: its real package in a process of its own,
 * against a scripted model, its spans translated.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ATTR, MODEL_OPERATIONS } from "@assay/instrumentation/conventions";
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { SpanMessage } from "../../collector/dialects/span-message.ts";
import { isForeignKey, translate } from "../../collector/dialects/translate.ts";
import { finishReason, providerName } from "../../collector/dialects/words.ts";
import { createEncoder } from "../../collector/encode/encoder.ts";
import { readBlock } from "../../collector/encode/native-reading.ts";
import { startModelServer } from "./model-server.ts";
import { startOtlpSink } from "./otlp-sink.ts";

const here = fileURLToPath(new URL("./", import.meta.url));

const python = `${here}python/venv/bin/python`;

/** npm ci --prefix test/dialects */
export const hasPackages: boolean = existsSync(`${here}node_modules/openai/package.json`);
/** cd test/dialects/python && python3 -m venv venv && venv/bin/pip install -r requirements.txt */
export const hasPython: boolean = existsSync(python);

/** Our own and, by the argument of `run.mjs`, the others. */
export const INSTRUMENTATIONS = {
  assay: "Assay",
  openinference: "OpenInference 4.2.7 (JavaScript)",
  traceloop: "Traceloop SDK 0.27.0 (JavaScript)",
  opentelemetry: "OpenTelemetry instrumentation-openai 0.22.0 (JavaScript)",
  langfuse: "Langfuse 5.11.1 (JavaScript)",
  openlit: "OpenLIT 1.15.0 (JavaScript)",
  "ai-6": "AI SDK 6",
  "ai-7": "AI SDK 7.0.173 with @ai-sdk/otel",
  "python openinference": "OpenInference 0.1.66 (Python)",
  "python opentelemetry": "opentelemetry-instrumentation-openai 0.62.4, of OpenLLMetry (Python)",
  "python mlflow": "MLflow tracing 3.17.2 (Python)",
} as const;

export type Instrumentation = keyof typeof INSTRUMENTATIONS;

export const CALLS = ["chat", "stream", "tool call", "embeddings"] as const;
export type CallName = (typeof CALLS)[number];
export type Values = Readonly<Record<string, unknown>>;

export type Collected = Partial<Record<CallName, Values>> & {
  /** Spans around the calls, which are none themselves. */
  surrounding: number;
  /** Spans that say of a call what another says too. */
  repeated: number;
  /** What the encoder writes for the calls: tokens and money, in the order of the calls. */
  money: readonly Values[];
};

/** Canonical attributes that a call through any instrumentation could give. */
export const COMPARED: readonly string[] = [
  ATTR.operationName,
  ATTR.providerName,
  ATTR.requestModel,
  ATTR.responseModel,
  ATTR.responseId,
  ATTR.responseFinishReasons,
  ATTR.inputTokens,
  ATTR.outputTokens,
  ATTR.cacheReadTokens,
  ATTR.reasoningTokens,
  ATTR.requestTemperature,
  ATTR.requestTopP,
  ATTR.requestSeed,
  ATTR.requestMaxTokens,
  ATTR.requestStream,
  ATTR.serverAddress,
  ATTR.inputMessages,
  ATTR.outputMessages,
  ATTR.toolDefinitions,
];

/** Where a package says something else than the provider did, and why; the collector cannot know better. */
export const KNOWN_DIFFERENCES: Partial<Record<Instrumentation, Readonly<Record<string, string>>>> =
  {
    openinference: {
      [`stream ${ATTR.responseModel}`]: "names the model that was asked for",
    },
    traceloop: {
      [`stream ${ATTR.inputTokens}`]: "counts for itself what the provider reported",
      [`stream ${ATTR.outputTokens}`]: "counts for itself what the provider reported",
    },
    langfuse: {
      [`chat ${ATTR.requestModel}`]: "one name only: of the model that answered",
      [`tool call ${ATTR.requestModel}`]: "one name only: of the model that answered",
      [`stream ${ATTR.responseModel}`]: "one name only: of the model that was asked for",
    },
    openlit: {
      [`chat ${ATTR.serverAddress}`]: "always api.openai.com",
      [`stream ${ATTR.serverAddress}`]: "always api.openai.com",
      [`tool call ${ATTR.serverAddress}`]: "always api.openai.com",
      [`embeddings ${ATTR.serverAddress}`]: "always api.openai.com",
      [`embeddings ${ATTR.inputMessages}`]: "plain text",
    },
    "ai-7": {
      [`tool call ${ATTR.toolDefinitions}`]: "parameters are called inputSchema",
    },
  };

/** The model calls of one run, in their order. Spans that surround them are left out: they do not count. */
export async function collect(name: Instrumentation): Promise<Collected> {
  const model = await startModelServer();
  const sink = await startOtlpSink();
  try {
    const [command, ...args] = commandOf(name);
    const child = spawn(command, args, {
      env: {
        ...process.env,
        MODEL_URL: model.url,
        OTLP_URL: sink.url,
        ASSAY_CONTENT: "full",
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "true",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (text: Buffer) => (output += text.toString()));
    child.stderr.on("data", (text: Buffer) => (output += text.toString()));
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) throw new Error(`${name} ended with ${code}:\n${output}`);
    return { ...callsOf(sink.spans), money: moneyOf(sink.bodies, sink.spans.length) };
  } finally {
    model.server.close();
    sink.server.close();
  }
}

function commandOf(name: Instrumentation): [string, ...string[]] {
  if (name.startsWith("python ")) return [python, `${here}python/run.py`, name.slice(7)];
  return [process.execPath, `${here}run.mjs`, name];
}

const MONEY = ["input_tokens", "cache_read_tokens", "output_tokens", "cost", "cost_status"];

function moneyOf(bodies: readonly Uint8Array[], spanCount: number): Values[] {
  const encoder = createEncoder({
    priceBook: loadPriceBook(),
    collectorId: "dialects",
    maxSpanAgeMs: 86_400_000,
    dialects: { isForeignKey, translate },
  });
  for (const [index, body] of bodies.entries()) {
    const receipt = { seq: index + 1, signal: "traces" as const, receivedAtUnixMs: Date.now() };
    encoder.append({ ...receipt, body, spanCount, rejected: [] });
  }
  return readBlock(encoder.finish(1))
    .filter((row) => row["is_model_call"])
    .sort((a, b) =>
      Number(BigInt(a["start_unix_nano"] as bigint) - BigInt(b["start_unix_nano"] as bigint)),
    )
    .map((row) => ({
      operation: row["operation"],
      ...Object.fromEntries(MONEY.map((column) => [column, row[column]])),
    }));
}

function callsOf(spans: readonly Uint8Array[]): Omit<Collected, "money"> {
  const messages = spans
    .map((span) => translate(span, 0, span.length) ?? span)
    .map((span) => new SpanMessage(span, 0, span.length))
    .sort((a, b) => Number(a.startUnixNano - b.startUnixNano));
  const calls = messages.filter((span) => MODEL_OPERATIONS.has(operationOf(span.attributes)));
  const embeddings = calls.filter(({ attributes }) => operationOf(attributes) === "embeddings");
  const inOrder = [
    ...calls.filter((call) => !embeddings.includes(call)).slice(0, 3),
    embeddings.find(({ attributes }) => attributes.has(ATTR.inputTokens)) ?? embeddings[0],
  ];
  const named: Partial<Record<CallName, Values>> = {};
  inOrder.forEach((call, index) => {
    if (call !== undefined) named[CALLS[index]!] = valuesOf(call.attributes);
  });
  return {
    ...named,
    surrounding: messages.length - calls.length,
    repeated: calls.length - Object.keys(named).length,
  };
}

function operationOf(attributes: ReadonlyMap<string, unknown>): string {
  return attributes.get(ATTR.operationName) as string;
}

/** As the encoder reads them: older names, JSON. */
function valuesOf(attributes: ReadonlyMap<string, unknown>): Values {
  const values: Record<string, unknown> = {};
  for (const key of COMPARED) {
    const value = attributes.get(key);
    // In the columns none and 0, or false, are the same.
    if (value !== undefined && value !== null && value !== false && value !== 0)
      values[key] = typeof value === "string" && /^[[{]/.test(value) ? JSON.parse(value) : value;
  }
  const provider = values[ATTR.providerName] ?? attributes.get("gen_ai.system");
  if (typeof provider === "string") values[ATTR.providerName] = providerName(provider);
  const reasons = values[ATTR.responseFinishReasons];
  if (Array.isArray(reasons)) values[ATTR.responseFinishReasons] = reasons.map(finishReason);
  values[ATTR.outputMessages] = withoutReasons(values[ATTR.outputMessages]);
  values[ATTR.inputMessages] &&= withSystem(
    values[ATTR.inputMessages],
    attributes.get(ATTR.systemInstructions),
  );
  return values;
}

/** The reasons have a column of their own; in the messages they are deprecated. */
function withoutReasons(messages: unknown): unknown {
  if (!Array.isArray(messages)) return messages;
  return messages.map(({ finish_reason: _reason, ...message }: Record<string, unknown>) => message);
}

/** Some keep the system message apart, some in the conversation, some (OpenLIT) write it twice. */
function withSystem(messages: unknown, system: unknown): unknown {
  if (typeof system !== "string" || !Array.isArray(messages)) return messages;
  const first = messages[0] as { role?: unknown } | undefined;
  if (first?.role === "system") return messages;
  return [{ role: "system", parts: JSON.parse(system) as unknown }, ...(messages as unknown[])];
}
