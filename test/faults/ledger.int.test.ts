/** The accounting identity of a running collector: 0 under load, and what somebody deletes behind its back after it. */
import { createClickHouse, targetOf } from "@assay/clickhouse";
import { expect, test } from "vitest";

import { assayEnv, removeData, startAssay, until } from "../processes.ts";
import { metricsOf } from "./metrics.ts";
import { startRecordedLoad } from "./oracle.ts";

/** Longer than the ledger's interval on a busy machine. */
const CHECKED_MS = 60_000;

test("nothing is missing, until somebody deletes rows behind the collector's back", async () => {
  const env = await assayEnv();
  const assay = await startAssay("collector", env);
  const load = await startRecordedLoad(assay.otlp, 1, [
    "--spans",
    "100000000",
    "--batch",
    "50",
    "--rate",
    "1000",
    "--resend",
  ]);
  const [host, port] = env["ASSAY_CLICKHOUSE_HTTP"]!.split(":");
  const address = { host: host!, port: Number(port) };
  try {
    // Under load: spans are in the log and in flight while ClickHouse counts.
    await until(
      () => metricsOf(assay),
      (metrics) => (metrics.get('assay_ledger_spans{state="stored"}') ?? 0) > 0,
      CHECKED_MS,
    );
    expect((await metricsOf(assay)).get("assay_ledger_residual_spans")).toBe(0);
    const { acked } = await load.end();
    const stored = await until(
      () => metricsOf(assay),
      (metrics) => metrics.get('assay_ledger_spans{state="stored"}') === acked,
      CHECKED_MS,
    );
    expect(stored.get("assay_ledger_residual_spans")).toBe(0);
    const client = createClickHouse(
      await targetOf({ ASSAY_DATA: assay.dataDir, ASSAY_CLICKHOUSE_HTTP: address }, "writer"),
    );
    const result = await client.query({
      query: "SELECT toString(count()) AS rows FROM assay.spans WHERE cityHash64(span_id) % 3 = 0",
      format: "JSONEachRow",
    });
    const [row] = await result.json<{ rows: string }>();
    await client.command({
      query: "ALTER TABLE assay.spans DELETE WHERE cityHash64(span_id) % 3 = 0",
      clickhouse_settings: { mutations_sync: "2" },
    });
    await client.close();
    const after = await until(
      () => metricsOf(assay),
      (metrics) => metrics.get("assay_ledger_residual_spans") !== 0,
      CHECKED_MS,
    );
    expect(after.get("assay_ledger_residual_spans")).toBe(Number(row!.rows));
  } finally {
    await load.remove();
    await assay.stop();
    await removeData(env);
  }
}, 400_000);
