/** What the headers say about the body: protobuf or JSON, compressed or not. */
import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "./refusal.ts";

export type Format = "protobuf" | "json";
export type Encoding = "identity" | "gzip" | "zstd";

export const CONTENT_TYPES: Record<Format, string> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

const FORMATS = new Map<string, Format>([
  ["application/x-protobuf", "protobuf"],
  ["application/protobuf", "protobuf"],
  ["application/json", "json"],
]);

/** The format of the body, undefined when it is neither of ours. Parameters (`; charset=utf-8`) do not matter. */
export function formatOf(headers: IncomingHttpHeaders): Format | undefined {
  const type = headers["content-type"] ?? "";
  return FORMATS.get(type.split(";", 1)[0]!.trim().toLowerCase());
}

export function unknownFormat(headers: IncomingHttpHeaders): Refusal {
  const got = headers["content-type"];
  return new Refusal(
    "content_type",
    `expected Content-Type application/x-protobuf or application/json, got ${got === undefined ? "none" : `"${got.slice(0, 100)}"`}`,
  );
}

/** How the body is compressed. @throws Refusal for anything but gzip and zstd */
export function encodingOf(headers: IncomingHttpHeaders): Encoding {
  const encoding = (headers["content-encoding"] ?? "").trim().toLowerCase();
  if (encoding === "" || encoding === "identity") return "identity";
  if (encoding === "gzip" || encoding === "x-gzip") return "gzip";
  if (encoding === "zstd") return "zstd";
  throw new Refusal(
    "content_encoding",
    `expected Content-Encoding gzip, zstd or none, got "${encoding.slice(0, 100)}"`,
    { "Accept-Encoding": "gzip, zstd" },
  );
}

/** The body's length by Content-Length, undefined when it comes in chunks. */
export function announcedLength(headers: IncomingHttpHeaders): number | undefined {
  if (headers["transfer-encoding"] !== undefined) return undefined;
  return Number(headers["content-length"] ?? 0);
}
