/**
 * Text that arrives in pieces, checked as if it had come whole. What has come is held back until no match can reach into
 * it any more: then it is redacted and released. However the text is cut, what is released and what is found are the same
 * as for the whole text; the tests try every cut.
 *
 * A cut is only made where no match can cross it: between two words, so many letters and digits before the end as a
 * match may have with spaces in it, outside of everything that was found, before what has begun and not ended (a private
 * key). What stays behind a cut as context, so that a look back sees it, begins between two words too.
 *
 * Bounded: a text without a space is let go after 48 K, longer than any match.
 */
import { isBareJsonNumber, isDigit, isWordCode } from "../redact/json.ts";
import type { Range } from "../redact/range.ts";
import type { Scan } from "./check.ts";

/** Characters that patterns look back over. */
const CONTEXT = 64;
/** A match that ends this close to the end may change with what comes. */
const UNSURE = 64;
const MOST_HELD = 48 * 1024;
/** Of a walk over characters that are no letters. */
const MOST_WALKED = 4 * 1024;

export interface HeldTextOptions {
  scans: readonly Scan[];
  /** Which of them replace what they find. */
  redacts: readonly boolean[];
  /** Of a match of `scans[index]` that is certain. Throws to stop the text there. */
  found(index: number, type: string): void;
  replacement(type: string, value: string): string;
}

export class HeldText {
  readonly #options: HeldTextOptions;
  readonly #reach: number;
  /** What is still to be looked at, after what was released and is context. */
  #text = "";
  #released = 0;
  #scannedAt = 0;
  /** Whether the text began as JSON does: only then is a bare number of a list one of JSON's. */
  #head = "";

  constructor(options: HeldTextOptions) {
    this.#options = options;
    this.#reach = Math.max(0, ...options.scans.map(({ reach }) => reach));
  }

