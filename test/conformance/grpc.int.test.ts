/** G01 to G12: OTLP over gRPC, by hand on HTTP/2, with grpc-js and with OpenTelemetry's exporter. */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import type { ClientHttp2Session } from "node:http2";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { body, request, span } from "../../collector/otlp/testing.ts";
import { RefusedError } from "../../collector/stages.ts";
import {
  call,
  dial,
  framed,
  MiB,
  SERVICE,
  startReceivers,
  type Call,
  type Options,
  type Receivers,
} from "./receivers.ts";

const ONE = Buffer.from(request(span()));
const GZIP = { "grpc-encoding": "gzip" };
const RETRY_INFO = "google.rpc.RetryInfo";
const BAD_REQUEST = "google.rpc.BadRequest";
/** GOAWAY: ENHANCE_YOUR_CALM is our own; INTERNAL_ERROR where the library beneath was the first to see it. */
const CALM = 11;
const INTERNAL = 2;

const opened: { stop: () => unknown }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ stop }) => stop()));
});

async function start(options: Options = {}): Promise<Receivers & { session: ClientHttp2Session }> {
  const receivers = await startReceivers(options);
  const session = dial(receivers.grpcPort);
  opened.push(receivers, { stop: () => session.destroy() });
  return { ...receivers, session };
}

test.each<[name: string, sent: Call]>([
  ["G01 identity", { body: framed(ONE) }],
  ["G01 gzip", { headers: GZIP, body: framed(gzipSync(ONE), true) }],
  ["G01 gzip announced, message plain", { headers: GZIP, body: framed(ONE) }],
  ["G01 +proto", { headers: { "content-type": "application/grpc+proto" }, body: framed(ONE) }],
])("%s", async (_, sent) => {
  const { grpc, session, taken } = await start();
  const answer = await call(session, sent);
  expect(answer).toMatchObject({ code: 0, message: "" });
  expect(answer.headers).toMatchObject({ ":status": 200, "content-type": "application/grpc" });
  expect(answer.body.toString("hex")).toBe("0000000000");
  expect(taken.map(({ spanCount }) => spanCount)).toEqual([1]);
  expect(grpc.stats()).toMatchObject({ acceptedSpans: 1, refusedRequests: {}, bytesInFlight: 0 });
});

test.each<[name: string, sent: Call, code: number, message: string, details: string]>([
  ["G02 as sent", { body: framed(Buffer.alloc(MiB + 1)) }, 8, "as sent", ""],
  ["G02 announced, nothing sent", { body: Buffer.from("0010000001", "hex") }, 8, "as sent", ""],
  [
    "G02 inflated",
    { headers: GZIP, body: framed(gzipSync(Buffer.alloc(MiB + 1)), true) },
    8,
    "inflated",
    "",
  ],
  ["G04 malformed", { body: framed(Buffer.from("0aff01", "hex")) }, 3, "protobuf", BAD_REQUEST],
  ["G04 message cut short", { body: framed(ONE).subarray(0, -1) }, 3, "cut short", BAD_REQUEST],
  ["G04 no message", {}, 3, "got none", BAD_REQUEST],
  [
    "G05 corrupt gzip",
    { headers: GZIP, body: framed(gzipSync(ONE).subarray(0, -9), true) },
    3,
    "corrupt gzip",
    BAD_REQUEST,
  ],
  ["G05 not gzip", { headers: GZIP, body: framed(ONE, true) }, 3, "corrupt gzip", BAD_REQUEST],
  ["G06 unknown service", { path: "/a.B/C", body: framed(ONE) }, 12, 'unknown method "/a.B/C"', ""],
  ["G06 unknown method", { path: `${SERVICE}s`, body: framed(ONE) }, 12, "unknown method", ""],
  [
    "G06 metrics",
    {
      path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
      body: framed(ONE),
    },
    12,
    "OTEL_METRICS_EXPORTER=none",
    "",
  ],
  [
    "G07 zstd",
    { headers: { "grpc-encoding": "zstd" }, body: framed(ONE, true) },
    12,
    'got "zstd"',
    "",
  ],
  ["G07 compressed without an encoding", { body: framed(ONE, true) }, 3, "got none", BAD_REQUEST],
  [
    "G09 two messages",
    { body: Buffer.concat([framed(ONE), framed(ONE)]) },
    3,
    "expected one message",
    BAD_REQUEST,
  ],
  [
    "G10 malformed timeout",
    { headers: { "grpc-timeout": "soon" }, body: framed(ONE) },
    3,
    "grpc-timeout",
    BAD_REQUEST,
  ],
])("refuses: %s", async (_, sent, code, message, details) => {
  const { grpc, session, taken } = await start();
  const answer = await call(session, sent);
  expect(answer).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(answer.headers).toMatchObject({ ":status": 200, "grpc-accept-encoding": "identity,gzip" });
  expect(answer.body).toHaveLength(0);
  expect(answer.details).toContain(details);
  expect(answer.details).not.toContain(RETRY_INFO);
  expect(taken).toEqual([]);
  expect((await call(session, { body: framed(ONE) })).code).toBe(0);
  await expect.poll(() => grpc.stats()).toMatchObject({ bytesInFlight: 0, requestsInFlight: 0 });
});

