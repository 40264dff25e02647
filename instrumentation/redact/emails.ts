/** E-mail addresses, found from their @ outwards; in URLs the @ is written %40. */
import { afterEscape } from "./json.ts";
import type { Scanner } from "./range.ts";

const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;
const LOCAL = /[A-Za-z0-9._%+'-]/;
const DOMAIN = /[A-Za-z0-9.-]/;
/** Ends in a name, which tells it from `user@2024` and `pkg@1.2.3`. */
const HAS_TOP_LEVEL = /^[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9][A-Za-z0-9-]*)*\.[A-Za-z]{2,24}$/;

export const emails: Scanner = (text, found) => {
  let end = 0;
  for (let at = nextAt(text, 0); at >= 0; at = nextAt(text, Math.max(at + 1, end))) {
    const start = localStart(text, at, end);
    if (start === at) continue;
    const domain = at + (text.charCodeAt(at) === PERCENT ? 3 : 1);
    const domainEnd = domainEndOf(text, domain);
    if (!HAS_TOP_LEVEL.test(text.slice(domain, domainEnd))) continue;
    end = domainEnd;
    found({ start, end, label: "email" });
  }
};

const PERCENT = 37;

/** Index of the next @ or %40; -1 when there is none. */
function nextAt(text: string, from: number): number {
  AT.lastIndex = from;
  return AT.exec(text)?.index ?? -1;
}

const AT = /@|%40/g;

function localStart(text: string, at: number, notBefore: number): number {
  let start = at;
  const limit = Math.max(notBefore, at - MAX_LOCAL);
  while (start > limit && LOCAL.test(text.charAt(start - 1))) start--;
  start = Math.min(afterEscape(text, start), at);
  // Quotation marks and full stops around an address are not part of it.
  while (start < at && /[.'%+-]/.test(text.charAt(start))) start++;
  return start;
}

function domainEndOf(text: string, start: number): number {
  let end = start;
  const limit = Math.min(text.length, start + MAX_DOMAIN);
  while (end < limit && DOMAIN.test(text.charAt(end))) end++;
  while (end > start && /[.-]/.test(text.charAt(end - 1))) end--;
  return end;
}
