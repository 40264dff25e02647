/** H01 to H26: OTLP over HTTP on real sockets, with a sink that remembers. */
import { once } from "node:events";
import { request as httpRequest, Agent, type IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { afterEach, describe, expect, test } from "vitest";
import { RefusedError, PermanentError, type AcceptedRequest } from "../../collector/stages.ts";
import { createBodyHash } from "../../collector/receive/body-hash.ts";
import { createIntake, type IntakeOptions } from "../../collector/receive/intake.ts";
import {
  createOtlpHttpReceiver,
  type OtlpHttpReceiver,
  type OtlpHttpReceiverOptions,
} from "../../collector/receive/receiver.ts";

const MiB = 1024 * 1024;
const GOOD_TRACE = "5b8efff798038103d269b633813fc60c";

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

interface Setup {
  receiver: OtlpHttpReceiver;
  port: number;
  taken: AcceptedRequest[];
  logged: string[];
}

const running: OtlpHttpReceiver[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((receiver) => receiver.stop(0)));
});

type Options = Partial<IntakeOptions & Omit<OtlpHttpReceiverOptions, "intake">>;

async function start(options: Options = {}, host = "127.0.0.1"): Promise<Setup> {
  const taken: AcceptedRequest[] = [];
  const logged: string[] = [];
  const intake = createIntake({
    consume: (request) => {
      taken.push(request);
      return Promise.resolve("appended");
    },
    admit: () => undefined,
    maxBodyBytes: MiB,
    hashName: "test",
    log: (level, message) => logged.push(`${level} ${message}`),
    ...options,
  });
  const receiver = createOtlpHttpReceiver({ intake, ...options });
  running.push(receiver);
  const { port } = await receiver.listen({ host, port: 0 });
  return { receiver, port, taken, logged };
}

interface Sent {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: Buffer | string;
  chunked?: boolean;
  agent?: Agent;
}

function send(port: number, sent: Sent): Promise<Reply> {
  const body = sent.body === undefined ? undefined : Buffer.from(sent.body);
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const request = httpRequest(
    {
      host: "127.0.0.1",
      port,
      path: sent.path ?? "/v1/traces",
      method: sent.method ?? "POST",
      agent: sent.agent ?? false,
      headers: {
        "Content-Type": "application/json",
        ...(body === undefined || sent.chunked ? {} : { "Content-Length": String(body.length) }),
        ...sent.headers,
      },
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    },
  );
  request.on("error", reject);
  if (sent.chunked) {
    request.flushHeaders();
    for (let at = 0; at < body!.length; at += 65_536)
      request.write(body!.subarray(at, at + 65_536));
    request.end();
  } else request.end(body);
  return promise;
}

function spanJson(traceId: string, spanId: string, more = ""): string {
  return `{"traceId":"${traceId}","spanId":"${spanId}","name":"chat"${more}}`;
}

function json(...spans: string[]): string {
  return `{"resourceSpans":[{"scopeSpans":[{"spans":[${spans.join()}]}]}]}`;
}

const ONE = json(spanJson(GOOD_TRACE, "eee19b7ec3c1b174"));
const THREE_ONE_BAD = json(
  spanJson(GOOD_TRACE, "eee19b7ec3c1b174"),
  spanJson("5b8e", "eee19b7ec3c1b175"),
  spanJson(GOOD_TRACE, "eee19b7ec3c1b176"),
);

/** Length-delimited field of protobuf, written apart from the product's own code. */
function field(number: number, content: Buffer): Buffer {
  const length: number[] = [];
  let left = content.length;
  for (; left > 127; left >>>= 7) length.push((left & 127) | 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, left]), content]);
}

function protobuf(...spans: [traceId: string, spanId: string][]): Buffer {
  const list = spans.map(([traceId, spanId]) =>
    field(
      2,
      Buffer.concat([field(1, Buffer.from(traceId, "hex")), field(2, Buffer.from(spanId, "hex"))]),
    ),
  );
  return field(1, field(2, Buffer.concat(list)));
}

const ONE_PB = protobuf([GOOD_TRACE, "eee19b7ec3c1b174"]);
const PB = { "Content-Type": "application/x-protobuf" };
const GZIP = { "Content-Encoding": "gzip" };
const ZSTD = { "Content-Encoding": "zstd" };

