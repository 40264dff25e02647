import { afterEach, expect, test } from "vitest";
import type { InsertStats } from "../insert/inserter.ts";
import type { LogStats } from "../log/log.ts";
import { createReceiverStats } from "../receive/receiver-stats.ts";
import { createTelemetry, type Telemetry, type TelemetrySources } from "./telemetry.ts";

const running: Telemetry[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((telemetry) => telemetry.stop()));
});

async function start(sources: TelemetrySources): Promise<string> {
  const telemetry = createTelemetry(sources, { now: () => 100_000 });
  running.push(telemetry);
  const { port } = await telemetry.listen({ host: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${port}`;
}

const LOG: LogStats = {
  id: "a",
  appendedRecords: 5,
  appendedSpans: 50,
  duplicateRequests: 1,
  refusedRequests: 2,
  durableSeq: 5,
  releasedSeq: 3,
  pendingRecords: 2,
  pendingSpans: 20,
  bytes: 4096,
  maxBytes: 65_536,
  segments: 1,
  waitingRequests: 0,
  waitingBytes: 0,
  appendedBytes: 8192,
  duplicateSpans: 10,
  keptBytes: 0,
  consumers: [],
  recentBytes: 0,
  resendEntries: 0,
  syncs: 4,
  syncMsTotal: 10,
  syncMsMax: 5,
  tornBytes: 0,
  quarantinedBytes: 0,
  missingRecords: 0,
  failed: undefined,
};

const INSERT: InsertStats = {
  sentSpans: 30,
  sentBatches: 3,
  failedAttempts: new Map([["241", 2]]),
  queuedRecords: 2,
  oldestUnsentAgeMs: 1_500,
  plannedBlocks: 1,
  plannedRows: 20,
  plannedBytes: 999,
  inFlight: 1,
  replayedBatches: 1,
  restoredBatches: 0,
  duplicateBatches: 0,
  incompleteBatches: 0,
  lostBatches: 0,
  deadLetterRecords: 0,
  deadLetterSpans: 7,
  keptBytes: 0,
  failedWrites: 0,
  blocked: undefined,
  lastInsertMs: 250,
};

/** Samples of Prometheus text by name with labels. Checks the form of every line. */
function parsed(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || /^# (HELP|TYPE) \S+ /.test(line)) continue;
    const [, name, value] = /^([a-z_:A-Z0-9]+(?:\{.*\})?) (\S+)$/.exec(line)!;
    expect(samples.has(name!), line).toBe(false);
    samples.set(name!, Number(value));
  }
  return samples;
}

test("/metrics shows what the stages count, under the names of OpenTelemetry's collector", async () => {
  const receiver = createReceiverStats();
  const url = await start({
    receiver: () => receiver,
    log: () => LOG,
    insert: () => INSERT,
    encode: () => ({
      foldedValues: 4,
      unpricedSpans: 6,
      costs: { priced: 3, unpriced: 6 },
      pricesPublishedOn: "2026-09-23",
      foreignSpans: { translated: 6, failed: 1 },
    }),
    engine: () => ({ unreachableSinceUnixMs: undefined, problem: undefined, restarts: 2 }),
  });
  receiver.acceptedSpans = 48;
  receiver.refusedRequests = { malformed: 3, overload: 1 };
  await fetch(`${url}/metrics`).then((response) => response.text()); // scraping does not add up
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  const samples = parsed(await response.text());
  const otlp = `receiver="otlp",transport="http"`;
  const expected: Record<string, number> = {
    [`otelcol_receiver_accepted_spans_total{${otlp}}`]: 48,
    [`otelcol_receiver_refused_spans_total{${otlp}}`]: 0,
    [`assay_receiver_refused_requests_total{${otlp},reason="malformed"}`]: 3,
    [`assay_receiver_refused_requests_total{${otlp},reason="overload"}`]: 1,
    'otelcol_exporter_sent_spans_total{exporter="clickhouse"}': 30,
    'otelcol_exporter_send_failed_spans_total{exporter="clickhouse"}': 7,
    'otelcol_exporter_queue_size{exporter="clickhouse"}': 4096,
    'otelcol_exporter_queue_capacity{exporter="clickhouse"}': 65_536,
    'assay_insert_failed_attempts_total{code="241"}': 2,
    'assay_insert_recovered_batches{outcome="replayed"}': 1,
    assay_insert_oldest_unsent_age_seconds: 1.5,
    assay_encode_folded_values_total: 4,
    assay_encode_unpriced_spans_total: 6,
    assay_engine_up: 1,
    assay_engine_restarts_total: 2,
  };
  for (const [name, value] of Object.entries(expected)) {
    expect([name, samples.get(name)]).toEqual([name, value]);
  }
  expect(samples.get("otelcol_process_memory_rss")).toBeGreaterThan(1e7);
  expect(samples.get("otelcol_process_uptime")).toBeGreaterThan(0);
  expect(samples.has("nodejs_eventloop_lag_p99_seconds")).toBe(true);
});

test("a stage that is not there yet has no samples, and shows them once it is", async () => {
  let log: LogStats | undefined;
  const url = await start({ log: () => log });
  const before = parsed(await (await fetch(`${url}/metrics`)).text());
  expect(
    [...before.keys()].filter((name) => /assay_log_[^s]|queue|assay_insert/.test(name)),
  ).toEqual([]);
  log = LOG;
  const after = parsed(await (await fetch(`${url}/metrics`)).text());
  expect(after.get("assay_log_appended_spans_total")).toBe(50);
});

test("/healthz says 503 and what is wrong", async () => {
  let failed: string | undefined;
  const url = await start({
    log: () => ({ ...LOG, failed }),
    engine: () => ({ unreachableSinceUnixMs: 60_000, problem: "refused", restarts: 0 }),
    insert: () => undefined,
  });
  failed = "EIO";
  const response = await fetch(`${url}/healthz`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    status: "failing",
    problems: [
      "the log takes nothing any more: EIO",
      "ClickHouse has not answered for 40 s: refused",
    ],
  });
  const well = await start({ log: () => LOG });
  const ok = await fetch(`${well}/healthz`);
  expect([ok.status, await ok.json()]).toEqual([200, { status: "ok", problems: [] }]);
});

test.each([
  ["GET", "/", 404, 'expected "/metrics" or "/healthz", got "/"'],
  ["POST", "/metrics", 405, 'expected GET, got "POST"'],
  ["HEAD", "/metrics", 200, ""],
])("%s %s is answered %d", async (method, path, status, text) => {
  const url = await start({});
  const response = await fetch(url + path, { method });
  expect(response.status).toBe(status);
  expect((await response.text()).trim()).toBe(text);
});

test("a source that throws is answered 500, and the next scrape works", async () => {
  let broken = true;
  const url = await start({
    log: () => {
      if (broken) throw new Error("oops");
      return LOG;
    },
  });
  expect((await fetch(`${url}/metrics`)).status).toBe(500);
  expect((await fetch(`${url}/healthz`)).status).toBe(500);
  broken = false;
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
});
