/**
 * kill -9 under load: every acknowledged span is stored exactly once, everywhere.
 *
 * A generator of its own process sends spans of several days. Meanwhile the collector, or only its engine, is killed
 * again and again; the collector is started anew each time. Requests whose connection died are sent again by half of
 * the load (the same bytes: stored once) and given up by the other half (stored once or not at all). In the end the
 * generator's record of what was acknowledged is held against `spans`, and every rollup against `spans`.
 *
 * `KILLS=50` makes it longer. Engine files are not part of the lost writes: they are the engine's own to sync, and the
 * settings that make it do so are tested in clickhouse/schema.int.test.ts.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { expect, test } from "vitest";

import { childrenOf } from "../bench/proc.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";
import { expectExactlyOnce, type RecordedLoad, startRecordedLoad, writerOf } from "./oracle.ts";

const KILLS = Number(process.env["KILLS"] ?? 3);
const DAYS = 4;
const SPANS_PER_SECOND = 4000;
const TEST_MS = 180_000 + KILLS * 30_000;

interface Situation {
  /** Node's own arguments and variables for the collector. */
  nodeArgs?: readonly string[];
  env?: (dataDir: string) => Record<string, string>;
  /** Kills, and resolves to the collector that runs afterwards. */
  strike: (assay: RunningAssay) => Promise<RunningAssay>;
}

const preload = new URL("drop-unsynced.ts", import.meta.url).href;

const situations: Record<string, Situation> = {
  "the collector is killed": { strike: (assay) => killCollector(assay) },
  "the engine is killed": { strike: killEngine },
  "the collector is killed and unsynced writes of the log are lost": {
    nodeArgs: ["--import", preload],
    env: (dataDir) => ({ DROP_UNSYNCED: join(dataDir, "log") }),
    strike: (assay) => killCollector(assay, ["--import", preload]),
  },
};

test.each(Object.entries(situations))(
  "every acknowledged span is stored exactly once when %s",
  async (_, { nodeArgs = [], env: more = () => ({}), strike }) => {
    const env = await assayEnv();
    Object.assign(env, more(env["ASSAY_DATA"]!));
    let assay = await startAssay("collector", env, nodeArgs);
    const loads = await startLoads(assay.otlp);
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        // Long enough for several inserts, and never at the same point of one.
        await delay(1500 + Math.random() * 2000);
        assay = await strike(assay);
      }
      for (const load of loads) await load.untilMoreAcked(100);
      for (const { refused } of await Promise.all(loads.map((load) => load.end())))
        expect(refused).toBe(0);
      const target = await writerOf(env);
      for (const load of loads) await expectExactlyOnce(target, load, () => describeState(assay));
      expect(await assay.stop()).toBe(0);
    } finally {
      await Promise.all(loads.map((load) => load.remove()));
      assay.child.kill("SIGKILL");
      await removeData(env);
    }
  },
  TEST_MS,
);

/** Two generators: one sends again what was in doubt, one gives it up. */
function startLoads(otlp: string): Promise<RecordedLoad[]> {
  const args = [
    ["--spans", "100000000", "--batch", "100", "--days", String(DAYS)],
    ["--rate", String(SPANS_PER_SECOND / 2), "--connections", "4", "--spans-per-trace", "3"],
  ].flat();
  return Promise.all([
    startRecordedLoad(otlp, 1, [...args, "--resend"]),
    startRecordedLoad(otlp, 2, args),
  ]);
}

async function killCollector(
  assay: RunningAssay,
  nodeArgs: readonly string[] = [],
): Promise<RunningAssay> {
  if (assay.child.exitCode !== null)
    throw new Error(`the collector ended by itself:\n${assay.output()}`);
  const exited = new Promise((resolve) => assay.child.once("exit", resolve));
  assay.child.kill("SIGKILL");
  await exited;
  return startAssay("collector", assay.env, nodeArgs);
}

async function killEngine(assay: RunningAssay): Promise<RunningAssay> {
  const [engine] = await until(
    () => childrenOf(assay.child.pid!),
    (children) => children.length === 1,
  );
  process.kill(engine!, "SIGKILL");
  return assay;
}

/** What a person would look at first. */
async function describeState(assay: RunningAssay): Promise<string> {
  const exposition = await fetch(`${assay.metrics}/metrics`)
    .then((response) => response.text())
    .catch(String);
  const figures = exposition.split("\n").filter((line) => /^(otelcol|assay)/.test(line));
  return `${assay.output()}\n${figures.join("\n")}`;
}
