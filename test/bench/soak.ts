/**
 * Does it stay as it is? `npm run bench:soak -- --minutes 30 --rate 20000`
 *
 * A collector with its embedded engine under load for minutes; `--rate 0` (the default) is as fast as it takes spans, with
 * the log bounded (`--log-mib`), so that what is measured is what is stored and not what is put off. Every ten seconds a line:
 * spans stored a second since the last, resident memory of both processes, active parts of all tables, disk, spans
 * that wait in the log. Beside the
 * load one span at a time is sent and looked for ten times a second, which gives the time from acknowledge to visible.
 *
 * In the end one line of JSON: rates, CPU seconds per million stored spans, memory in the second minute and at the end, parts.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";

import { createClickHouse, targetOf } from "@assay/clickhouse";

import { metricsOf } from "../faults/metrics.ts";
import { startLoad } from "../load/run-generator.ts";
import { assayEnv, removeData, startAssay, until } from "../processes.ts";
import { childrenOf, useOf } from "./proc.ts";

const SAMPLE_MS = 10_000;
const PROBE_PAUSE_MS = 500;
const MAX_DRAIN_MS = 600_000;

interface Sample {
  seconds: number;
  stored: number;
  collectorMiB: number;
  engineMiB: number;
  parts: number;
  diskMiB: number;
  /** In the log and not yet inserted. */
  pending: number;
}

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    rate: { type: "string", default: "0" },
    connections: { type: "string", default: "8" },
    batch: { type: "string", default: "500" },
    "log-mib": { type: "string", default: "1024" },
  },
});
const minutes = Number(values.minutes);

const env = await assayEnv({
  ASSAY_ENGINE_MEMORY_MB: "2048",
  ASSAY_LOG_MAX_MB: values["log-mib"],
});
const assay = await startAssay("collector", env);
await until(
  () => metricsOf(assay),
  (metrics) => metrics.get("assay_engine_up") === 1 && metrics.has("assay_insert_in_flight"),
  60_000,
);
const collector = assay.child.pid!;
const [engine] = await childrenOf(collector);
const [host, port] = env["ASSAY_CLICKHOUSE_HTTP"]!.split(":");
const address = { host: host!, port: Number(port) };
const client = createClickHouse(
  await targetOf({ ASSAY_DATA: assay.dataDir, ASSAY_CLICKHOUSE_HTTP: address }, "writer"),
);
const load = startLoad([
  "--resend",
  `--url=${assay.otlp}`,
  "--spans=1000000000",
  `--batch=${values.batch}`,
  `--connections=${values.connections}`,
  `--rate=${values.rate}`,
]);
try {
  const visibleMs: number[] = [];
  const cpuBefore = await cpuSeconds();
  const end = performance.now() + minutes * 60_000;
  const probing = probe(end, visibleMs);
  const samples = await watch(end);
  await probing;
  load.child.kill("SIGTERM");
  const sent = await load.report;
  await until(count, (spans) => spans >= sent.acked, MAX_DRAIN_MS);
  const cpuAfter = await cpuSeconds();
  report(sent, samples, visibleMs, {
    collector: cpuAfter.collector - cpuBefore.collector,
    engine: cpuAfter.engine - cpuBefore.engine,
  });
} finally {
  load.child.kill("SIGKILL");
  await client.close();
  await assay.stop();
  await removeData(env);
}

type Report = Awaited<typeof load.report>;

