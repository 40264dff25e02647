/** Whole services, each a process with the one import: alone, calling one another, and beside an SDK of their own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { startModelServer, type ModelServer } from "./testing/model-server.ts";
import { startOtlpSink, type OtlpSink, type SinkSpan } from "./testing/otlp-sink.ts";
import { runNode } from "./testing/run-node.ts";

const SERVICE = fileURLToPath(new URL("testing/service.ts", import.meta.url));
const SDK_SERVICE = fileURLToPath(new URL("testing/sdk-service.ts", import.meta.url));
const MODULES = fileURLToPath(new URL("../node_modules", import.meta.url));

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((close) => close()));
});

async function sink(): Promise<OtlpSink> {
  const started = await startOtlpSink();
  opened.push(started.close);
  return started;
}

async function model(): Promise<ModelServer> {
  const started = await startModelServer();
  opened.push(started.close);
  return started;
}

async function service(
  name: string,
  args: string[],
  env: Record<string, string>,
): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [SERVICE, ...args], {
    env: { ...process.env, OTEL_SERVICE_NAME: name, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  opened.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  const [port] = (await once(child.stdout!, "data")) as [Buffer];
  return { url: `http://127.0.0.1:${String(port).trim()}`, child };
}

function named(spans: readonly SinkSpan[], service: string, name: string): SinkSpan {
  const found = spans.find((span) => span.service === service && span.name.startsWith(name));
  if (!found)
    throw new Error(
      `no span "${name}" of ${service} in ${spans.map((span) => `${span.service} ${span.name}`).join(", ")}`,
    );
  return found;
}

describe("two services, one trace", () => {
  test.each(["fetch", "http"])("called with %s", async (way) => {
    const [collector, provider] = [await sink(), await model()];
    const env = { ASSAY_ENDPOINT: collector.url };
    const back = await service("back", ["back", provider.url], env);
    const front = await service("front", ["front", back.url], env);
    await (await fetch(`${front.url}/health`)).text();
    await (await fetch(`${front.url}/${way}?session=s1`)).text();
    await collector.until((spans) => spans.length >= 4);

    const outer = named(collector.spans, "front", "GET ");
    const inner = named(collector.spans, "back", "GET /ask");
    const retrieval = named(collector.spans, "back", "retrieval handbook");
    const chat = named(collector.spans, "back", "chat gpt-4o-mini");
    expect(new Set(collector.spans.map((span) => span.traceId)).size).toBe(1);
    expect(outer.parentSpanId).toBeUndefined();
    expect(inner.parentSpanId).toBe(outer.spanId);
    expect(retrieval.parentSpanId).toBe(inner.spanId);
    expect(chat.parentSpanId).toBe(inner.spanId);
    expect(chat.attributes["session.id"]).toBe("s1");
    expect(retrieval.attributes["assay.retrieval.document_count"]).toBe(1);
    // A request that asks no model leaves nothing behind.
    expect(collector.spans).toHaveLength(4);
  });

  test("simultaneous requests keep to their own traces and contexts", async () => {
    const [collector, provider] = [await sink(), await model()];
    const back = await service("back", ["back", provider.url], { ASSAY_ENDPOINT: collector.url });
    const sessions = Array.from({ length: 20 }, (_, at) => `s${at}`);
    await Promise.all(
      sessions.map((session) =>
        fetch(`${back.url}/ask?session=${session}`).then((reply) => reply.text()),
      ),
    );
    await collector.until((spans) => spans.length >= 60);
    const traces = Map.groupBy(collector.spans, (span) => span.traceId);
    expect(traces.size).toBe(20);
    for (const spans of traces.values()) {
      expect(spans).toHaveLength(3);
      expect(new Set(spans.map((span) => span.attributes["session.id"]).filter(Boolean)).size).toBe(
        1,
      );
    }
  });

  test("a caller's traceparent is continued", async () => {
    const [collector, provider] = [await sink(), await model()];
    const back = await service("back", ["back", provider.url], { ASSAY_ENDPOINT: collector.url });
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    await (
      await fetch(`${back.url}/ask`, {
        headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
      })
    ).text();
    await collector.until((spans) => spans.length >= 3);
    expect(collector.spans.map((span) => span.traceId)).toEqual([traceId, traceId, traceId]);
    expect(named(collector.spans, "back", "GET").parentSpanId).toBe("b7ad6b7169203331");
  });
});

describe("the end of a process", () => {
  test("SIGTERM flushes and still ends it by the signal", async () => {
    const [collector, provider] = [await sink(), await model()];
    const back = await service("back", ["back", provider.url], {
      ASSAY_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: "60000",
    });
    await (await fetch(`${back.url}/ask`)).text();
    back.child.kill("SIGTERM");
    const [code, signal] = (await once(back.child, "exit")) as [number | null, string | null];
    expect([code, signal]).toEqual([null, "SIGTERM"]);
    expect(collector.spans).toHaveLength(3);
  });

  test("a collector that is away changes nothing and is counted", async () => {
    const provider = await model();
    const script = `
      import "@assay/instrumentation/register";
      import OpenAI from "openai";
      import { flush, stats } from "@assay/instrumentation";
      const client = new OpenAI({ apiKey: "test", baseURL: ${JSON.stringify(provider.url)} });
      const reply = await client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] });
      const before = performance.now();
      await flush(30_000);
      console.log(JSON.stringify({ id: reply.id, stats: stats() }));
    `;
    const folder = await serviceFolder({ "main.mjs": script });
    const { stdout, code } = await runNode(
      ["main.mjs"],
      { ASSAY_ENDPOINT: "http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT: "1500" },
      folder,
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      id: "chatcmpl-1",
      stats: {
        spansStarted: 1,
        spansExported: 0,
        spansDroppedExportFailed: 1,
        instrumentationErrors: 0,
      },
    });
  });
});

async function serviceFolder(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "assay-service-"));
  await symlink(MODULES, join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "named-by-its-package" }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** Ways to load the product, and what the service itself loads. */