test.each<[name: string, options: Options, code: number, delay: number | undefined]>([
  ["G03 not admitted", { admit: () => new RefusedError("the log is full", 2) }, 14, 2],
  [
    "G03 refused by the next stage",
    { consume: () => Promise.reject(new RefusedError("the log is full", 3)) },
    14,
    3,
  ],
  ["G03 no memory", { maxBytesInFlight: 10 }, 14, 1],
  ["G03 an error of ours", { consume: () => Promise.reject(new Error("secret")) }, 13, undefined],
])("%s", async (_, options, code, delay) => {
  const { session } = await start(options);
  const answer = await call(session, { body: framed(ONE) });
  expect(answer.code).toBe(code);
  expect(answer.message).not.toContain("secret");
  // RetryInfo { retry_delay = 1: Duration { seconds = 1 } }
  if (delay === undefined) expect(answer.details).not.toContain(RETRY_INFO);
  else
    expect(answer.details).toContain(
      `${RETRY_INFO}\x12\x04\x0a\x02\x08${String.fromCharCode(delay)}`,
    );
});

test("G06 what is not gRPC is told in HTTP's own status", async () => {
  const { session } = await start();
  const answer = await call(session, { headers: { "content-type": "application/json" } });
  expect(answer.headers[":status"]).toBe(415);
});

test.each([
  ["G08 compressed", true],
  ["G08 plain", false],
])("%s message of no bytes", async (_, compressed) => {
  const { session, taken } = await start();
  const answer = await call(session, { headers: GZIP, body: framed(Buffer.alloc(0), compressed) });
  expect([answer.code, taken]).toEqual([0, []]);
});

test("G09 a message in frames of one byte", async () => {
  const { session, taken } = await start();
  const stream = session.request({
    ":method": "POST",
    ":path": SERVICE,
    "content-type": "application/grpc",
  });
  const trailers = once(stream, "trailers");
  stream.resume();
  for (const byte of framed(ONE)) {
    const written = Promise.withResolvers<void>();
    stream.write(Buffer.of(byte), () => written.resolve());
    await written.promise;
  }
  stream.end();
  expect((await trailers)[0]).toMatchObject({ "grpc-status": "0" });
  expect(Buffer.from(taken[0]!.body)).toEqual(ONE);
});

test("G10 past its deadline a call is answered, and what was stored stays stored", async () => {
  const gate = Promise.withResolvers<"appended">();
  const { grpc, session } = await start({ consume: () => gate.promise });
  const answer = await call(session, { headers: { "grpc-timeout": "50m" }, body: framed(ONE) });
  expect(answer.code).toBe(4);
  expect(grpc.stats()).toMatchObject({ requestsInFlight: 1, refusedRequests: { deadline: 1 } });
  gate.resolve("appended");
  await expect.poll(() => grpc.stats()).toMatchObject({ acceptedSpans: 1, requestsInFlight: 0 });
});

test("G10 a message that does not arrive is not waited for", async () => {
  const { session } = await start({ requestTimeoutMs: 50 });
  const stream = session.request({
    ":method": "POST",
    ":path": SERVICE,
    "content-type": "application/grpc",
  });
  stream.write(framed(ONE).subarray(0, 9));
  expect((await once(stream, "response"))[0]).toMatchObject({ "grpc-status": "14" });
});

/** HTTP/2 by hand, for what a client library would not send. */
const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.of(0, name.length),
    Buffer.from(name),
    Buffer.of(value.length),
    Buffer.from(value),
  ]);
const HEADERS = Buffer.concat([
  literal(":method", "POST"),
  literal(":scheme", "http"),
  literal(":path", SERVICE),
  literal("content-type", "application/grpc"),
]);
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(4, 0, 0, Buffer.alloc(0)),
]);
const each = (count: number, make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));
const open = (i: number, flags = 4): Buffer => frame(1, flags, 2 * i + 1, HEADERS);

test.each<[name: string, flood: Buffer, codes: number[]]>([
  ["G11 PING", each(1_000, () => frame(6, 0, 0, Buffer.alloc(8))), [CALM]],
  ["G11 SETTINGS", each(500, () => frame(4, 0, 0, Buffer.alloc(0))), [CALM]],
  [
    "G11 rapid reset",
    each(5_000, (i) =>
      Buffer.concat([open(i), frame(3, 0, 2 * i + 1, Buffer.from("00000008", "hex"))]),
    ),
    [CALM, INTERNAL],
  ],
  ["G11 10,000 idle streams", each(10_000, (i) => open(i)), [CALM, INTERNAL]],
  [
    "G11 CONTINUATION",
    Buffer.concat([open(0, 0), each(10_000, () => frame(9, 0, 1, literal("x", "y")))]),
    [CALM, INTERNAL, 1],
  ],
])("%s flood ends its session, and nobody else's", async (_, flood, codes) => {
  const { grpcPort, session, grpc } = await start();
  const socket = connectTcp(grpcPort, "127.0.0.1");
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => received.push(chunk));
  socket.on("error", () => {}); // it is cut off while it writes
  socket.write(Buffer.concat([PREFACE, flood]));
  await once(socket, "close");
  const goaway = goawayCode(Buffer.concat(received));
  if (goaway !== undefined) expect(codes).toContain(goaway);
  expect((await call(session, { body: framed(ONE) })).code).toBe(0);
  await expect.poll(() => grpc.stats()).toMatchObject({ bytesInFlight: 0, requestsInFlight: 0 });
});

