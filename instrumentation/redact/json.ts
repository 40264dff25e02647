/** Escapes and bare numbers of JSON, seen from a place in its middle. */
import type { Range } from "./range.ts";

/** Whether a word begins at `at`: after the letter of an escape (`\n`, `\u00a0`) it does. */
export function isWordStart(text: string, at: number): boolean {
  return at === 0 || !isWordCode(text.charCodeAt(at - 1)) || escapeEnd(text, at) === at;
}

/** `at`, or the end of the escape that `at` lies in: in `\nbob` the word is `bob`, though `n` is a letter. */
export function afterEscape(text: string, at: number): number {
  return Math.max(at, escapeEnd(text, at));
}

/** End of the escape that begins at most six characters before `at`; -1 when none does. */
function escapeEnd(text: string, at: number): number {
  for (let start = at - 1; start >= 0 && start >= at - 6; start--) {
    if (text.charCodeAt(start) !== BACKSLASH) continue;
    return start + (text.charCodeAt(start + 1) === LETTER_U ? 6 : 2);
  }
  return -1;
}

/** Only digits, where JSON has a value. A label there would leave text that no longer parses. */
export function isBareJsonNumber(text: string, range: Range<string>): boolean {
  for (let i = range.start; i < range.end; i++) if (!isDigit(text.charCodeAt(i))) return false;
  const before = significantBefore(text, range.start);
  const after = text
    .slice(range.end, range.end + 16)
    .trimStart()
    .charAt(0);
  if (!(after === "" || after === "," || after === "}" || after === "]")) return false;
  const mark = text.charAt(before);
  if (mark === ":") return text.charAt(significantBefore(text, before)) === '"';
  return (mark === "[" || mark === ",") && looksLikeJson(text);
}

/** Index of the last character before `at` that is not a space; -1 when there is none nearby. */
function significantBefore(text: string, at: number): number {
  for (let i = at - 1; i >= 0 && i >= at - 16; i--) {
    if (text.charCodeAt(i) > SPACE) return i;
  }
  return -1;
}

function looksLikeJson(text: string): boolean {
  const first = text.slice(0, 64).trimStart().charAt(0);
  return first === "{" || first === "[";
}

const BACKSLASH = 92;
const LETTER_U = 117;
const SPACE = 32;

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** A–Z a–z 0–9 _ */
export function isWordCode(code: number): boolean {
  return isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95;
}
