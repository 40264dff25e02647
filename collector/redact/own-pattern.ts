/**
 * Patterns of the user's own, taken only when they are proved to need a bounded time for each character of text.
 *
 * JavaScript's engine backtracks: `(a+)+b` takes years on forty letters, and even `\d+x` takes quadratic time on a long
 * number. There is no safe engine to hand, so the pattern is what is restricted: every repetition needs an upper bound,
 * there is no looking around and no reference back. Such a pattern matches at most `maxLength` characters, and the
 * number of ways in which it can be tried at one place can be counted; a pattern with too many is refused, with the
 * number. What follows a repetition and cannot be mistaken for it leaves only one way, so that `[a-z]{1,64}@` counts
 * once and `[a-z]{1,64}[a-z]{1,64}` 64 × 64 times.
 *
 * Text is searched in windows, and the clock is looked at between them.
 */

/** Steps at one place: `2 × ways × longest match`. */
const MOST_STEPS = 10_000;
const LONGEST_MATCH = 1_024;
const WINDOW = 4_096;
/** Characters before a window that `\b` may look at: one, or both halves of one. */
const CONTEXT = 2;

export class PatternError extends Error {
  override readonly name = "PatternError";
}

export interface OwnPattern {
  /**
   * Finds matches from left to right.
   * @param isLate asked between windows; true ends the search
   * @returns false when the search was ended early
   */
  search(text: string, found: (start: number, end: number) => void, isLate: () => boolean): boolean;
  /** Text that every match begins with; empty when there is none. */
  readonly prefix: string;
}

/** @throws PatternError that says what is not allowed, and what to write instead */
export function compilePattern(source: string, options: { ignoreCase: boolean }): OwnPattern {
  const flags = options.ignoreCase ? "giu" : "gu";
  let regExp: RegExp;
  try {
    regExp = new RegExp(source, flags);
  } catch (error) {
    throw new PatternError(error instanceof Error ? error.message : String(error));
  }
  const tree = parse(source, options.ignoreCase);
  const { min, max, ways } = measure(tree, { first: 0n, end: "success" });
  if (min === 0) throw new PatternError("expected a pattern that cannot match nothing at all");
  if (max > LONGEST_MATCH) {
    throw new PatternError(`expected matches of at most ${LONGEST_MATCH} characters, got ${max}`);
  }
  const steps = 2 * ways * max;
  if (!(steps <= MOST_STEPS)) {
    throw new PatternError(
      `expected at most ${MOST_STEPS} steps at one place, got ${steps}: repetitions that can match the same ` +
        "characters stand side by side or within one another",
    );
  }
  return {
    prefix: options.ignoreCase ? "" : prefixOf(tree),
    search: (text, found, isLate) => search(regExp, max, text, { found, isLate }),
  };
}

function search(
  regExp: RegExp,
  longest: number,
  text: string,
  { found, isLate }: { found: (start: number, end: number) => void; isLate: () => boolean },
): boolean {
  for (let base = 0; base < text.length;) {
    const from = Math.max(0, base - CONTEXT);
    const window = text.slice(from, base + WINDOW + longest + CONTEXT);
    regExp.lastIndex = base - from;
    let next = base + WINDOW;
    for (let match = regExp.exec(window); match !== null; match = regExp.exec(window)) {
      const start = from + match.index;
      if (start >= base + WINDOW) break;
      const end = start + match[0].length;
      found(start, end);
      next = Math.max(next, end);
    }
    base = next;
    if (isLate()) return false;
  }
  return true;
}

/** Characters as bits: 0–127 themselves, 128 all others. */
type CharSet = bigint;
const OTHERS: CharSet = 1n << 128n;
const ANY: CharSet = (1n << 129n) - 1n;

type Tree =
  | { kind: "set"; set: CharSet; literal: string | undefined }
  /** `\b`: takes no character and may fail. */
  | { kind: "assertion" }
  | { kind: "sequence"; items: readonly Tree[] }
  | { kind: "choice"; options: readonly Tree[] }
  | { kind: "repeat"; item: Tree; least: number; most: number };

/** What may come behind: the characters it can begin with, and what its end means. */
interface Follow {
  first: CharSet;
  /** `never`: something must follow; `success`: the match is complete; `fallible`: an assertion decides. */
  end: "never" | "success" | "fallible";
}

interface Measure {
  min: number;
  max: number;
  ways: number;
}

