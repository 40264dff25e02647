/** An OTLP/HTTP receiver that counts what it gets and keeps nothing. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { spansOf } from "../dialects/otlp-sink.ts";

export interface OtlpCounter {
  readonly url: string;
  spans: number;
  /** Of all bodies, log records too. */
  bytes: number;
  close(): void;
}

export async function startOtlpCounter(): Promise<OtlpCounter> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      counter.bytes += body.length;
      if (request.url?.endsWith("/v1/traces")) counter.spans += spansOf(body).length;
      response.setHeader("content-type", request.headers["content-type"] ?? "");
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  const counter: OtlpCounter = { url: `http://127.0.0.1:${port}`, spans: 0, bytes: 0, close };
  return counter;
}
