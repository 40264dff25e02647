/** A service with an OpenTelemetry SDK of its own: `before|after <model url> <its backend>`, ours at ASSAY_ENDPOINT. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SpanKind, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace";

const [, , order, modelUrl, backend] = process.argv;
if (order === "after") await import("@assay/instrumentation/register");
const { LlmSpanProcessor, stats, status } = await import("@assay/instrumentation");
const sdk = new NodeSDK({
  serviceName: "theirs",
  spanProcessors: [
    new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${backend}/v1/traces` }) }),
    new LlmSpanProcessor(),
  ],
  instrumentations: [],
});
sdk.start();
if (order === "before") await import("@assay/instrumentation/register");

const { default: OpenAI } = await import("openai");
const client = new OpenAI({ apiKey: "test", baseURL: modelUrl!, maxRetries: 0 });
const tracer = trace.getTracer("service");
await tracer.startActiveSpan("GET /ask", { kind: SpanKind.SERVER }, async (request) => {
  await tracer.startActiveSpan("work", async (work) => {
    await client.chat.completions.create({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "hello from the service" }],
    });
    work.end();
  });
  request.end();
});
// A request that no HTTP instrumentation sees.
const server = createServer((incoming, response) => {
  void client.chat.completions
    .create({ model: "in-request", messages: [{ role: "user", content: incoming.url ?? "" }] })
    .then(() => response.end("ok"));
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/in`)).text();
await new Promise((resolve) => server.close(resolve));

const { mode } = status();
// At once: what has just ended must not be lost.
await sdk.shutdown();
console.log(JSON.stringify({ mode, stats: stats() }));