function firstOf(tree: Tree): { first: CharSet; nullable: boolean } {
  switch (tree.kind) {
    case "set":
      return { first: tree.set, nullable: false };
    case "assertion":
      return { first: 0n, nullable: true };
    case "repeat": {
      const { first, nullable } = firstOf(tree.item);
      return { first: tree.most === 0 ? 0n : first, nullable: nullable || tree.least === 0 };
    }
    case "choice": {
      const options = tree.options.map(firstOf);
      return {
        first: options.reduce((all, { first }) => all | first, 0n),
        nullable: options.some(({ nullable }) => nullable),
      };
    }
    case "sequence": {
      let first = 0n;
      for (const item of tree.items) {
        const begin = firstOf(item);
        first |= begin.first;
        if (!begin.nullable) return { first, nullable: false };
      }
      return { first, nullable: true };
    }
  }
}

function measure(tree: Tree, follow: Follow): Measure {
  switch (tree.kind) {
    case "set":
      return { min: 1, max: tree.set >= OTHERS ? 2 : 1, ways: 1 };
    case "assertion":
      return { min: 0, max: 0, ways: 1 };
    case "choice": {
      const options = tree.options.map((option) => measure(option, follow));
      return {
        min: Math.min(...options.map(({ min }) => min)),
        max: Math.max(...options.map(({ max }) => max)),
        ways: options.reduce((sum, { ways }) => sum + ways, 0),
      };
    }
    case "sequence":
      return measureSequence(tree.items, follow);
    case "repeat":
      return measureRepeat(tree, follow);
  }
}

function measureSequence(items: readonly Tree[], follow: Follow): Measure {
  const whole: Measure = { min: 0, max: 0, ways: 1 };
  let behind = follow;
  for (const item of items.toReversed()) {
    const { min, max, ways } = measure(item, behind);
    whole.min += min;
    whole.max += max;
    whole.ways *= ways;
    behind = before(item, behind);
  }
  return whole;
}

/** What follows that which stands before `item`. */
function before(item: Tree, behind: Follow): Follow {
  const { first, nullable } = firstOf(item);
  if (!nullable) return { first, end: "never" };
  const mayFail = hasAssertion(item);
  return {
    first: first | behind.first,
    end: behind.end === "success" && mayFail ? "fallible" : behind.end,
  };
}

function hasAssertion(tree: Tree): boolean {
  if (tree.kind === "assertion") return true;
  if (tree.kind === "sequence") return tree.items.some(hasAssertion);
  if (tree.kind === "choice") return tree.options.some(hasAssertion);
  return tree.kind === "repeat" && hasAssertion(tree.item);
}

function measureRepeat(tree: Extract<Tree, { kind: "repeat" }>, follow: Follow): Measure {
  const { item, least, most } = tree;
  const { first, nullable } = firstOf(item);
  const again: Follow =
    most > 1
      ? { first: first | follow.first, end: follow.end === "never" ? "never" : "fallible" }
      : follow;
  const one = measure(item, again);
  // The next character decides whether to go on, or nothing can fail any more: one way out.
  const isDecided = !nullable && (first & follow.first) === 0n && follow.end !== "fallible";
  let ways = one.ways ** most;
  if (!isDecided) {
    ways = 0;
    for (let times = least; times <= most; times++) ways += one.ways ** times;
  }
  return { min: one.min * least, max: one.max * most, ways };
}

function prefixOf(tree: Tree): string {
  if (tree.kind === "set") return tree.literal ?? "";
  if (tree.kind !== "sequence") return "";
  let prefix = "";
  for (const item of tree.items) {
    if (item.kind === "assertion") continue;
    if (item.kind !== "set" || item.literal === undefined) break;
    prefix += item.literal;
  }
  return prefix;
}

