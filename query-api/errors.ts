/**
 * Every error that the API answers with, in one table: code, HTTP status, message.
 *
 * Bodies look like `{"error": {"code": "bad_parameter", "message": "…", …details}}`. Clients tell errors apart by
 * `code`; messages may change. What is not in the table is a bug: it is logged and answered as `internal`.
 */
import { ClickHouseError } from "@clickhouse/client";

const ERRORS = {
  bad_parameter: { status: 400, message: "A parameter is wrong." },
  unsupported_combination: {
    status: 400,
    message: "No stored table has all of these dimensions together.",
  },
  too_many_rows: { status: 400, message: "The answer would have too many rows." },
  query_too_costly: {
    status: 400,
    message:
      "The query would read more than it may (ASSAY_QUERY_MAX_ROWS, ASSAY_QUERY_MAX_GB): narrow the time range or the filters.",
  },
  foreign_host: {
    status: 403,
    message: "The Host header names a host that this server is not known by.",
  },
  foreign_origin: { status: 403, message: "Requests from other origins are refused." },
  read_only: {
    status: 403,
    message:
      "This server may only read: it takes what is to be written where the collector's ASSAY_DATA is at hand, or CLICKHOUSE_URL names a user who may write.",
  },
  not_found: { status: 404, message: "There is no such address." },
  incident_not_found: { status: 404, message: "There is no such incident." },
  trace_not_found: { status: 404, message: "No span of this trace is stored." },
  span_not_found: { status: 404, message: "This span is not stored." },
  method_not_allowed: { status: 405, message: "The address does not take this method." },
  body_too_large: { status: 413, message: "A body may have up to 64 KiB." },
  unsupported_media_type: { status: 415, message: "A body must be application/json." },
  rate_limited: {
    status: 429,
    message: "Too many requests from this address (ASSAY_HTTP_RATE a second); try again.",
  },
  internal: {
    status: 500,
    message: "The request failed by a fault of the server; its log says more.",
  },
  page_not_built: {
    status: 503,
    message: "The page is not built: run `node query-api/page/build.ts`.",
  },
  store_unavailable: { status: 503, message: "ClickHouse cannot be reached; try again." },
  schema_missing: {
    status: 503,
    message: "ClickHouse has no schema of ours yet; the collector creates it.",
  },
  store_overloaded: {
    status: 503,
    message: "The query needed more memory than allowed: narrow the time range.",
  },
  too_many_live: {
    status: 503,
    message: "Too many clients follow live spans (ASSAY_HTTP_LIVE_CLIENTS); try again later.",
  },
  too_busy: { status: 503, message: "Too many requests at once; try again." },
  query_timeout: { status: 504, message: "The query took too long: narrow the time range." },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof ERRORS;

export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(
    code: ErrorCode,
    message?: string,
    details: Record<string, unknown> = {},
    cause?: unknown,
  ) {
    super(message ?? ERRORS[code].message, cause === undefined ? undefined : { cause });
    this.name = "ApiError";
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  body(): { error: Record<string, unknown> } {
    return { error: { code: this.code, message: this.message, ...this.details } };
  }
}

export function badParameter(parameter: string, expected: string, got: string): ApiError {
  return new ApiError("bad_parameter", `${parameter}: expected ${expected}, got "${got}"`, {
    parameter,
    expected,
    got,
  });
}

/** ClickHouse's error codes that mean something to a client. */
const STORE_ERRORS = new Map<string, ErrorCode>([
  ["60", "schema_missing"], // UNKNOWN_TABLE
  ["81", "schema_missing"], // UNKNOWN_DATABASE
  ["158", "query_too_costly"], // TOO_MANY_ROWS
  ["159", "query_timeout"], // TIMEOUT_EXCEEDED
  ["160", "query_timeout"], // TOO_SLOW
  ["202", "too_busy"], // TOO_MANY_SIMULTANEOUS_QUERIES
  ["241", "store_overloaded"], // MEMORY_LIMIT_EXCEEDED
  ["307", "query_too_costly"], // TOO_MANY_BYTES
]);

const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EPIPE",
  "EHOSTUNREACH",
  "ETIMEDOUT",
]);

/** What a failed query means to the client; undefined: a bug of ours. */
export function storeError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof ClickHouseError) {
    const code = STORE_ERRORS.get(error.code);
    return code && new ApiError(code, undefined, {}, error);
  }
  if (!(error instanceof Error)) return undefined;
  if (UNREACHABLE.has((error as NodeJS.ErrnoException).code ?? "")) {
    return new ApiError("store_unavailable", undefined, {}, error);
  }
  return undefined;
}
