/**
 * What tracing costs a service: `npm run bench:overhead`, ours beside others in one run.
 *
 * Each instrumentation of the OpenAI SDK makes the same calls in a process of its own (test/dialects/overhead.mjs: the real
 * SDK on a stubbed fetch) and sends its spans to a receiver here. Printed is CPU time per call, all threads, the best of ten
 * rounds, above that of the same calls without instrumentation:
 *
 *   call    until the answer is in the service's hands; what a caller waits for
 *   total   and everything after: prices, hash, content, serialising, sending
 *
 * `spans` are those that arrived per call: who drops spans is cheap. Ours computes cost and prompt hash in the service, the
 * others do not. `--heap 1000000` makes so many calls with ours alone and prints the heap ten times.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startOtlpSink } from "../dialects/otlp-sink.ts";

const folder = fileURLToPath(new URL("../dialects/", import.meta.url));
if (!existsSync(`${folder}node_modules/openai`))
  throw new Error("expected the packages of test/dialects: npm ci --prefix test/dialects");

const { values } = parseArgs({
  options: { calls: { type: "string", default: "20000" }, heap: { type: "string" } },
});

const OTHERS = ["opentelemetry", "openinference", "traceloop", "langfuse"];
const VARIANTS: readonly { name: string; content: boolean; characters: number; stream: boolean }[] =
  [
    { name: "300 characters, content off", content: false, characters: 300, stream: false },
    { name: "300 characters, captured", content: true, characters: 300, stream: false },
    { name: "20 KB, captured", content: true, characters: 20_480, stream: false },
    { name: "stream of 50, content off", content: false, characters: 300, stream: true },
  ];

interface Cost {
  callUs: number;
  totalUs: number;
  heapMiB: number[];
  heldMs: number;
  spans: number;
}

async function measure(
  name: string,
  variant: (typeof VARIANTS)[number],
  calls: number,
  flags: readonly string[] = [],
): Promise<Cost> {
  const sink = await startOtlpSink();
  const args = [
    variant.content ? "content" : "off",
    String(variant.characters),
    variant.stream ? "stream" : "plain",
    String(calls),
  ];
  const child = spawn(process.execPath, [...flags, `${folder}overhead.mjs`, name, ...args], {
    env: { ...process.env, OTLP_URL: sink.url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (text: Buffer) => (output += text.toString()));
  const [code] = (await once(child, "exit")) as [number | null];
  sink.server.close();
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  const printed = JSON.parse(output.trim().split("\n").at(-1) ?? "") as Omit<Cost, "spans">;
  return { ...printed, spans: sink.spans.length / calls };
}

function row(name: string, ...cells: readonly string[]): void {
  console.log(name.padEnd(16), ...cells.map((cell) => cell.padStart(8)));
}

async function compare(variant: (typeof VARIANTS)[number]): Promise<void> {
  const calls = Number(values.calls) / (variant.stream ? 10 : 1);
  const plain = await measure("none", variant, calls);
  console.log(`\n${variant.name}: ${plain.totalUs.toFixed(1)} µs of CPU per call without tracing`);
  row("", "call", "total", "spans");
  for (const name of ["assay", ...OTHERS]) {
    const cost = await measure(name, variant, calls);
    const above = [cost.callUs - plain.callUs, cost.totalUs - plain.totalUs];
    row(name, ...above.map((us) => us.toFixed(1)), cost.spans.toFixed(2));
  }
}

async function heap(calls: number): Promise<void> {
  const { heapMiB, heldMs } = await measure("assay", VARIANTS[0]!, calls, ["--expose-gc"]);
  console.log(`heap after each tenth of ${calls} calls, MiB:`, ...heapMiB.map(Math.round));
  console.log(`the event loop was held for ${heldMs.toFixed(1)} ms at most`);
}

console.log(`${cpus().length} × ${cpus()[0]?.model}`);
if (values.heap) await heap(Number(values.heap));
else for (const variant of VARIANTS) await compare(variant);
