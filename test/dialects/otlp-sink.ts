/** An OTLP/HTTP receiver that keeps the spans it got, each as its message. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { transcodeTraces } from "../../collector/otlp/json.ts";
import { WireReader } from "../../collector/otlp/wire.ts";

export interface OtlpSink {
  server: Server;
  url: string;
  spans: Uint8Array[];
  /** The requests themselves. */
  bodies: Uint8Array[];
}

export async function startOtlpSink(): Promise<OtlpSink> {
  const spans: Uint8Array[] = [];
  const bodies: Uint8Array[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const sent = Buffer.concat(chunks);
      const plain = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      const isJson = request.headers["content-type"]?.includes("json") ?? false;
      if (request.url?.endsWith("/v1/traces")) {
        const body = isJson ? transcodeTraces(plain).body : plain;
        bodies.push(body);
        spans.push(...spansOf(body));
      }
      response.setHeader("content-type", request.headers["content-type"] ?? "");
      response.end(isJson ? "{}" : "");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}`, spans, bodies };
}

/** ExportTraceServiceRequest → resource_spans = 1 → scope_spans = 2 → spans = 2. */
export function spansOf(body: Uint8Array, path: readonly number[] = [1, 2, 2]): Uint8Array[] {
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
