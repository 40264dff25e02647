/** What the headers say about the body: protobuf or JSON, compressed or not. */
import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "./refusal.ts";

export type Format = "protobuf" | "json";

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

/** Whether the body is gzip. @throws Refusal for any other encoding */
export function isGzip(headers: IncomingHttpHeaders): boolean {
  const encoding = (headers["content-encoding"] ?? "").trim().toLowerCase();
  if (encoding === "" || encoding === "identity") return false;
  if (encoding === "gzip" || encoding === "x-gzip") return true;
  throw new Refusal(
    "content_encoding",
    `expected Content-Encoding gzip or none, got "${encoding.slice(0, 100)}"`,
    { "Accept-Encoding": "gzip" },
  );
}

/** The body's length by Content-Length, undefined when it comes in chunks. */
export function announcedLength(headers: IncomingHttpHeaders): number | undefined {
  if (headers["transfer-encoding"] !== undefined) return undefined;
  return Number(headers["content-length"] ?? 0);
}
