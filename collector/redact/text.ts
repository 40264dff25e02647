/**
 * Replaces secrets and personal data in one text, given as UTF-8 bytes.
 *
 * First the hints: text that can hold nothing is never decoded. Then the user's own patterns and the scanners that the
 * hints name, each once over the text. Every scanner takes a time that grows with the length of the text and no faster;
 * should one take longer than its budget all the same, the whole text is replaced, never passed on half searched.
 *
 * JSON stays JSON: a scanner's match never covers a quotation mark; where a pattern of the user's own does, the
 * text is redacted again string by string.
 */
import {
  mergeRanges,
  replaceRanges,
  SCANNERS,
  type Label,
  type Range,
  type ScannerName,
} from "@assay/instrumentation/redact";
import { withoutAsciiEscapes } from "./escapes.ts";
import { HINT, hintsOf } from "./hints.ts";
import { isJson, looksLikeJson, redactLeaves } from "./json-leaves.ts";
import type { OwnPattern } from "./own-pattern.ts";
import {
  canonical,
  createTokenCheck,
  createTokens,
  outsideMarkers,
  type Mode,
} from "./replacement.ts";

/** The whole text was replaced, because searching it took too long. */
const UNSEARCHED = "unsearched";
/** A value that is hashed or hidden whole, because its key says so. */
export const HIDDEN = "hidden";

interface NamedPattern {
  name: string;
  pattern: OwnPattern;
  mode: Mode;
}

export interface TextRules {
  detect: Readonly<Record<Label, Mode | "off">>;
  patterns: readonly NamedPattern[];
  /** For one pattern and one text, in milliseconds; long texts get `BUDGET_CHARACTERS_PER_MS` more. */
  budgetMs: number;
  /** For tokens; needed when a mode is `hash`. */
  key: string | undefined;
}

export interface TextRedactor {
  /** The text in [at, end) of the body as it must be; undefined: as it is. */
  bytes(body: Uint8Array, at: number, end: number): Uint8Array | undefined;
  /** The same for text that is no part of a body. */
  text(text: string): string;
  /** The text of a marker that stands for the whole of a value. */
  hide(value: string, mode: Mode): string;
  /** Called with the body that the next texts come from: patterns whose beginning it lacks are not searched for. */
  begin(body: Uint8Array): void;
}

/** Called for each replacement. */
export type Count = (label: string) => void;

const BUDGET_CHARACTERS_PER_MS = 50_000;
/** Shorter text is searched by the scanners in less than any budget. */
const TIMED_FROM = 4_096;

/** In the order in which they win. */
const LABELS_OF: Readonly<Record<ScannerName, readonly Label[]>> = {
  privateKeys: ["key"],
  keys: ["key"],
  authorizations: ["key"],
  urlPasswords: ["password"],
  assignedSecrets: ["password"],
  ibans: ["iban"],
  cardsAndPhones: ["card", "phone"],
  emails: ["email"],
  ips: ["ip"],
};

class Overrun extends Error {}

