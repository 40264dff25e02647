/**
 * Mutated requests against a real collector: `npm run fuzz -- --minutes 1 --seed 7`
 *
 * It fails, naming seed and number of the request, when an answer is not one of 200, 400, 413 and 415, when one takes
 * longer than 5 s, when the collector ends or grows beyond its cap, or when in the end what was accepted is not stored:
 * the ledger's residual must be 0 with nothing left in the log and nothing among the dead letters. How long the event
 * loop was held is the collector's own figure, and printed; on a quiet machine it is below 200 ms.
 */
import { parseArgs } from "node:util";

import { metricsOf } from "../faults/metrics.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";
import { fuzzedRequests, type FuzzedRequest } from "./mutations.ts";

const ALLOWED = [200, 400, 413, 415];
const ANSWER_MS = 5_000;
const RSS_MIB = 600;
const CONNECTIONS = 8;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
const endsAt = performance.now() + Number(values.minutes) * 60_000;
const answers = new Map<number, number>();
let sent = 0;
let longestMs = 0;

const env = await assayEnv();
const assay = await startAssay("collector", env);
try {
  const next = fuzzedRequests(seed);
  await Promise.all(Array.from({ length: CONNECTIONS }, () => sendUntilEnd(assay, next)));
  const metrics = await settled(assay);
  console.log(
    JSON.stringify({ seed, sent, answers: Object.fromEntries(answers), ...summary(metrics) }),
  );
} catch (error) {
  console.error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await assay.stop();
  await removeData(env);
}

async function sendUntilEnd(
  target: RunningAssay,
  next: (n: number) => FuzzedRequest,
): Promise<void> {
  while (performance.now() < endsAt) {
    const n = sent++;
    const { name, contentType, body } = next(n);
    const start = performance.now();
    const response = await fetch(`${target.otlp}/v1/traces`, {
      method: "POST",
      headers: { "content-type": contentType },
      body: new Uint8Array(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch((cause: unknown) => {
      throw new Error(`request ${n} (${name}) was not answered\n${target.output()}`, { cause });
    });
    await response.arrayBuffer();
    longestMs = Math.max(longestMs, performance.now() - start);
    answers.set(response.status, (answers.get(response.status) ?? 0) + 1);
    if (!ALLOWED.includes(response.status))
      throw new Error(`request ${n} (${name}) was answered ${response.status}\n${target.output()}`);
  }
}

/** The figures when all is stored. */
function settled(target: RunningAssay): Promise<Map<string, number>> {
  return until(
    () => metricsOf(target),
    (metrics) => {
      const spans = (state: string) => metrics.get(`assay_ledger_spans{state="${state}"}`) ?? -1;
      const accepted = metrics.get(
        'otelcol_receiver_accepted_spans_total{receiver="otlp",transport="http"}',
      );
      return (
        spans("accepted") === accepted &&
        spans("in_log") === 0 &&
        spans("dead_lettered") === 0 &&
        metrics.get("assay_ledger_residual_spans") === 0
      );
    },
    90_000,
  );
}

function summary(metrics: Map<string, number>): Record<string, number> {
  const rssMiB = Math.round(metrics.get("otelcol_process_memory_rss")! / 1024 / 1024);
  if (rssMiB > RSS_MIB) throw new Error(`expected at most ${RSS_MIB} MiB, got ${rssMiB}`);
  return {
    storedSpans: metrics.get('assay_ledger_spans{state="stored"}')!,
    longestAnswerMs: Math.round(longestMs),
    eventLoopHeldMs: Math.round(metrics.get("nodejs_eventloop_lag_max_seconds")! * 1_000),
    rssMiB,
  };
}
