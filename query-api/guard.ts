/**
 * Who may ask, and what browsers may do with the answer.
 *
 * There are no access keys yet: the server trusts whoever reaches its port, which is loopback unless configured. What
 * must be kept out are other people's pages in the user's own browser. A `Host` that we are not known by is refused (a
 * page may point its own name at 127.0.0.1, "DNS rebinding"), and so is whatever another origin's page requests; only a
 * person following a link to the page itself may come from elsewhere.
 */
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { ApiError } from "./errors.ts";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

const CONTENT_SECURITY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function securityHeaders(_request: Request, response: Response, next: NextFunction): void {
  response.set({
    "Content-Security-Policy": CONTENT_SECURITY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
  });
  next();
}

/** GET everywhere; POST only where an address takes it. */
export function knownMethods(posts: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const allowed = posts.includes(request.path) ? ["POST"] : ["GET", "HEAD"];
    if (allowed.includes(request.method)) return next();
    response.set("Allow", allowed.join(", "));
    next(
      new ApiError(
        "method_not_allowed",
        `expected ${allowed.join(" or ")}, got "${request.method}"`,
      ),
    );
  };
}

const IP_ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/;

/**
 * `hosts`: names besides loopback's own, without ports. With `anyAddress`, plain IP addresses pass as well: nobody can
 * rebind those, only names.
 */
export function knownHosts(hosts: readonly string[], anyAddress = false): RequestHandler {
  const known = new Set([...LOOPBACK, ...hosts.map((host) => host.toLowerCase())]);
  return (request, _response, next) => {
    const host = request.headers.host ?? "";
    const name = host.replace(/:\d+$/, "").toLowerCase();
    if (known.has(name) || (anyAddress && IP_ADDRESS.test(name))) return next();
    next(
      new ApiError(
        "foreign_host",
        `expected a known host name (see ASSAY_HTTP_HOSTS), got "${host.slice(0, 200)}"`,
      ),
    );
  };
}

export function sameOrigin(request: Request, _response: Response, next: NextFunction): void {
  const { origin } = request.headers;
  if (origin !== undefined && !isOwn(origin, request.headers.host)) {
    return next(
      new ApiError(
        "foreign_origin",
        `expected this server's own origin, got "${origin.slice(0, 200)}"`,
      ),
    );
  }
  const site = request.headers["sec-fetch-site"];
  const elsewhere = site === "cross-site" || site === "same-site";
  if (elsewhere && !isVisit(request)) {
    return next(
      new ApiError("foreign_origin", `expected a same-origin request, got a ${site} one`),
    );
  }
  next();
}

function isOwn(origin: string, host: string | undefined): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/** A person following a link to the page. */
function isVisit(request: Request): boolean {
  const { "sec-fetch-mode": mode, "sec-fetch-dest": dest } = request.headers;
  return mode === "navigate" && dest === "document" && !request.path.startsWith("/api/");
}