const BODY = `
  const client = new OpenAI({ apiKey: "test", baseURL: process.env.MODEL_URL });
  client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] });
`;
const WAYS: Readonly<Record<string, { files: Record<string, string>; args: string[] }>> = {
  "import first, ES module": {
    files: {
      "main.mjs": `import "@assay/instrumentation/register";\nimport OpenAI from "openai";${BODY}`,
    },
    args: ["main.mjs"],
  },
  "import last, ES module": {
    files: {
      "main.mjs": `import OpenAI from "openai";\nimport "@assay/instrumentation/register";${BODY}`,
    },
    args: ["main.mjs"],
  },
  "require, CommonJS": {
    files: {
      "main.cjs": `require("@assay/instrumentation/register");\nconst { OpenAI } = require("openai");${BODY}`,
    },
    args: ["main.cjs"],
  },
  "import, then a CommonJS library": {
    files: {
      "main.mjs": `import "@assay/instrumentation/register";\nimport "./library.cjs";`,
      "library.cjs": `const OpenAI = require("openai");${BODY}`,
    },
    args: ["main.mjs"],
  },
  "--import, ES module": {
    files: { "main.mjs": `import OpenAI from "openai";${BODY}` },
    args: ["--import", "@assay/instrumentation/register", "main.mjs"],
  },
  "--import, CommonJS": {
    files: { "main.cjs": `const { OpenAI } = require("openai");${BODY}` },
    args: ["--import", "@assay/instrumentation/register", "main.cjs"],
  },
  "instrument(client) alone": {
    files: {
      "main.mjs": `import OpenAI from "openai";\nimport { instrument } from "@assay/instrumentation";
        const plain = new OpenAI({ apiKey: "test", baseURL: process.env.MODEL_URL });
        const client = instrument(instrument(plain));
        if (client !== plain) throw new Error("another object");
        await client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] });`,
    },
    args: ["main.mjs"],
  },
};

test.each(Object.keys(WAYS))("one span, flushed at the end: %s", async (way) => {
  const [collector, provider] = [await sink(), await model()];
  const { files, args } = WAYS[way]!;
  // The service reads its answer, or there is nothing to see.
  const awaited = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [
      name,
      text.replace('"hi" }] });\n', '"hi" }] }).then(() => {});\n'),
    ]),
  );
  const folder = await serviceFolder(awaited);
  const { code, stderr } = await runNode(
    args,
    { ASSAY_ENDPOINT: collector.url, MODEL_URL: provider.url },
    folder,
  );
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(collector.spans.map((span) => [span.service, span.name])).toEqual([
    ["named-by-its-package", "chat gpt-4o-mini"],
  ]);
});

test("OTEL_SDK_DISABLED turns everything off", async () => {
  const [collector, provider] = [await sink(), await model()];
  const { files, args } = WAYS["import first, ES module"]!;
  const folder = await serviceFolder(files);
  const { code } = await runNode(
    args,
    { ASSAY_ENDPOINT: collector.url, MODEL_URL: provider.url, OTEL_SDK_DISABLED: "true" },
    folder,
  );
  expect(code).toBe(0);
  expect(collector.spans).toEqual([]);
});

