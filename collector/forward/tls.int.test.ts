/** Forwarding over TLS: who is not known is sent nothing, and a destination may ask who sends. Certificates are made by openssl. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";

import { request, span, text } from "../otlp/testing.ts";
import { parseForward } from "./config.ts";
import { createSender } from "./sender.ts";
import {
  startGrpcDestination,
  startHttpDestination,
  type DestinationTls,
} from "./testing/destinations.ts";

/** Where there is none the tests are skipped, and counted. */
const OPENSSL = "openssl";
let dir: string;
let tls: DestinationTls;

const hasOpenssl = (() => {
  try {
    execFileSync(OPENSSL, ["version"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
})();

/** A certificate for 127.0.0.1, signed by itself, in `<name>.pem` with its key in `<name>.key`. */
function makeCertificate(name: string): void {
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
  const files = ["-keyout", `${dir}/${name}.key`, "-out", `${dir}/${name}.pem`];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  execFileSync(OPENSSL, ["req", "-x509", ...key, ...subject, ...files], { stdio: "pipe" });
}

beforeAll(async () => {
  dir = await fs.mkdtemp(`${os.tmpdir()}/assay-tls-`);
  if (!hasOpenssl) return;
  makeCertificate("server");
  makeCertificate("client");
  const [key, cert, ca] = await Promise.all(
    ["server.key", "server.pem", "client.pem"].map((name) => fs.readFile(`${dir}/${name}`)),
  );
  tls = { key: key!, cert: cert!, ca: ca! };
});

afterAll(() => fs.rm(dir, { recursive: true }));

const start = {
  "http/protobuf": async () => {
    const server = await startHttpDestination(undefined, 0, tls);
    return { ...server, bodies: () => server.got.map(({ body }) => body) };
  },
  grpc: async () => {
    const server = await startGrpcDestination(undefined, tls);
    return { ...server, bodies: () => server.got.map(({ message }) => message) };
  },
};

const file = (name: string): string => `${dir}/${name}`;
const situations: Record<string, { section: () => object; isTaken: boolean }> = {
  "both know each other": {
    section: () => ({
      ca_file: file("server.pem"),
      cert_file: file("client.pem"),
      key_file: file("client.key"),
    }),
    isTaken: true,
  },
  "a destination that nobody vouches for": {
    section: () => ({ cert_file: file("client.pem"), key_file: file("client.key") }),
    isTaken: false,
  },
  "a destination that somebody else vouches for": {
    section: () => ({
      ca_file: file("client.pem"),
      cert_file: file("client.pem"),
      key_file: file("client.key"),
    }),
    isTaken: false,
  },
};

const cases = (["http/protobuf", "grpc"] as const).flatMap((protocol) =>
  Object.entries(situations).map(([name, situation]) => ({ protocol, name, ...situation })),
);

test.skipIf(!hasOpenssl).each(cases)("$protocol: $name", async ({ protocol, section, isTaken }) => {
  const server = await start[protocol]();
  const sections = [{ name: "a", protocol, endpoint: server.url, tls: section() }];
  const [destination] = parseForward(JSON.stringify({ destinations: sections }), {}, "test");
  const sender = createSender(destination!);
  try {
    const body = request(span(text(5, "call")));
    const answer = await sender.send(
      await sender.encode(body),
      "traces",
      new AbortController().signal,
    );
    // What is not known today may be known when somebody has put the certificate right: nothing is dropped.
    expect(answer.kind).toBe(isTaken ? "accepted" : "retry");
    expect(server.bodies()).toEqual(isTaken ? [Buffer.from(body)] : []);
  } finally {
    sender.close();
    await server.stop();
  }
});

test.skipIf(!hasOpenssl)(
  "a destination that asks who sends takes nothing from a stranger",
  async () => {
    const server = await start.grpc();
    const sections = [
      { name: "a", protocol: "grpc", endpoint: server.url, tls: { ca_file: file("server.pem") } },
    ];
    const [destination] = parseForward(JSON.stringify({ destinations: sections }), {}, "test");
    const sender = createSender(destination!);
    const encoded = await sender.encode(request(span(text(5, "call"))));
    expect((await sender.send(encoded, "traces", new AbortController().signal)).kind).toBe("retry");
    expect(server.bodies()).toEqual([]);
    sender.close();
    await server.stop();
  },
);
