/**
 * The answer to one query.
 *
 * The first bytes are held back: a result that fits is sent with its length and summary, and a query that fails
 * before it gets further answers with an error's status. What is larger streams. A failure after that point
 * appends the exception in the form that clients look for and leaves the response incomplete for those who don't.
 */
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import zlib from "node:zlib";
import { errorText, httpStatus } from "./errors.ts";
import type { QueryError } from "./errors.ts";

export interface Summary {
  readRows: number;
  readBytes: number;
  writtenRows: number;
  writtenBytes: number;
  elapsedSeconds: number;
}

const heldBackBytes = 128 * 1024;

const contentTypes: readonly [RegExp, string][] = [
  [
    /^(JSON|JSONStrings|JSONCompact|JSONCompactStrings|JSONColumns|JSONCompactColumns|JSONColumnsWithMetadata|JSONObjectEachRow|GeoJSON)$/,
    "application/json; charset=UTF-8",
  ],
  [/^JSON.*EachRow/, "application/x-ndjson; charset=UTF-8"],
  [/^CSV$/, "text/csv; charset=UTF-8; header=absent"],
  [/^CSVWith/, "text/csv; charset=UTF-8; header=present"],
  [/^(TabSeparated|TSV)/, "text/tab-separated-values; charset=UTF-8"],
  [/^XML$/, "application/xml; charset=UTF-8"],
  [/^Markdown$/, "text/markdown; charset=UTF-8"],
  [
    /^(Native|RowBinary|Parquet|Arrow|ORC|Avro|Protobuf|MsgPack|BSON|Npy)/,
    "application/octet-stream",
  ],
  [/^Prometheus$/, "text/plain; version=0.0.4; charset=UTF-8"],
];

export function contentType(format: string): string {
  return contentTypes.find(([pattern]) => pattern.test(format))?.[1] ?? "text/plain; charset=UTF-8";
}

function summaryHeader(summary: Summary): string {
  return JSON.stringify({
    read_rows: String(summary.readRows),
    read_bytes: String(summary.readBytes),
    written_rows: String(summary.writtenRows),
    written_bytes: String(summary.writtenBytes),
    total_rows_to_read: "0",
    result_rows: "0",
    result_bytes: "0",
    elapsed_ns: String(Math.round(summary.elapsedSeconds * 1e9)),
  });
}

export function sendError(response: ServerResponse, error: QueryError, version: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = errorText(error, version);
  response.removeHeader("content-encoding");
  response.writeHead(httpStatus(error), {
    "content-type": "text/plain; charset=UTF-8",
    "x-clickhouse-exception-code": String(error.code),
    "content-length": String(Buffer.byteLength(body)),
  });
  response.end(body);
}

export function sendBytes(
  response: ServerResponse,
  bytes: Uint8Array,
  summary: Summary,
  compressed: boolean,
): void {
  response.setHeader("x-clickhouse-summary", summaryHeader(summary));
  const body = compressed ? zlib.gzipSync(bytes, { level: 1 }) : bytes;
  if (compressed) response.setHeader("content-encoding", "gzip");
  response.setHeader("content-length", String(body.length));
  response.end(body);
}

/** Sends `stream`, which ends when the query is over; `outcome` tells how it went. Resolves when all is handed over. */
export async function sendStream(
  response: ServerResponse,
  stream: Readable,
  outcome: Promise<Summary>,
  options: { compressed: boolean; version: string },
): Promise<void> {
  const held: Buffer[] = [];
  let heldBytes = 0;
  const source = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  while (heldBytes <= heldBackBytes) {
    const next = await source.next();
    if (next.done) {
      sendBytes(response, Buffer.concat(held), await outcome, options.compressed);
      return;
    }
    held.push(next.value);
    heldBytes += next.value.length;
  }
  await sendRest(response, held, source, outcome, options);
}

async function sendRest(
  response: ServerResponse,
  held: readonly Buffer[],
  source: AsyncIterator<Buffer>,
  outcome: Promise<Summary>,
  options: { compressed: boolean; version: string },
): Promise<void> {
  const tag = randomBytes(12).toString("base64url").replaceAll(/[-_]/g, "x");
  response.setHeader("x-clickhouse-exception-tag", tag);
  const gzip = options.compressed ? zlib.createGzip({ level: 1 }) : undefined;
  if (gzip) {
    response.setHeader("content-encoding", "gzip");
    gzip.pipe(response);
  }
  const target = gzip ?? response;
  const write = (chunk: Buffer): Promise<void> | undefined => {
    if (response.destroyed) return undefined; // the client went away: the rest is read and dropped until the query stops
    return target.write(chunk) ? undefined : drained(target, response);
  };
  for (const chunk of held) await write(chunk);
  for (let next = await source.next(); !next.done; next = await source.next())
    await write(next.value);
  try {
    await outcome;
  } catch (error) {
    target.write(exceptionBlock(error as QueryError, options.version, tag));
  }
  target.end();
}

function drained(target: NodeJS.WritableStream, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      target.removeListener("drain", done);
      response.removeListener("close", done);
      resolve();
    };
    target.once("drain", done);
    response.once("close", done);
  });
}

/** `\r\n__exception__\r\n<tag>\r\n<message>\n<its length> <tag>\r\n__exception__\r\n` */
function exceptionBlock(error: QueryError, version: string, tag: string): string {
  const message = errorText(error, version);
  return `\r\n__exception__\r\n${tag}\r\n${message}${Buffer.byteLength(message)} ${tag}\r\n__exception__\r\n`;
}
