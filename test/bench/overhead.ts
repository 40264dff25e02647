/**
 * What tracing costs a service: `npm run bench:overhead`, ours beside others in one run, in less than three minutes.
 *
 * Each instrumentation of the OpenAI SDK makes the same calls in a process of its own (test/dialects/overhead.mjs: the real
 * SDK on a stubbed fetch) and sends its telemetry to a receiver here. The processes of a comparison stay alive and take
 * turns in short rounds, one at a time, so that whatever else the machine does is done to all of them; rounds in which V8
 * still compiles do not count. Of each round the CPU time of all threads per call is taken. Other work on the machine only ever
 * adds to that, so of each process the fastest tenth of its rounds counts (the 10th percentile), less that of the process
 * without instrumentation; behind it, in brackets, the same of the medians, which says how busy the machine was.
 *
 *   call    until the answer is in the service's hands; what a caller waits for
 *   total   and everything after: prices, hash, content, serialising, sending
 *
 * `spans` and `KB` are what arrived per call: who drops spans, or does not send what it captures, is cheap. Ours computes
 * cost and prompt hash in the service, the others do not. `--only 20` measures the workloads whose name has "20" in it;
 * `--heap 1000000` makes so many calls with ours alone and prints the heap ten times.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import {
  hasOverheadPackages,
  startOverheadChild,
  type Cost,
  type OverheadChild,
  type Workload,
} from "./overhead-child.ts";

if (!hasOverheadPackages)
  throw new Error("expected the packages of test/dialects: npm ci --prefix test/dialects");

const { values } = parseArgs({
  options: {
    heap: { type: "string" },
    only: { type: "string", default: "" },
  },
});

const SHORT = { characters: 300, stream: false };
const LONG = { characters: 20_480, stream: false };
const OTHERS = ["opentelemetry", "openinference", "traceloop", "langfuse"];

interface Comparison {
  name: string;
  workload: Workload;
  callsARound: number;
}

const COMPARISONS: readonly Comparison[] = [
  {
    name: "300 characters, content off",
    workload: { ...SHORT, content: "off" },
    callsARound: 500,
  },
  { name: "300 characters, captured", workload: { ...SHORT, content: "full" }, callsARound: 500 },
  { name: "20 KB, captured", workload: { ...LONG, content: "full" }, callsARound: 200 },
  {
    name: "stream of 50 chunks, content off",
    workload: { ...SHORT, stream: true, content: "off" },
    callsARound: 60,
  },
];

/** Long enough for V8 to have compiled what it will. */
const WARM_UP_SECONDS = 8;
/** Together less than three minutes. */
const SECONDS_A_COMPARISON = 26;
/** Of a process's rounds the one that counts. */
const FASTEST = 0.1;

interface Measured {
  name: string;
  child: OverheadChild;
  costs: Cost[];
}

async function compare({ name, workload, callsARound }: Comparison): Promise<void> {
  const ours = workload.content === "full" ? ["assay", "assay redacted"] : ["assay"];
  const all: Measured[] = [];
  for (const one of ["none", ...ours, ...OTHERS]) all.push(await start(one, workload));
  await lapsFor(WARM_UP_SECONDS, all, callsARound);
  for (const one of all) {
    one.child.received();
    one.costs = [];
  }
  await lapsFor(SECONDS_A_COMPARISON, all, callsARound);
  print(name, all, callsARound);
  for (const { child } of all) child.stop();
}

async function lapsFor(seconds: number, all: readonly Measured[], calls: number): Promise<void> {
  const until = performance.now() + seconds * 1_000;
  while (performance.now() < until)
    for (const { child, costs } of all) costs.push(await child.round(calls));
}

async function start(name: string, workload: Workload): Promise<Measured> {
  const [instrumentation = name, redacted] = name.split(" ");
  const content = redacted ? "redacted" : workload.content;
  const child = await startOverheadChild(instrumentation, { ...workload, content });
  return { name, child, costs: [] };
}

function print(name: string, all: readonly Measured[], callsARound: number): void {
  const [plain, ...others] = all;
  if (!plain) return;
  const costOf = ({ costs }: Measured, kind: Kind, share: number): number =>
    at(
      costs.map((cost) => cost[kind]),
      share,
    );
  const above = (one: Measured, kind: Kind): string =>
    [FASTEST, 0.5]
      .map((share) => (costOf(one, kind, share) - costOf(plain, kind, share)).toFixed(1))
      .join(" (") + ")";
  const rounds = plain.costs.length;
  console.log(
    `\n${name}: ${costOf(plain, "totalUs", FASTEST).toFixed(1)} (${costOf(plain, "totalUs", 0.5).toFixed(1)}) µs of CPU per call without tracing; ${rounds} rounds`,
  );
  row("", "call", "total", "spans", "KB");
  for (const other of others) {
    const { spans, bytes } = other.child.received();
    const calls = rounds * callsARound;
    row(
      other.name,
      above(other, "callUs"),
      above(other, "totalUs"),
      (spans / calls).toFixed(2),
      (bytes / calls / 1_024).toFixed(1),
    );
  }
}

type Kind = "callUs" | "totalUs";

function row(name: string, ...cells: readonly string[]): void {
  console.log(name.padEnd(16), ...cells.map((cell, at) => cell.padStart(at < 2 ? 22 : 8)));
}

function at(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}

async function heap(calls: number): Promise<void> {
  const workload = { ...SHORT, content: "off" } as const;
  const child = await startOverheadChild("assay", workload, { flags: ["--expose-gc"] });
  const heaps: number[] = [];
  for (let tenth = 0; tenth < 10; tenth++) heaps.push((await child.round(calls / 10)).heapMiB);
  child.stop();
  console.log(
    `heap after each tenth of ${calls} calls, MiB:`,
    ...heaps.map((mib) => mib.toFixed(1)),
  );
}

console.log(`${cpus().length} × ${cpus()[0]?.model}`);
if (values.heap) await heap(Number(values.heap));
else
  for (const comparison of COMPARISONS)
    if (comparison.name.includes(values.only)) await compare(comparison);
