/**
 * One way to a destination. `encode` makes the bytes that go over the wire, once; `send` may be called with them any
 * number of times and never rejects: whatever happens is an answer.
 */
import type { Answer } from "./answer.ts";
import type { Signal } from "../stages.ts";
import type { Destination } from "./destination.ts";
import { createGrpcSender } from "./grpc-sender.ts";
import { createHttpSender } from "./http-sender.ts";
import manifest from "../package.json" with { type: "json" };

export interface Sender {
  encode(body: Uint8Array): Promise<Uint8Array>;
  /** `signal` ends it with an answer of kind "retry". */
  send(encoded: Uint8Array, kind: Signal, signal: AbortSignal): Promise<Answer>;
  close(): void;
}

export function createSender(destination: Destination): Sender {
  return destination.protocol === "grpc"
    ? createGrpcSender(destination, USER_AGENT)
    : createHttpSender(destination, USER_AGENT);
}

const USER_AGENT = `Assay/${manifest.version} OTel-OTLP-Exporter-JavaScript/${manifest.version}`;
