/**
 * What is stored of the same calls through each instrumentation: its real package in a process of its own, against a
 * scripted model, its spans sent to a real collector and read from ClickHouse.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createClickHouse, targetOf } from "@assay/clickhouse";
import { MODEL_OPERATIONS } from "@assay/instrumentation/conventions";
import { metricsOf } from "../faults/metrics.ts";
import { assayEnv, removeData, startAssay, until } from "../processes.ts";
import { startModelServer } from "./model-server.ts";

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

/** Of one instrumentation. */
export type Collected = Partial<Record<CallName, Values>> & {
  /** Spans around the calls, which are none themselves. */
  surrounding: number;
  /** Spans that say of a call what another says too. */
  repeated: number;
  /** Tokens and money of the rows that count as calls, in the order of the calls. */
  money: readonly Values[];
};

/** Columns that a call through any instrumentation could fill. */
export const COMPARED = [
  "operation",
  "provider",
  "request_model",
  "response_model",
  "response_id",
  "finish_reasons",
  "input_tokens",
  "output_tokens",
  "cache_read_tokens",
  "reasoning_tokens",
  "temperature",
  "top_p",
  "seed",
  "max_tokens",
  "is_stream",
  "server_address",
  "content_input",
  "content_output",
  "content_tools",
] as const;

const MONEY = [
  "operation",
  "input_tokens",
  "cache_read_tokens",
  "output_tokens",
  "cost",
  "cost_status",
] as const;

type Row = Readonly<Record<string, unknown>>;

/** Where a package says something else than the provider did, and why; the collector cannot know better. */
export const KNOWN_DIFFERENCES: Partial<Record<Instrumentation, Readonly<Record<string, string>>>> =
  {
    openinference: {
      "stream response_model": "names the model that was asked for",
    },
    traceloop: {
      "stream input_tokens": "counts for itself what the provider reported",
      "stream output_tokens": "counts for itself what the provider reported",
    },
    langfuse: {
      "chat request_model": "one name only: of the model that answered",
      "tool call request_model": "one name only: of the model that answered",
      "stream response_model": "one name only: of the model that was asked for",
    },
    openlit: {
      "chat server_address": "always api.openai.com",
      "stream server_address": "always api.openai.com",
      "tool call server_address": "always api.openai.com",
      "embeddings server_address": "always api.openai.com",
      "embeddings content_input": "plain text",
    },
    "ai-7": {
      "tool call content_tools": "parameters are called inputSchema",
    },
  };

/** What is stored of the calls through each of these, run one after the other, through one collector. */
export async function collectAll(
  names: readonly Instrumentation[],
): Promise<Map<Instrumentation, Collected>> {
  const assay = await startAssay("collector", await assayEnv());
  try {
    const collected = new Map<Instrumentation, Collected>();
    for (const name of names) collected.set(name, await collect(name, assay));
    return collected;
  } finally {
    await assay.stop();
    await removeData(assay.env);
  }
}

type Assay = Awaited<ReturnType<typeof startAssay>>;

async function collect(name: Instrumentation, assay: Assay): Promise<Collected> {
  const since = Date.now();
  const before = await acceptedSpans(assay);
  await callThrough(name, assay.otlp);
  const rows = await storedRows(assay, since, (await acceptedSpans(assay)) - before);
  return collectedFrom(rows);
}

async function acceptedSpans(assay: Assay): Promise<number> {
  const metrics = await metricsOf(assay);
  return [...metrics]
    .filter(([series]) => series.startsWith("otelcol_receiver_accepted_spans_total"))
    .reduce((sum, [, value]) => sum + value, 0);
}

async function callThrough(name: Instrumentation, otlpUrl: string): Promise<void> {
  const model = await startModelServer();
  try {
    const [command, ...args] = commandOf(name);
    const child = spawn(command, args, {
      env: {
        ...process.env,
        MODEL_URL: model.url,
        OTLP_URL: otlpUrl,
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
  } finally {
    model.server.close();
  }
}

function commandOf(name: Instrumentation): [string, ...string[]] {
  if (name.startsWith("python ")) return [python, `${here}python/run.py`, name.slice(7)];
  return [process.execPath, `${here}run.mjs`, name];
}

/** The rows of `spans` spans that were received since then, with their content, in the order of their starts. */
async function storedRows(assay: Assay, since: number, spans: number): Promise<Row[]> {
  const [host, port] = assay.env["ASSAY_CLICKHOUSE_HTTP"]!.split(":");
  const address = { host: host!, port: Number(port) };
  const target = await targetOf(
    { ASSAY_DATA: assay.dataDir, ASSAY_CLICKHOUSE_HTTP: address },
    "writer",
  );
  const client = createClickHouse(target);
  const query = `SELECT s.*, c.content_system, c.content_input, c.content_output, c.content_tools, c.span_id != toFixedString('', 8) AS is_content_there
    FROM assay.spans AS s
    LEFT JOIN (SELECT * FROM assay.span_content WHERE row_kind = 'span') AS c ON c.trace_id = s.trace_id AND c.span_id = s.span_id
    WHERE s.received_at >= fromUnixTimestamp64Milli({since:Int64}) ORDER BY s.start_unix_nano`;
  const read = async () =>
    (await client.query({ query, query_params: { since }, format: "JSONEachRow" })).json<Row>();
  try {
    // The views are filled one after the other.
    return await until(
      read,
      (rows) =>
        rows.length === spans && rows.every((r) => !r["has_content"] || r["is_content_there"]),
      30_000,
    );
  } finally {
    await client.close();
  }
}

function collectedFrom(rows: readonly Row[]): Collected {
  const calls = rows.filter((row) => MODEL_OPERATIONS.has(row["operation"] as string));
  const embeddings = calls.filter((row) => row["operation"] === "embeddings");
  const inOrder = [
    ...calls.filter((call) => !embeddings.includes(call)).slice(0, 3),
    embeddings.find((row) => row["input_tokens"]) ?? embeddings[0],
  ];
  const named: Partial<Record<CallName, Values>> = {};
  inOrder.forEach((call, index) => {
    if (call !== undefined) named[CALLS[index]!] = valuesOf(call);
  });
  const money = rows
    .filter((row) => row["is_model_call"])
    .map((row) => Object.fromEntries(MONEY.map((column) => [column, row[column]])));
  const surrounding = rows.length - calls.length;
  return { ...named, money, surrounding, repeated: calls.length - Object.keys(named).length };
}

/** The columns that have a value, JSON read. */
function valuesOf(row: Row): Values {
  const values: Record<string, unknown> = {};
  for (const column of COMPARED) {
    const value = row[column];
    if (!value || (Array.isArray(value) && value.length === 0)) continue;
    values[column] = typeof value === "string" && /^[[{]/.test(value) ? JSON.parse(value) : value;
  }
  values["content_output"] = withoutReasons(values["content_output"]);
  values["content_input"] &&= withSystem(values["content_input"], row["content_system"]);
  return values;
}

/** The reasons have a column of their own; in the messages they are deprecated. */
function withoutReasons(messages: unknown): unknown {
  if (!Array.isArray(messages)) return messages;
  return messages.map(({ finish_reason: _reason, ...message }: Record<string, unknown>) => message);
}

/** Some keep the system message apart, some in the conversation, some (OpenLIT) write it twice. */
function withSystem(messages: unknown, system: unknown): unknown {
  if (typeof system !== "string" || system === "" || !Array.isArray(messages)) return messages;
  const first = messages[0] as { role?: unknown } | undefined;
  if (first?.role === "system") return messages;
  return [{ role: "system", parts: JSON.parse(system) as unknown }, ...(messages as unknown[])];
}