/** google.rpc.Status from protobuf: code in field 1, message in field 2. */
function status(reply: Reply): { code: number; message: string } {
  if (reply.headers["content-type"] === "application/json")
    return JSON.parse(reply.body.toString());
  expect(reply.headers["content-type"]).toBe("application/x-protobuf");
  expect(reply.body[0]).toBe(0x08);
  expect(reply.body[2]).toBe(0x12);
  const long = reply.body[3]! > 127;
  return { code: reply.body[1]!, message: reply.body.toString("utf8", long ? 5 : 4) };
}

test.each<[name: string, sent: Sent, spans: number]>([
  ["H01 protobuf", { headers: PB, body: ONE_PB }, 1],
  ["H02 JSON", { body: ONE }, 1],
  [
    "H03 JSON with charset",
    { headers: { "Content-Type": "application/json; charset=utf-8" }, body: ONE },
    1,
  ],
  ["H03 JSON in capitals", { headers: { "Content-Type": "APPLICATION/JSON" }, body: ONE }, 1],
  [
    "H04 alias of protobuf",
    { headers: { "Content-Type": "application/protobuf" }, body: ONE_PB },
    1,
  ],
  ["H07 gzip, JSON", { headers: GZIP, body: gzipSync(ONE) }, 1],
  ["H07 gzip, protobuf", { headers: { ...PB, ...GZIP }, body: gzipSync(ONE_PB) }, 1],
  ["H07 gzip in capitals", { headers: { "Content-Encoding": "GZIP" }, body: gzipSync(ONE) }, 1],
  ["identity", { headers: { "Content-Encoding": "identity" }, body: ONE }, 1],
  ["H07 zstd, JSON", { headers: ZSTD, body: zstdCompressSync(ONE) }, 1],
  ["H07 zstd, protobuf", { headers: { ...PB, ...ZSTD }, body: zstdCompressSync(ONE_PB) }, 1],
  [
    "H10 zstd of several frames",
    {
      headers: ZSTD,
      body: Buffer.concat([zstdCompressSync(ONE.slice(0, 50)), zstdCompressSync(ONE.slice(50))]),
    },
    1,
  ],
  ["H08 in chunks", { body: ONE, chunked: true }, 1],
  [
    "H08 large, in chunks",
    {
      body: json(spanJson(GOOD_TRACE, "eee19b7ec3c1b174", `,"x":"${"x".repeat(900_000)}"`)),
      chunked: true,
    },
    1,
  ],
  [
    "large, with its length",
    { body: json(spanJson(GOOD_TRACE, "eee19b7ec3c1b174", `,"x":"${"x".repeat(900_000)}"`)) },
    1,
  ],
  [
    "H10 gzip of several members",
    { headers: GZIP, body: Buffer.concat([gzipSync(ONE.slice(0, 50)), gzipSync(ONE.slice(50))]) },
    1,
  ],
  [
    "gzip of a large body",
    {
      headers: GZIP,
      body: gzipSync(
        json(spanJson(GOOD_TRACE, "eee19b7ec3c1b174", `,"x":"${"x".repeat(900_000)}"`)),
      ),
    },
    1,
  ],
  ["H13 nothing, protobuf", { headers: PB, body: "" }, 0],
  ["H13 nothing, JSON", { body: "" }, 0],
  ["H13 nothing, gzip", { headers: { ...PB, ...GZIP }, body: gzipSync("") }, 0],
  ["H13 empty object", { body: "{}" }, 0],
  ["H13 empty list", { body: `{"resourceSpans":[]}` }, 0],
  ["H13 empty envelopes", { body: `{"resourceSpans":[{"scopeSpans":[{"spans":[]},{}]},{}]}` }, 0],
  ["H20 query string", { path: "/v1/traces?key=1", body: ONE }, 1],
  ["H20 absolute form", { path: "http://localhost/v1/traces", body: ONE }, 1],
  ["H20 lower-case headers", { headers: { "content-type": "application/json" }, body: ONE }, 1],
  ["H20 Expect: 100-continue", { headers: { Expect: "100-continue" }, body: ONE }, 1],
  ["H23 Accept-Encoding", { headers: { "Accept-Encoding": "gzip" }, body: ONE }, 1],
  [
    "a container's name for its host",
    { headers: { Host: "host.docker.internal:4318" }, body: ONE },
    1,
  ],
])("takes: %s", async (_, sent, spans) => {
  const { receiver, port, taken } = await start();
  const reply = await send(port, sent);
  const isJson = /json/i.test(String(sent.headers?.["Content-Type"] ?? "json"));
  expect(reply.status).toBe(200);
  expect(reply.headers["content-type"]).toBe(
    isJson ? "application/json" : "application/x-protobuf",
  );
  expect(reply.headers["content-encoding"]).toBeUndefined();
  expect(reply.body.toString()).toBe(isJson ? "{}" : "");
  expect(taken.map((request) => request.spanCount)).toEqual(spans === 0 ? [] : [spans]);
  if (spans > 0) {
    expect(taken[0]!.bodyHash).toEqual(createBodyHash("test")(Buffer.from(sent.body!)));
  }
  expect(receiver.stats()).toMatchObject({
    acceptedRequests: 1,
    acceptedSpans: spans,
    refusedRequests: {},
  });
});

