/**
 * Numbers in an answer that stand nowhere in what it is to be grounded in: the documents that were retrieved, or else all
 * that the model was given. An invented price, date or limit is the most expensive kind of invention and the easiest to notice.
 */
import {
  checkOf,
  type Check,
  type CheckContext,
  type CheckOptions,
  type Verdict,
} from "../check.ts";

export interface NumbersOptions extends Omit<CheckOptions, "action"> {
  action?: "warn" | "block" | "fallback";
  /** The least share of the answer's numbers that must be grounded. @default 1 */
  least?: number;
  /** Whole numbers up to this are not looked at: "three steps", lists. @default 10 */
  ignoreTo?: number;
}

/**
 * Numbers, dates and ids of the answer that are not in its documents.
 * @example checks.numbers({ action: "warn" })
 */
export function numbers(options: NumbersOptions = {}): Check {
  const least = options.least ?? 1;
  if (!(least > 0 && least <= 1))
    throw new RangeError(`least: expected above 0 to 1, got ${least}`);
  const ignoreTo = options.ignoreTo ?? 10;
  const inspect = (text: string, { grounds }: CheckContext): Verdict | undefined => {
    const claimed = numbersIn(text).filter(
      (number) => !(/^\d+$/.test(number) && Number(number) <= ignoreTo),
    );
    if (claimed.length === 0) return undefined;
    const known = new Set(grounds.flatMap(numbersIn));
    const missing = claimed.filter((number) => !known.has(number)).length;
    const share = 1 - missing / claimed.length;
    if (share >= least) return undefined;
    return {
      types: ["ungrounded_number"],
      count: missing,
      risk: missing / claimed.length,
      reason: `${missing} of ${claimed.length} numbers are not in the documents`,
    };
  };
  return { ...checkOf(options, { name: "numbers", stages: ["output"] }), inspect };
}

/** What stands in brackets refers to a document, a number and a full stop at the start of a line count. */
const NOT_CLAIMED = /\[\d{1,3}(?:[,;] ?\d{1,3})*\]|^[ \t]*\d{1,3}[.)](?=\s)/gm;
const NUMBER = /\d[\d.,'\u00a0\u202f]*/g;

/** Each in one spelling: `1,234.50`, `1.234,50` and `1234.5` are the same. Of a date each part. */
export function numbersIn(text: string): string[] {
  return [...text.replace(NOT_CLAIMED, " ").matchAll(NUMBER)].flatMap(([match]) => spelled(match));
}

function spelled(match: string): string[] {
  const plain = match.replace(/[.,'\u00a0\u202f]+$/, "");
  // Groups of three are one number whichever mark divides them; the last mark before other digits is the decimal one.
  const grouped = /^(\d{1,3}(?:([.,'\u00a0\u202f])\d{3})(?:\2\d{3})*)(?:[.,](\d+))?$/.exec(plain);
  if (grouped) return [canonical(grouped[1]!.replace(/\D/g, ""), grouped[3] ?? "")];
  const decimal = /^(\d+)[.,](\d+)$/.exec(plain);
  if (decimal) return [canonical(decimal[1]!, decimal[2]!)];
  // 01.12.2026, 10.0.0.1: no single number.
  return plain
    .split(/\D+/)
    .filter(Boolean)
    .map((part) => canonical(part, ""));
}

function canonical(whole: string, fraction: string): string {
  const digits = whole.replace(/^0+(?=\d)/, "");
  const rest = fraction.replace(/0+$/, "");
  return rest === "" ? digits : `${digits}.${rest}`;
}