/** Reads what the engine has already found to be a regular expression (with the flag u). */
function parse(source: string, ignoreCase: boolean): Tree {
  let at = 0;

  function choice(): Tree {
    const options = [sequence()];
    while (source[at] === "|") {
      at++;
      options.push(sequence());
    }
    return options.length === 1 ? options[0]! : { kind: "choice", options };
  }

  function sequence(): Tree {
    const items: Tree[] = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") items.push(repeated());
    return { kind: "sequence", items };
  }

  function repeated(): Tree {
    const item = atom();
    const rest = source.slice(at, at + 32);
    const bounds = /^(?:\?|\{(\d+)(?:,(\d+))?\})\??/.exec(rest);
    if (bounds !== null) {
      at += bounds[0].length;
      const least = Number(bounds[1] ?? 0);
      const most = Number(bounds[2] ?? bounds[1] ?? 1);
      if (most > LONGEST_MATCH) throw tooLong(bounds[0]);
      return { kind: "repeat", item, least, most };
    }
    const open = /^(?:[*+]|\{\d+,\})/.exec(rest);
    if (open === null) return item;
    throw new PatternError(
      `expected an upper bound, as in {1,64}, instead of "${open[0]}" at character ${at + 1}: without one a long ` +
        "text can take very long",
    );
  }

  function tooLong(bound: string): PatternError {
    return new PatternError(`expected at most ${LONGEST_MATCH} repetitions, got "${bound}"`);
  }

  function atom(): Tree {
    const char = source[at]!;
    if (char === "(") return group();
    if (char === "[") return { kind: "set", set: characterClass(), literal: undefined };
    if (char === "^" || char === "$") {
      throw new PatternError(
        `expected no "${char}" at character ${at + 1}: text is searched piece by piece; \\b finds the edge of a word`,
      );
    }
    if (char === "." || (char === "\\" && /[bB1-9k]/.test(source[at + 1]!))) return special();
    const set = element();
    return { kind: "set", set: set.set, literal: set.literal };
  }

  function special(): Tree {
    if (source[at] === ".") {
      at++;
      return { kind: "set", set: ANY & ~bit(10) & ~bit(13), literal: undefined };
    }
    const letter = source[at + 1]!;
    at += 2;
    if (letter === "b" || letter === "B") return { kind: "assertion" };
    throw new PatternError(`expected no reference to a group ("\\${letter}")`);
  }

  function group(): Tree {
    at++;
    if (source[at] === "?") {
      const kind = /^\?(?::|<[A-Za-z_]\w*>)/.exec(source.slice(at, at + 64));
      if (kind === null) {
        throw new PatternError(
          `expected no "(${source.slice(at, at + 2)}" at character ${at}: only plain groups, no looking ahead or behind`,
        );
      }
      at += kind[0].length;
    }
    const inner = choice();
    at++;
    return inner;
  }

  function characterClass(): CharSet {
    at++;
    const negated = source[at] === "^";
    if (negated) at++;
    let set = 0n;
    while (source[at] !== "]") {
      const low = element();
      if (source[at] === "-" && source[at + 1] !== "]") {
        at++;
        const high = element();
        set |= range(low.code, high.code);
      } else set |= low.set;
    }
    at++;
    // What is not in the set may still be other characters beyond ASCII.
    return negated ? (ANY & ~set) | OTHERS : set;
  }

  function range(low: number, high: number): CharSet {
    let set = high > 127 ? OTHERS : 0n;
    for (let code = low; code <= Math.min(high, 127); code++) set |= single(code);
    return set;
  }

  function single(code: number): CharSet {
    if (code > 127)
      return ignoreCase ? OTHERS | bit(0x4b) | bit(0x6b) | bit(0x53) | bit(0x73) : OTHERS;
    const char = String.fromCharCode(code);
    if (!ignoreCase) return bit(code);
    // K and S have a fellow beyond ASCII (the Kelvin sign, the long s).
    const fellow = /[ks]/i.test(char) ? OTHERS : 0n;
    return bit(char.toLowerCase().charCodeAt(0)) | bit(char.toUpperCase().charCodeAt(0)) | fellow;
  }

  /** One character or a class written with a backslash. */
  function element(): { set: CharSet; code: number; literal: string | undefined } {
    const code = source.codePointAt(at)!;
    const char = String.fromCodePoint(code);
    at += char.length;
    if (char !== "\\") return character(code);
    const letter = source[at++]!;
    const named = CLASSES[letter];
    if (named !== undefined) return { set: named, code: 0, literal: undefined };
    if (letter === "p" || letter === "P") {
      at = source.indexOf("}", at) + 1;
      return { set: ANY, code: 0, literal: undefined };
    }
    const control = CONTROLS[letter];
    if (control !== undefined) return character(control);
    if (letter === "c") return character(source.charCodeAt(at++) % 32);
    const hex =
      letter === "x" || letter === "u"
        ? /^(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{4}|[0-9a-fA-F]{2}))/.exec(
            letter === "x" ? source.slice(at, at + 2) : source.slice(at, at + 12),
          )
        : null;
    if (hex === null) return character(letter.codePointAt(0)!);
    at += hex[0].length;
    return character(Number.parseInt(hex[1] ?? hex[2]!, 16));
  }

  function character(code: number): { set: CharSet; code: number; literal: string | undefined } {
    return {
      set: single(code),
      code,
      literal: code > 31 && code < 127 ? String.fromCharCode(code) : undefined,
    };
  }

  return choice();
}

const bit = (code: number): CharSet => 1n << BigInt(code);

function asciiSet(test: RegExp): CharSet {
  let set = 0n;
  for (let code = 0; code < 128; code++) if (test.test(String.fromCharCode(code))) set |= bit(code);
  return set;
}

const CLASSES: Readonly<Record<string, CharSet>> = {
  d: asciiSet(/\d/),
  D: ANY & ~asciiSet(/\d/),
  // With the flags i and u \w takes the Kelvin sign and the long s too.
  w: asciiSet(/\w/) | OTHERS,
  W: ANY & ~asciiSet(/\w/),
  s: asciiSet(/\s/) | OTHERS,
  S: ANY & ~asciiSet(/\s/),
};

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };
