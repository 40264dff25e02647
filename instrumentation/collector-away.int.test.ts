/**
 * A collector that is down, slow, refuses or talks nonsense is not the service's business: its answers and how long they take
 * stay what they are, and what is lost is counted. Each is a process that makes the same calls.
 */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startModelServer, type ModelServer } from "./testing/model-server.ts";
import { runNode } from "./testing/run-node.ts";
import type { Stats } from "./health.ts";

const CALLS = 60;
/** How long the exporter waits for an answer. A call that waited for the exporter would take as long. */
const EXPORT_TIMEOUT_MS = 2_000;

const SCRIPT = `
  await import("@assay/instrumentation/register");
  const { flush, stats } = await import("@assay/instrumentation");
  const { default: OpenAI } = await import("openai");
  const client = new OpenAI({ apiKey: "test", baseURL: process.env.MODEL_URL, maxRetries: 0 });
  const answers = [];
  const tookMs = [];
  for (let call = 0; call < ${CALLS}; call++) {
    const start = performance.now();
    const { id, choices } = await client.chat.completions.create({
      model: "gpt-4o-mini", messages: [{ role: "user", content: "question " + call }] });
    tookMs.push(performance.now() - start);
    answers.push([id, choices[0].message.content]);
  }
  await flush(15_000);
  const medianMs = tookMs.sort((a, b) => a - b)[tookMs.length >> 1];
  console.log(JSON.stringify({ answers, medianMs, stats: stats() }));
  process.exit(0);
`;

interface Outcome {
  answers: unknown[];
  medianMs: number;
  stats: Stats;
}

let model: ModelServer;
const servers: { close(): void }[] = [];
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(async () => {
  for (const server of servers) server.close();
  await model.close();
});

async function collector(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function outcome(endpoint: string): Promise<Outcome & { stderr: string }> {
  const { stdout, stderr } = await runNode(["--input-type=module", "-e", SCRIPT], {
    ASSAY_ENDPOINT: endpoint,
    MODEL_URL: model.url,
    OTEL_BSP_SCHEDULE_DELAY: "20",
    OTEL_EXPORTER_OTLP_TIMEOUT: String(EXPORT_TIMEOUT_MS),
  });
  return { ...(JSON.parse(stdout) as Outcome), stderr };
}

const refusing =
  (status: number): RequestListener =>
  (request, response) => {
    request.resume();
    response.statusCode = status;
    response.end("no");
  };

/** `delivered`: the collector took the spans, whatever it said afterwards. */
const COLLECTORS: Readonly<
  Record<string, { listen: RequestListener | undefined; delivered: boolean }>
> = {
  healthy: {
    listen: (request, response) => {
      request.resume();
      response.end();
    },
    delivered: true,
  },
  down: { listen: undefined, delivered: false },
  "slow: it never answers": { listen: (request) => void request.resume(), delivered: false },
  "refusing for now (503)": { listen: refusing(503), delivered: false },
  "refusing for good (400)": { listen: refusing(400), delivered: false },
  "closing the connection": { listen: (request) => request.socket.destroy(), delivered: false },
  "answering garbage": {
    listen: (request, response) => {
      request.resume();
      response.setHeader("content-type", "application/x-protobuf");
      response.end(Buffer.alloc(2_000, 0xff));
    },
    delivered: true,
  },
  "not speaking HTTP": {
    listen: (request) => void request.socket.end("\u0000\u0001 what?\r\n\r\n"),
    delivered: false,
  },
};

test.each(Object.keys(COLLECTORS))("a collector that is %s", async (name) => {
  const { listen, delivered } = COLLECTORS[name]!;
  const endpoint = listen ? await collector(listen) : "http://127.0.0.1:9";
  const { answers, medianMs, stats, stderr } = await outcome(endpoint);
  expect(answers).toEqual(Array(CALLS).fill(["chatcmpl-1", expect.any(String)]));
  expect(medianMs).toBeLessThan(EXPORT_TIMEOUT_MS / 2);
  expect(stats).toMatchObject({
    spansStarted: CALLS,
    spansEnqueued: CALLS,
    spansExported: delivered ? CALLS : 0,
    spansDroppedExportFailed: delivered ? 0 : CALLS,
    spansDroppedQueueFull: 0,
    instrumentationErrors: 0,
  });
  // One line, however often it fails.
  expect(stderr.split("\n").filter((line) => line.startsWith("assay:"))).toHaveLength(
    delivered ? 0 : 1,
  );
});
