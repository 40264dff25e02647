/** What a call's headers say: that it is gRPC, how its message is compressed, and by when it wants its answer. */
import type { IncomingHttpHeaders } from "node:http2";
import { Refusal } from "../refusal.ts";

export interface CallHead {
  gzip: boolean;
  /** Milliseconds from now; undefined when the client waits for ever. */
  timeoutMs: number | undefined;
}

const UNIT_MS: Record<string, number> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Node's timers end here; a call with more time has all it needs. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** @throws Refusal for what is not a gRPC call that can be read here */
export function readHead(headers: IncomingHttpHeaders): CallHead {
  if (headers[":method"] !== "POST") {
    throw new Refusal("method", `expected POST, got "${String(headers[":method"]).slice(0, 20)}"`);
  }
  const type = headers["content-type"] ?? "";
  if (!/^application\/grpc(\+proto)?( *;.*)?$/i.test(type)) {
    throw new Refusal(
      "content_type",
      `expected Content-Type application/grpc, got "${type.slice(0, 100)}"; OTLP/HTTP has a port of its own (4318)`,
    );
  }
  return { gzip: isGzip(headers["grpc-encoding"]), timeoutMs: timeoutOf(headers["grpc-timeout"]) };
}

function isGzip(encoding: string | string[] | undefined): boolean {
  if (encoding === undefined || encoding === "identity") return false;
  if (encoding === "gzip") return true;
  throw new Refusal(
    "content_encoding",
    `expected grpc-encoding identity or gzip, got "${String(encoding).slice(0, 100)}"`,
  );
}

function timeoutOf(timeout: string | string[] | undefined): number | undefined {
  if (timeout === undefined) return undefined;
  const match = /^(\d{1,8})([HMSmun])$/.exec(String(timeout));
  if (match === null) {
    const got = String(timeout).slice(0, 40);
    throw new Refusal("malformed", `expected grpc-timeout of digits and a unit, got "${got}"`);
  }
  return Math.min(Number(match[1]) * UNIT_MS[match[2]!]!, LONGEST_TIMER_MS);
}
