/**
 * ClickHouse's errors as its HTTP interface shows them: a code, a name, a status and one line of text.
 *
 * The engine reports failures as text only, and wraps some of them once more; `engineError` takes them apart.
 * The table of statuses is the server's own (exceptionCodeToHTTPStatus), with what is not named there being 500.
 */

const errorNames = {
  36: "BAD_ARGUMENTS",
  48: "NOT_IMPLEMENTED",
  62: "SYNTAX_ERROR",
  73: "UNKNOWN_FORMAT",
  107: "FILE_DOESNT_EXIST",
  115: "UNKNOWN_SETTING",
  164: "READONLY",
  202: "TOO_MANY_SIMULTANEOUS_QUERIES",
  216: "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
  229: "QUERY_IS_TOO_LARGE",
  243: "NOT_ENOUGH_SPACE",
  394: "QUERY_WAS_CANCELLED",
  497: "ACCESS_DENIED",
  516: "AUTHENTICATION_FAILED",
  1001: "STD_EXCEPTION",
} as const;

export type OwnErrorCode = keyof typeof errorNames;

/** A failure that the client is told of, in ClickHouse's terms. */
export class QueryError extends Error {
  readonly code: number;
  readonly codeName: string;

  constructor(code: number, codeName: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "QueryError";
    this.code = code;
    this.codeName = codeName;
  }
}

/** An error that this server raises itself. */
export function queryError(code: OwnErrorCode, message: string): QueryError {
  return new QueryError(code, errorNames[code], message);
}

const enginePattern =
  /^Code: (\d+)\. DB::Exception: ([\s\S]*?)\.? ?\(([A-Z0-9_]+)\)(?: \(version [^)]*(?:\([^)]*\))?\))?\s*$/;
const wrappedPattern =
  /^Code: \d+\. DB::Exception: (Code: \d+\. DB::Exception: [\s\S]*?\([A-Z0-9_]+\)) \(version [\s\S]*\)\. \([A-Z0-9_]+\)\s*$/;

/** Reads the engine's message; what it cannot read becomes STD_EXCEPTION with the text as it is. */
export function engineError(thrown: unknown): QueryError {
  if (thrown instanceof QueryError) return thrown;
  let text = thrown instanceof Error ? thrown.message : String(thrown);
  for (let wrapped = wrappedPattern.exec(text); wrapped; wrapped = wrappedPattern.exec(text))
    text = wrapped[1]!;
  const match = enginePattern.exec(text);
  if (!match) return new QueryError(1001, errorNames[1001], text, { cause: thrown });
  return new QueryError(Number(match[1]), match[3]!, match[2]!, { cause: thrown });
}

/** The line that clients parse: `Code: 60. DB::Exception: … . (UNKNOWN_TABLE) (version 26.7.2.1)`. */
export function errorText(error: QueryError, version: string): string {
  return `Code: ${error.code}. DB::Exception: ${error.message}. (${error.codeName}) (version ${version})\n`;
}

const statusOfCode = new Map<number, number>([
  [194, 401], // REQUIRED_PASSWORD
  ...[192, 193, 516, 512, 497].map((code) => [code, 403] as const), // users, passwords, access
  ...[
    6, 15, 16, 25, 26, 27, 36, 38, 41, 44, 53, 62, 72, 117, 167, 168, 223, 224, 321, 376, 427, 441,
    675, 676,
  ].map(
    (code) => [code, 400] as const, // what cannot be parsed or does not fit
  ),
  ...[46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 211, 336, 511].map((code) => [code, 404] as const), // UNKNOWN_…
  [229, 413], // QUERY_IS_TOO_LARGE
  [48, 501], // NOT_IMPLEMENTED
  [209, 503], // SOCKET_TIMEOUT
  [76, 503], // CANNOT_OPEN_FILE
  [381, 411], // HTTP_LENGTH_REQUIRED
  [159, 408], // TIMEOUT_EXCEEDED
  [439, 503], // CANNOT_SCHEDULE_TASK
]);

export function httpStatus(error: QueryError): number {
  return statusOfCode.get(error.code) ?? 500;
}
