/** Forwarding from a real log to real servers. */
import * as fs from "node:fs/promises";
import * as os from "node:os";
import { Metadata, status } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";

import { openLog, type WriteAheadLog } from "../log/log.ts";
import { body, fixed32, int, message, request, span, text } from "../otlp/testing.ts";
import type { AcceptedRequest } from "../stages.ts";
import { parseForward } from "./config.ts";
import { Forwarder } from "./forwarder.ts";
import { consumersOf } from "./stage.ts";
import { startGrpcDestination, startHttpDestination } from "./testing/destinations.ts";

const quick = { minMs: 20, maxMs: 50 };
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** `count` spans with a name and a field that nobody knows. */
function spansNamed(name: string, count = 1): Uint8Array {
  const spans = Array.from({ length: count }, (_, i) =>
    span(text(5, `${name}-${i}`), fixed32(16, 0x101), text(1_999, "unknown")),
  );
  return request(...spans, text(1_998, "unknown too"));
}

function accepted(
  sent: Uint8Array,
  spanCount = 1,
  more: Partial<AcceptedRequest> = {},
): AcceptedRequest {
  const bodyHash = Buffer.alloc(16);
  bodyHash.writeUInt32LE(n++);
  return {
    signal: "traces",
    body: sent,
    spanCount,
    rejected: [],
    receivedAtUnixMs: Date.now(),
    bodyHash,
    ...more,
  };
}
let n = 1;

interface Setup {
  log: WriteAheadLog;
  forwarders: Forwarder[];
}

/** `sections`: the destinations as in the file. */
async function setUp(sections: readonly object[], dir?: string): Promise<Setup> {
  const folder = dir ?? (await fs.mkdtemp(`${os.tmpdir()}/assay-forward-`));
  const destinations = parseForward(JSON.stringify({ destinations: sections }), {}, "test");
  const log = await openLog({
    dir: folder,
    maxBytes: 1e9,
    segmentBytes: 1024 * 1024,
    consumers: consumersOf(destinations),
    validatorVersion: 1,
    log: () => undefined,
  });
  const forwarders = destinations.map(
    (destination) =>
      new Forwarder({
        destination,
        consumer: log.consumer(destination.name),
        log: () => undefined,
        backoff: quick,
      }),
  );
  for (const forwarder of forwarders) forwarder.start();
  closing.push(() => log.close());
  closing.push(() => Promise.all(forwarders.map((forwarder) => forwarder.stop(0))));
  return { log, forwarders };
}

async function http(...args: Parameters<typeof startHttpDestination>) {
  const destination = await startHttpDestination(...args);
  closing.push(() => destination.stop());
  return destination;
}

async function grpc(...args: Parameters<typeof startGrpcDestination>) {
  const destination = await startGrpcDestination(...args);
  closing.push(() => destination.stop());
  return destination;
}

test.each(["gzip", "none"])("HTTP, %s: both signals, byte for byte", async (compression) => {
  const server = await http();
  const headers = { "X-Scope": "team" };
  const { log, forwarders } = await setUp([
    { name: "a", endpoint: server.url, compression, headers },
  ]);
  const sent = spansNamed("call", 3);
  const events = body(message(1, message(2, message(2, text(12, "gen_ai.choice")))));
  await log.append(accepted(sent, 3));
  await log.append(accepted(events, 1, { signal: "logs" }));
  await expect.poll(() => server.got).toHaveLength(2);
  const of = (path: string) => server.got.find((one) => one.path === path)!;
  expect(of("/v1/traces").body.equals(sent)).toBe(true);
  expect(of("/v1/logs").body.equals(events)).toBe(true);
  expect(of("/v1/traces").headers).toMatchObject({
    "content-type": "application/x-protobuf",
    "x-scope": "team",
    "user-agent": expect.stringMatching(/^Assay\/.* OTel-OTLP-Exporter/) as string,
  });
  await expect
    .poll(() => forwarders[0]!.stats())
    .toMatchObject({ sentSpans: 4, pendingRecords: 0 });
});

test.each(["gzip", "none"])("gRPC, %s: both signals, byte for byte", async (compression) => {
  const server = await grpc();
  const { log } = await setUp([
    { name: "a", protocol: "grpc", endpoint: server.url, compression, headers: { key: "k" } },
  ]);
  const sent = spansNamed("call", 3);
  await log.append(accepted(sent, 3));
  await log.append(accepted(spansNamed("event"), 1, { signal: "logs" }));
  await expect.poll(() => server.got).toHaveLength(2);
  const traces = server.got.find(({ method }) => method === "traces")!;
  expect(traces.message.equals(sent)).toBe(true);
  expect(traces.metadata.get("key")).toEqual(["k"]);
});

