/**
 * What judging costs besides the calls. `npm run bench:judge -- --pairs 10`
 *
 * First CPU per evaluation: the worker over a real engine and a provider in a process of its own that takes 50 ms, less
 * what the same calls take without the worker. Then its effect on ingest: two collectors under the same steady load, one of
 * which judges; of each pair of equal times, CPU seconds of collector and engine of the one and of the other.
 *
 * `--keep FILE` adds the pairs to those of earlier runs, for a machine that is quiet for less than the five minutes of ten.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
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

const { values } = parseArgs({
  options: {
    evaluations: { type: "string", default: "4000" },
    pairs: { type: "string", default: "10" },
    /** Spans a second, to each of the two. */
    rate: { type: "string", default: "1500" },
    /** Share of the traces that are judged. */
    share: { type: "string", default: "0.005" },
    keep: { type: "string" },
  },
});
const [evaluations, pairs, rate, share] = [
  Number(values.evaluations),
  Number(values.pairs),
  Number(values.rate),
  Number(values.share),
];
const WAIT_MS = 120_000;
const SPANS_PER_TRACE = 4;
const SETTLE_S = 40;
/** Three looks of the worker, which comes every fifth of that. */
const PAIR_S = 24;
/** Until the first traces have settled and are judged. */
const WARM_UP_S = SETTLE_S + PAIR_S + 5;

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
  const [cpu, took] = [cpuMs() - before, (performance.now() - began) / 1_000];
  provider.send("most");
  const { most } = await answerOf<{ most: number }>(provider);
  await worker.stop();
  const bare = await bareCalls(config);
  console.log(
    `${evaluations} evaluations in ${took.toFixed(1)} s, ${most} calls at once: ${(cpu / evaluations).toFixed(3)} ms CPU each, of which the call ${bare.toFixed(3)} ms and the judge ${(cpu / evaluations - bare).toFixed(3)} ms`,
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
profiles: [{ weights: { professionalism: 1 }, sampling: { rest: ${share} } }]
settle_seconds: ${SETTLE_S}
`,
  );
  const [plainEnv, judgingEnv] = [await assayEnv(), await assayEnv({ ASSAY_JUDGE: file })];
  const [plain, judging] = [
    await startAssay("collector", plainEnv),
    await startAssay("collector", judgingEnv),
  ];
  const spans = rate * (WARM_UP_S + pairs * PAIR_S);
  const loads = [plain, judging].map(({ otlp }) =>
    startLoad(["--url", otlp, "--spans", String(spans), "--rate", String(rate), "--seed", "7", "--spans-per-trace", String(SPANS_PER_TRACE)]),
  ); // prettier-ignore
  try {
    await seconds(WARM_UP_S);
    const ratios: number[] = [];
    let before = await Promise.all([used(plain), used(judging)]);
    for (let pair = 1; pair <= pairs; pair++) {
      await seconds(PAIR_S);
      const now = await Promise.all([used(plain), used(judging)]);
      const [without, withJudge] = now.map((one, at) => one - before[at]!) as [number, number];
      before = now;
      ratios.push(withJudge / without - 1);
      console.log(
        `pair ${pair}: ${without.toFixed(2)} CPU s without, ${withJudge.toFixed(2)} with: ${(ratios.at(-1)! * 100).toFixed(1)} %`,
      );
    }
    const metrics = await metricsOf(judging);
    const all = await kept(ratios);
    const { mean, upper } = upperBound(all);
    console.log(
      `${metrics.get('assay_judge_judgements_total{status="ok"}')} judged; traces of ${metrics.get("assay_judge_lag_seconds")} s ago under way`,
    );
    console.log(
      `${all.length} pairs, judging ${share * 100} % of the traces of ${rate} spans a second: ${(mean * 100).toFixed(1)} % more CPU, upper bound (95 %, one-sided) ${(upper * 100).toFixed(1)} %`,
    );
    await Promise.all(loads.map(({ report }) => report));
  } finally {
    await Promise.all([plain.stop(), judging.stop()]);
    await Promise.all([removeData(plainEnv), removeData(judgingEnv), rm(dir, { recursive: true })]);
  }
}

/** These, and those that earlier runs kept. */
async function kept(ratios: readonly number[]): Promise<number[]> {
  if (values.keep === undefined) return [...ratios];
  await appendFile(values.keep, ratios.map((ratio) => `${ratio}\n`).join(""));
  return (await readFile(values.keep, "utf8")).trim().split("\n").map(Number);
}

function upperBound(ratios: readonly number[]): { mean: number; upper: number } {
  const n = ratios.length;
  const mean = ratios.reduce((sum, one) => sum + one, 0) / n;
  const sd = Math.sqrt(ratios.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (n - 1));
  return { mean, upper: mean + (studentQuantile(0.95, n - 1) * sd) / Math.sqrt(n) };
}

/** CPU seconds of collector and engine so far. */
async function used(assay: RunningAssay): Promise<number> {
  const pids = [assay.child.pid!, ...(await childrenOf(assay.child.pid!))];
  return (await Promise.all(pids.map(useOf))).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1_000));
}