test.each<[name: string, sent: Sent, status: number, reason: string, message: string]>([
  [
    "H05 no type",
    { headers: { "Content-Type": "" }, body: ONE },
    415,
    "content_type",
    "expected Content-Type",
  ],
  [
    "H05 unknown type",
    { headers: { "Content-Type": "text/plain" }, body: ONE },
    415,
    "content_type",
    'got "text/plain"',
  ],
  ["H06 GET", { method: "GET" }, 405, "method", 'expected POST, got "GET"'],
  ["H06 PUT", { method: "PUT", body: ONE }, 405, "method", 'expected POST, got "PUT"'],
  ["H06 OPTIONS", { method: "OPTIONS" }, 405, "method", 'expected POST, got "OPTIONS"'],
  [
    "H07 deflate",
    { headers: { "Content-Encoding": "deflate" }, body: deflateSync(ONE) },
    415,
    "content_encoding",
    'got "deflate"',
  ],
  [
    "H07 br",
    { headers: { "Content-Encoding": "br" }, body: brotliCompressSync(ONE) },
    415,
    "content_encoding",
    'got "br"',
  ],
  [
    "H07 gzip twice",
    { headers: { "Content-Encoding": ["gzip", "gzip"] }, body: gzipSync(gzipSync(ONE)) },
    415,
    "content_encoding",
    'got "gzip, gzip"',
  ],
  ["H08 too large by its length", { body: "x".repeat(MiB + 1) }, 413, "too_large", "as sent"],
  ["H08 far too large by its length", { body: Buffer.alloc(8 * MiB) }, 413, "too_large", "as sent"],
  [
    "H08 too large in chunks",
    { body: Buffer.alloc(3 * MiB), chunked: true },
    413,
    "too_large",
    "as sent",
  ],
  [
    "H08 too large in chunks, protobuf",
    { headers: PB, body: Buffer.alloc(3 * MiB), chunked: true },
    413,
    "too_large",
    "as sent",
  ],
  [
    "H09 inflates too far",
    { headers: GZIP, body: gzipSync(Buffer.alloc(MiB + 1)) },
    413,
    "too_large",
    "inflated",
  ],
  [
    "H10 members inflate too far",
    { headers: GZIP, body: Buffer.concat([gzipSync(Buffer.alloc(MiB)), gzipSync("x")]) },
    413,
    "too_large",
    "inflated",
  ],
  [
    "H10 garbage behind gzip",
    { headers: GZIP, body: Buffer.concat([gzipSync(ONE), Buffer.from("garbage")]) },
    400,
    "malformed",
    "corrupt gzip",
  ],
  [
    "H11 gzip cut off",
    { headers: GZIP, body: gzipSync(ONE).subarray(0, -9) },
    400,
    "malformed",
    "corrupt gzip",
  ],
  [
    "H11 gzip with a wrong sum",
    { headers: GZIP, body: flipped(gzipSync(ONE), -6) },
    400,
    "malformed",
    "corrupt gzip",
  ],
  [
    "H11 large gzip with a flipped bit",
    { headers: GZIP, body: flipped(gzipSync(Buffer.alloc(MiB, "abcdefg")), 200) },
    400,
    "malformed",
    "corrupt gzip",
  ],
  ["H11 not gzip", { headers: GZIP, body: ONE }, 400, "malformed", "corrupt gzip"],
  [
    "H09 zstd inflates too far",
    { headers: ZSTD, body: zstdCompressSync(Buffer.alloc(MiB + 1)) },
    413,
    "too_large",
    "inflated",
  ],
  [
    "H10 zstd frames inflate too far",
    {
      headers: ZSTD,
      body: Buffer.concat([zstdCompressSync(Buffer.alloc(MiB)), zstdCompressSync("x")]),
    },
    413,
    "too_large",
    "inflated",
  ],
  [
    "H10 zstd of thousands of frames",
    {
      headers: ZSTD,
      body: Buffer.concat(Array.from({ length: 5_000 }, () => zstdCompressSync(" "))),
    },
    400,
    "malformed",
    "more than 64 frames",
  ],
  [
    "H10 garbage behind zstd",
    { headers: ZSTD, body: Buffer.concat([zstdCompressSync(ONE), Buffer.from("garbage")]) },
    400,
    "malformed",
    "corrupt zstd",
  ],
  [
    "H11 zstd cut off",
    { headers: ZSTD, body: zstdCompressSync(ONE).subarray(0, -2) },
    400,
    "malformed",
    "corrupt zstd",
  ],
  ["H11 not zstd", { headers: ZSTD, body: ONE }, 400, "malformed", "corrupt zstd"],
  [
    "H09 zstd that asks for a window of 128 MiB",
    { headers: ZSTD, body: Buffer.from("28b52ffd0088010000", "hex") },
    400,
    "malformed",
    "corrupt zstd",
  ],
  [
    "H12 malformed protobuf",
    { headers: PB, body: Buffer.from("0aff01", "hex") },
    400,
    "malformed",
    "malformed protobuf",
  ],
  ["H12 JSON sent as protobuf", { headers: PB, body: ONE }, 400, "malformed", "malformed protobuf"],
  ["H12 malformed JSON", { body: ONE.slice(0, -1) }, 400, "malformed", "invalid JSON at byte"],
  [
    "H12 JSON of another shape",
    { body: `{"resourceSpans":7}` },
    400,
    "malformed",
    "expected an array, got 7",
  ],
  ["H20 trailing slash", { path: "/v1/traces/", body: ONE }, 404, "not_found", 'got "/v1/traces/"'],
  [
    "H20 unknown expectation",
    { headers: { Expect: "cake" }, body: ONE },
    417,
    "expectation",
    "100-continue",
  ],
  [
    "H26 profiles",
    { path: "/v1development/profiles", body: ONE },
    404,
    "not_found",
    "/v1development/profiles",
  ],
  [
    "H26 metrics",
    { path: "/v1/metrics", headers: PB, body: ONE },
    404,
    "not_found",
    "OTEL_METRICS_EXPORTER=none",
  ],
  [
    "H26 a path beside logs",
    { path: "/v1/logs/", headers: PB, body: ONE },
    404,
    "not_found",
    'expected path "/v1/traces" or "/v1/logs"',
  ],
  [
    "H24 a web page",
    { headers: { Origin: "https://example.com" }, body: ONE },
    403,
    "foreign_origin",
    "web pages",
  ],
  [
    "H24 a web page's preflight",
    { method: "OPTIONS", headers: { Origin: "https://example.com" } },
    403,
    "foreign_origin",
    "web pages",
  ],
  [
    "a rebound name",
    { headers: { Host: "evil.example:4318" }, body: ONE },
    403,
    "foreign_host",
    'got "evil.example:4318"',
  ],
])("refuses: %s", async (_, sent, expected, reason, message) => {
  const { receiver, port, taken } = await start();
  const reply = await send(port, sent);
  expect(reply.status).toBe(expected);
  const isProtobuf = sent.headers?.["Content-Type"] === PB["Content-Type"];
  expect(reply.headers["content-type"]).toBe(
    isProtobuf ? "application/x-protobuf" : "application/json",
  );
  expect(status(reply).message).toContain(message);
  expect(status(reply).code).toBeGreaterThan(0);
  if (expected === 405) expect(reply.headers.allow).toBe("POST");
  expect(reply.headers["retry-after"]).toBeUndefined();
  expect(taken).toEqual([]);
  expect(receiver.stats()).toMatchObject({ acceptedRequests: 0, refusedRequests: { [reason]: 1 } });
  expect((await send(port, { body: ONE })).status).toBe(200);
  await expect
    .poll(() => receiver.stats())
    .toMatchObject({ bytesInFlight: 0, requestsInFlight: 0 });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index]! ^= 0x55;
  return copy;
}

