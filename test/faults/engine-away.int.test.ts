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
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from "vitest";

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
  // What is struck below are inserts, not migrations: those are done when a span is stored.
  const load = await startRecordedLoad(assay.otlp, ++seed, ["--spans", "10", "--batch", "10"]);
  await load.report;
  await expectExactlyOnce(engine.target, load, () => assay.output());
  await load.remove();
});

// A test that ran out of time says nothing of what the collector was waiting for.
beforeEach(() => onTestFailed(() => void process.stderr.write(assay.output().slice(-4_000))));

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
    await load.untilMoreAcked(500);
    await strike();
    await load.untilMoreAcked(500);
    const { refused, unknown } = await load.end();
    expect({ refused, unknown }).toEqual({ refused: 0, unknown: 0 });
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
      if (toxic === "deaf") await expect.poll(() => proxy.lostAnswers()).toBeGreaterThan(0);
      if (toxic === "blackhole")
        await expect
          .poll(async () => (await metricsOf(assay)).get("assay_log_pending_spans"))
          .toBeGreaterThan(1_000);
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
});

test("the collector is stopped for a while and goes on", async () => {
  await underLoad(async () => {
    assay.child.kill("SIGSTOP");
    await delay(OUTAGE_MS);
    assay.child.kill("SIGCONT");
  });
});

/** A view of `ingest` that makes inserts fail with `code` until it is dropped; other views may have their rows by then. */
interface FailingView {
  code: string;
  table: string;
  select: string;
  /** While it is there. */
  meanwhile?: () => Promise<void>;
}

const failingViews: Record<string, FailingView> = {
  "a view that throws": {
    code: "395",
    table: "(n UInt8) ENGINE = Memory",
    select: "throwIf(1, 'broken on purpose') AS n FROM assay.ingest",
  },
  MEMORY_LIMIT_EXCEEDED: {
    code: "241",
    table: "(n UInt64) ENGINE = Memory",
    // Several GiB for any block.
    select:
      "toUInt64(length(groupArray(repeat(toString(n), 200000)))) AS n FROM (SELECT arrayJoin(range(2000)) AS n FROM assay.ingest)",
  },
  "too many parts": {
    code: "252",
    table:
      "(n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS parts_to_delay_insert = 1, parts_to_throw_insert = 1, max_bytes_to_merge_at_max_space_in_pool = 1",
    select: "toUInt64(count()) AS n FROM assay.ingest",
  },
  "KILL QUERY in the middle of an insert": {
    code: "394",
    table: "(n UInt64) ENGINE = Memory",
    // Seconds of work for any block.
    select:
      "max(cityHash64(toString(number), span_id)) AS n FROM (SELECT span_id FROM assay.ingest LIMIT 100) AS i CROSS JOIN numbers(300000) AS many",
    meanwhile: () => killInserts(2),
  },
};

test.each(Object.entries(failingViews))(
  "%s: the insert is tried until it goes through, base and rollups agree",
  async (_, { code, table, select, meanwhile }) => {
    const failures = async (): Promise<number> =>
      (await metricsOf(assay)).get(`assay_insert_failed_attempts_total{code="${code}"}`) ?? 0;
    await underLoad(async () => {
      const before = await failures();
      try {
        await command(`CREATE TABLE assay.broken ${table}`);
        await command(
          `CREATE MATERIALIZED VIEW assay.broken_mv TO assay.broken AS SELECT ${select}`,
        );
        await meanwhile?.();
        await until(failures, (count) => count > before);
      } finally {
        await command("DROP TABLE IF EXISTS assay.broken_mv SYNC");
        await command("DROP TABLE IF EXISTS assay.broken SYNC");
      }
    });
  },
  60_000,
);

/** Kills what inserts into `ingest`, so many times. */
async function killInserts(count: number): Promise<void> {
  const running = `query_kind = 'Insert' AND query LIKE '%ingest%' AND elapsed > 0.2`;
  const killed = new Set<string>();
  while (killed.size < count) {
    const found = await until(
      async () => {
        const result = await admin.query({
          query: `SELECT query_id FROM system.processes WHERE ${running}`,
          format: "JSONEachRow",
        });
        return result.json<{ query_id: string }>();
      },
      (rows) => rows.some(({ query_id }) => !killed.has(query_id)),
    );
    for (const { query_id } of found) killed.add(query_id);
    await command(`KILL QUERY WHERE ${running} ASYNC`);
  }
}

test("a table that is missing stops the line and says so; it goes on when the table is back", async () => {
  await underLoad(async () => {
    await command("RENAME TABLE assay.llm_1h TO assay.llm_1h_away");
    await until(
      () => fetch(`${assay.metrics}/healthz`).then((response) => response.text()),
      (text) => text.includes("inserting waits"),
    );
    await command("RENAME TABLE assay.llm_1h_away TO assay.llm_1h");
  });
});
