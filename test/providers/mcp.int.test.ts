/**
 * What the service sees of the real MCP client is the same with the instrumentation and without, and each request is
 * one span by the conventions of MCP. The server is the real SDK's as well, over stdio and over HTTP.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startOtlpSink, type SinkSpan } from "../../instrumentation/testing/otlp-sink.ts";
import { runNode } from "../../instrumentation/testing/run-node.ts";

const CHILD = fileURLToPath(new URL("mcp.mjs", import.meta.url));
const SERVER = fileURLToPath(new URL("mcp-server.mjs", import.meta.url));
const REGISTER = fileURLToPath(new URL("../../instrumentation/register.ts", import.meta.url));
const INSTALLED = existsSync(new URL("node_modules/@modelcontextprotocol/sdk", import.meta.url));

interface Outcome {
  seen: Record<string, unknown>;
  /** What the server got beside the arguments. */
  contexts: unknown[];
  report?: { errors: number; warnings: string[] };
}

interface Request {
  name: string;
  attributes?: Record<string, unknown>;
  error?: string;
}

const BERN = '{"city":"Bern"}';
const text = (value: string): string => JSON.stringify([{ type: "text", text: value }]);

function toolCall(
  tool: string,
  outcome: { result?: string; error?: string; arguments?: string | undefined },
): Request {
  const given = "arguments" in outcome ? outcome.arguments : BERN;
  return {
    name: `tools/call ${tool}`.trim(),
    attributes: {
      "mcp.method.name": "tools/call",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": tool,
      ...(given ? { "gen_ai.tool.call.arguments": given } : {}),
      ...(outcome.result ? { "gen_ai.tool.call.result": outcome.result } : {}),
    },
    ...(outcome.error ? { error: outcome.error } : {}),
  };
}

const REQUESTS: Readonly<Record<string, Request>> = {
  plain: toolCall("weather", { result: text("rain in Bern") }),
  structured: toolCall("structured", { result: '{"degrees":4}' }),
  "the tool says it failed": toolCall("failing", {
    result: text("no such city"),
    error: "tool_error",
  }),
  "the tool throws": toolCall("throwing", { result: text("out of order"), error: "tool_error" }),
  "no such tool": toolCall("absent", {
    result: text("MCP error -32602: Tool absent not found"),
    error: "tool_error",
  }),
  "no arguments": toolCall("empty", { result: "[]", arguments: undefined }),
  "timed out": toolCall("slow", { error: "-32001" }),
  aborted: toolCall("slow", { error: "-32001" }),
  "aborted before": toolCall("weather", { error: "DOMException" }),
  resource: {
    name: "resources/read",
    attributes: { "mcp.method.name": "resources/read", "mcp.resource.uri": "docs://guide" },
  },
  "no such resource": {
    name: "resources/read",
    attributes: { "mcp.method.name": "resources/read", "mcp.resource.uri": "docs://absent" },
    error: "-32602",
  },
  prompt: {
    name: "prompts/get greet",
    attributes: { "mcp.method.name": "prompts/get", "gen_ai.prompt.name": "greet" },
  },
  "bad call": toolCall("", { arguments: undefined, error: "TypeError" }),
  "concurrent slow": toolCall("slow", {
    arguments: '{"city":"city of slow"}',
    result: text("late in city of slow"),
  }),
  "concurrent weather": toolCall("weather", {
    arguments: '{"city":"city of weather"}',
    result: text("rain in city of weather"),
  }),
};

async function run(format: string, target: string, env: Record<string, string>): Promise<Outcome> {
  const instrumented = "ASSAY_ENDPOINT" in env;
  const args = [...(instrumented ? ["--import", REGISTER] : []), CHILD, format, target];
  const { stdout, stderr } = await runNode(args, env);
  if (!stdout) throw new Error(`the child printed nothing: ${stderr}`);
  return JSON.parse(stdout) as Outcome;
}

/** One server serves one client: each run gets its own. */
async function startHttpServer(): Promise<{ url: string; process: ChildProcess }> {
  const server = spawn(process.execPath, [SERVER, "http"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<string>((resolve, reject) => {
    server.once("exit", () => reject(new Error("the MCP server did not start")));
    server.stdout.once("data", (chunk) => resolve(String(chunk).trim()));
  });
  return { url: `http://127.0.0.1:${port}/mcp`, process: server };
}

describe.skipIf(!INSTALLED).each([
  ["esm", "stdio"],
  ["cjs", "stdio"],
  ["esm", "http"],
])("%s over %s", (format, transport) => {
  let plain: Outcome;
  let traced: Outcome;
  let spans: SinkSpan[];
  const closers: (() => unknown)[] = [];
  const where =
    transport === "stdio"
      ? {}
      : {
          "server.address": "127.0.0.1",
          "server.port": expect.any(Number),
          "mcp.session.id": expect.stringMatching(/^[0-9a-f-]{36}$/),
        };

  async function target(): Promise<string> {
    if (transport === "stdio") return "stdio";
    const server = await startHttpServer();
    closers.push(() => server.process.kill());
    return server.url;
  }

  function spanIn(name: string): SinkSpan[] {
    const parent = spans.find((span) => span.name === `invoke_agent ${name}`);
    return spans.filter((span) => span.parentSpanId === parent?.spanId);
  }

  beforeAll(async () => {
    const sink = await startOtlpSink();
    closers.push(sink.close);
    plain = await run(format, await target(), {});
    traced = await run(format, await target(), {
      ASSAY_ENDPOINT: sink.url,
      ASSAY_CONTENT: "full",
    });
    spans = sink.spans;
  });
  afterAll(() => Promise.all(closers.map((close) => close())));

  test("the service sees the same", () => {
    expect(traced.seen).toEqual(plain.seen);
    expect(traced.report).toEqual({ errors: 0, warnings: [] });
  });

  test.each(Object.entries(REQUESTS))("%s", (name, request) => {
    const found = spanIn(name);
    expect(found.map((span) => [span.name, span.kind, span.error])).toEqual([
      [request.name, 3, request.error !== undefined],
    ]);
    expect(found[0]?.attributes).toEqual({
      ...where,
      ...request.attributes,
      ...(request.error ? { "error.type": request.error } : {}),
    });
  });

  test("a tool that the service traces under the same name is one execution", () => {
    const found = spanIn("traced by the service");
    expect(found.map((span) => span.name)).toEqual(["execute_tool weather"]);
    expect(found[0]?.attributes).toMatchObject({ ...where, "mcp.method.name": "tools/call" });
    expect(spans.filter((span) => span.parentSpanId === found[0]?.spanId)).toEqual([]);
  });

  test("a tool that calls another is two", () => {
    const [planner] = spanIn("within another tool");
    expect(planner?.name).toBe("execute_tool planner");
    const inner = spans.filter((span) => span.parentSpanId === planner?.spanId);
    expect(inner.map((span) => span.name)).toEqual(["tools/call weather"]);
  });

  test("the server gets the trace context, unless the service sends one", () => {
    const [span] = spanIn("context");
    expect(plain.contexts).toEqual([{}, { traceparent: "mine", note: 1 }]);
    expect(traced.contexts).toEqual([
      { traceparent: `00-${span?.traceId}-${span?.spanId}-01` },
      { traceparent: "mine", note: 1 },
    ]);
  });

  test("a closed client", () => {
    const [span] = spanIn("closed");
    expect(span?.attributes["error.type"]).toBe("Error");
  });
});
