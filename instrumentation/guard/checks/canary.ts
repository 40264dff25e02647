/**
 * A word that exists only in a system prompt: where it turns up in an answer, the prompt has leaked. It is found whatever
 * stands between its characters, in any case, backwards, in hex and in base64. A random word of 16 characters is in no text
 * by chance, so there are no false alarms.
 */
import { randomInt } from "node:crypto";
import type { Scanner } from "../../redact/range.ts";
import { checkOf, type Check, type CheckOptions } from "../check.ts";
import { fold, type FoldedText } from "../folded-text.ts";

/** No vowels: it spells nothing. */
const LETTERS = "bcdfghjkmnpqrstvwxz23456789";

/** A new canary, to be put into a system prompt: one per prompt or per release. 16 characters, 76 bits. */
export function createCanary(): string {
  return Array.from({ length: 16 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
}

export interface CanaryOptions extends CheckOptions {
  /** What the system prompts hold. Letters and digits, at least eight. */
  tokens: readonly string[];
}

/**
 * Notices when a system prompt leaks.
 * @example checks.canary({ tokens: [token], action: "block" })
 */
export function canary(options: CanaryOptions): Check {
  const forms = [...new Set(options.tokens.flatMap(formsOf))];
  const find: Scanner<"canary"> = (text, found) => {
    const folded = fold(text, true);
    for (const { at, form } of occurrences(folded.text, forms))
      found({ ...placeOf(folded, at, form.length), label: "canary" });
  };
  return {
    ...checkOf(options, { name: "canary", stages: ["output", "tool_call"], action: "block" }),
    scan: {
      find,
      reach: Math.max(...forms.map((form) => form.length)),
      hidden: true,
      risk: () => 1,
    },
  };
}

function formsOf(token: string): string[] {
  const plain = fold(token, true).text;
  if (!/^[a-z0-9]{8,64}$/.test(plain))
    throw new TypeError(`tokens: expected 8 to 64 letters and digits, got ${plain.length}`);
  return [
    plain,
    Array.from(plain).toReversed().join(""),
    Buffer.from(token).toString("hex"),
    ...[0, 1, 2].map((shift) => base64Core(token, shift)),
  ].filter((form) => form.length >= 8);
}

/** What of the base64 is the same whatever stands before and after it, compared without case and signs. */
function base64Core(token: string, shift: number): string {
  const encoded = Buffer.from(`${" ".repeat(shift)}${token}`).toString("base64");
  const from = [0, 2, 3][shift]!;
  const until = Math.floor(((shift + token.length) * 4) / 3);
  return encoded
    .slice(from, until)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "");
}

/** In order, without overlap. */
function occurrences(text: string, forms: readonly string[]): { at: number; form: string }[] {
  const all = forms.flatMap((form) => {
    const places: { at: number; form: string }[] = [];
    for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + form.length))
      places.push({ at, form });
    return places;
  });
  let end = 0;
  return all
    .toSorted((a, b) => a.at - b.at)
    .filter(({ at, form }) => {
      if (at < end) return false;
      end = at + form.length;
      return true;
    });
}

export function placeOf(
  { starts, ends }: FoldedText,
  at: number,
  length: number,
): { start: number; end: number } {
  return { start: starts[at]!, end: ends[at + length - 1]! };
}
