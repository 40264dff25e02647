/** A place that spans are forwarded to, as configured and checked (config.ts). */
import type { Signal } from "../stages.ts";

type Protocol = "http/protobuf" | "grpc";

export interface Tls {
  /** PEM. The system's authorities when not set. */
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

export interface AttributeCondition {
  key: string;
  /** The value, as text, is one of these. */
  in: readonly string[];
  /** `any`: the span's own value if it has one, else the resource's. */
  on: "span" | "resource" | "any";
}

/** A span passes when every condition holds. */
export interface Filter {
  /** The project is one of these; a project is what it is for storage. */
  projects?: readonly string[];
  attributes?: readonly AttributeCondition[];
}

export interface Destination {
  /** Names its cursor: a-z, 0-9 and "-". */
  name: string;
  protocol: Protocol;
  /** Where each signal goes; a signal that is not here is not forwarded. */
  urls: Readonly<Partial<Record<Signal, URL>>>;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  compression: "gzip" | "none";
  /** For one attempt, from connecting to the end of the answer. */
  timeoutMs: number;
  tls: Tls;
  filter: Filter | undefined;
  /** Requests under way at a time. */
  maxInFlight: number;
  /** What the log keeps for it alone; beyond that its oldest is given up. */
  maxBacklogBytes: number;
  maxBacklogMs: number;
  startAt: "beginning" | "end";
}

/** Shorter words of a header's value ("Bearer", "team") are no secret, and stand in ordinary sentences. */
const LEAST_SECRET = 8;

/** Text from outside, with the destination's header values taken out, whole or in part, on one line and not long. */
export function presentable(text: string, { headers }: Pick<Destination, "headers">): string {
  let shown = text;
  for (const value of Object.values(headers)) {
    const words = value.split(/[\s,;=:]+/).filter((word) => word.length >= LEAST_SECRET);
    for (const secret of [value, ...words])
      if (secret !== "") shown = shown.replaceAll(secret, "***");
  }
  // What another server says goes into our log: no line breaks, no terminal codes.
  // oxlint-disable-next-line no-control-regex
  return shown.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").slice(0, 300);
}