test("H11 the Status of a bad request says what is wrong with it", async () => {
  const { port } = await start();
  const reply = await send(port, { headers: GZIP, body: ONE });
  const { message, details } = JSON.parse(reply.body.toString());
  expect(details).toEqual([
    {
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: [{ field: "body", description: message }],
    },
  ]);
  const binary = await send(port, { headers: { ...PB, ...GZIP }, body: ONE_PB });
  expect(binary.body.toString("latin1")).toContain("type.googleapis.com/google.rpc.BadRequest");
});

test("H19 protobuf and JSON on one connection", async () => {
  const { port, taken } = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const sent of [{ headers: PB, body: ONE_PB }, { body: ONE }, { headers: PB, body: ONE_PB }])
    expect((await send(port, { ...sent, agent })).status).toBe(200);
  agent.destroy();
  expect(taken).toHaveLength(3);
});

describe("H24 an origin that was named", () => {
  const origin = "https://app.example.com";
  const preflight = {
    Origin: origin,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-project,cookie",
    "Access-Control-Request-Private-Network": "true",
  };

  test("H24 is told by a preflight what it may send", async () => {
    const { port } = await start({ corsOrigins: [origin] });
    const reply = await send(port, { method: "OPTIONS", headers: preflight });
    expect(reply.status).toBe(204);
    expect(reply.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "Authorization, Content-Type, Content-Encoding, x-project",
      "access-control-allow-private-network": "true",
      vary: "Origin",
    });
    expect(reply.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  test("H24 may send and read the answer, success or not", async () => {
    const { port, taken } = await start({ corsOrigins: [origin] });
    for (const [body, expected] of [
      [ONE, 200],
      ["{", 400],
    ] as const) {
      const reply = await send(port, { headers: { Origin: origin }, body });
      expect([
        reply.status,
        reply.headers["access-control-allow-origin"],
        reply.headers.vary,
      ]).toEqual([expected, origin, "Origin"]);
    }
    expect(taken).toHaveLength(1);
  });

  test("H24 opens nothing for others", async () => {
    const { port } = await start({ corsOrigins: [origin] });
    const headers = { ...preflight, Origin: "https://app.example.com.evil.example" };
    for (const sent of [
      { method: "OPTIONS", headers },
      { headers, body: ONE },
    ]) {
      const reply = await send(port, sent);
      expect([reply.status, reply.headers["access-control-allow-origin"]]).toEqual([
        403,
        undefined,
      ]);
    }
  });
});

test("H26 the path can be set", async () => {
  const { port } = await start({ tracesPath: "/otlp/v1/traces" });
  expect((await send(port, { path: "/otlp/v1/traces", body: ONE })).status).toBe(200);
  expect((await send(port, { body: ONE })).status).toBe(404);
  expect((await send(port, { path: "/otlp/v1/logs", body: "{}" })).status).toBe(200);
  expect((await send(port, { path: "/v1/logs", body: "{}" })).status).toBe(404);
  const metrics = await send(port, { path: "/otlp/v1/metrics", body: ONE });
  expect(status(metrics).message).toContain("OTEL_METRICS_EXPORTER=none");
});

test("H06 HEAD is answered 405 without a body", async () => {
  const { port } = await start();
  const reply = await send(port, { method: "HEAD" });
  expect([reply.status, reply.headers.allow, reply.body.length]).toEqual([405, "POST", 0]);
});

test("H09 a bomb of 1 GiB costs at most the limit", async () => {
  const zeros = gzipSync(Buffer.alloc(64 * MiB), { level: 9 });
  const bomb = Buffer.concat(Array.from({ length: 16 }, () => zeros)); // 1 GiB in members of 64 MiB
  const { receiver, port } = await start({ maxBodyBytes: 8 * MiB });
  const before = process.memoryUsage.rss();
  const cpuBefore = process.cpuUsage();
  const reply = await send(port, { headers: GZIP, body: bomb });
  expect(reply.status).toBe(413);
  expect(process.cpuUsage(cpuBefore).user / 1_000, "ms of CPU").toBeLessThan(1_000);
  expect(process.memoryUsage.rss() - before).toBeLessThan(24 * MiB);
  expect(receiver.stats().bytesInFlight).toBe(0);
});

test("H14 spans refused alone are counted in the answer, JSON and protobuf", async () => {
  const { receiver, port, taken } = await start();
  const reply = await send(port, { body: THREE_ONE_BAD });
  expect(reply.status).toBe(200);
  const { partialSuccess } = JSON.parse(reply.body.toString());
  expect(partialSuccess.rejectedSpans).toBe("1");
  expect(partialSuccess.errorMessage).toMatch(/^1 span rejected: 1× trace_id length 2$/);
  expect(taken[0]).toMatchObject({ spanCount: 3, rejected: [1] });

  const body = protobuf([GOOD_TRACE, "eee19b7ec3c1b174"], ["00".repeat(16), "eee19b7ec3c1b174"]);
  const binary = await send(port, { headers: PB, body });
  const response = ProtobufTraceSerializer.deserializeResponse(binary.body);
  expect(Number(response.partialSuccess?.rejectedSpans)).toBe(1);
  expect(response.partialSuccess?.errorMessage).toContain("1 span rejected");
  expect(receiver.stats()).toMatchObject({
    acceptedSpans: 3,
    rejectedSpans: 2,
    acceptedRequests: 2,
  });
});

test("H14 a request whose spans are all refused stores nothing", async () => {
  const { port, taken } = await start();
  const reply = await send(port, { body: json(spanJson("", "eee19b7ec3c1b174")) });
  expect(JSON.parse(reply.body.toString()).partialSuccess.rejectedSpans).toBe("1");
  expect(taken).toEqual([]);
});

test("H15 leniency is told in the answer", async () => {
  const { port, taken } = await start();
  const body = json(spanJson(GOOD_TRACE, "eee19b7ec3c1b174", `,"kind":"SPAN_KIND_CLIENT"`));
  const { partialSuccess } = JSON.parse((await send(port, { body })).body.toString());
  expect(partialSuccess).toEqual({
    rejectedSpans: "0",
    errorMessage: "warnings: 1× kind given by name instead of number",
  });
  expect(taken[0]).toMatchObject({ spanCount: 1, rejected: [] });
});

test("an unknown enum name refuses that span", async () => {
  const { port, taken } = await start();
  const bad = spanJson(GOOD_TRACE, "eee19b7ec3c1b174", `,"kind":"LAMP"`);
  await send(port, {
    body: json(spanJson("", "aa"), bad, spanJson(GOOD_TRACE, "eee19b7ec3c1b175")),
  });
  expect(taken[0]).toMatchObject({ spanCount: 3, rejected: [0, 1] });
});

test("H16 the message stays within 1 KiB however many reasons there are", async () => {
  const { port } = await start();
  const spans = Array.from({ length: 500 }, (_, i) =>
    spanJson(GOOD_TRACE, "eee19b7ec3c1b174", `,"kind":"${"é".repeat(30)}${i}"`),
  );
  const { partialSuccess } = JSON.parse(
    (await send(port, { body: json(...spans) })).body.toString(),
  );
  expect(partialSuccess.rejectedSpans).toBe("500");
  expect(Buffer.byteLength(partialSuccess.errorMessage)).toBeLessThanOrEqual(1024);
});

test.each<
  [name: string, options: Options, status: number, retryAfter: string | undefined, stats: object]
>([
  [
    "H17 not admitted",
    { admit: () => new RefusedError("the log is full", 2) },
    503,
    "2",
    { refusedRequests: { overload: 1 }, receivedBytes: 0 },
  ],
  [
    "H17 refused by the next stage",
    { consume: () => Promise.reject(new RefusedError("the log is full", 3)) },
    503,
    "3",
    { refusedRequests: { overload: 1 }, refusedSpans: 1 },
  ],
  ["H17 no memory", { maxBytesInFlight: 10 }, 503, "1", { refusedRequests: { memory: 1 } }],
  [
    "H12 permanent",
    { consume: () => Promise.reject(new PermanentError("no")) },
    400,
    undefined,
    { refusedRequests: { malformed: 1 } },
  ],
  [
    "H18 an error of ours",
    { consume: () => Promise.reject(new Error("secret")) },
    500,
    undefined,
    { refusedRequests: { failed: 1 }, failedSpans: 1 },
  ],
])("%s", async (_, options, expected, retryAfter, stats) => {
  const { receiver, port, logged } = await start(options);
  for (const sent of [
    { body: ONE },
    { headers: { ...PB, Expect: "100-continue" }, body: ONE_PB },
  ]) {
    const reply = await send(port, sent);
    expect(reply.status).toBe(expected);
    expect(reply.headers["retry-after"]).toBe(retryAfter);
    expect(status(reply).message).not.toContain("secret");
    if (sent.headers === undefined)
      expect(receiver.stats()).toMatchObject({ ...stats, acceptedRequests: 0 });
  }
  expect(logged).toHaveLength(1); // the second within a minute is only counted
});

test("H17 memory: chunks that find no room are refused and everything is given back", async () => {
  const { receiver, port } = await start({ maxBytesInFlight: 200_000 });
  const reply = await send(port, { body: Buffer.alloc(900_000), chunked: true });
  expect([reply.status, reply.headers["retry-after"]]).toEqual([503, "1"]);
  expect(receiver.stats()).toMatchObject({ bytesInFlight: 0, bytesInFlightCapacity: 200_000 });
});

test("acknowledges last: no answer before consume resolved", async () => {
  const gate = Promise.withResolvers<"appended">();
  const reached = Promise.withResolvers<void>();
  const { port } = await start({
    consume: () => {
      reached.resolve();
      return gate.promise;
    },
  });
  let answered = false;
  const reply = send(port, { body: ONE }).then((value) => {
    answered = true;
    return value;
  });
  await reached.promise;
  await send(port, { method: "GET" }); // a round trip later there is still no answer
  expect(answered).toBe(false);
  gate.resolve("appended");
  expect((await reply).status).toBe(200);
});

test("H20 keep-alive: many requests on one connection", async () => {
  const { receiver, port } = await start();
  let connections = 0;
  receiver.server.on("connection", () => connections++);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 20; i++) {
    const sent = i % 5 === 4 ? { method: "GET", agent } : { body: ONE, agent };
    expect((await send(port, sent)).status).toBe(i % 5 === 4 ? 405 : 200);
  }
  agent.destroy();
  expect(connections).toBe(1);
});

async function raw(port: number): Promise<Socket & { received(): string }> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("error", () => {});
  return Object.assign(socket, { received: () => text });
}

