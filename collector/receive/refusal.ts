/** Why a request is not answered with success, in the terms of HTTP, of gRPC and of the receiver's counters. */

/** One counter each. */
export type RefusalReason =
  | "foreign_origin"
  | "foreign_host"
  | "not_found"
  | "unknown_service"
  | "method"
  | "content_type"
  | "content_encoding"
  | "too_large"
  | "malformed"
  | "head_too_large"
  | "expectation"
  | "overload"
  | "memory"
  | "timeout"
  | "deadline"
  | "stopping"
  | "failed";

/**
 * HTTP status and google.rpc.Code of each reason: the one table for both transports. gRPC answers with the code, HTTP
 * with the status and the code in its body.
 */
const ANSWERS: Record<RefusalReason, readonly [httpStatus: number, rpcCode: number]> = {
  foreign_origin: [403, 7], // PERMISSION_DENIED
  foreign_host: [403, 7],
  not_found: [404, 12], // UNIMPLEMENTED
  unknown_service: [404, 5], // NOT_FOUND
  method: [405, 12],
  content_type: [415, 3], // INVALID_ARGUMENT
  content_encoding: [415, 12],
  too_large: [413, 8], // RESOURCE_EXHAUSTED, final because there is no RetryInfo with it
  malformed: [400, 3],
  head_too_large: [431, 3],
  expectation: [417, 3],
  // The states that pass: senders retry 503 only, never 408 or 500.
  overload: [503, 14], // UNAVAILABLE
  memory: [503, 14],
  timeout: [503, 14],
  deadline: [503, 4], // DEADLINE_EXCEEDED
  stopping: [503, 14],
  failed: [500, 13], // INTERNAL
};

/** Senders that are told no time back off by themselves, some for longer than they keep spans. */
const RETRY_AFTER_SECONDS = 1;

export interface RefusalOptions extends ErrorOptions {
  /** @default 1 for what passes; nothing else has one */
  retryAfterSeconds?: number;
}

export class Refusal extends Error {
  readonly reason: RefusalReason;
  readonly httpStatus: number;
  readonly rpcCode: number;
  /** When to send it again; unset for what will never be accepted. */
  readonly retryAfterSeconds: number | undefined;
  /** For HTTP. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    reason: RefusalReason,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    options: RefusalOptions = {},
  ) {
    super(message, options);
    this.name = "Refusal";
    this.reason = reason;
    [this.httpStatus, this.rpcCode] = ANSWERS[reason];
    const passes = this.httpStatus === 503;
    const seconds = passes ? (options.retryAfterSeconds ?? RETRY_AFTER_SECONDS) : undefined;
    this.retryAfterSeconds = seconds;
    this.headers = seconds === undefined ? headers : { "Retry-After": String(seconds), ...headers };
  }
}

/** The client went away before its body was complete. */
export class AbortedError extends Error {
  override readonly name = "AbortedError";
}
