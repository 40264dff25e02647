/**
 * What the service sees of the real SDK is the same with the instrumentation and without, and each call is one span.
 * Both builds of the SDK, every situation of testing/situations.ts, against a model API on loopback.
 */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Stats } from "./health.ts";
import { startModelServer } from "./testing/model-server.ts";
import { startOtlpSink, type SinkSpan } from "./testing/otlp-sink.ts";
import { runNode } from "./testing/run-node.ts";
import { SITUATIONS } from "./testing/situations.ts";

const CHILD = fileURLToPath(new URL("testing/contract-child.ts", import.meta.url));
const REGISTER = fileURLToPath(new URL("register.ts", import.meta.url));

interface Outcome {
  seen: Record<string, unknown>;
  stats: Stats;
}

/** Situations without a span: the call never had a body to describe. */
const UNTRACED = new Set(["bad arguments"]);
const ERRORS: Readonly<Record<string, string>> = {
  unauthorized: "401",
  "unauthorized, derived": "401",
  "nobody listens to the error, unauthorized": "401",
  "hang, timeout": "APIConnectionTimeoutError",
  "stream, error-event": "APIError",
  "stream, broken": "TypeError",
};
/** Streams that ended before their finish reason came. */
const CUT = new Set([
  "stream, endless, break",
  "stream, endless, abort",
  "stream, endless, signal",
  "stream, broken",
  "stream, error-event",
  "stream, never read",
  "stream, by hand",
  "responses, stream, break",
]);
const WITH_USAGE: Readonly<Record<string, [input: number, output: number]>> = {
  plain: [20, 8],
  "with response": [20, 8],
  "raw response, json": [20, 8],
  "raw response, then parsed": [20, 8],
  "awaited twice": [20, 8],
  "parse json": [20, 8],
  "tool calls": [20, 8],
  "stream, with usage": [20, 8],
  "stream, empty-choices": [20, 8],
  "text completion": [20, 8],
  "responses, plain": [30, 9],
  "responses, stream": [30, 9],
  "responses, helper": [30, 9],
  "responses, with response": [30, 9],
  "limited, then answered": [20, 8],
};

async function run(
  format: string,
  url: string,
  endpoint: string,
  instrumented: boolean,
): Promise<Outcome> {
  const args = ["--expose-gc", ...(instrumented ? ["--import", REGISTER] : []), CHILD, format, url];
  const { stdout, stderr } = await runNode([...args, ...(instrumented ? ["double"] : [])], {
    ASSAY_ENDPOINT: endpoint,
    ASSAY_CONTENT: "full",
    OTEL_SERVICE_NAME: "contract",
  });
  if (!stdout) throw new Error(`the child printed nothing: ${stderr}`);
  return JSON.parse(stdout) as Outcome;
}

describe.each(["esm", "cjs"])("%s", (format) => {
  let plain: Outcome;
  let traced: Outcome;
  let spans: SinkSpan[];
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const sink = await startOtlpSink();
    const servers = [await startModelServer(), await startModelServer()];
    closers.push(sink.close, ...servers.map((server) => server.close));
    [plain, traced] = await Promise.all([
      run(format, servers[0]!.url, sink.url, false),
      run(format, servers[1]!.url, sink.url, true),
    ]);
    spans = sink.spans;
  });
  afterAll(() => Promise.all(closers.map((close) => close())));

  const spansOf = (name: string): SinkSpan[] =>
    spans.filter((span) => span.attributes["gen_ai.request.model"] === `${format} ${name}`);

  test.each(Object.keys(SITUATIONS))("%s", (name) => {
    expect(traced.seen[name]).toEqual(plain.seen[name]);
    expect(String(plain.seen[name])).not.toMatch(/^threw/);
    const found = spansOf(name);
    expect(found).toHaveLength(UNTRACED.has(name) ? 0 : 1);
    const span = found[0];
    if (!span) return;
    expect(span.attributes["error.type"]).toBe(ERRORS[name]);
    expect(span.error).toBe(name in ERRORS);
    const reasons = span.attributes["gen_ai.response.finish_reasons"];
    if (CUT.has(name)) expect(reasons).toEqual(["error"]);
    const usage = WITH_USAGE[name];
    if (usage)
      expect([
        span.attributes["gen_ai.usage.input_tokens"],
        span.attributes["gen_ai.usage.output_tokens"],
      ]).toEqual(usage);
  });

  test("a stream says when its first output came, and estimates what it was not told", () => {
    const [full] = spansOf("stream, full");
    expect(full?.attributes["gen_ai.response.time_to_first_chunk"]).toBeGreaterThan(0);
    expect(full?.attributes["assay.usage.estimated"]).toBe(true);
    const [asked] = spansOf("stream, with usage");
    expect(asked?.attributes["assay.usage.estimated"]).toBeUndefined();
  });

  test("a stream that nobody read is marked, and only that one", () => {
    const marked = spans.filter((span) => span.attributes["assay.stream.abandoned"]);
    expect(marked.map((span) => span.attributes["gen_ai.request.model"])).toEqual([
      `${format} stream, never read`,
    ]);
  });

  test("a streamed tool call is put together", () => {
    const messages = JSON.parse(
      String(spansOf("stream, tool calls")[0]?.attributes["gen_ai.output.messages"]),
    ) as unknown;
    expect(messages).toEqual([
      {
        role: "assistant",
        parts: [{ type: "tool_call", id: "call_1", name: "weather", arguments: { city: "Oslo" } }],
        finish_reason: "tool_call",
      },
    ]);
  });

  test("everything is accounted for and nothing of ours failed", () => {
    expect(traced.stats).toMatchObject({
      spansStarted: spans.length,
      spansExported: spans.length,
      instrumentationErrors: 0,
      spansDroppedQueueFull: 0,
      spansDroppedExportFailed: 0,
    });
  });
});
