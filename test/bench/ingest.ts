/**
 * How much does it take to ingest a million spans? `npm run bench:ingest -- --spans 1000000`
 *
 * Starts a collector of its own with its embedded engine, sends spans from a third process, waits until every one can
 * be queried, and prints rate, CPU seconds and memory by process. Everything the generator knows (--gzip, --json,
 * --batch, --connections, --days, …) is passed on. Compare CPU seconds rather than rates: on one machine the three
 * processes share the cores.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";

import { createClickHouse, targetOf } from "@assay/clickhouse";

import { startLoad } from "../load/run-generator.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";
import { childrenOf, useOf, type ProcessUse } from "./proc.ts";

const LONGEST_WAIT_MS = 600_000;

interface Stored {
  spans: number;
  unique: number;
  calls: number;
}

const { values } = parseArgs({
  options: { spans: { type: "string", default: "200000" } },
  strict: false,
});
const args = process.argv.slice(2);
const spans = Number(values["spans"]);

const env = await assayEnv({ ASSAY_ENGINE_MEMORY_MB: "2048" });
const assay = await startAssay("collector", env);
try {
  await warmUp(assay);
  await measure(assay);
} finally {
  await assay.stop();
  await removeData(env);
}

/** Just-in-time compilation and first allocations belong to the start, not to the rate. */
async function warmUp({ otlp }: RunningAssay): Promise<void> {
  const warmup = startLoad(["--url", otlp, "--spans", "20000", "--seed", "99"]);
  const { acked } = await warmup.report;
  await until(
    () => stored(),
    (row) => row.calls === acked,
    LONGEST_WAIT_MS,
  );
}

async function measure({ otlp, child }: RunningAssay): Promise<void> {
  const before = await stored("uniqExact(span_id)");
  const processes = { collector: child.pid!, engine: await enginePid(child.pid!) };
  const start = performance.now();
  const useBefore = {
    collector: await useOf(processes.collector),
    engine: await useOf(processes.engine),
  };
  const load = startLoad([
    "--url",
    otlp,
    "--spans",
    String(spans),
    ...args.filter((_, i) => !isSpans(i)),
  ]);
  const report = await load.report;
  // The views are filled one after the other: `spans` may be there before the rollups are.
  await until(
    () => stored(),
    (row) => Math.min(row.spans - before.spans, row.calls - before.calls) >= report.acked,
    LONGEST_WAIT_MS,
  );
  const seconds = (performance.now() - start) / 1000;
  const collector = difference(await useOf(processes.collector), useBefore.collector);
  const engine = difference(await useOf(processes.engine), useBefore.engine);
  const after = await stored("uniqExact(span_id)");
  console.log(
    JSON.stringify(
      {
        machine: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
        sent: report,
        stored: {
          spans: after.spans - before.spans,
          unique: after.unique - before.unique,
          calls: after.calls - before.calls,
        },
        queryableAfterSeconds: Number(seconds.toFixed(1)),
        spansPerSecondUntilQueryable: Math.round(report.acked / seconds),
        cpuSecondsPerMillion: {
          generator: perMillion(report.cpuSeconds, report.acked),
          collector: perMillion(collector, report.acked),
          engine: perMillion(engine, report.acked),
        },
        peakRssMiB: {
          generator: report.peakRssMiB,
          collector: (await useOf(processes.collector)).peakRssMiB,
          engine: (await useOf(processes.engine)).peakRssMiB,
        },
      },
      null,
      2,
    ),
  );
}

function isSpans(i: number): boolean {
  return args[i] === "--spans" || args[i - 1] === "--spans" || args[i]!.startsWith("--spans=");
}

async function enginePid(collector: number): Promise<number> {
  const [engine, ...others] = await childrenOf(collector);
  if (engine === undefined || others.length > 0)
    throw new Error("expected the engine to be the collector's only child");
  return engine;
}

function difference(after: ProcessUse, before: ProcessUse): number {
  return after.cpuSeconds - before.cpuSeconds;
}

function perMillion(cpuSeconds: number, count: number): number {
  return Number(((cpuSeconds / count) * 1e6).toFixed(2));
}

/** While waiting only what costs nothing is asked. */
async function stored(unique = "0"): Promise<Stored> {
  const [host, port] = env["ASSAY_CLICKHOUSE_HTTP"]!.split(":");
  const address = { host: host!, port: Number(port) };
  const target = await targetOf(
    { ASSAY_DATA: env["ASSAY_DATA"]!, ASSAY_CLICKHOUSE_HTTP: address },
    "reader",
  );
  const client = createClickHouse(target);
  try {
    const result = await client.query({
      query: `SELECT toUInt32(count()) AS spans, toUInt32(${unique}) AS unique,
                (SELECT toUInt32(sum(calls)) FROM llm_1m) AS calls FROM spans`,
      format: "JSONEachRow",
    });
    return (await result.json<Stored>())[0]!;
  } finally {
    await client.close();
  }
}
