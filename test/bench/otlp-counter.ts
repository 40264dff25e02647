/** An OTLP/HTTP receiver that counts what it gets and keeps nothing. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WireReader } from "../../collector/otlp/wire.ts";

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

/** ExportTraceServiceRequest → resource_spans = 1 → scope_spans = 2 → spans = 2. */
function spansOf(body: Uint8Array, path: readonly number[] = [1, 2, 2]): Uint8Array[] {
  const [field, ...deeper] = path;
  if (field === undefined) return [Uint8Array.from(body)];
  const reader = new WireReader();
  reader.reset(body);
  const found: Uint8Array[] = [];
  while (reader.at < body.length) {
    const tag = reader.tag(body.length);
    if (tag !== field * 8 + 2) {
      reader.skip(tag, body.length);
      continue;
    }
    const end = reader.delimited(body.length);
    found.push(...spansOf(body.subarray(reader.at, end), deeper));
    reader.at = end;
  }
  return found;
}