const HEAD = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
const REQUEST = `${HEAD}Content-Length: ${ONE.length}\r\n\r\n${ONE}`;

test("H20 pipelined requests are answered in order", async () => {
  const { port, taken } = await start();
  const socket = await raw(port);
  socket.write(REQUEST + `GET / HTTP/1.1\r\nHost: localhost\r\n\r\n` + REQUEST);
  await expect.poll(() => socket.received().match(/HTTP\/1.1 \d+/g)).toHaveLength(3);
  expect(socket.received().match(/HTTP\/1.1 \d+/g)).toEqual([
    "HTTP/1.1 200",
    "HTTP/1.1 404",
    "HTTP/1.1 200",
  ]);
  expect(taken).toHaveLength(2);
  socket.destroy();
});

test("H20 HTTP/1.0 without Host", async () => {
  const { port } = await start();
  const socket = await raw(port);
  socket.write(
    `POST /v1/traces HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: ${ONE.length}\r\n\r\n${ONE}`,
  );
  await once(socket, "close");
  expect(socket.received()).toMatch(/^HTTP\/1.1 200 OK/);
});

test("H20 100 Continue is sent to those that are admitted only", async () => {
  const { port } = await start();
  const socket = await raw(port);
  socket.write(`${HEAD}Expect: 100-continue\r\nContent-Length: ${ONE.length}\r\n\r\n`);
  await expect.poll(() => socket.received()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  socket.write(ONE);
  await expect.poll(() => socket.received()).toContain("HTTP/1.1 200 OK");
  socket.destroy();
  const large = await raw(port);
  large.write(`${HEAD}Expect: 100-continue\r\nContent-Length: ${2 * MiB}\r\n\r\n`);
  await once(large, "close");
  expect(large.received()).toMatch(/^HTTP\/1.1 413/);
});

test.each([
  ["not HTTP", "hello\r\n\r\n", 400],
  ["headers beyond 16 KiB", `${HEAD}X: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ["two lengths", `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
  ["length and chunks", `${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
])("a broken head gets an answer with a Status: %s", async (_, text, expected) => {
  const { receiver, port } = await start();
  const socket = await raw(port);
  socket.write(text);
  await once(socket, "close");
  expect(socket.received()).toMatch(new RegExp(`^HTTP/1.1 ${expected} `));
  expect(JSON.parse(socket.received().split("\r\n\r\n")[1]!)).toMatchObject({ code: 3 });
  expect(receiver.stats().brokenConnections).toBe(1);
  expect((await send(port, { body: ONE })).status).toBe(200);
});

test.each([
  ["head", HEAD, {}, { brokenConnections: 1 }],
  ["body", `${HEAD}Content-Length: 100\r\n\r\n{`, {}, { refusedRequests: { timeout: 1 } }],
])("a slow %s is ended with 503, which senders retry", async (_, text, options, stats) => {
  const { receiver, port } = await start({
    headersTimeoutMs: 100,
    requestTimeoutMs: 200,
    ...options,
  });
  const socket = await raw(port);
  socket.write(text);
  await once(socket, "close");
  expect(socket.received()).toMatch(/^HTTP\/1.1 503 /);
  expect(socket.received()).toMatch(/Retry-After: 1\r\n/);
  await expect
    .poll(() => receiver.stats())
    .toMatchObject({ ...stats, bytesInFlight: 0, requestsInFlight: 0 });
});

test("H21 a client that goes away in the middle of its body leaves nothing", async () => {
  const { receiver, port, taken } = await start();
  for (const head of [
    `Content-Length: 1000\r\n\r\n{`,
    `Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
  ]) {
    const socket = await raw(port);
    socket.write(HEAD + head);
    await expect.poll(() => receiver.stats().bytesInFlight).toBe(1);
    socket.resetAndDestroy();
    await expect.poll(() => receiver.stats().bytesInFlight).toBe(0);
  }
  expect(receiver.stats()).toMatchObject({ abortedRequests: 2, refusedRequests: {} });
  expect(taken).toEqual([]);
});

test("H22 a client that goes away before the answer: its spans stay, the same body again is a duplicate", async () => {
  const gate = Promise.withResolvers<void>();
  const hashes = new Set<string>();
  const { receiver, port } = await start({
    consume: async ({ bodyHash }) => {
      const hash = Buffer.from(bodyHash).toString("hex");
      if (hashes.has(hash)) return "duplicate";
      hashes.add(hash);
      await gate.promise;
      return "appended";
    },
  });
  const socket = await raw(port);
  socket.write(REQUEST);
  await expect.poll(() => hashes.size).toBe(1);
  socket.resetAndDestroy();
  await once(socket, "close");
  gate.resolve();
  await expect
    .poll(() => receiver.stats())
    .toMatchObject({ acceptedRequests: 1, abortedRequests: 0 });
  expect((await send(port, { body: ONE })).status).toBe(200);
  expect(receiver.stats()).toMatchObject({ acceptedRequests: 2, duplicateRequests: 1 });
});

test("other hosts' names are fine when remote senders are", async () => {
  const { port } = await start({}, "0.0.0.0");
  expect(
    (await send(port, { headers: { Host: "collector.example:4318" }, body: ONE })).status,
  ).toBe(200);
});

test("stop answers what is in flight, and takes nothing new", async () => {
  const gate = Promise.withResolvers<"appended">();
  const reached = Promise.withResolvers<void>();
  const { receiver, port } = await start({
    consume: () => {
      reached.resolve();
      return gate.promise;
    },
  });
  const reply = send(port, { body: ONE, agent: new Agent({ keepAlive: true }) });
  await reached.promise;
  const stopped = receiver.stop(10_000);
  await expect(send(port, { body: ONE })).rejects.toThrow("ECONNREFUSED");
  gate.resolve("appended");
  expect((await reply).headers.connection).toBe("close");
  await stopped;
});

test("stop ends what is still in flight at the deadline", async () => {
  const { receiver, port } = await start({ consume: () => new Promise(() => {}) });
  const reply = send(port, { body: ONE });
  const failed = expect(reply).rejects.toThrow("socket hang up");
  await expect.poll(() => receiver.stats().receivedBytes).toBe(ONE.length);
  await receiver.stop(50);
  await failed;
});

test("the exporters of OpenTelemetry's SDK send to it, JSON and protobuf, plain and gzip", async () => {
  const { TracerProvider, SimpleSpanProcessor } = await import("@opentelemetry/sdk-trace");
  const { CompressionAlgorithm } = await import("@opentelemetry/otlp-exporter-base");
  const exporters = {
    json: (await import("@opentelemetry/exporter-trace-otlp-http")).OTLPTraceExporter,
    protobuf: (await import("@opentelemetry/exporter-trace-otlp-proto")).OTLPTraceExporter,
  };
  const { receiver, port, taken } = await start();
  for (const Exporter of [exporters.json, exporters.protobuf]) {
    for (const compression of [CompressionAlgorithm.NONE, CompressionAlgorithm.GZIP]) {
      const exporter = new Exporter({ url: `http://127.0.0.1:${port}/v1/traces`, compression });
      const provider = new TracerProvider({
        spanProcessors: [new SimpleSpanProcessor({ exporter })],
      });
      provider
        .getTracer("test")
        .startSpan("chat gpt", { attributes: { "gen_ai.system": "openai", n: 7 } })
        .end();
      await provider.forceFlush();
      await provider.shutdown();
    }
  }
  expect(taken.map((request) => [request.spanCount, request.rejected])).toEqual([
    [1, []],
    [1, []],
    [1, []],
    [1, []],
  ]);
  expect(receiver.stats()).toMatchObject({
    acceptedSpans: 4,
    rejectedSpans: 0,
    refusedRequests: {},
  });
});
