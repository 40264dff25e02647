/**
 * grpc.health.v1.Health: what load balancers and Kubernetes ask. SERVING until the receiver stops, then NOT_SERVING.
 *
 * It says whether this port answers, for the whole server ("") and each service on it. Whether the collector does its
 * work is for /healthz: a balancer that took a collector with a full log out of rotation would lose the senders their
 * `UNAVAILABLE, try again in a second`.
 */
import type { ServerHttp2Stream } from "node:http2";
import { WireReader } from "../../otlp/wire.ts";
import { Refusal } from "../refusal.ts";
import { answerMessage, answerRefusal, beginAnswer, canAnswer } from "./answer.ts";
import { frame } from "./framing.ts";

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;
/** Each holds a stream open; a balancer opens one per connection. */
const MAX_WATCHERS = 1_000;

export interface Health {
  check(stream: ServerHttp2Stream, request: Buffer): void;
  watch(stream: ServerHttp2Stream, request: Buffer): void;
  /** Tells those who watch, and ends their calls. */
  stop(): void;
}

/** @param services names that are asked for, besides "" for the server as a whole */
export function createHealth(services: readonly string[]): Health {
  const known = new Set(["", ...services]);
  const watchers = new Set<ServerHttp2Stream>();
  let status = SERVING;

  return {
    check(stream, request) {
      const service = serviceOf(request);
      if (known.has(service)) answerMessage(stream, statusMessage(status));
      else answerRefusal(stream, unknown(service));
    },
    watch(stream, request) {
      if (watchers.size === MAX_WATCHERS) {
        const message = `too many watchers of the health service (${MAX_WATCHERS})`;
        return answerRefusal(stream, new Refusal("overload", message));
      }
      if (!canAnswer(stream)) return;
      beginAnswer(stream);
      const now = known.has(serviceOf(request)) ? status : SERVICE_UNKNOWN;
      stream.write(frame(statusMessage(now)));
      if (status === NOT_SERVING) return void stream.end();
      watchers.add(stream);
      stream.once("close", () => watchers.delete(stream));
    },
    stop() {
      status = NOT_SERVING;
      for (const stream of watchers) stream.end(frame(statusMessage(status)));
    },
  };
}

/** HealthCheckResponse: status = 1. */
function statusMessage(status: number): Buffer {
  return Buffer.from([0x08, status]);
}

/** HealthCheckRequest: service = 1. @throws PermanentError */
function serviceOf(request: Buffer): string {
  const reader = new WireReader();
  reader.reset(request);
  let service = "";
  while (reader.at < request.length) {
    const tag = reader.tag(request.length);
    if (tag === 0x0a) {
      const end = reader.delimited(request.length);
      service = request.toString("utf8", reader.at, end);
      reader.at = end;
    } else reader.skip(tag, request.length);
  }
  return service;
}

function unknown(service: string): Refusal {
  return new Refusal("unknown_service", `unknown service "${service.slice(0, 100)}"`);
}
