/**
 * What does an outage of ClickHouse cost? `npm run bench:outage -- --minutes 10 --rate 5000`
 *
 * Spans arrive at a steady rate the whole time. The embedded engine is stopped with SIGSTOP: unlike a kill it is not
 * started again, and it is the harder case, because its connections stay open and answer nothing. After `--minutes` it
 * goes on, still under load, until the log is empty. Printed: what was refused meanwhile (nothing should be), the
 * longest acknowledge, how far the log grew, how fast it drained against the rate of arrival, CPU seconds of each process
 * while it drained, and memory.
 *
 * `--check` ends with an error unless nothing was refused or lost and the log drained at 5 times the arrival rate.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";

import { metricsOf } from "../faults/metrics.ts";
import { startLoad } from "../load/run-generator.ts";
import { assayEnv, removeData, startAssay, until } from "../processes.ts";
import { childrenOf, useOf } from "./proc.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "5000" },
    check: { type: "boolean", default: false },
  },
});
const outageMs = Number(values.minutes) * 60_000;
const rate = Number(values.rate);
/** Drained: what is left is what arrives while one block is built and inserted. */
const drainedSpans = rate * 3;

const env = await assayEnv({ ASSAY_ENGINE_MEMORY_MB: "2048", ASSAY_LOG_MAX_MB: "65536" });
const assay = await startAssay("collector", env);
await until(
  () => metricsOf(assay),
  (metrics) => metrics.get("assay_engine_up") === 1 && metrics.has("assay_insert_in_flight"),
  60_000,
);
const [engine] = await childrenOf(assay.child.pid!);
const load = startLoad([
  "--url",
  assay.otlp,
  "--spans",
  "1000000000",
  "--batch",
  "100",
  "--connections",
  "8",
  "--rate",
  String(rate),
]);
try {
  await delay(Math.min(5_000, outageMs));
  process.kill(engine!, "SIGSTOP");
  await delay(outageMs);
  const atWorst = await metricsOf(assay);
  process.kill(engine!, "SIGCONT");
  const start = performance.now();
  const before = await cpuSeconds();
  const pending = atWorst.get("assay_log_pending_spans")!;
  await until(
    () => metricsOf(assay),
    (metrics) => metrics.get("assay_log_pending_spans")! < drainedSpans,
    outageMs * 2 + 120_000,
  );
  const drainSeconds = (performance.now() - start) / 1_000;
  const after = await cpuSeconds();
  load.child.kill("SIGTERM");
  const report = await load.report;
  const end = await until(
    () => metricsOf(assay),
    (metrics) => metrics.get('assay_ledger_spans{state="stored"}') === report.acked,
    180_000,
  );
  // While it drains, spans go on arriving: they are inserted as well.
  const drainRate = (pending - drainedSpans) / drainSeconds + rate;
  const result = {
    outageSeconds: outageMs / 1_000,
    arrivalSpansPerSecond: rate,
    refusedOrUnknownSpans: report.refused + report.unknown,
    resentRequests: report.resent,
    ackMs: report.ackMs,
    logMiBAtWorst: Math.round(
      atWorst.get('otelcol_exporter_queue_size{exporter="clickhouse"}')! / 2 ** 20,
    ),
    pendingSpansAtWorst: pending,
    drainSeconds: seconds(drainSeconds),
    drainSpansPerSecond: Math.round(drainRate),
    drainTimesArrival: Number((drainRate / rate).toFixed(1)),
    drainCpuSeconds: {
      collector: seconds(after.collector - before.collector),
      engine: seconds(after.engine - before.engine),
      generator: seconds(after.generator - before.generator),
    },
    storedSpans: end.get('assay_ledger_spans{state="stored"}'),
    residualSpans: end.get("assay_ledger_residual_spans"),
    peakRssMiB: {
      collector: (await useOf(assay.child.pid!)).peakRssMiB,
      engine: (await useOf(engine!)).peakRssMiB,
    },
  };
  console.log(JSON.stringify(result, null, 2));
  const isWell =
    result.refusedOrUnknownSpans === 0 &&
    result.residualSpans === 0 &&
    result.drainTimesArrival >= 5;
  if (values.check && !isWell) process.exitCode = 1;
} finally {
  load.child.kill("SIGKILL");
  await load.report.catch(() => {});
  await assay.stop();
  await removeData(env);
}

async function cpuSeconds(): Promise<Record<"collector" | "engine" | "generator", number>> {
  const [collector, itsEngine, generator] = await Promise.all(
    [assay.child.pid!, engine!, load.child.pid!].map(useOf),
  );
  return {
    collector: collector!.cpuSeconds,
    engine: itsEngine!.cpuSeconds,
    generator: generator!.cpuSeconds,
  };
}

function seconds(value: number): number {
  return Number(value.toFixed(1));
}
