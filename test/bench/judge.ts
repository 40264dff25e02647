/**
 * What judging costs besides the calls. `npm run bench:judge -- [evaluations] [pairs] [spans a round] [probability]`
 *
 * First CPU per evaluation: the worker over a real engine and a provider in a process of its own that takes 50 ms, less
 * what the same calls take without the worker. Then its effect on ingest: two collectors side by side, one of which judges,
 * are given the same spans in turn, and each waits until all is stored and judged; CPU seconds of collector and engine.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { studentQuantile } from "@assay/statistics/distributions";
import type { JudgeConfig } from "../../collector/judge/config.ts";
import { inParallel } from "../../collector/judge/in-parallel.ts";
import { openaiProvider } from "../../collector/judge/openai-provider.ts";
import { judgePrompt } from "../../collector/judge/prompt.ts";
import { startLab, until } from "../../collector/judge/testing/judge-lab.ts";
import { answerSchema } from "../../collector/judge/verdict.ts";
import { metricsOf } from "../faults/metrics.ts";
import { startLoad } from "../load/run-generator.ts";
import { assayEnv, removeData, startAssay, type RunningAssay } from "../processes.ts";
import { childrenOf, useOf } from "./proc.ts";

const [evaluations = 4_000, pairs = 10, spans = 20_000, probability = 0.02] = process.argv
  .slice(2)
  .map(Number);
const WAIT_MS = 120_000;
const SPANS_PER_TRACE = 4;
const ROUND_MS = 9_000;
const LOOK_MS = 500;

const provider = fork(fileURLToPath(new URL("judge-provider.ts", import.meta.url)), ["50"]);
const { url } = await answerOf<{ url: string }>(provider);
console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}`);
try {
  if (evaluations > 0) await perEvaluation();
  if (pairs > 0) await onIngest();
} finally {
  provider.disconnect();
}

async function answerOf<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, "message")) as [T];
  return message;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function perEvaluation(): Promise<void> {
  const lab = await startLab();
  await lab.begin();
  const text = `
judges: [{ metric: professionalism, provider: main, model: gpt-4o-mini }]
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: 1 } }]`;
  const parsed = lab.parse(text);
  const config = {
    ...parsed,
    providers: parsed.providers.map((one) => ({ ...one, baseUrl: url, maxInFlight: 64 })),
  };
  const worker = await lab.started(config, { pollMs: 50 });
  const judgedOf = (): number => worker.stats().judgements.get("ok") ?? 0;
  // Just-in-time compilation belongs to the start.
  await judge(500);
  const before = cpuMs();
  const began = performance.now();
  await judge(evaluations);
  const [cpu, seconds] = [cpuMs() - before, (performance.now() - began) / 1_000];
  provider.send("most");
  const { most } = await answerOf<{ most: number }>(provider);
  await worker.stop();
  const bare = await bareCalls(config);
  console.log(
    `${evaluations} evaluations in ${seconds.toFixed(1)} s, ${most} calls at once: ${(cpu / evaluations).toFixed(3)} ms CPU each, of which the call ${bare.toFixed(3)} ms and the judge ${(cpu / evaluations - bare).toFixed(3)} ms`,
  );
  await lab.end();
  await lab.close();

  async function judge(count: number): Promise<void> {
    const target = judgedOf() + count;
    await lab.insertTraces(Array.from({ length: count }, () => ({})));
    await until(judgedOf, (judged) => judged === target, WAIT_MS);
  }
}

/** CPU of a call alone, in ms: the same request by the same client, answer read and dropped. */
async function bareCalls(config: JudgeConfig): Promise<number> {
  const judge = config.judges[0]!;
  const call = openaiProvider({ baseUrl: url, apiKey: "" });
  const { signal } = new AbortController();
  const requests = Array.from({ length: evaluations }, (_, n) => {
    const { system, user } = judgePrompt(judge, { answer: `Because of ${n}.` });
    return { system, user };
  });
  const schema = answerSchema(judge.metric, judge.form);
  const before = cpuMs();
  await inParallel(requests, 64, async ({ system, user }) => {
    const turns = [{ role: "user" as const, text: user }];
    await call({ model: judge.model, system, turns, temperature: 0.1, seed: undefined, maxTokens: 700, schema, logprobs: false, timeoutMs: 30_000 }, signal); // prettier-ignore
  });
  return (cpuMs() - before) / evaluations;
}