test("what was refused here is not sent; the rest of the request is as it was", async () => {
  const server = await http();
  const { log } = await setUp([{ name: "a", endpoint: server.url }]);
  await log.append(accepted(spansNamed("call", 3), 3, { rejected: [1] }));
  await expect.poll(() => server.got).toHaveLength(1);
  const got = server.got[0]!.body.toString("latin1");
  expect(got.match(/call-\d/g)).toEqual(["call-0", "call-2"]);
  expect(got).toContain("unknown too");
});

test.each([429, 502, 503, 504])("%d: sent again, not before Retry-After", async (code) => {
  const times: number[] = [];
  const server = await http(() => {
    times.push(performance.now());
    return times.length === 1 ? { status: code, headers: { "retry-after": "1" } } : { status: 200 };
  });
  const { log, forwarders } = await setUp([{ name: "a", endpoint: server.url }]);
  await log.append(accepted(spansNamed("call")));
  await expect.poll(() => forwarders[0]!.stats().sentSpans).toBe(1);
  expect(times[1]! - times[0]!).toBeGreaterThan(990);
  expect([...forwarders[0]!.stats().retries]).toEqual([[String(code), 1]]);
});

test.each([400, 401, 403, 404, 500, 501])(
  "%d: never sent again, counted, and the next one goes",
  async (code) => {
    const server = await http((_, count) => ({ status: count === 1 ? code : 200 }));
    const { log, forwarders } = await setUp([{ name: "a", endpoint: server.url }]);
    await log.append(accepted(spansNamed("bad", 2), 2));
    await expect.poll(() => server.got).toHaveLength(1);
    await log.append(accepted(spansNamed("good")));
    await expect.poll(() => forwarders[0]!.stats().sentSpans).toBe(1);
    expect(server.got).toHaveLength(2);
    expect([...forwarders[0]!.stats().droppedSpans]).toEqual([[String(code), 2]]);
  },
);

test("gRPC: UNAVAILABLE and RetryInfo are waited for, INVALID_ARGUMENT is final", async () => {
  const server = await grpc((count) => {
    if (count === 1) return { code: status.UNAVAILABLE, details: "later" };
    if (count === 2) return exhausted(300);
    return count === 3 ? Buffer.alloc(0) : { code: status.INVALID_ARGUMENT, details: "no" };
  });
  const { log, forwarders } = await setUp([{ name: "a", protocol: "grpc", endpoint: server.url }]);
  await log.append(accepted(spansNamed("call")));
  await expect.poll(() => forwarders[0]!.stats().sentSpans).toBe(1);
  await log.append(accepted(spansNamed("bad", 2), 2));
  await expect
    .poll(() => [...forwarders[0]!.stats().droppedSpans])
    .toEqual([["INVALID_ARGUMENT", 2]]);
  expect(Object.fromEntries(forwarders[0]!.stats().retries)).toEqual({
    UNAVAILABLE: 1,
    RESOURCE_EXHAUSTED: 1,
  });
});

function exhausted(ms: number) {
  const info = body(message(1, int(2, ms * 1_000_000)));
  const any = [text(1, "type.googleapis.com/google.rpc.RetryInfo"), text(2, info)];
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(body(int(1, 8), message(3, ...any))));
  return { code: status.RESOURCE_EXHAUSTED, details: "wait", metadata };
}

test.each(["http/protobuf", "grpc"])(
  "%s: too large is halved until it fits; a span that never does is dropped",
  async (protocol) => {
    const most = 200;
    const tooLarge = { code: status.RESOURCE_EXHAUSTED, details: "too large" };
    const server =
      protocol === "grpc"
        ? await grpc((_, got) => (got.length > most ? tooLarge : Buffer.alloc(0)))
        : await http(({ body: got }) => ({ status: got.length > most ? 413 : 200 }));
    const { log, forwarders } = await setUp([{ name: "a", protocol, endpoint: server.url }]);
    const huge = span(text(5, "huge".repeat(100)));
    await log.append(
      accepted(request(...Array.from({ length: 8 }, (_, i) => span(text(5, `s-${i}`))), huge), 9),
    );
    await expect.poll(() => forwarders[0]!.stats().pendingRecords).toBe(0);
    const { sentSpans, droppedSpans } = forwarders[0]!.stats();
    expect(sentSpans).toBe(8);
    expect([...droppedSpans.values()]).toEqual([1]);
  },
);

test("more than 64 MiB are halved before anybody says so", async () => {
  const server = await http();
  const { log, forwarders } = await setUp([{ name: "a", endpoint: server.url }]);
  const name = Buffer.alloc(33 * 1024 * 1024, "x");
  const large = field(
    0x12,
    field(0x0a, Buffer.alloc(16, 1)),
    field(0x12, name.subarray(0, 8)),
    field(0x2a, name),
  );
  await log.append(accepted(field(0x0a, field(0x12, large, large)), 2));
  await expect
    .poll(() => forwarders[0]!.stats())
    .toMatchObject({ sentSpans: 2, pendingRecords: 0 });
  expect(server.got).toHaveLength(2);
});

