/** Why a request is not answered 200, in the terms of HTTP, gRPC's status and the receiver's counters. */

/** One counter each. */
export type RefusalReason =
  | "foreign_origin"
  | "foreign_host"
  | "not_found"
  | "method"
  | "content_type"
  | "content_encoding"
  | "too_large"
  | "malformed"
  | "expectation"
  | "overload"
  | "memory"
  | "timeout"
  | "stopping"
  | "failed";

/** HTTP status and google.rpc.Code of each reason. */
const ANSWERS: Record<RefusalReason, readonly [httpStatus: number, rpcCode: number]> = {
  foreign_origin: [403, 7], // PERMISSION_DENIED
  foreign_host: [403, 7],
  not_found: [404, 12], // UNIMPLEMENTED
  method: [405, 12],
  content_type: [415, 3], // INVALID_ARGUMENT
  content_encoding: [415, 3],
  too_large: [413, 8], // RESOURCE_EXHAUSTED
  malformed: [400, 3],
  expectation: [417, 3],
  // The states that pass: senders retry 503 only, never 408 or 500.
  overload: [503, 14], // UNAVAILABLE
  memory: [503, 14],
  timeout: [503, 14],
  stopping: [503, 14],
  failed: [500, 13], // INTERNAL
};

export class Refusal extends Error {
  readonly reason: RefusalReason;
  readonly httpStatus: number;
  readonly rpcCode: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    reason: RefusalReason,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "Refusal";
    this.reason = reason;
    [this.httpStatus, this.rpcCode] = ANSWERS[reason];
    // Senders without Retry-After back off by themselves, some for longer than they keep spans.
    this.headers = this.httpStatus === 503 ? { "Retry-After": "1", ...headers } : headers;
  }
}

/** The client went away before its body was complete. */
export class AbortedError extends Error {
  override readonly name = "AbortedError";
}
