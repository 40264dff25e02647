/** Both receivers over one intake, a sink that remembers, and the rows that the encoder makes of what it got. */
import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import { gzipSync } from "node:zlib";
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { ProtobufLogsSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { createEncoder } from "../../collector/encode/encoder.ts";
import { readBlock, type Row } from "../../collector/encode/native-reading.ts";
import {
  createOtlpGrpcReceiver,
  type OtlpGrpcReceiverOptions,
} from "../../collector/receive/grpc/receiver.ts";
import { createIntake, type IntakeOptions } from "../../collector/receive/intake.ts";
import {
  createOtlpHttpReceiver,
  type OtlpHttpReceiverOptions,
  type OtlpReceiver,
} from "../../collector/receive/receiver.ts";
import type { AcceptedRequest, Signal } from "../../collector/stages.ts";

export const MiB = 1024 * 1024;
export const SERVICE = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const METHODS: Record<Signal, string> = {
  traces: SERVICE,
  logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
};

export type Options = Partial<
  IntakeOptions & Omit<OtlpHttpReceiverOptions, "intake"> & Omit<OtlpGrpcReceiverOptions, "intake">
>;

export interface Receivers {
  http: OtlpReceiver;
  grpc: OtlpReceiver;
  httpPort: number;
  grpcPort: number;
  taken: AcceptedRequest[];
  logged: string[];
  /** What would be stored of everything taken since the last call. */
  rows(): Row[];
  stop(): Promise<void>;
}

export async function startReceivers(options: Options = {}): Promise<Receivers> {
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
  const http = createOtlpHttpReceiver({ intake, ...options });
  const grpc = createOtlpGrpcReceiver({ intake, ...options });
  const address = { host: "127.0.0.1", port: 0 };
  const encoder = createEncoder({
    priceBook: loadPriceBook(),
    collectorId: "log-1",
    maxSpanAgeMs: 7 * 86_400_000,
  });
  return {
    http,
    grpc,
    httpPort: (await http.listen(address)).port,
    grpcPort: (await grpc.listen(address)).port,
    taken,
    logged,
    rows() {
      for (const [i, request] of taken.splice(0).entries())
        encoder.append({ ...request, seq: i + 1 });
      // The cases are about other things, and most send the same span.
      encoder.forgetSpans();
      return readBlock(encoder.finish(1));
    },
    stop: async () => {
      await Promise.all([http.stop(0), grpc.stop(0)]);
    },
  };
}

export const TRANSPORTS = ["HTTP/protobuf", "HTTP/JSON", "gRPC"] as const;
export type Transport = (typeof TRANSPORTS)[number];
export const ENCODINGS = ["identity", "gzip"] as const;
export type Encoding = (typeof ENCODINGS)[number];

export interface Outcome {
  /** google.rpc.Code; 0 is success. */
  code: number;
  rejected: number;
  message: string;
}

/** Sends one request over any transport and says what came of it in the same words. */
export async function send(
  to: Pick<Receivers, "httpPort" | "grpcPort">,
  transport: Transport,
  encoding: Encoding,
  body: Uint8Array,
  signal: Signal = "traces",
): Promise<Outcome> {
  const sent = encoding === "gzip" ? gzipSync(body) : Buffer.from(body);
  if (transport === "gRPC") {
    const session = dial(to.grpcPort);
    const headers = encoding === "gzip" ? { "grpc-encoding": "gzip" } : {};
    const path = METHODS[signal];
    const answer = await call(session, { path, headers, body: framed(sent, encoding === "gzip") });
    session.destroy();
    const partial = partialOf(signal, answer.body.subarray(5));
    return { code: answer.code, ...partial, message: answer.message || partial.message };
  }
  const json = transport === "HTTP/JSON";
  const response = await fetch(`http://127.0.0.1:${to.httpPort}/v1/${signal}`, {
    method: "POST",
    headers: {
      "Content-Type": json ? "application/json" : "application/x-protobuf",
      "Content-Encoding": encoding,
    },
    body: new Uint8Array(sent),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  if (!json) {
    if (response.ok) return { code: 0, ...partialOf(signal, answer) };
    return { code: answer[1]!, rejected: 0, message: answer.toString() };
  }
  const { code = 0, message = "", partialSuccess = {} } = JSON.parse(answer.toString());
  const { rejectedSpans, rejectedLogRecords, errorMessage = message } = partialSuccess;
  const rejected = Number((signal === "logs" ? rejectedLogRecords : rejectedSpans) ?? 0);
  return { code, rejected, message: errorMessage };
}

function partialOf(signal: Signal, body: Buffer): { rejected: number; message: string } {
  if (signal === "logs") {
    const { partialSuccess } = ProtobufLogsSerializer.deserializeResponse(body);
    return {
      rejected: Number(partialSuccess?.rejectedLogRecords ?? 0),
      message: partialSuccess?.errorMessage ?? "",
    };
  }
  const { partialSuccess } = ProtobufTraceSerializer.deserializeResponse(body);
  return {
    rejected: Number(partialSuccess?.rejectedSpans ?? 0),
    message: partialSuccess?.errorMessage ?? "",
  };
}

export function dial(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {}); // sessions that are ended by force are what is tested
  return session;
}

/** A gRPC message. */
export function framed(content: Uint8Array, compressed = false): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(content.length, 1);
  return Buffer.concat([prefix, content]);
}

export interface CallAnswer {
  code: number;
  message: string;
  headers: Record<string, unknown>;
  /** google.rpc.Status, as text in which the type URLs can be found. */
  details: string;
  body: Buffer;
}

export interface Call {
  path?: string;
  headers?: Record<string, string>;
  body?: Buffer;
}

/** A unary call by hand. */
export async function call(
  session: ClientHttp2Session,
  { path = SERVICE, headers = {}, body }: Call,
): Promise<CallAnswer> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  const got: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on("error", () => {}); // `close` follows
  stream.on("response", (head) => Object.assign(got, head));
  stream.on("trailers", (trailers) => Object.assign(got, trailers));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.end(body);
  await once(stream, "close");
  const trailer = (name: string): string => {
    const value = got[name];
    return typeof value === "string" ? value : "";
  };
  return {
    code: Number(trailer("grpc-status") || -1),
    message: decodeURIComponent(trailer("grpc-message")),
    headers: got,
    details: Buffer.from(trailer("grpc-status-details-bin"), "base64").toString("latin1"),
    body: Buffer.concat(chunks),
  };
}