/** One of many bytes, its length a varint of five. */
function field(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(parts);
  const n = bytes.byteLength;
  const length = [0, 7, 14, 21].map((shift) => ((n >>> shift) & 0x7f) | 0x80);
  return Buffer.concat([Uint8Array.from([tag, ...length, n >>> 28]), bytes]);
}

test("partial success: counted, never sent again", async () => {
  const server = await http(() => ({
    status: 200,
    headers: { "content-type": "application/x-protobuf" },
    body: body(message(1, int(1, 2), text(2, "two had no name"))),
  }));
  const { log, forwarders } = await setUp([{ name: "a", endpoint: server.url }]);
  await log.append(accepted(spansNamed("call", 5), 5));
  await expect.poll(() => forwarders[0]!.stats().pendingRecords).toBe(0);
  expect(forwarders[0]!.stats()).toMatchObject({ sentSpans: 5, rejectedSpans: 2 });
  expect(server.got).toHaveLength(1);
});

test("an answer without an end is cut, and is no success", async () => {
  const server = await http(() => ({ status: 200, endless: true }));
  const { log, forwarders } = await setUp([{ name: "a", endpoint: server.url }]);
  await log.append(accepted(spansNamed("call")));
  await expect.poll(() => forwarders[0]!.stats().droppedSpans.size).toBe(1);
  expect(forwarders[0]!.stats().sentSpans).toBe(0);
});

test("one that is dead, one that hangs: the third gets everything", async () => {
  const hanging = await http(() => new Promise(() => undefined));
  const alive = await http();
  const { log, forwarders } = await setUp([
    { name: "dead", endpoint: "http://127.0.0.1:9" },
    { name: "hanging", endpoint: hanging.url },
    { name: "alive", endpoint: alive.url },
  ]);
  for (let i = 0; i < 50; i++) await log.append(accepted(spansNamed(`call-${i}`)));
  await expect
    .poll(() => forwarders[2]!.stats())
    .toMatchObject({ sentSpans: 50, pendingRecords: 0 });
  expect(forwarders[0]!.stats()).toMatchObject({ sentSpans: 0, pendingRecords: 50 });
  expect(forwarders[0]!.stats().retries.get("ECONNREFUSED")).toBeGreaterThan(0);
});

test("a destination that is behind for too much is given up in part, counted, and goes on", async () => {
  let away = true;
  const server = await http(() => ({ status: away ? 503 : 200 }));
  const { log, forwarders } = await setUp([
    { name: "a", endpoint: server.url, max_backlog_mib: 64 },
  ]);
  const large = spansNamed("x".repeat(900_000));
  for (let i = 0; i < 90; i++) {
    await log.append(accepted(large));
    await log.release(log.durableSeq, 1);
  }
  expect(forwarders[0]!.stats().givenUpSpans).toBeGreaterThan(5);
  away = false;
  await expect.poll(() => forwarders[0]!.stats().pendingRecords).toBe(0);
  const { sentSpans, givenUpSpans } = forwarders[0]!.stats();
  expect(sentSpans + givenUpSpans).toBeGreaterThanOrEqual(90);
  expect(sentSpans).toBeGreaterThan(40);
});

test("filters: what passes is sent, the rest is counted", async () => {
  const server = await http();
  const { log, forwarders } = await setUp([
    { name: "a", endpoint: server.url, projects: ["nobody's"] },
  ]);
  await log.append(accepted(spansNamed("call", 4), 4));
  await expect
    .poll(() => forwarders[0]!.stats())
    .toMatchObject({ filteredSpans: 4, pendingRecords: 0 });
  expect(server.got).toEqual([]);
});

test("stopping sends what is there; the next start goes on behind it", async () => {
  const server = await http();
  const dir = await fs.mkdtemp(`${os.tmpdir()}/assay-forward-`);
  const section = { name: "a", endpoint: server.url };
  for (let round = 0; round < 2; round++) {
    const { log, forwarders } = await setUp([section], dir);
    for (let i = 0; i < 20; i++) await log.append(accepted(spansNamed(`call-${round}-${i}`)));
    await forwarders[0]!.stop(10_000);
    await log.close();
    closing.splice(1); // both are stopped; the server stays
  }
  const names = server.got.map(({ body: got }) => /call-\d-\d+/.exec(got.toString("latin1"))![0]);
  expect(names).toHaveLength(40);
  expect(new Set(names).size).toBe(40);
});
