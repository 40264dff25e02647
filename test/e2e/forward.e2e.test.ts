/**
 * Forwarding through real processes: a collector that is killed, a destination that is restarted. Every acknowledged request
 * arrives at both destinations byte for byte, at most once more than needed for each crash, and at ClickHouse once.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";

import {
  startGrpcDestination,
  startHttpDestination,
} from "../../collector/forward/testing/destinations.ts";
import { fixed64, request, text, message } from "../../collector/otlp/testing.ts";
import { metricsOf } from "../faults/metrics.ts";
import {
  assayEnv,
  freePort,
  removeData,
  startAssay,
  until,
  type RunningAssay,
} from "../processes.ts";

const REQUESTS = 400;
const IDLE_KILL = 100;
const BUSY_KILL = 150;
/** Longer than a cursor takes to be synced. */
const CURSOR_MS = 500;
/** Of a kill under load: what was settled since the cursor was last synced. */
const MOST_REPEATS = 50;

/** A span of its own, with a field that nobody knows. */
function requestOf(n: number): Uint8Array {
  const id = Buffer.alloc(16, 1);
  id.writeUInt32BE(n + 1, 12);
  const now = BigInt(Date.now()) * 1_000_000n;
  const times = [fixed64(7, now), fixed64(8, now)];
  return request(
    message(
      2,
      text(1, id),
      text(2, id.subarray(8)),
      text(5, `call ${n}`),
      ...times,
      text(1_999, "unknown"),
    ),
  );
}

/** Sends until it is acknowledged, as an exporter does. */
async function send(url: string, body: Uint8Array): Promise<void> {
  await until(
    async () => {
      const response = await fetch(`${url}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/x-protobuf" },
        body: new Uint8Array(body),
      });
      await response.arrayBuffer();
      return response.status;
    },
    (code) => code === 200,
  );
}

function copiesOf(bodies: readonly Uint8Array[]): Map<string, number> {
  const copies = new Map<string, number>();
  for (const body of bodies) {
    const key = Buffer.from(body).toString("hex");
    copies.set(key, (copies.get(key) ?? 0) + 1);
  }
  return copies;
}

const pending = (metrics: Map<string, number>, name: string): number | undefined =>
  metrics.get(`assay_forward_pending_requests{destination="${name}"}`);

test("kill -9 of the collector and a restart of a destination: nothing missing, little twice", async () => {
  const port = await freePort();
  let http = await startHttpDestination(undefined, port);
  const grpc = await startGrpcDestination();
  const env = await assayEnv();
  const file = join(env["ASSAY_DATA"]!, "forward.yaml");
  const destinations = [
    { name: "http", endpoint: http.url },
    { name: "grpc", protocol: "grpc", endpoint: grpc.url },
    { name: "dead", endpoint: "http://127.0.0.1:9" },
  ];
  await writeFile(file, JSON.stringify({ destinations }));
  env["ASSAY_FORWARD"] = file;
  let assay: RunningAssay = await startAssay("collector", env);
  const sent: Uint8Array[] = [];
  const over: Uint8Array[] = [];
  const overHttp = () => [...over, ...http.got.map((one) => one.body)];
  const overGrpc = () => grpc.got.map((one) => one.message);
  const killed = async (running: RunningAssay): Promise<RunningAssay> => {
    running.child.kill("SIGKILL");
    await running.stop();
    return startAssay("collector", env);
  };
  try {
    for (let n = 0; n < REQUESTS; n++) {
      const body = requestOf(n);
      await send(assay.otlp, body);
      sent.push(body);
      if (n === IDLE_KILL) {
        await until(
          () => metricsOf(assay),
          (metrics) => pending(metrics, "http") === 0 && pending(metrics, "grpc") === 0,
        );
        await delay(CURSOR_MS);
        assay = await killed(assay);
      }
      if (n === BUSY_KILL) {
        // What the idle kill repeated, if anything, came before everything that was sent after it.
        expect(overGrpc().length - copiesOf(overGrpc()).size, "repeats of the idle kill").toBe(0);
        assay = await killed(assay);
      }
      if (n === 200) {
        over.push(...http.got.map((one) => one.body));
        await http.stop();
      }
      if (n === 300) http = await startHttpDestination(undefined, port);
    }
    const wanted = copiesOf(sent);
    const missing = (bodies: readonly Uint8Array[]): number => {
      const copies = copiesOf(bodies);
      return [...wanted.keys()].filter((key) => !copies.has(key)).length;
    };
    await until(
      () => Promise.resolve(missing(overHttp())),
      (count) => count === 0,
      60_000,
    );
    await until(
      () => Promise.resolve(missing(overGrpc())),
      (count) => count === 0,
      60_000,
    );
    // Once more for the kill, and for HTTP once more for the restart.
    expect(Math.max(...copiesOf(overGrpc()).values())).toBeLessThanOrEqual(2);
    expect(Math.max(...copiesOf(overHttp()).values())).toBeLessThanOrEqual(3);
    expect(copiesOf(overGrpc()).size).toBe(REQUESTS);
    expect(overGrpc().length).toBeLessThanOrEqual(REQUESTS + MOST_REPEATS);
    const metrics = await metricsOf(assay);
    expect(metrics.get('assay_forward_pending_requests{destination="dead"}')).toBe(REQUESTS);
    expect(metrics.get('assay_forward_pending_requests{destination="grpc"}')).toBe(0);
    await until(
      () => storedSpans(assay),
      (stored) => stored === REQUESTS,
    );
    expect(await assay.stop()).toBe(0);
  } finally {
    await assay.stop();
    await removeData(env);
    await http.stop();
    await grpc.stop();
  }
});

async function storedSpans({ clickhouse }: RunningAssay): Promise<number> {
  const response = await fetch(`${clickhouse}/?database=assay`, {
    method: "POST",
    headers: { "X-ClickHouse-User": "reader" },
    body: "SELECT count() FROM spans",
  });
  return Number(await response.text());
}
