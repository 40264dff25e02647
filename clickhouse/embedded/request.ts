/**
 * One HTTP request, read into what it asks for: query text, data that belongs to it, parameters, settings.
 *
 * The query may be in the URL, in the body, or split over both. When it is an INSERT with data, the rest of the
 * body is that data and stays a stream; any other body is text and is read whole, up to `maxQueryBytes`.
 */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import zlib from "node:zlib";
import type { Role } from "./denied.ts";
import { queryError } from "./errors.ts";
import { beginsInsert, insertHead } from "./insert-text.ts";

/** A statement's text; the engine's default for max_query_size is 256 KiB, but long IN lists are usual. */
const maxQueryBytes = 16 * 1024 * 1024;

export interface QueryRequest {
  /** Statement, or an INSERT's head. */
  text: string;
  /** The data of an INSERT. */
  data: Readable | undefined;
  parameters: ReadonlyMap<string, string>;
  settings: ReadonlyMap<string, string>;
  database: string | undefined;
  defaultFormat: string;
  queryId: string | undefined;
  compressed: boolean;
  /** Of ClickHouse's native protocol, as the client announces it; 0 when it does not. */
  protocolRevision: number;
  /** Name of a file in the spool folder that holds an INSERT's data. */
  spoolFile: string | undefined;
}

/** What the server takes from the URL itself, and does not pass on as a setting. */
const reserved = new Set(
  [
    "query query_id database default_format user password quota_key stacktrace buffer_size wait_end_of_query",
    "enable_http_compression http_zlib_compression_level client_protocol_version assay_spool",
    "add_http_cors_header cancel_http_readonly_queries_on_client_close log_comment query_start_time",
    "send_progress_in_http_headers http_write_exception_in_output_format hedged_requests close_session",
    "http_make_head_request session_id session_timeout session_check",
  ].flatMap((line) => line.split(" ")),
);

/** What a session would keep is settings and temporary tables. A reader may have neither, so its sessions need nothing. */
const sessions = {
  session_id: "sessions",
  session_timeout: "sessions",
  session_check: "sessions",
} as const;

const unsupported = {
  role: "roles",
  compress: "ClickHouse's own compression (use gzip)",
  decompress: "ClickHouse's own compression (use gzip)",
} as const;

/** @throws QueryError */
export async function readRequest(
  request: IncomingMessage,
  url: URL,
  role: Role,
): Promise<QueryRequest> {
  const form = await readForm(request);
  const values = new URLSearchParams([...url.searchParams, ...(form ?? [])]);
  refuseUnsupported(values, role === "reader" ? unsupported : { ...sessions, ...unsupported });
  const { text, data } = await readQuery(
    values.get("query") ?? "",
    form ? undefined : bodyOf(request),
  );
  return {
    text,
    data,
    parameters: new Map(
      [...values].filter(([name]) => name.startsWith("param_")).map(([n, v]) => [n.slice(6), v]),
    ),
    settings: new Map(
      [...values].filter(([name]) => !name.startsWith("param_") && !reserved.has(name)),
    ),
    database: header(request, "x-clickhouse-database") ?? values.get("database") ?? undefined,
    defaultFormat: formatName(
      header(request, "x-clickhouse-format") ?? values.get("default_format") ?? "TabSeparated",
    ),
    queryId: header(request, "x-clickhouse-query-id") ?? (values.get("query_id") || undefined),
    compressed:
      /^(1|true)$/.test(values.get("enable_http_compression") ?? "") &&
      /\bgzip\b/.test(header(request, "accept-encoding") ?? ""),
    protocolRevision: Number(values.get("client_protocol_version") ?? 0) || 0,
    spoolFile: values.get("assay_spool") ?? undefined,
  };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** It becomes part of the statement, after the gate: nothing but a name may pass. */
function formatName(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9]*$/.test(text)) return text;
  throw queryError(73, `Unknown format ${text.slice(0, 100)}`);
}

function refuseUnsupported(values: URLSearchParams, refused: Record<string, string>): void {
  for (const [name, what] of Object.entries(refused)) {
    const value = values.get(name);
    if (value !== null && value !== "0" && value !== "") {
      throw queryError(48, `The embedded engine does not support ${what}: ${name}="${value}"`);
    }
  }
}

