/**
 * Clients that misuse their connections, against a real collector: many at once, each for as long as it likes. Meanwhile
 * an honest client is answered as fast as ever, and memory stays below its cap; afterwards its spans are stored once.
 *
 * What each of them is answered, and that its timeouts work, is tested in test/conformance (H08 to H11, H20, H21, G11).
 */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { useOf } from "../bench/proc.ts";
import { SpanBodies } from "../load/span-body.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";
import { metricsOf } from "./metrics.ts";
import { expectExactlyOnce, startRecordedLoad, writerOf } from "./oracle.ts";

const MiB = 1024 * 1024;
/** Of the collector, at its worst, however it is misused. */
const CAP_MIB = 600;
/** An honest request's, half of them: on a quiet machine below 100 ms, beside a whole test run more; starved it is 10 s. */
const SLOW_MS = 5_000;
const HEAD =
  "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n";
const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

let assay: RunningAssay;
let seed = 0;
const sockets: Socket[] = [];

beforeAll(async () => {
  assay = await startAssay("collector", await assayEnv());
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

afterAll(async () => {
  await assay?.stop();
  if (assay) await removeData(assay.env);
});

async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  await once(socket, "connect");
  socket.on("error", () => {}); // it is cut off, which is what is tested
  return socket;
}

/** Whether in order or by a reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

function openAll(count: number, url = assay.otlp): Promise<Socket[]> {
  return Promise.all(Array.from({ length: count }, () => open(url)));
}

/** All an honest client may notice of `misuse`. */
async function besideHonestClient(misuse: () => Promise<void>): Promise<void> {
  const load = await startRecordedLoad(assay.otlp, ++seed, [
    "--spans",
    "100000000",
    "--batch",
    "50",
    "--rate",
    "1000",
    "--connections",
    "2",
  ]);
  try {
    await load.untilMoreAcked(200);
    await misuse();
    await load.untilMoreAcked(200);
    for (const socket of sockets.splice(0)) socket.destroy();
    const { refused, unknown, ackMs } = await load.end();
    expect({ refused, unknown }).toEqual({ refused: 0, unknown: 0 });
    expect(ackMs.p50, "ms to an acknowledge, half of them").toBeLessThan(SLOW_MS);
    const target = await writerOf(assay.env);
    await expectExactlyOnce(target, load, () => assay.output());
    expect((await useOf(assay.child.pid!)).peakRssMiB, "MiB of the collector").toBeLessThan(
      CAP_MIB,
    );
    await until(
      () => metricsOf(assay),
      (metrics) =>
        [...metrics].every(
          ([name, value]) => !name.startsWith("assay_receiver_in_flight_bytes{") || value === 0,
        ),
    );
  } finally {
    await load.remove();
  }
}

/** Sends a byte to each, every `everyMs`, for as long as `ms`. */
async function dribble(to: readonly Socket[], byte: string, ms: number, everyMs: number) {
  for (let gone = 0; gone < ms; gone += everyMs) {
    for (const socket of to) if (socket.writable) socket.write(byte);
    await delay(everyMs);
  }
}

test("2,000 idle connections, 500 slow heads and 500 slow bodies", async () => {
  await besideHonestClient(async () => {
    await openAll(2_000);
    const heads = await openAll(500);
    for (const socket of heads) socket.write(`${HEAD}X-Slow: `);
    const bodies = await openAll(500);
    for (const socket of bodies) socket.write(`${HEAD}Content-Length: 60000000\r\n\r\n`);
    await dribble([...heads, ...bodies], "x", 2_000, 500);
  });
});

test("a slow head is cut off after its ten seconds, however it dribbles", async () => {
  const [socket] = await openAll(1);
  const start = performance.now();
  socket!.resume().write(`${HEAD}X-Slow: `);
  await Promise.race([dribble([socket!], "x", 20_000, 250), closed(socket!)]);
  expect(socket!.destroyed).toBe(true);
  expect(performance.now() - start).toBeLessThan(15_000);
});

test("clients that send and never read", async () => {
  // Malformed ones: an answer with a text for each.
  const requests = `${HEAD}Content-Length: 1\r\n\r\nx`.repeat(2_000);
  await besideHonestClient(async () => {
    for (const socket of await openAll(5)) socket.pause().write(requests);
    await delay(1_500);
  });
});

const lies: Record<string, readonly [request: string, answer: RegExp]> = {
  "a body longer than it says": [`${HEAD}Content-Length: 2\r\n\r\n\n\0GARBAGE\r\n\r\n`, / 400 /],
  "a chunk size beyond all numbers": [
    `${HEAD}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\nx`,
    / 400 /,
  ],
  "a chunk size that is none": [`${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\nx`, / 400 /],
  "a negative length": [`${HEAD}Content-Length: -5\r\n\r\n`, / 400 /],
  "a length beyond all numbers": [
    `${HEAD}Content-Length: 99999999999999999999\r\n\r\n`,
    / (400|413) /,
  ],
  "a header of 1 MiB": [`${HEAD}X: ${"x".repeat(MiB)}\r\n\r\n`, / 431 /],
  "10,000 headers": [
    `${HEAD}${Array.from({ length: 10_000 }, (_, i) => `X-${i}: y\r\n`).join("")}\r\n`,
    / 431 /,
  ],
};

test.each(Object.entries(lies))("%s", async (_, [request, answer]) => {
  const socket = await open(assay.otlp);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  socket.write(request);
  await closed(socket);
  // A reset may take the answer along when the client was still writing.
  if (text !== "" || request.length < 1_000) expect(text).toMatch(answer);
  expect((await fetch(`${assay.metrics}/healthz`)).status).toBe(200);
});

test("a body shorter than it says is not stored", async () => {
  const before = await metricsOf(assay);
  const accepted = 'otelcol_receiver_accepted_spans_total{receiver="otlp",transport="http"}';
  const socket = await open(assay.otlp);
  const body = new SpanBodies({ seed: 99, spansPerTrace: 1, days: 1 }, 1).body(
    1,
    BigInt(Date.now()) * 1_000_000n,
  );
  socket.write(`${HEAD}Content-Length: ${body.length + 1}\r\n\r\n`);
  socket.end(body);
  await closed(socket.resume());
  expect((await metricsOf(assay)).get(accepted)).toBe(before.get(accepted));
});

test("gRPC: answers that are never read, and messages in frames of one byte", async () => {
  const [stalledCalls, slowCalls] = [100, 20];
  const url = `http://${assay.env["ASSAY_OTLP_GRPC"]}`;
  const session = () => connectHttp2(url, { settings: { initialWindowSize: 0 } });
  await besideHonestClient(async () => {
    // A window of 0: nothing of an answer's message may be sent.
    const stalled = session();
    stalled.on("error", () => {});
    for (let i = 0; i < stalledCalls; i++) {
      const stream = stalled.request(call());
      stream.on("error", () => {});
      stream.end(Buffer.alloc(5));
    }
    const slow = connectHttp2(url);
    // Refused calls end in trailers alone, without the event of that name.
    const span = new SpanBodies({ seed: 98, spansPerTrace: 1, days: 1 }, 1);
    const body = span.body(1, BigInt(Date.now()) * 1_000_000n);
    const framed = Buffer.concat([Buffer.alloc(5), body]);
    framed.writeUInt32BE(body.length, 1);
    const answers = await Promise.all(
      Array.from({ length: slowCalls }, async () => {
        const stream = slow.request(call());
        for (const byte of framed) stream.write(Buffer.of(byte));
        stream.end();
        const [trailers] = (await once(stream.resume(), "trailers")) as [Record<string, string>];
        return trailers["grpc-status"];
      }),
    );
    expect(answers).toEqual(Array.from({ length: slowCalls }, () => "0"));
    stalled.destroy();
    slow.destroy();
  });
});

// The last one: the peak of memory is the process's, for good.
test("100 bombs at once, plain and nested in members", async () => {
  const zeros = gzipSync(Buffer.alloc(64 * MiB));
  const bombs = [zeros, Buffer.concat(Array.from({ length: 16 }, () => zeros))]; // 1 GiB in members
  await besideHonestClient(async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const response = await fetch(`${assay.otlp}/v1/traces`, {
          method: "POST",
          headers: { "content-type": "application/x-protobuf", "content-encoding": "gzip" },
          body: new Uint8Array(bombs[i % 2]!),
        });
        await response.arrayBuffer();
        return response.status;
      }),
    );
    // 503: there was no room beside the others. 400: 64 MiB of zeros is what fits, and no request.
    expect(answers.filter((status) => ![400, 413, 503].includes(status))).toEqual([]);
    expect(answers).toContain(413);
  });
});

function call(): Record<string, string> {
  return { ":method": "POST", ":path": EXPORT, "content-type": "application/grpc", te: "trailers" };
}