function report(
  sent: Report,
  samples: readonly Sample[],
  visibleMs: readonly number[],
  cpu: { collector: number; engine: number },
): void {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const second = samples.find(({ seconds }) => seconds >= 120) ?? last;
  const sorted = visibleMs.toSorted((a, b) => a - b);
  const percentile = (p: number): number => Math.round(sorted[Math.floor(sorted.length * p)] ?? 0);
  const perMillion = (seconds: number): number => Number(((seconds / sent.acked) * 1e6).toFixed(2));
  const peak = (of: (sample: Sample) => number): number => Math.max(...samples.map(of));
  console.log(
    JSON.stringify({
      machine: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
      minutes,
      acked: sent.acked,
      resent: sent.resent,
      refused: sent.refused,
      unknown: sent.unknown,
      ackedPerSecond: sent.spansPerSecond,
      storedPerSecond: Math.round(
        (last.stored - first.stored) / (last.seconds - first.seconds || 1),
      ),
      ackMs: sent.ackMs,
      visibleMs: { samples: sorted.length, p50: percentile(0.5), p99: percentile(0.99) },
      cpuSecondsPerMillion: {
        collector: perMillion(cpu.collector),
        engine: perMillion(cpu.engine),
        generator: perMillion(sent.cpuSeconds),
      },
      collectorMiB: {
        secondMinute: second.collectorMiB,
        end: last.collectorMiB,
        peak: peak((sample) => sample.collectorMiB),
      },
      engineMiB: {
        secondMinute: second.engineMiB,
        end: last.engineMiB,
        peak: peak((sample) => sample.engineMiB),
      },
      parts: { secondMinute: second.parts, end: last.parts },
      diskMiB: peak((sample) => sample.diskMiB),
    }),
  );
}

async function watch(end: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const start = performance.now();
  while (performance.now() < end) {
    await delay(Math.min(SAMPLE_MS, Math.max(0, end - performance.now())));
    const sample = await take((performance.now() - start) / 1_000);
    const before = samples.at(-1);
    samples.push(sample);
    const rate = before
      ? Math.round((sample.stored - before.stored) / (sample.seconds - before.seconds))
      : 0;
    console.error(JSON.stringify({ ...sample, storedPerSecond: rate }));
  }
  return samples;
}

async function take(seconds: number): Promise<Sample> {
  const metrics = await metricsOf(assay);
  const [row] = await rows<{ parts: number }>(
    "SELECT toUInt32(count()) AS parts FROM system.parts WHERE active AND database = 'assay'",
  );
  const { stdout } = await promisify(execFile)("du", ["-sm", assay.dataDir]).catch(
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? "0" }), // files go while it counts
  );
  return {
    seconds: Math.round(seconds),
    stored: await count(),
    collectorMiB: (await useOf(collector)).rssMiB,
    engineMiB: (await useOf(engine!)).rssMiB,
    parts: row!.parts,
    diskMiB: Number.parseInt(stdout, 10),
    pending: metrics.get("assay_log_pending_spans") ?? 0,
  };
}

/** One span after the other: how long after its acknowledge a query sees it. */
async function probe(end: number, visibleMs: number[]): Promise<void> {
  while (performance.now() < end) {
    const traceId = randomBytes(16).toString("hex");
    if (!(await sendSpan(traceId))) continue;
    const acked = performance.now();
    await until(
      () => isVisible(traceId),
      (visible) => visible,
      MAX_DRAIN_MS,
    );
    visibleMs.push(performance.now() - acked);
    await delay(PROBE_PAUSE_MS);
  }
}

/** False when it was refused for the moment. */
async function sendSpan(traceId: string): Promise<boolean> {
  const now = String(BigInt(Date.now()) * 1_000_000n);
  const span = {
    traceId,
    spanId: traceId.slice(0, 16),
    name: "probe",
    startTimeUnixNano: now,
    endTimeUnixNano: now,
  };
  const response = await fetch(new URL("/v1/traces", assay.otlp), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }),
  });
  await response.arrayBuffer();
  if (!response.ok) await delay(PROBE_PAUSE_MS);
  return response.ok;
}

async function isVisible(traceId: string): Promise<boolean> {
  const found = await rows(
    `SELECT 1 FROM assay.trace_index WHERE trace_id = unhex('${traceId}') LIMIT 1`,
  );
  return found.length > 0;
}

async function count(): Promise<number> {
  const [row] = await rows<{ spans: number }>(
    "SELECT toFloat64(sum(spans)) AS spans FROM assay.llm_1m",
  );
  return row!.spans;
}

async function rows<Row>(query: string): Promise<Row[]> {
  const result = await client.query({ query, format: "JSONEachRow" });
  return await result.json<Row>();
}

async function cpuSeconds(): Promise<{ collector: number; engine: number }> {
  const [one, other] = await Promise.all([useOf(collector), useOf(engine!)]);
  return { collector: one.cpuSeconds, engine: other.cpuSeconds };
}