export function createTextRedactor(rules: TextRules, count: Count): TextRedactor {
  const { detect, key } = rules;
  const scanners = (Object.keys(LABELS_OF) as ScannerName[]).filter((name) =>
    LABELS_OF[name].some((label) => detect[label] !== "off"),
  );
  const wanted = scanners.reduce((bits, name) => bits | HINT[name], 0);
  const modes = new Map<string, Mode | "off">([
    ...Object.entries(detect),
    ...rules.patterns.map(({ name, mode }) => [name, mode] as const),
  ]);
  const tokenOf = key === undefined ? undefined : createTokens(key);
  const isToken = key === undefined ? () => false : createTokenCheck(key);
  const ownLabels = new Set([...modes.keys(), HIDDEN, UNSEARCHED]);
  const needles = rules.patterns.map(({ pattern }) => Buffer.from(pattern.prefix));
  let patterns = rules.patterns;

  function replacement(label: string, value: string, mode: Mode): string {
    if (mode === "remove") return "";
    if (mode === "mask" || tokenOf === undefined) return `[${label}]`;
    return `[${label}:${tokenOf(canonical(label, value))}]`;
  }

  const isMarker = (label: string, token: string | undefined): boolean =>
    ownLabels.has(label) && (token === undefined || isToken(token));

  function search(text: string, hints: number): readonly Range<string>[] {
    const timed = text.length >= TIMED_FROM;
    const clock =
      timed || patterns.length > 0
        ? createClock(rules.budgetMs + text.length / BUDGET_CHARACTERS_PER_MS, timed)
        : undefined;
    let ranges: Range<string>[] = [];
    for (const { name, pattern } of patterns) {
      const found: Range<string>[] = [];
      clock!.start();
      const done = pattern.search(
        text,
        (start, end) => found.push({ start, end, label: name }),
        clock!.isLate,
      );
      if (!done) throw new Overrun();
      if (found.length > 0) ranges = mergeRanges(ranges, found);
    }
    for (const name of scanners) {
      if ((hints & HINT[name]) === 0) continue;
      const found: Range<string>[] = [];
      if (timed) clock!.start();
      SCANNERS[name](text, (range) => {
        if (detect[range.label] !== "off") found.push(range);
      });
      if (timed && clock!.isLate()) throw new Overrun();
      if (found.length > 0) ranges = mergeRanges(ranges, found);
    }
    return ranges.length === 0 ? ranges : outsideMarkers(text, ranges, isMarker);
  }

  function replaced(text: string, ranges: readonly Range<string>[]): string {
    return replaceRanges(text, ranges, ({ start, end, label }) =>
      replacement(label, text.slice(start, end), modes.get(label) as Mode),
    );
  }

  /** Undefined: as it is. */
  function redact(original: string, hints: number): string | undefined {
    try {
      const text = withoutAsciiEscapes(original);
      const ranges = search(text, hints);
      if (ranges.length === 0) return undefined;
      const clean = replaced(text, ranges);
      if (looksLikeJson(text) && !isJson(clean) && isJson(text)) {
        return redactedLeaves(text);
      }
      for (const { label } of ranges) count(label);
      return clean;
    } catch (error) {
      if (!(error instanceof Overrun)) throw error;
      return unsearched(looksLikeJson(original));
    }
  }

  /** A match that no string of the JSON has by itself, because it takes a quotation mark, costs the whole text. */
  function redactedLeaves(json: string): string {
    let isFound = false;
    const clean = redactLeaves(json, (leaf) => {
      const changed = redact(leaf, wanted);
      if (changed !== undefined) isFound = true;
      return changed ?? leaf;
    });
    return isFound ? clean : unsearched(true);
  }

  function unsearched(asJson: boolean): string {
    count(UNSEARCHED);
    return asJson ? `"[${UNSEARCHED}]"` : `[${UNSEARCHED}]`;
  }

  return {
    bytes(body, at, end) {
      if (at === end) return undefined;
      const hints = hintsOf(body, at, end) & wanted;
      if (hints === 0 && patterns.length === 0) return undefined;
      const clean = redact(
        Buffer.from(body.buffer, body.byteOffset + at, end - at).toString(),
        hints,
      );
      return clean === undefined ? undefined : Buffer.from(clean);
    },
    text: (text) => redact(text, wanted) ?? text,
    hide(value, mode) {
      const whole = new RegExp(`^(?:${MARKER_OF(HIDDEN)})$`).exec(value);
      if (whole !== null && isMarker(HIDDEN, whole[1])) return value;
      count(HIDDEN);
      return replacement(HIDDEN, value, mode);
    },
    begin(body) {
      if (rules.patterns.length === 0) return;
      const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const disguised = bytes.includes("\\u00") || bytes.includes("\\/");
      patterns = rules.patterns.filter(
        (_, index) => disguised || needles[index]!.length < 2 || bytes.includes(needles[index]!),
      );
    },
  };
}

const MARKER_OF = (label: string): string => `\\[${label}(?::([0-9a-f]{24}))?\\]`;

/**
 * Time spent on a text. The wall clock is cheap, and also runs while the process does not: `exact` asks for the thread's own
 * processor time as well. Short texts, where that would cost more than the search, get ten times the budget instead.
 */
function createClock(budgetMs: number, exact: boolean): { start(): void; isLate: () => boolean } {
  let startedMs = 0;
  let usedMicros = 0;
  const used = (): number => {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  };
  return {
    start() {
      startedMs = performance.now();
      if (exact) usedMicros = used();
    },
    isLate() {
      const elapsedMs = performance.now() - startedMs;
      if (!exact) return elapsedMs > 10 * budgetMs;
      return elapsedMs > budgetMs && used() - usedMicros > budgetMs * 1_000;
    },
  };
}