async function onIngest(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "assay-bench-judge-"));
  const file = join(dir, "judge.yaml");
  await writeFile(
    file,
    `providers: { main: { base_url: "${url}", max_in_flight: 64 } }
judges: [{ metric: professionalism, provider: main, model: gpt-4o-mini }]
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: ${probability} } }]
settle_seconds: 1
`,
  );
  const [plainEnv, judgingEnv] = [await assayEnv(), await assayEnv({ ASSAY_JUDGE: file })];
  const [plain, judging] = [
    await startAssay("collector", plainEnv),
    await startAssay("collector", judgingEnv),
  ];
  try {
    await round(plain, 0);
    await round(judging, 0);
    const ratios: number[] = [];
    for (let pair = 1; pair <= pairs; pair++) {
      const order = pair % 2 === 0 ? [plain, judging] : [judging, plain];
      const used = new Map<RunningAssay, number>();
      for (const assay of order) used.set(assay, await round(assay, pair));
      ratios.push(used.get(judging)! / used.get(plain)! - 1);
      console.log(
        `pair ${pair}: ${used.get(plain)!.toFixed(2)} CPU s without, ${used.get(judging)!.toFixed(2)} with: ${(ratios.at(-1)! * 100).toFixed(1)} %`,
      );
    }
    const mean = ratios.reduce((sum, one) => sum + one, 0) / pairs;
    const sd = Math.sqrt(ratios.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (pairs - 1));
    const upper = mean + (studentQuantile(0.95, pairs - 1) * sd) / Math.sqrt(pairs);
    console.log(
      `judging ${probability * 100} % of ${spans} spans a round: ${(mean * 100).toFixed(1)} % more CPU, upper bound (95 %) ${(upper * 100).toFixed(1)} %`,
    );
  } finally {
    await Promise.all([plain.stop(), judging.stop()]);
    await Promise.all([removeData(plainEnv), removeData(judgingEnv), rm(dir, { recursive: true })]);
  }
}

/** CPU seconds until all spans are stored, and decided on and judged where there is a judge. */
async function round(assay: RunningAssay, number: number): Promise<number> {
  const pids = [assay.child.pid!, ...(await childrenOf(assay.child.pid!))];
  const used = async (): Promise<number> =>
    (await Promise.all(pids.map(useOf))).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const decided = (metrics: Map<string, number>): number =>
    [...metrics].reduce(
      (sum, [name, value]) => (name.startsWith("assay_judge_records_total") ? sum + value : sum),
      0,
    );
  const before = decided(await metricsOf(assay));
  const start = await used();
  const began = performance.now();
  const load = startLoad(["--url", assay.otlp, "--spans", String(spans), "--from", String(number * spans), "--seed", "7", "--spans-per-trace", String(SPANS_PER_TRACE)]); // prettier-ignore
  await load.report;
  const isJudging = assay.env["ASSAY_JUDGE"] !== undefined;
  const isDone = (metrics: Map<string, number>): boolean =>
    metrics.get("assay_log_pending_spans") === 0 &&
    (!isJudging ||
      (decided(metrics) - before >= Math.floor(spans / SPANS_PER_TRACE) &&
        metrics.get('assay_judge_calls_in_flight{provider="main"}') === 0));
  // Looked at seldom, and for as long with a judge as without: looking and idling take CPU too.
  do await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  while (performance.now() - began < ROUND_MS || !isDone(await metricsOf(assay)));
  return (await used()) - start;
}
