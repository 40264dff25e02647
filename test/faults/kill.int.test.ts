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
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { createClickHouse, targetOf } from "@assay/clickhouse";
import type { ClickHouseClient } from "@clickhouse/client";
import { expect, test } from "vitest";

import { childrenOf } from "../bench/proc.ts";
import { startLoad, type RunningLoad } from "../load/run-generator.ts";
import { spanId } from "../load/span-body.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";
import { findInconsistencies } from "./consistency.ts";

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
    const records = await mkdtemp(join(tmpdir(), "assay-load-"));
    let assay = await startAssay("collector", env, nodeArgs);
    const loads = startLoads(assay.otlp, records);
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        // Long enough for several inserts, and never at the same point of one.
        await delay(1500 + Math.random() * 2000);
        assay = await strike(assay);
      }
      await delay(500);
      for (const load of loads) load.child.kill("SIGTERM");
      await Promise.all(loads.map((load) => load.report));
      await expectExactlyOnce(assay, records);
      expect(await assay.stop()).toBe(0);
    } finally {
      for (const load of loads) load.child.kill("SIGKILL");
      await Promise.allSettled(loads.map((load) => load.report));
      assay.child.kill("SIGKILL");
      await removeData(env);
      await rm(records, { recursive: true });
    }
  },
  TEST_MS,
);

/** Two generators: one sends again what was in doubt, one gives it up. */
function startLoads(otlp: string, records: string): RunningLoad[] {
  const common = ["--url", otlp, "--spans", "100000000", "--batch", "100", "--days", String(DAYS)];
  const rate = [
    "--rate",
    String(SPANS_PER_SECOND / 2),
    "--connections",
    "4",
    "--spans-per-trace",
    "3",
  ];
  return [
    startLoad([...common, ...rate, "--seed", "1", "--resend", "--record", join(records, "1")]),
    startLoad([
      ...common,
      ...rate,
      "--seed",
      "2",
      "--from",
      "100000000",
      "--record",
      join(records, "2"),
    ]),
  ];
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

async function expectExactlyOnce(assay: RunningAssay, records: string): Promise<void> {
  const acked = new Set<string>();
  const refused = new Set<string>();
  for (const seed of [1, 2]) {
    for (const line of (await readFile(join(records, String(seed)), "utf8")).trim().split("\n")) {
      const [from, count, outcome] = line.split(" ");
      const into = outcome === "acked" ? acked : outcome === "refused" ? refused : undefined;
      for (let n = Number(from); n < Number(from) + Number(count); n++) into?.add(spanId(seed, n));
    }
  }
  expect(acked.size).toBeGreaterThan(1000);
  expect(refused.size).toBe(0);
  const client = await connect(assay.env);
  try {
    let missing = acked;
    await until(
      async () => (missing = acked.difference(await storedIds(client))),
      (ids) => ids.size === 0,
      90_000,
    ).catch(async (error: unknown) => {
      throw new Error(
        `${missing.size} of ${acked.size} acknowledged spans are not stored\n${await describeState(assay)}`,
        { cause: error },
      );
    });
    // The last insert's views may still be running when its spans are there.
    await until(
      () => findInconsistencies(client),
      (findings) => findings.length === 0,
      20_000,
    );
  } finally {
    await client.close();
  }
}

/** What a person would look at first. */
async function describeState(assay: RunningAssay): Promise<string> {
  const exposition = await fetch(`${assay.metrics}/metrics`)
    .then((response) => response.text())
    .catch(String);
  const figures = exposition.split("\n").filter((line) => /^(otelcol|assay)/.test(line));
  return `${assay.output()}\n${figures.join("\n")}`;
}

async function connect(env: Record<string, string>): Promise<ClickHouseClient> {
  const [host, port] = env["ASSAY_CLICKHOUSE_HTTP"]!.split(":");
  const address = { host: host!, port: Number(port) };
  return createClickHouse(
    await targetOf({ ASSAY_DATA: env["ASSAY_DATA"]!, ASSAY_CLICKHOUSE_HTTP: address }, "writer"),
  );
}

async function storedIds(client: ClickHouseClient): Promise<Set<string>> {
  const result = await client.query({
    query: "SELECT lower(hex(span_id)) FROM spans",
    format: "TabSeparated",
  });
  return new Set((await result.text()).trim().split("\n"));
}