describe("beside an OpenTelemetry SDK", () => {
  test.each(["before", "after"])("started %s our import", async (order) => {
    const [ours, theirs, provider] = [await sink(), await sink(), await model()];
    const { stdout, stderr } = await runNode(
      [SDK_SERVICE, order === "before" ? "before" : "after", provider.url, theirs.url],
      {
        ASSAY_ENDPOINT: ours.url,
        OTEL_METRICS_EXPORTER: "none",
        OTEL_LOGS_EXPORTER: "none",
      },
    );
    expect(stdout, stderr).not.toBe("");
    expect(JSON.parse(stdout)).toMatchObject({
      mode: "global",
      stats: { instrumentationErrors: 0 },
    });
    const chat = named(theirs.spans, "theirs", "chat gpt-4o-mini");
    expect(chat.parentSpanId).toBe(named(theirs.spans, "theirs", "work").spanId);
    expect(String(chat.attributes["gen_ai.input.messages"])).toContain("hello from the service");
    expect(chat.attributes["gen_ai.usage.input_tokens"]).toBe(20);
    const inRequest = named(theirs.spans, "theirs", "chat in-request");
    expect(inRequest.parentSpanId).toBe(named(theirs.spans, "theirs", "GET /in").spanId);
    const models = ["GET /ask", "GET /in", "chat gpt-4o-mini", "chat in-request"];
    expect(theirs.spans.map((span) => span.name).sort()).toEqual([...models, "work"]);
    expect(ours.spans.map((span) => span.name).sort()).toEqual(models);
  });
});

test("planted secrets do not leave the process", async () => {
  const [collector, provider] = [await sink(), await model()];
  const secrets = [
    "sk-proj-Zx81kQw92LmN34opQR56stUV78wx",
    "anna.svensson@example.com",
    "4111 1111 1111 1111",
    "AKIAIOSFODNN7EXAMPLE",
  ];
  const script = `
    import "@assay/instrumentation/register";
    import OpenAI from "openai";
    import { traceRetriever, withContext } from "@assay/instrumentation";
    const client = new OpenAI({ apiKey: "test", baseURL: process.env.MODEL_URL, maxRetries: 0 });
    const secret = process.env.SECRETS;
    const filler = "x ".repeat(16372);
    await client.chat.completions.create({ model: "gpt-4o-mini", messages: [
      { role: "system", content: "Use " + secret },
      { role: "user", content: [{ type: "text", text: secret }, { type: "text", text: filler + secret + filler }, { type: "image_url", image_url: { url: "data:image/png;base64," + Buffer.from(secret).toString("base64") } }] },
      { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: JSON.stringify({ value: secret }) } }] },
      { role: "tool", tool_call_id: "c", content: secret },
    ] });
    await client.responses.create({ model: "gpt-4o-mini", instructions: secret, input: secret });
    await traceRetriever(async () => [{ id: "1", content: secret, metadata: { owner: secret } }], { name: "r", query: () => secret })();
    await client.chat.completions.create({ model: "unauthorized " , messages: [{ role: "user", content: secret }] }).catch(() => {});
    await withContext({ content: "off", reference: "not to be kept either" }, () => client.chat.completions.create({ model: "gpt-4o", messages: [{ role: "user", content: "not to be kept" }] }));
    await withContext({ reference: "Right is what " + secret + " says." }, () => client.chat.completions.create({ model: "gpt-4.1", messages: [{ role: "user", content: "?" }] }));
  `;
  const folder = await serviceFolder({ "main.mjs": script });
  const { code, stderr } = await runNode(
    ["main.mjs"],
    { ASSAY_ENDPOINT: collector.url, MODEL_URL: provider.url, SECRETS: secrets.join(" and ") },
    folder,
  );
  expect([code, stderr]).toEqual([0, ""]);
  expect(collector.spans).toHaveLength(6);
  const sent = collector.bodies.join("\n");
  for (const secret of secrets) {
    expect(sent).not.toContain(secret);
    expect(sent).not.toContain(Buffer.from(secret).toString("base64").slice(0, 16));
  }
  expect(sent).not.toContain("not to be kept");
  const { attributes } = named(collector.spans, "named-by-its-package", "chat gpt-4.1");
  expect(attributes["assay.reference"]).toMatch(/^Right is what .* says\.$/);
  expect(
    named(collector.spans, "named-by-its-package", "chat gpt-4o-mini").attributes[
      "assay.content.redactions"
    ],
  ).toBeGreaterThan(8);
});
