/**
 * Who may write: programs, not web pages.
 *
 * A page that somebody visits can make its browser send requests to 127.0.0.1. Browsers put `Origin` on every POST, so
 * a request with one is refused; and while the receiver listens on loopback only, so is a `Host` that is not this
 * machine's, which is what a rebound DNS name looks like. There is no CORS: nothing here is for browsers.
 */
import { isIPv4 } from "node:net";
import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "./refusal.ts";

export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || (isIPv4(name) && name.startsWith("127."));
}

/** @throws Refusal */
export function checkCaller(headers: IncomingHttpHeaders, loopbackOnly: boolean): void {
  if (headers.origin !== undefined) {
    throw new Refusal(
      "foreign_origin",
      "requests of web pages (with an Origin header) are not accepted; send from a server or through a collector",
    );
  }
  if (loopbackOnly && !isOwnName(headers.host)) {
    throw new Refusal(
      "foreign_host",
      `expected a Host of this machine (localhost, 127.0.0.1), got "${(headers.host ?? "").slice(0, 100)}"`,
    );
  }
}

/** Names that no public DNS zone can point here: loopback, `*.localhost`, and a container's name for its host. */
function isOwnName(host: string | undefined): boolean {
  if (host === undefined) return true; // HTTP/1.0, which no browser speaks
  const name = host.replace(/:\d*$/, "").toLowerCase();
  return isLoopback(name) || name.endsWith(".localhost") || name === "host.docker.internal";
}
