/**
 * What tracing costs a service: `node instrumentation/overhead.bench.ts`.
 *
 * A process of its own per variant makes calls with the real SDK on a stubbed fetch. Printed is CPU time per call, all
 * threads, best of several rounds, above that of the same process without instrumentation:
 *
 *   call    until the answer is in the service's hands; what a caller waits for
 *   total   and everything after: attributes, prices, hash, content, serialising and sending to a collector on loopback
 *
 * The bar: at most 15 µs per call with content off.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { runNode } from "./testing/run-node.ts";

const CALLS = 2_000;
const ROUNDS = 8;

interface Cost {
  callUs: number;
  totalUs: number;
}

const VARIANTS: Readonly<Record<string, { content: string; promptKb: number; stream: boolean }>> = {
  "small prompt, content off": { content: "off", promptKb: 0, stream: false },
  "small prompt, redacted": { content: "redacted", promptKb: 0, stream: false },
  "20 KB prompt, content off": { content: "off", promptKb: 20, stream: false },
  "20 KB prompt, redacted": { content: "redacted", promptKb: 20, stream: false },
  "stream of 50, content off": { content: "off", promptKb: 0, stream: true },
  "stream of 50, redacted": { content: "redacted", promptKb: 0, stream: true },
};

async function compare(): Promise<void> {
  const collector = createServer((request, response) =>
    request.resume().on("end", () => response.end("{}")),
  );
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const { port } = collector.address() as AddressInfo;
  console.log(
    "variant".padEnd(28),
    "plain".padStart(9),
    "call".padStart(9),
    "total".padStart(9),
    "  µs CPU per call",
  );
  for (const [name, { content }] of Object.entries(VARIANTS)) {
    const run = async (mode: string): Promise<Cost> => {
      const { stdout, stderr } = await runNode(
        [fileURLToPath(import.meta.url), "measure", mode, name],
        {
          ASSAY_ENDPOINT: `http://127.0.0.1:${port}`,
          ASSAY_CONTENT: content,
        },
      );
      if (!stdout) throw new Error(stderr);
      return JSON.parse(stdout) as Cost;
    };
    const plain = await run("plain");
    const traced = await run("traced");
    const columns = [plain.totalUs, traced.callUs - plain.callUs, traced.totalUs - plain.totalUs];
    console.log(name.padEnd(28), ...columns.map((us) => us.toFixed(1).padStart(9)));
  }
  collector.close();
  collector.closeAllConnections();
}

async function measure(traced: boolean, variant: string): Promise<void> {
  const { promptKb, stream } = VARIANTS[variant]!;
  if (traced) await import("@assay/instrumentation/register");
  const { flush } = await import("@assay/instrumentation");
  const { default: OpenAI } = await import("openai");
  const client = new OpenAI({ apiKey: "bench", fetch: async () => answer(stream) });
  const prompt = `When do trains leave? ${"The quick brown fox jumps over the lazy dog. ".repeat((promptKb * 1024) / 45)}`;
  const messages = [{ role: "user" as const, content: prompt }];
  const call = async (): Promise<void> => {
    const result = await client.chat.completions.create({ model: "gpt-4o-mini", messages, stream });
    if (Symbol.asyncIterator in result) for await (const chunk of result) void chunk;
  };
  const best: Cost = { callUs: Infinity, totalUs: Infinity };
  const calls = stream ? CALLS / 10 : CALLS;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    // Microtasks only: what is put off to the next turn of the loop has not run when this is measured.
    for (let at = 0; at < calls; at++) await call();
    const called = process.cpuUsage(start);
    if (traced) await flush(60_000);
    const all = process.cpuUsage(start);
    best.callUs = Math.min(best.callUs, (called.user + called.system) / calls);
    best.totalUs = Math.min(best.totalUs, (all.user + all.system) / calls);
  }
  process.stdout.write(JSON.stringify(best));
  process.exit(0);
}

const PLAIN = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "gpt-4o-mini",
  choices: [
    { index: 0, message: { role: "assistant", content: "At six." }, finish_reason: "stop" },
  ],
  usage: { prompt_tokens: 20, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 0 } },
});
const CHUNKS = Array.from({ length: 50 }, (_, at) =>
  JSON.stringify({
    id: "chatcmpl-1",
    model: "gpt-4o-mini",
    choices: [{ index: 0, delta: { content: "word " }, finish_reason: at === 49 ? "stop" : null }],
  }),
);
const STREAM = `${CHUNKS.map((chunk) => `data: ${chunk}\n\n`).join("")}data: [DONE]\n\n`;

function answer(stream: boolean): Response {
  return new Response(stream ? STREAM : PLAIN, {
    headers: { "content-type": stream ? "text/event-stream" : "application/json" },
  });
}

if (process.argv[2] === "measure")
  await measure(process.argv[3] === "traced", process.argv[4] ?? "");
else await compare();
