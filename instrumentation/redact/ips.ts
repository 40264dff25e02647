/**
 * IP addresses, four dotted bytes or IPv6. Not looked for unless asked: `1.2.3.4` may be a version, and addresses of
 * servers are what operators look for. Loopback and the unspecified address say nothing about anybody and stay.
 */
import { isIP } from "node:net";
import { isWordStart } from "./json.ts";
import type { Scanner } from "./range.ts";

/** Longest: an IPv6 address that ends in a dotted IPv4 one. */
const MAX_LENGTH = 45;
const CANDIDATE = /[0-9a-fA-F:.]+/g;
const NOBODY = /^(?:127\.|0\.0\.0\.0$|::1?$)/;

export const ips: Scanner = (text, found) => {
  for (const match of text.matchAll(CANDIDATE)) {
    if (match[0].length < 3 || match[0].length > MAX_LENGTH + 8) continue;
    const range = addressIn(match[0]);
    if (range === undefined) continue;
    const start = match.index + range.start;
    const end = match.index + range.end;
    if (!isWordStart(text, start) || /[A-Za-z0-9_]/.test(text.charAt(end))) continue;
    if (!NOBODY.test(text.slice(start, end))) found({ start, end, label: "ip" });
  }
};

/** The address in a run of its characters: a full stop or a colon around it, or a port behind it, is no part of it. */
function addressIn(run: string): { start: number; end: number } | undefined {
  const leading = /^(?:\.+|:(?!:))?/.exec(run)![0].length;
  const end = run.length - /(?:\.+|(?<!:):)?$/.exec(run)![0].length;
  const text = run.slice(leading, end);
  // `a::b` is an address, and code in more languages.
  if (/\d/.test(text) && isIP(text) !== 0) return { start: leading, end };
  const port = /^((?:\d{1,3}\.){3}\d{1,3}):\d{1,5}$/.exec(text);
  if (port !== null && isIP(port[1]!) !== 0) {
    return { start: leading, end: leading + port[1]!.length };
  }
  return undefined;
}