/** Clients send long parameters as a form; query and parameters are then both in the body. */
async function readForm(request: IncomingMessage): Promise<[string, string][] | undefined> {
  const type = header(request, "content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) return undefined;
  const body = await readWhole(bodyOf(request));
  try {
    const form = await new Response(new Uint8Array(body), {
      headers: { "content-type": type },
    }).formData();
    return [...form].filter((entry): entry is [string, string] => typeof entry[1] === "string");
  } catch (cause) {
    throw queryError(
      36,
      `Expected a form in the body, got what cannot be read as one: ${String(cause)}`,
    );
  }
}

function bodyOf(request: IncomingMessage): Readable {
  const encoding = (header(request, "content-encoding") ?? "identity").trim().toLowerCase();
  const decoder = decoderOf(encoding);
  if (!decoder) return request;
  request.on("error", (error) => decoder.destroy(error));
  request.on("close", () => {
    if (!request.complete) decoder.destroy(new Error("the client went away"));
  });
  return request.pipe(decoder);
}

function decoderOf(encoding: string): (Readable & NodeJS.WritableStream) | undefined {
  switch (encoding) {
    case "identity":
    case "":
      return undefined;
    case "gzip":
    case "x-gzip":
      return zlib.createGunzip();
    case "deflate":
      return zlib.createInflate();
    case "br":
      return zlib.createBrotliDecompress();
    case "zstd":
      return zlib.createZstdDecompress();
    default:
      throw queryError(
        48,
        `Expected Content-Encoding gzip, deflate, br or zstd, got "${encoding}"`,
      );
  }
}

async function readWhole(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxQueryBytes)
      throw queryError(229, `Query is too large: expected at most ${maxQueryBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function readQuery(
  urlText: string,
  body: Readable | undefined,
): Promise<{ text: string; data: Readable | undefined }> {
  const inUrl = insertHead(urlText);
  if (inUrl) {
    const rest = Buffer.from(urlText.slice(inUrl.dataAt), "utf8");
    return {
      text: inUrl.head,
      data: Readable.from(joined([rest], body?.[Symbol.asyncIterator]()), { objectMode: false }),
    };
  }
  if (!body) return { text: urlText, data: undefined };
  return readQueryFromBody(urlText === "" ? "" : `${urlText}\n`, body);
}

/** Reads until the text's end, or until an INSERT's head is complete: what follows is then its data. */
async function readQueryFromBody(
  prefix: string,
  body: Readable,
): Promise<{ text: string; data: Readable | undefined }> {
  const source = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let read: Buffer = Buffer.from(prefix, "utf8");
  let tried = 0;
  for (let next = await source.next(); !next.done; next = await source.next()) {
    read = Buffer.concat([read, next.value]);
    if (read.length > maxQueryBytes + prefix.length) {
      throw queryError(229, `Query is too large: expected at most ${maxQueryBytes} bytes`);
    }
    // Looked at in doubling steps, and only where the head can be: the whole stays linear.
    if (read.length < 2 * tried || tried > 1024 * 1024) continue;
    tried = read.length;
    const insert = dataOfInsert(read, source);
    if (insert) return insert;
  }
  return dataOfInsert(read, undefined) ?? { text: read.toString("utf8"), data: undefined };
}

function dataOfInsert(
  read: Buffer,
  rest: AsyncIterator<Buffer> | undefined,
): { text: string; data: Readable } | undefined {
  // Latin-1 keeps offsets equal to bytes, whatever the data is; keywords and quotes are ASCII.
  const bytes = read.toString("latin1");
  if (!beginsInsert(bytes)) return undefined;
  const found = insertHead(bytes);
  // The head may go on in bytes that are still to come: FORMAT JSON | EachRow.
  if (!found || (rest && found.dataAt === bytes.length)) return undefined;
  const text = Buffer.from(found.head, "latin1").toString("utf8");
  return {
    text,
    data: Readable.from(joined([read.subarray(found.dataAt)], rest), { objectMode: false }),
  };
}

async function* joined(
  first: Buffer[],
  rest: AsyncIterator<Buffer> | undefined,
): AsyncGenerator<Buffer> {
  for (const chunk of first) if (chunk.length > 0) yield chunk;
  if (!rest) return;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
