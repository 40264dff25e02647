/**
 * In one process with the tracing that a service may have, and with the ways in which it may end: the answers stay what they
 * are, nobody's spans are lost or doubled. Each is a process with the real packages.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startModelServer, type ModelServer } from "../../instrumentation/testing/model-server.ts";
import { startOtlpSink, type OtlpSink } from "../../instrumentation/testing/otlp-sink.ts";
import { runNode, type RunResult } from "../../instrumentation/testing/run-node.ts";

const SERVICES = fileURLToPath(new URL("services.mjs", import.meta.url));
const hasPackages = existsSync(fileURLToPath(new URL("node_modules/dd-trace", import.meta.url)));

let ours: OtlpSink;
let model: ModelServer;
const opened: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  [ours, model] = await Promise.all([startOtlpSink(), startModelServer()]);
  opened.push(ours.close, model.close);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((close) => close()));
});

function env(backend?: string): Record<string, string> {
  return {
    ASSAY_ENDPOINT: ours.url,
    MODEL_URL: model.url,
    OTEL_SERVICE_NAME: "living",
    // So that what arrives was sent by a flush, and not because a second had passed.
    OTEL_BSP_SCHEDULE_DELAY: "60000",
    ...(backend === undefined ? {} : { BACKEND_URL: backend }),
  };
}

interface Report {
  answer: { id: string; said: string };
  stats: Record<string, number>;
  status: { mode: string; sdks: { package: string; skipped: Record<string, string> }[] };
}

function reportOf({ stdout, stderr }: RunResult): Report {
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  if (!line) throw new Error(`expected a report, got: ${stdout}${stderr}`);
  return JSON.parse(line) as Report;
}

const run = async (name: string, backend?: string): Promise<RunResult & { report: Report }> => {
  const result = await runNode([SERVICES, name], env(backend));
  const report = reportOf(result);
  expect(report.answer).toEqual({ id: "chatcmpl-1", said: expect.any(String) as string });
  expect(report.stats["instrumentationErrors"]).toBe(0);
  return { ...result, report };
};

/** Anything's backend: it takes everything, and keeps it as text. */
async function startBackend(): Promise<{ url: string; bodies: Map<string, string[]> }> {
  const bodies = new Map<string, string[]>();
  const server = createServer((request, response) => {
    void textOf(request).then((text) => {
      const path = (request.url ?? "").split("?")[0] ?? "";
      bodies.set(path, [...(bodies.get(path) ?? []), text]);
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return (body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body).toString("latin1");
}

const names = (sink: OtlpSink): string[] => sink.spans.map(({ name }) => name).sort();

describe.skipIf(!hasPackages)("other tracing in the process", () => {
  test("a tracer provider of the service: the span is its span, whole, and goes to its backend alone", async () => {
    const theirs = await startOtlpSink();
    opened.push(theirs.close);
    const { report } = await run("a tracer provider", theirs.url);
    expect(report.status.mode).toBe("global");
    expect(names(theirs)).toEqual(["chat gpt-4o-mini"]);
    expect(theirs.spans[0]?.attributes["gen_ai.usage.input_tokens"]).toBe(20);
    expect(theirs.spans[0]?.attributes["assay.prompt.hash"]).toMatch(/^[0-9a-f]{32}$/);
    expect(ours.spans).toEqual([]);
  });

  test.each(["first", "last"])("Sentry, started %s: both have what is theirs", async (order) => {
    const backend = await startBackend();
    const { report } = await run(`Sentry, ${order}`, backend.url);
    expect(report.status.mode).toBe("private");
    expect(names(ours)).toEqual(["chat gpt-4o-mini"]);
    expect([...backend.bodies.values()].flat().join("\n")).toContain('"transaction":"question"');
  });

  test("Sentry as the tracer provider: it takes no processor, so ours sends, within Sentry's trace", async () => {
    const backend = await startBackend();
    const { report } = await run("Sentry as the tracer provider", backend.url);
    expect(report.status.mode).toBe("private");
    expect(names(ours)).toEqual(["chat gpt-4o-mini"]);
    const sent = [...backend.bodies.values()].flat().join("\n");
    expect(sent).toContain('"transaction":"question"');
    expect(sent).toContain(ours.spans[0]!.traceId);
    expect(sent).toContain(ours.spans[0]!.parentSpanId);
  });

  test("Datadog: both see the call, and Datadog not our exports", async () => {
    const backend = await startBackend();
    const { report } = await run("Datadog", backend.url);
    expect(report.status.mode).toBe("private");
    expect(names(ours)).toEqual(["chat gpt-4o-mini"]);
    const sent = [...backend.bodies]
      .filter(([path]) => path.endsWith("/traces"))
      .flat(2)
      .join("\n");
    expect(sent).toContain("openai.request");
    expect(sent).not.toContain("/v1/traces");
  });

  test("another instrumentation has patched the SDK: its spans, none twice, and status() says why", async () => {
    const theirs = await startOtlpSink();
    opened.push(theirs.close);
    const { report } = await run("another instrumentation of the SDK", theirs.url);
    const scopes = (sink: OtlpSink): string[] => sink.spans.map(({ scope }) => scope);
    expect(scopes(theirs)).toEqual(["@arizeai/openinference-instrumentation-openai"]);
    expect(scopes(ours)).toEqual(scopes(theirs));
    const skipped = report.status.sdks.flatMap((sdk) => Object.entries(sdk.skipped));
    expect(Object.fromEntries(skipped)["chat.completions.create"]).toContain(
      "another instrumentation",
    );
  });
});

describe.skipIf(!hasPackages)("ways to run and to end", () => {
  test("serverless: flush() before the answer, and nothing is left to a process that is frozen", async () => {
    await run("serverless");
    expect(names(ours)).toEqual(["chat gpt-4o-mini"]);
  });

  test("worker threads: each with the import has its spans", async () => {
    await run("worker threads");
    expect(names(ours)).toEqual(["chat gpt-4o-mini", "chat in-main"]);
  });

  test("cluster: workers that disconnect send what they have", async () => {
    await run("cluster");
    expect(names(ours)).toEqual(["chat in-primary", "chat in-worker-1", "chat in-worker-2"]);
  });

  test("graceful exit: a service with a handler of its own ends when it wants to, with everything sent", async () => {
    const child = spawn(process.execPath, [SERVICES, "graceful exit"], {
      env: { ...process.env, ...env() },
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(names(ours)).toEqual(["chat gpt-4o-mini"]);
  });

  test("process.exit() is not held up; what it cuts off is said", async () => {
    const { code, stderr } = await run("process.exit()");
    expect(code).toBe(7);
    expect(stderr).toContain("1 spans were not sent because the process ended at once");
    expect(ours.spans).toEqual([]);
  });

  test("process.exit() after flush() loses nothing and says nothing", async () => {
    const { code, stderr } = await run("process.exit() after flush()");
    expect([code, stderr]).toEqual([7, ""]);
    expect(names(ours)).toEqual(["chat gpt-4o-mini"]);
  });

  test("an error that nobody catches ends the process as it would without us", async () => {
    const { code, stderr } = await run("uncaughtException");
    expect(code).toBe(1);
    expect(stderr).toContain("Error: nobody catches this");
    expect(stderr).toContain("spans were not sent");
  });
});
