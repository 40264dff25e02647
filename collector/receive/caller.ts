/**
 * Who may write over HTTP: programs, and the web pages that the operator named.
 *
 * A page that somebody visits can make its browser send requests to 127.0.0.1. Browsers put `Origin` on every POST, so
 * a request with one is refused unless that origin is allowed; and while the receiver listens on loopback only, so is
 * a `Host` that is not this machine's, which is what a rebound DNS name looks like.
 *
 * An allowed origin gets the answers of CORS, for itself and never for `*`. A preflight is answered from the head alone.
 */
import { isIPv4 } from "node:net";
import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "./refusal.ts";

/** What OTLP exporters in browsers send; header names beginning with `X-` are added as they are asked for. */
const ALLOWED_HEADERS = ["Authorization", "Content-Type", "Content-Encoding"];
const PREFLIGHT_SECONDS = "7200";

export interface Callers {
  loopbackOnly: boolean;
  /** `https://app.example.com`, lower case. */
  origins: ReadonlySet<string>;
}

export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || (isIPv4(name) && name.startsWith("127."));
}

/** @throws Refusal */
export function checkCaller(headers: IncomingHttpHeaders, callers: Callers): void {
  if (headers.origin !== undefined && !isAllowed(headers.origin, callers)) {
    throw new Refusal(
      "foreign_origin",
      "requests of web pages (with an Origin header) are not accepted; send from a server or through a collector, or name the origin in ASSAY_OTLP_CORS_ORIGINS",
    );
  }
  if (callers.loopbackOnly && !isOwnName(headers.host)) {
    throw new Refusal(
      "foreign_host",
      `expected a Host of this machine (localhost, 127.0.0.1), got "${(headers.host ?? "").slice(0, 100)}"`,
    );
  }
}

function isAllowed(origin: string, { origins }: Callers): boolean {
  return origins.has(origin.toLowerCase());
}

/** Names that no public DNS zone can point here: loopback, `*.localhost`, and a container's name for its host. */
function isOwnName(host: string | undefined): boolean {
  if (host === undefined) return true; // HTTP/1.0, which no browser speaks
  const name = host.replace(/:\d*$/, "").toLowerCase();
  return isLoopback(name) || name.endsWith(".localhost") || name === "host.docker.internal";
}

/** Headers that let the page read an answer; none for a caller that is no page, or not an allowed one. */
export function corsHeaders(
  { origin }: IncomingHttpHeaders,
  callers: Callers,
): Readonly<Record<string, string>> {
  if (origin === undefined || !isAllowed(origin, callers)) return {};
  return {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": "Retry-After",
    Vary: "Origin",
  };
}

export function isPreflight(method: string | undefined, headers: IncomingHttpHeaders): boolean {
  return (
    method === "OPTIONS" &&
    headers.origin !== undefined &&
    headers["access-control-request-method"] !== undefined
  );
}

/** The answer to a preflight of a caller that `checkCaller` let pass. */
export function preflightHeaders(
  headers: IncomingHttpHeaders,
  callers: Callers,
): Readonly<Record<string, string>> {
  const asked = String(headers["access-control-request-headers"] ?? "").split(",");
  const own = asked.map((name) => name.trim()).filter((name) => /^x-[a-z0-9-]+$/i.test(name));
  return {
    ...corsHeaders(headers, callers),
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": [...ALLOWED_HEADERS, ...own].join(", "),
    "Access-Control-Max-Age": PREFLIGHT_SECONDS,
    // A page of a public site asks this too before it may reach a private address.
    ...(headers["access-control-request-private-network"] === "true"
      ? { "Access-Control-Allow-Private-Network": "true" }
      : {}),
  };
}
