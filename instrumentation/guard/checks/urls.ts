/** Addresses that an answer may point to. What is not allowed is found, so that data cannot leave in a link or a picture. */
import type { Scanner } from "../../redact/range.ts";
import { checkOf, type Check, type CheckOptions } from "../check.ts";

export interface UrlsOptions extends CheckOptions {
  /** Hosts, `*.example.com` for all below one; with a path, that path and below: `github.com/acme/`. */
  allowed: readonly string[];
  /** @default ["https", "http"] */
  schemes?: readonly string[];
}

interface Allowed {
  host: string;
  below: boolean;
  path: string;
}

/** With a scheme, or as browsers complete it: `//host`, `www.`. Ends at what no address holds. */
const ADDRESS =
  /(?:[a-z][a-z0-9+.-]{1,15}:\/\/|(?<![\w:/.])\/\/(?=[\w-]+\.)|(?<![\w./@-])www\.)[^\s<>"'`{}|^]{1,2048}|(?<![\w-])(?:javascript|data|vbscript):[^\s<>"'`]{1,2048}/gi;
/** What stands behind an address in a sentence or in Markdown. */
const BEHIND = /[.,;:!?)\]*_]+$/;

/**
 * Addresses outside of a list: hosts in links, pictures and text.
 * @example checks.urls({ allowed: ["example.com", "*.example.com"], action: "redact" })
 */
export function urls(options: UrlsOptions): Check {
  const allowed = options.allowed.map(parseAllowed);
  const schemes = new Set(options.schemes ?? ["https", "http"]);
  const find: Scanner<string> = (text, found) => {
    for (const match of text.matchAll(ADDRESS)) {
      const address = withoutBehind(match[0]);
      const type = problemOf(address, allowed, schemes);
      if (type) found({ start: match.index, end: match.index + address.length, label: type });
    }
  };
  return {
    ...checkOf(options, { name: "urls", stages: ["output", "tool_call"] }),
    scan: { find, reach: 32, hidden: false },
  };
}

/** A closing bracket that was opened in the address is part of it. */
function withoutBehind(address: string): string {
  const tail = BEHIND.exec(address)?.[0] ?? "";
  const cut = address.slice(0, address.length - tail.length);
  return tail.startsWith(")") && cut.split("(").length > cut.split(")").length ? `${cut})` : cut;
}

function problemOf(
  address: string,
  allowed: readonly Allowed[],
  schemes: ReadonlySet<string>,
): "scheme" | "host" | undefined {
  // Completed as a browser does.
  const whole = address.startsWith("//")
    ? `https:${address}`
    : /^www\./i.test(address)
      ? `https://${address}`
      : address;
  if (!URL.canParse(whole)) return "host";
  const { protocol, hostname, pathname, username } = new URL(whole);
  if (!schemes.has(protocol.slice(0, -1))) return "scheme";
  const host = hostname.replace(/\.$/, "");
  // `https://example.com@evil.test` is a trick, whoever is meant.
  if (username !== "") return "host";
  const isAllowed = allowed.some(
    (one) =>
      (one.below ? host.endsWith(`.${one.host}`) : host === one.host) &&
      pathname.startsWith(one.path),
  );
  return isAllowed ? undefined : "host";
}

function parseAllowed(text: string): Allowed {
  const below = text.startsWith("*.");
  const address = `https://${below ? text.slice(2) : text}`;
  if (text.includes("://") || !URL.canParse(address))
    throw new TypeError(
      `allowed: expected a host such as "example.com" or "*.example.com", got "${text}"`,
    );
  const { hostname, pathname } = new URL(address);
  return { host: hostname, below, path: pathname };
}
