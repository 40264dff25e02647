/**
 * What stands where a secret stood: `[email]`, or a token such as `[email:7f3a…]`, or nothing.
 *
 * A token is the HMAC-SHA256 of the value under a secret key: equal values have equal tokens, so that they can be
 * counted and joined, and nobody without the key can tell the value, or try values out. Forms of one value are made equal
 * first: an e-mail address in lower case, the digits of a number. A token ends in a check that only the key's holder can
 * make, which is how text that was redacted before is known and left alone, and not taken for a secret again.
 */
import { createHmac } from "node:crypto";
import type { Range } from "@assay/instrumentation/redact";

/** `mask`: its kind in brackets. `hash`: its kind and a token. `remove`: nothing. */
export type Mode = "mask" | "hash" | "remove";

const TOKEN_DIGITS = 16;
const CHECK_DIGITS = 8;
const MARKER = /\[([a-z][a-z0-9_-]{0,31})(?::([0-9a-f]{24}))?\]/g;

export type Tokens = (value: string) => string;

export function createTokens(key: string): Tokens {
  const hmac = (text: string): string => createHmac("sha256", key).update(text).digest("hex");
  return (value) => {
    const token = hmac(`value:${value}`).slice(0, TOKEN_DIGITS);
    return token + hmac(`check:${token}`).slice(0, CHECK_DIGITS);
  };
}

/** Whether the token was made with this key, whatever of. */
export function createTokenCheck(key: string): (token: string) => boolean {
  return (token) =>
    createHmac("sha256", key)
      .update(`check:${token.slice(0, TOKEN_DIGITS)}`)
      .digest("hex")
      .startsWith(token.slice(TOKEN_DIGITS));
}

/** One form for all the ways in which a value is written. */
export function canonical(label: string, value: string): string {
  switch (label) {
    case "email":
      return value.replace("%40", "@").toLowerCase();
    case "phone":
    case "card":
      return value.replace(/\D/g, "").replace(/^00/, "");
    case "iban":
      return value.replaceAll(" ", "").toUpperCase();
    default:
      return value;
  }
}

/** Leaves out what lies within a marker of an earlier redaction: `password:7f3a…` in `[password:7f3a…]`. */
export function outsideMarkers<T extends Range<string>>(
  text: string,
  ranges: readonly T[],
  isMarker: (label: string, token: string | undefined) => boolean,
): readonly T[] {
  if (!text.includes("[")) return ranges;
  const markers: { start: number; end: number }[] = [];
  for (const match of text.matchAll(MARKER)) {
    if (!isMarker(match[1]!, match[2])) continue;
    markers.push({ start: match.index, end: match.index + match[0].length });
  }
  if (markers.length === 0) return ranges;
  let next = 0;
  return ranges.filter((range) => {
    while (next < markers.length && markers[next]!.end < range.end) next++;
    const marker = markers[next];
    return marker === undefined || range.start < marker.start;
  });
}
