/**
 * More than the log can hold, from many senders, while ClickHouse does not answer: they are told to come again in 1 to
 * 3 s, memory stays within its cap, and when ClickHouse is back all of them come at once. Everything is stored once.
 */
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";

import { childrenOf, useOf } from "../bench/proc.ts";
import { assayEnv, removeData, startAssay, until } from "../processes.ts";
import { metricsOf } from "./metrics.ts";
import { expectExactlyOnce, startRecordedLoad, writerOf } from "./oracle.ts";

const SENDERS = 200;
/** Half as much again as the smallest log holds. */
const SPANS = 45_000;
const CAP_MIB = 600;

test("a log that is full, and a storm of retries when it is not any more", async () => {
  const env = await assayEnv({ ASSAY_LOG_MAX_MB: "64" });
  const assay = await startAssay("collector", env);
  await until(
    () => metricsOf(assay),
    (metrics) => metrics.has("assay_insert_in_flight") && metrics.get("assay_engine_up") === 1,
  );
  const [engine] = await childrenOf(assay.child.pid!);
  process.kill(engine!, "SIGSTOP");
  const load = await startRecordedLoad(assay.otlp, 1, [
    "--spans",
    String(SPANS),
    "--batch",
    "100",
    "--connections",
    String(SENDERS),
    "--resend",
  ]);
  try {
    await until(
      () => metricsOf(assay),
      (metrics) =>
        (metrics.get(
          'assay_receiver_refused_requests_total{receiver="otlp",transport="http",reason="overload"}',
        ) ?? 0) > SENDERS,
      30_000,
    );
    const refused = await fetch(`${assay.otlp}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf" },
      body: new Uint8Array(0),
    });
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toMatch(/^[123]$/);
    await delay(1_000);
    process.kill(engine!, "SIGCONT");
    const report = await load.report;
    expect(report).toMatchObject({ acked: SPANS, refused: 0, unknown: 0 });
    expect(report.resent).toBeGreaterThan(SENDERS);
    const target = await writerOf(assay.env);
    await expectExactlyOnce(target, load, () => assay.output());
    expect((await useOf(assay.child.pid!)).peakRssMiB).toBeLessThan(CAP_MIB);
    expect(await assay.stop()).toBe(0);
  } finally {
    await load.remove();
    assay.child.kill("SIGKILL");
    await removeData(env);
  }
});
