/** OTLP/gRPC in what no case of test/conformance has: several calls at once, sessions, stopping. */
import { connect, type ClientHttp2Session } from "node:http2";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import type { AcceptedRequest } from "../../stages.ts";
import { createIntake, type IntakeOptions } from "../intake.ts";
import type { OtlpReceiver } from "../receiver.ts";
import { createOtlpGrpcReceiver, type OtlpGrpcReceiverOptions } from "./receiver.ts";

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const SPAN = Buffer.concat([
  Buffer.from("0a10", "hex"),
  Buffer.from("5b8efff798038103d269b633813fc60c", "hex"),
  Buffer.from("1208eee19b7ec3c1b174", "hex"),
]);
const ONE = nest(1, nest(2, nest(2, SPAN)));

function nest(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, content.length]), content]);
}

function framed(content: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(content.length, 1);
  return Buffer.concat([prefix, content]);
}

const running: OtlpReceiver[] = [];
const clients: ClientHttp2Session[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await Promise.all(running.splice(0).map((receiver) => receiver.stop(0)));
});

async function start(
  options: Partial<IntakeOptions & Omit<OtlpGrpcReceiverOptions, "intake">> = {},
) {
  const taken: AcceptedRequest[] = [];
  const logged: string[] = [];
  const intake = createIntake({
    consume: (request) => {
      taken.push(request);
      return Promise.resolve("appended");
    },
    admit: () => undefined,
    maxBodyBytes: 1024 * 1024,
    hashName: "test",
    log: (level, message) => logged.push(`${level} ${message}`),
    ...options,
  });
  const receiver = createOtlpGrpcReceiver({ intake, ...options });
  running.push(receiver);
  const { port } = await receiver.listen({ host: "127.0.0.1", port: 0 });
  return { receiver, port, taken, logged };
}

function dial(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1_000 });
  session.on("error", () => {});
  clients.push(session);
  return session;
}

async function call(session: ClientHttp2Session, path = EXPORT, body = framed(ONE)) {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  const headers: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on("response", (got) => Object.assign(headers, got));
  stream.on("trailers", (got) => Object.assign(headers, got));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.end(body);
  await once(stream, "close");
  return { headers, body: Buffer.concat(chunks) };
}

test("calls at the same time on one connection", async () => {
  const { receiver, port, taken } = await start();
  const session = dial(port);
  const answers = await Promise.all(Array.from({ length: 50 }, () => call(session)));
  for (const { headers, body } of answers) {
    expect(headers).toMatchObject({ ":status": 200, "grpc-status": "0" });
    expect(body.toString("hex")).toBe("0000000000");
  }
  expect(taken).toHaveLength(50);
  expect(receiver.stats()).toMatchObject({
    acceptedRequests: 50,
    acceptedSpans: 50,
    requestsInFlight: 0,
    bytesInFlight: 0,
  });
});

test("a client may send a PING for each answer", async () => {
  const { receiver, port } = await start();
  const session = dial(port);
  for (let i = 0; i < 300; i++) {
    expect((await call(session)).headers).toMatchObject({ "grpc-status": "0" });
    const answered = Promise.withResolvers<void>();
    session.ping(() => answered.resolve());
    await answered.promise;
  }
  expect(receiver.stats().brokenConnections).toBe(0);
});

test("100 calls of 1 MiB at the same time on one connection", async () => {
  const { port, taken } = await start({ maxBodyBytes: 2 * 1024 * 1024 });
  // An unknown field of the request holds the bulk.
  const bulk = Buffer.concat([Buffer.from("7a808040", "hex"), Buffer.alloc(1024 * 1024)]);
  const body = framed(Buffer.concat([ONE, bulk]));
  const session = dial(port);
  const answers = await Promise.all(Array.from({ length: 100 }, () => call(session, EXPORT, body)));
  expect(new Set(answers.map(({ headers }) => headers["grpc-status"]))).toEqual(new Set(["0"]));
  expect(taken).toHaveLength(100);
});

test("stop answers what is in flight, and takes nothing new", async () => {
  const gate = Promise.withResolvers<"appended">();
  const { receiver, port } = await start({ consume: () => gate.promise });
  const session = dial(port);
  const answer = call(session);
  await expect.poll(() => receiver.stats().receivedBytes).toBe(ONE.length);
  const stopped = receiver.stop(10_000);
  await once(session, "goaway");
  gate.resolve("appended");
  expect((await answer).headers).toMatchObject({ "grpc-status": "0" });
  await stopped;
});

test("stop ends what is still in flight at the deadline", async () => {
  const { receiver, port } = await start({ consume: () => new Promise(() => {}) });
  const answer = call(dial(port));
  await expect.poll(() => receiver.stats().receivedBytes).toBe(ONE.length);
  await receiver.stop(50);
  await answer.catch(() => {}); // a stream that was cut off fails or only closes
});

test("what is not HTTP/2 ends its own connection", async () => {
  const { receiver, port, logged } = await start();
  await expect(fetch(`http://127.0.0.1:${port}/v1/traces`, { method: "POST" })).rejects.toThrow();
  expect(receiver.stats().brokenConnections).toBe(1);
  expect(logged).toEqual([expect.stringContaining("expected HTTP/2")]);
  expect((await call(dial(port))).headers).toMatchObject({ "grpc-status": "0" });
});

test("a client that goes away in the middle of its message leaves nothing", async () => {
  const { receiver, port, taken } = await start();
  const session = dial(port);
  const stream = session.request({
    ":method": "POST",
    ":path": EXPORT,
    "content-type": "application/grpc",
  });
  stream.on("error", () => {});
  stream.write(framed(ONE).subarray(0, 20));
  await expect.poll(() => receiver.stats().bytesInFlight).toBe(15);
  session.destroy();
  await expect.poll(() => receiver.stats()).toMatchObject({ abortedRequests: 1, bytesInFlight: 0 });
  expect(taken).toEqual([]);
});
