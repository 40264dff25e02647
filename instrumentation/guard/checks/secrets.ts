/** Credentials: those with a form of their own, those that are assigned to a name, and random ones. */
import {
  assignedSecrets,
  authorizations,
  keys,
  privateKeys,
  urlPasswords,
} from "../../redact/keys.ts";
import type { Range, Scanner } from "../../redact/range.ts";
import { mergeRanges } from "../../redact.ts";
import { checkOf, type Check, type CheckOptions } from "../check.ts";

export interface SecretsOptions extends CheckOptions {
  /** Words of 24 characters and more that look drawn at random, in no known form. @default true */
  random?: boolean;
}

/**
 * API keys, tokens, private keys, passwords in assignments and URLs, and random words in no known form.
 * @example checks.secrets({ action: "block", stages: ["output"] })
 */
export function secrets(options: SecretsOptions = {}): Check {
  const scanners: Scanner<string>[] = [
    privateKeys,
    keys,
    authorizations,
    urlPasswords,
    assignedSecrets,
  ];
  if (options.random ?? true) scanners.push(randomWords);
  const find: Scanner<string> = (text, found) => {
    let ranges: Range<string>[] = [];
    for (const scan of scanners) {
      const own: Range<string>[] = [];
      scan(text, (range) => own.push(range));
      if (own.length > 0) ranges = mergeRanges(ranges, own);
    }
    for (const range of ranges) found(range);
  };
  return {
    ...checkOf(options, {
      name: "secrets",
      stages: ["input", "prompt", "context", "tool_result", "output"],
      action: "redact",
    }),
    scan: { find, reach: 64, opensAt: unfinishedKey, hidden: true },
  };
}

const BEGIN = /-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----/g;
/** Of a key's block, as the scanner takes it. */
const LONGEST_BLOCK = 16 * 1024 + 256;

const END = /-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----/g;

/** A block whose END has not come. */
function unfinishedKey(text: string): number {
  for (const match of text.matchAll(BEGIN)) {
    END.lastIndex = match.index;
    if (!END.test(text) && text.length - match.index < LONGEST_BLOCK) return match.index;
  }
  return -1;
}

/** What ends at a character that base64 has not. A word of a key is a run; `-` and `_` are of its second alphabet. */
const WORD = /[A-Za-z0-9+/_-]{24,512}={0,2}/g;
const LEAST_BITS = 4;
/** Per character. Drawn from 62 characters it is 0.62, of names in camel case 0.35. */
const LEAST_CHANGES = 0.45;
/** Hashes and pictures, which are no secrets: `sha512-…`, `data:…;base64,…`. */
const NO_SECRET_BEFORE = /(?:sha\d{1,3}[-:]|base64,|[#?&=/]|\/\/)$/i;

const randomWords: Scanner<"random"> = (text, found) => {
  for (const match of text.matchAll(WORD)) {
    const [word] = match;
    const start = match.index;
    if (NO_SECRET_BEFORE.test(text.slice(Math.max(0, start - 8), start))) continue;
    if (/^sha\d{1,3}-/i.test(word) || !looksRandom(word)) continue;
    found({ start, end: start + word.length, label: "random" });
  }
};

/** Lower case, upper case and digits, well mixed, without words: `MyLongClassName2ForTests` is one that is not. */
function looksRandom(word: string): boolean {
  if (!/[a-z]/.test(word) || !/[A-Z]/.test(word)) return false;
  const digits = word.match(/\d/g)?.length ?? 0;
  if (digits < 3) return false;
  const parts = word.split(/[-_/+=]/);
  if (!parts.some((part) => part.length >= 16 && changes(part) >= part.length * LEAST_CHANGES))
    return false;
  return entropy(word) >= LEAST_BITS;
}

/** How often lower case, upper case and digits take turns. */
function changes(word: string): number {
  let count = 0;
  for (let i = 1; i < word.length; i++) {
    if (kindOf(word.charCodeAt(i)) !== kindOf(word.charCodeAt(i - 1))) count++;
  }
  return count;
}

function kindOf(code: number): number {
  return code < 58 ? 0 : code < 91 ? 1 : 2;
}

/** Bits per character. */
function entropy(word: string): number {
  const counts = new Map<string, number>();
  for (const char of word) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / word.length) * Math.log2(count / word.length);
  return bits;
}
