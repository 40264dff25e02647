/** Destinations for tests: servers that write down what they got, and answer as they are told. */
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  type sendUnaryData,
} from "@grpc/grpc-js";

export interface HttpAnswer {
  status: number;
  headers?: http.OutgoingHttpHeaders;
  body?: Uint8Array | string;
  /** Never ends. */
  endless?: boolean;
}

interface Got {
  path: string;
  headers: http.IncomingHttpHeaders;
  /** Inflated. */
  body: Buffer;
}

/** In PEM. Whoever sends must have a certificate of `ca`. */
export interface DestinationTls {
  key: Buffer;
  cert: Buffer;
  ca: Buffer;
}

export interface HttpDestination {
  url: string;
  /** Everything that came, whatever the answer. */
  got: Got[];
  stop(): Promise<void>;
}

export async function startHttpDestination(
  answer: (got: Got, n: number) => HttpAnswer | Promise<HttpAnswer> = () => ({ status: 200 }),
  port = 0,
  tls?: DestinationTls,
): Promise<HttpDestination> {
  const got: Got[] = [];
  const take: http.RequestListener = (request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const sent = Buffer.concat(chunks);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      const one = { path: request.url ?? "", headers: request.headers, body };
      got.push(one);
      const { status, headers, body: said = "", endless } = await answer(one, got.length);
      response.writeHead(status, headers);
      if (endless) void flood(response);
      else response.end(said);
    })();
  };
  const server = tls
    ? https.createServer({ ...tls, requestCert: true }, take)
    : http.createServer(take);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function flood(response: http.ServerResponse): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024);
  response.on("error", () => {});
  while (!response.destroyed) {
    if (!response.write(chunk))
      await Promise.race([once(response, "drain"), once(response, "close")]);
  }
}

export interface GrpcDestination {
  url: string;
  got: { method: string; message: Buffer; metadata: Metadata }[];
  stop(): Promise<void>;
}

/** gRPC's own server, with the bytes of the messages left as they are. */
export async function startGrpcDestination(
  answer: (n: number, message: Buffer) => Partial<ServiceError> | Buffer = () => Buffer.alloc(0),
  tls?: DestinationTls,
): Promise<GrpcDestination> {
  const got: GrpcDestination["got"] = [];
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  for (const [service, method] of [
    ["trace.v1.TraceService", "traces"],
    ["logs.v1.LogsService", "logs"],
  ] as const) {
    const path = `/opentelemetry.proto.collector.${service}/Export`;
    const asIs = (bytes: Buffer): Buffer => bytes;
    const definition = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    };
    server.addService(
      { Export: definition },
      {
        Export(call: { request: Buffer; metadata: Metadata }, done: sendUnaryData<Buffer>): void {
          got.push({ method, message: call.request, metadata: call.metadata });
          const said = answer(got.length, call.request);
          if (Buffer.isBuffer(said)) done(null, said);
          else done(said);
        },
      },
    );
  }
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const credentials = tls
    ? ServerCredentials.createSsl(tls.ca, [{ private_key: tls.key, cert_chain: tls.cert }], true)
    : ServerCredentials.createInsecure();
  server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
    error ? reject(error) : resolve(port),
  );
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${await promise}`,
    got,
    stop: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}