  /** Returns what can be let go. */
  push(piece: string): string {
    if (piece === "") return "";
    this.#add(piece);
    const held = this.#text.length - this.#released;
    // What is held long (a key without an end) is not searched again for each new word.
    if (held > 1_024 && this.#text.length - this.#scannedAt < held / 8) return "";
    return this.#release(false);
  }

  /** The end, after a last piece: returns the rest. */
  finish(piece = ""): string {
    this.#add(piece);
    return this.#release(true);
  }

  #add(piece: string): void {
    if (this.#head.length < 64) this.#head += piece.slice(0, 64 - this.#head.length);
    this.#text += piece;
  }

  #release(isWhole: boolean): string {
    this.#scannedAt = this.#text.length;
    const farthest = isWhole ? this.#text.length : this.#reachedBack();
    if (farthest <= this.#released) return "";
    const found = this.#options.scans.map((scan) => rangesOf(scan, this.#text));
    const cut = isWhole ? farthest : this.#cutBefore(farthest, found);
    if (cut <= this.#released) return "";
    const out = this.#redactTo(cut, found);
    this.#forget(cut, found);
    return out;
  }

  /** So many letters before the end, between two words. */
  #reachedBack(): number {
    const text = this.#text;
    let at = text.length;
    const least = Math.max(0, at - MOST_WALKED);
    for (let letters = 0; at > least && letters < this.#reach; at--) {
      if (isSignificant(text.charCodeAt(at - 1))) letters++;
    }
    return Math.max(wordStart(text, at), text.length - MOST_HELD);
  }

  #cutBefore(farthest: number, found: readonly Range<string>[][]): number {
    const { scans } = this.#options;
    let cut = farthest;
    scans.forEach((scan, index) => {
      const opens = scan.opensAt?.(this.#text) ?? -1;
      if (opens >= 0) cut = Math.min(cut, opens);
      const unsure = found[index]!.find(({ end }) => end > this.#text.length - UNSURE);
      if (unsure) cut = Math.min(cut, unsure.start);
    });
    // Moving the cut out of one match may move it into another's.
    for (let before = -1; before !== cut;) {
      before = cut;
      cut = wordStart(this.#text, cut);
      for (const ranges of found) {
        for (const { start, end } of ranges) if (start < cut && end > cut) cut = start;
      }
      if (this.#text.length - cut > MOST_HELD) return Math.max(before, this.#released);
    }
    return cut;
  }

  #redactTo(cut: number, found: readonly Range<string>[][]): string {
    const from = this.#released;
    const replaced: Range<string>[] = [];
    const all: { index: number; start: number; label: string }[] = [];
    found.forEach((ranges, index) => {
      const certain = ranges.filter(({ start, end }) => start >= from && end <= cut);
      for (const { start, label } of certain) all.push({ index, start, label });
      if (this.#options.redacts[index]) replaced.push(...certain);
    });
    // In the order of the text, whatever the order of the checks: the first that stops is the same for every cut.
    all.sort((a, b) => a.start - b.start || a.index - b.index);
    for (const { index, label } of all) this.#options.found(index, label);
    let out = "";
    let end = from;
    for (const range of covering(replaced)) {
      out += this.#text.slice(end, range.start) + this.#replacement(range);
      end = range.end;
    }
    return out + this.#text.slice(end, cut);
  }

  #replacement(range: Range<string>): string {
    const value = this.#text.slice(range.start, range.end);
    // Whether a number stands in a list of JSON is told by how the whole text begins.
    const isBare =
      isDigit(value.charCodeAt(0)) &&
      isBareJsonNumber(`${this.#head.trimStart().charAt(0)} ${this.#text}`, {
        start: range.start + this.#headShift(),
        end: range.end + this.#headShift(),
        label: "",
      });
    return isBare ? "0" : this.#options.replacement(range.label, value);
  }

  #headShift(): number {
    return this.#head.trimStart() === "" ? 1 : 2;
  }

  #forget(cut: number, found: readonly Range<string>[][]): void {
    let start = wordStart(this.#text, Math.max(0, cut - CONTEXT));
    for (let before = -1; before !== start;) {
      before = start;
      for (const ranges of found) {
        for (const range of ranges)
          if (range.start < start && range.end > start) start = wordStart(this.#text, range.start);
      }
    }
    // A word without an end, or a match of thousands of characters, is no context.
    if (cut - start > 4 * CONTEXT) start = cut - CONTEXT;
    this.#text = this.#text.slice(start);
    this.#released = cut - start;
    this.#scannedAt = this.#text.length;
  }
}

/** Without overlap: what overlaps is one range, with the label of the longest. */
function covering(ranges: readonly Range<string>[]): Range<string>[] {
  const merged: Range<string>[] = [];
  let longest = 0;
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    const length = range.end - range.start;
    if (!last || range.start >= last.end) {
      merged.push({ ...range });
      longest = length;
      continue;
    }
    last.end = Math.max(last.end, range.end);
    if (length <= longest) continue;
    last.label = range.label;
    longest = length;
  }
  return merged;
}

export function rangesOf(scan: Scan, text: string): Range<string>[] {
  const ranges: Range<string>[] = [];
  scan.find(text, (range) => ranges.push(range));
  return ranges;
}

/** `at`, or the start of the word of ASCII that `at` lies in: keys, addresses and numbers are such words. */
function wordStart(text: string, at: number): number {
  while (at > 0 && at < text.length && isInWord(text.charCodeAt(at - 1))) at--;
  return at;
}

function isInWord(code: number): boolean {
  return code > SPACE && code < 0x7f;
}

const SPACE = 32;

/** Letters and digits of ASCII, and letters of others. */
function isSignificant(code: number): boolean {
  if (code < 0x80) return isWordCode(code);
  return (
    code >= 0xc0 &&
    !(code >= 0x2000 && code <= 0x206f) &&
    code !== 0xfeff &&
    !(code >= 0xfe00 && code <= 0xfe0f)
  );
}
