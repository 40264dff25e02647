/**
 * ClickHouse is slow, silent, gone, broken or changed, while spans arrive: the log grows, and afterwards every
 * acknowledged span is stored exactly once.
 *
 * A real collector and a real generator, each a process; the engine behind a proxy that misbehaves on demand.
 */
import { withEngine, type TestEngine } from "@assay/clickhouse/testing";
import { createClickHouse } from "@assay/clickhouse";
import type { ClickHouseClient } from "@clickhouse/client";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";
import { metricsOf } from "./metrics.ts";
import { expectExactlyOnce, startRecordedLoad, type RecordedLoad } from "./oracle.ts";
import { startToxicProxy, type ToxicProxy } from "./toxic-proxy.ts";

const OUTAGE_MS = 2_500;

let engine: TestEngine;
let admin: ClickHouseClient;
let proxy: ToxicProxy;
let assay: RunningAssay;
let seed = 0;

beforeAll(async () => {
  engine = await withEngine();
  admin = createClickHouse(engine.target);
  proxy = await startToxicProxy(new URL(engine.target.url));
  const url = new URL(proxy.url);
  url.username = engine.target.username;
  url.password = engine.target.password;
  assay = await startAssay("collector", await assayEnv({ CLICKHOUSE_URL: url.href }));
  await until(
    () => metricsOf(assay),
    (metrics) => metrics.get("assay_engine_up") === 1,
  );
}, 90_000);

afterAll(async () => {
  assay?.child.kill("SIGKILL");
  if (assay) await removeData(assay.env);
  await proxy?.close();
  await admin?.close();
  await engine?.stop();
});

async function underLoad(strike: () => Promise<void>): Promise<void> {
  let load: RecordedLoad | undefined;
  try {
    load = await startRecordedLoad(assay.otlp, ++seed, [
      "--spans",
      "1000000",
      "--batch",
      "50",
      "--rate",
      "1500",
      "--days",
      "3",
      "--resend",
    ]);
    await delay(800);
    await strike();
    await delay(300);
    const { acked, refused, unknown } = await load.end();
    expect({ refused, unknown }).toEqual({ refused: 0, unknown: 0 });
    expect(acked).toBeGreaterThan(1_000);
    await expectExactlyOnce(engine.target, load, () => assay.output());
  } finally {
    await load?.remove();
  }
}

const command = (query: string) => admin.command({ query });

test.each([["reset"], ["blackhole"], ["slow"], ["deaf"]] as const)(
  "connections to ClickHouse: %s",
  async (toxic) => {
    await underLoad(async () => {
      proxy.set(toxic);
      await delay(OUTAGE_MS);
      if (toxic === "deaf") expect(proxy.lostAnswers()).toBeGreaterThan(0);
      if (toxic === "blackhole")
        expect((await metricsOf(assay)).get("assay_log_pending_spans")).toBeGreaterThan(1_000);
      proxy.set("none");
    });
  },
  60_000,
);

test("the engine is stopped for a while and goes on", async () => {
  await underLoad(async () => {
    process.kill(engine.server.pid()!, "SIGSTOP");
    await delay(OUTAGE_MS);
    process.kill(engine.server.pid()!, "SIGCONT");
  });
}, 60_000);

test("the collector is stopped for a while and goes on", async () => {
  await underLoad(async () => {
    assay.child.kill("SIGSTOP");
    await delay(OUTAGE_MS);
    assay.child.kill("SIGCONT");
  });
}, 60_000);

test("a view that fails, after others may have had their rows", async () => {
  await underLoad(async () => {
    await command("CREATE TABLE assay.broken (n UInt8) ENGINE = Memory");
    await command(
      "CREATE MATERIALIZED VIEW assay.broken_mv TO assay.broken AS SELECT throwIf(1, 'broken on purpose') AS n FROM assay.ingest",
    );
    await until(
      () => metricsOf(assay),
      (metrics) => (metrics.get('assay_insert_failed_attempts_total{code="395"}') ?? 0) > 0,
    );
    await command("DROP TABLE assay.broken_mv");
    await command("DROP TABLE assay.broken");
  });
}, 60_000);

test("a table that is missing stops the line and says so; it goes on when the table is back", async () => {
  await underLoad(async () => {
    await command("RENAME TABLE assay.llm_1h TO assay.llm_1h_away");
    await until(
      () => fetch(`${assay.metrics}/healthz`).then((response) => response.text()),
      (text) => text.includes("inserting waits"),
    );
    await command("RENAME TABLE assay.llm_1h_away TO assay.llm_1h");
  });
}, 60_000);
