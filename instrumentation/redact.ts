/**
 * Takes secrets and personal data out of text before it leaves the process: `[email]`, `[phone]`, `[card]`, `[iban]`,
 * `[key]`, `[password]`, and `[ip]` where that is asked for.
 *
 * Each kind has a scanner that walks the text once. Every look at a place is bounded (an address is at most 64 + 255
 * characters, a card 19 digits), so that time grows with the length of the text and no text is slow; a test times hostile
 * ones. Numbers are only taken with a reason to: a check digit that is right, an international prefix, a national form
 * with separators, a word before them. Ids, dates and prices stay.
 *
 * Text is often JSON, or JSON within JSON: a range never covers a quote or half an escape, and a bare JSON number becomes
 * 0, so that what was JSON stays JSON. It finds what has a known form; a name or an address in prose it does not.
 */
import { assignedSecrets, authorizations, keys, privateKeys, urlPasswords } from "./redact/keys.ts";
import { cardsAndPhones, ibans } from "./redact/numbers.ts";
import { emails } from "./redact/emails.ts";
import { ips } from "./redact/ips.ts";
import { isBareJsonNumber } from "./redact/json.ts";
import type { Label, Range, Scanner } from "./redact/range.ts";

export type { Label, Range, Scanner };

export interface Redacted {
  text: string;
  /** How many places were replaced. */
  redactions: number;
}

export type RedactedKind = "keys" | "emails" | "cards and phones" | "ibans" | "ips";

export interface RedactorOptions {
  /** What to look for. @default all but IP addresses, which versions look like and operators need */
  kinds?: readonly RedactedKind[];
}

/** Every scanner by name. Where ranges overlap, the one named first wins. */
export const SCANNERS = {
  privateKeys,
  keys,
  authorizations,
  urlPasswords,
  assignedSecrets,
  ibans,
  cardsAndPhones,
  emails,
  ips,
} as const satisfies Readonly<Record<string, Scanner>>;

export type ScannerName = keyof typeof SCANNERS;

const SCANNERS_OF: Readonly<Record<RedactedKind, readonly Scanner[]>> = {
  keys: [privateKeys, keys, authorizations, urlPasswords, assignedSecrets],
  ibans: [ibans],
  "cards and phones": [cardsAndPhones],
  emails: [emails],
  ips: [ips],
};

export function createRedactor(options: RedactorOptions = {}): (text: string) => Redacted {
  const kinds = Object.keys(SCANNERS_OF) as RedactedKind[];
  const wanted = kinds.filter((kind) => options.kinds?.includes(kind) ?? kind !== "ips");
  const scanners = wanted.flatMap((kind) => SCANNERS_OF[kind]);
  return (text) => {
    let ranges: Range[] = [];
    for (const scan of scanners) {
      const found: Range[] = [];
      scan(text, (range) => found.push(range));
      if (found.length > 0) ranges = mergeRanges(ranges, found);
    }
    if (ranges.length === 0) return { text, redactions: 0 };
    return { text: replaceRanges(text, ranges, marker), redactions: ranges.length };
  };
}

const marker = (range: Range): string => `[${range.label}]`;

/** Both ascending. A later range that touches an earlier one is left out: most of it is replaced already. */
export function mergeRanges<T extends Range<string>>(
  earlier: readonly T[],
  later: readonly T[],
): T[] {
  const merged: T[] = [];
  let i = 0;
  for (const range of later) {
    for (
      let next = earlier[i];
      next !== undefined && next.end <= range.start;
      next = earlier[++i]
    ) {
      merged.push(next);
    }
    const next = earlier[i];
    if (next === undefined || next.start >= range.end) merged.push(range);
  }
  return merged.concat(earlier.slice(i));
}

/** The text with each range replaced. Ranges ascend and do not overlap. A bare number of JSON becomes 0. */
export function replaceRanges<T extends Range<string>>(
  text: string,
  ranges: readonly T[],
  replacement: (range: T) => string,
): string {
  let out = "";
  let end = 0;
  for (const range of ranges) {
    out += text.slice(end, range.start);
    out += isBareJsonNumber(text, range) ? "0" : replacement(range);
    end = range.end;
  }
  return out + text.slice(end);
}