/** The code of the last GOAWAY; undefined when a reset connection took it along. */
function goawayCode(bytes: Buffer): number | undefined {
  let code: number | undefined;
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] === 7 && at + 17 <= bytes.length) code = bytes.readUInt32BE(at + 13);
  }
  return code;
}

test("G11 a session past its age is closed when its calls are answered", async () => {
  const gate = Promise.withResolvers<"appended">();
  const { session } = await start({
    consume: () => gate.promise,
    sessions: { maxAgeMs: 100, ageJitter: 0.1 },
  });
  const answer = call(session, { body: framed(ONE) });
  await once(session, "goaway");
  gate.resolve("appended");
  expect((await answer).code).toBe(0);
  if (!session.closed) await once(session, "close");
});

test("G11 a peer that does not answer is gone", async () => {
  const { grpcPort } = await start({ sessions: { keepaliveMs: 50, keepaliveTimeoutMs: 50 } });
  const socket = connectTcp(grpcPort, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume().write(PREFACE);
  await once(socket, "close");
});

const CHECK = "/grpc.health.v1.Health/Check";
const WATCH = "/grpc.health.v1.Health/Watch";
const service = (name: string): Buffer =>
  framed(Buffer.concat([Buffer.of(0x0a, name.length), Buffer.from(name)]));

test("G12 Check", async () => {
  const { session } = await start();
  const name = SERVICE.split("/")[1]!;
  const logs = "opentelemetry.proto.collector.logs.v1.LogsService";
  for (const request of [framed(Buffer.alloc(0)), service(name), service(logs)]) {
    const answer = await call(session, { path: CHECK, body: request });
    expect([answer.code, answer.body.toString("hex")]).toEqual([0, "00000000020801"]);
  }
  expect((await call(session, { path: CHECK, body: service("other") })).code).toBe(5);
});

test("G12 Watch: NOT_SERVING when stopping", async () => {
  const { session, grpc } = await start();
  const stream = session.request({
    ":method": "POST",
    ":path": WATCH,
    "content-type": "application/grpc",
  });
  stream.end(framed(Buffer.alloc(0)));
  expect((await once(stream, "data"))[0].toString("hex")).toBe("00000000020801");
  const next = once(stream, "data");
  const stopped = grpc.stop(5_000);
  expect((await next)[0].toString("hex")).toBe("00000000020802");
  await stopped;
});

test("G12 grpc-js checks health and exports", async () => {
  const { Client, credentials } = await import("@grpc/grpc-js");
  const { grpcPort, taken } = await start();
  const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  opened.push({ stop: () => client.close() });
  const unary = (path: string, request: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        (message: Buffer) => message,
        (message: Buffer) => message,
        request,
        (error, answer) => (error === null ? resolve(answer!) : reject(error)),
      );
    });
  expect((await unary(CHECK, Buffer.alloc(0))).toString("hex")).toBe("0801");
  expect((await unary(SERVICE, ONE)).toString("hex")).toBe("");
  await expect(unary(SERVICE, Buffer.from("0aff01", "hex"))).rejects.toMatchObject({ code: 3 });
  await expect(unary("/a.B/C", ONE)).rejects.toMatchObject({ code: 12 });
  expect(taken).toHaveLength(1);
});

test("G01 the exporter of OpenTelemetry's SDK sends to it, plain and gzip", async () => {
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-grpc");
  const { CompressionAlgorithm } = await import("@opentelemetry/otlp-exporter-base");
  const { TracerProvider, SimpleSpanProcessor } = await import("@opentelemetry/sdk-trace");
  const { grpcPort, taken } = await start();
  for (const compression of [CompressionAlgorithm.NONE, CompressionAlgorithm.GZIP]) {
    const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${grpcPort}`, compression });
    const provider = new TracerProvider({
      spanProcessors: [new SimpleSpanProcessor({ exporter })],
    });
    provider.getTracer("test").startSpan("chat gpt").end();
    await provider.forceFlush();
    await provider.shutdown();
  }
  expect(taken.map(({ spanCount, rejected }) => [spanCount, rejected])).toEqual([
    [1, []],
    [1, []],
  ]);
});

test("G01 a span refused alone is counted in the answer", async () => {
  const { session, taken } = await start();
  const bad = Buffer.from(body([0x0a, 4, 0x12, 2, 0x12, 0]));
  const answer = await call(session, { body: framed(Buffer.concat([ONE, bad])) });
  expect(answer.code).toBe(0);
  expect(answer.body.toString()).toContain("1 span rejected: 1× trace_id length 0");
  expect(taken[0]).toMatchObject({ spanCount: 2, rejected: [1] });
});
