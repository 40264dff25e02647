/** Payment cards, phone numbers and IBANs: numbers that are only taken with a reason to. */
import { IBAN_LENGTHS } from "./iban-lengths.ts";
import { afterEscape, isDigit, isWordCode, isWordStart } from "./json.ts";
import type { Range, Scanner } from "./range.ts";

/** One pass over the runs of digits; each form is tried at the start of a run only. */
export const cardsAndPhones: Scanner = (text, found) => {
  const runs = /\d+/g;
  for (let run = runs.exec(text); run !== null; run = runs.exec(text)) {
    const start = afterEscape(text, run.index);
    const range =
      start < runs.lastIndex ? (cardAt(text, start) ?? phoneAt(text, start)) : undefined;
    if (range === undefined) continue;
    found(range);
    runs.lastIndex = range.end;
  }
};

/** Printed forms, each with one separator throughout. */
const CARD_FORMS = [
  /\d{13,19}/y,
  /\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?/y,
  /\d{4}([ -])\d{6}\1\d{4,5}/y,
];

/** Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, Maestro: without them 1 id in 10 would pass. */
const CARD_ISSUERS =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01]|720)\d{12,13}|3[47]\d{13}|6(?:011|4[4-9]\d|5\d\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|(?:5018|5020|5038|6304|6759|676[1-3])\d{8,15})$/;

function cardAt(text: string, start: number): Range | undefined {
  if (!numberMayStart(text, start)) return undefined;
  for (const form of CARD_FORMS) {
    const end = endOf(form, text, start);
    if (end === -1 || !numberMayEnd(text, end)) continue;
    const digits = text.slice(start, end).replace(/\D/g, "");
    if (CARD_ISSUERS.test(digits) && hasLuhnDigit(digits)) return { start, end, label: "card" };
  }
  return undefined;
}

function hasLuhnDigit(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const doubled = i % 2 === 0 ? digit : digit * 2;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

const INTERNATIONAL = /[1-9]\d{0,3}(?:[ .\-/]?\(?\d{1,5}\)?){2,7}/y;
/** (415) 555-2671, 415-555-2671, 1 415 555 2671: the area code and the exchange begin with 2–9. */
const NORTH_AMERICAN = /(?:1([ .-]))?\(?[2-9]\d{2}\)?[ .-]?[2-9]\d{2}[ .-]\d{4}/y;
/** 030 1234567, (0171) 123 45 67, 020 7946 0958, 0221/12 34 56: trunk 0, area code, a separator. */
const TRUNK_ZERO = /0[1-9]\d{0,4}\)?[ \-/](?:\d{2,8}[ -]?){1,4}/y;
/** 01 23 45 67 89, 01.23.45.67.89 */
const PAIRS = /0[1-9]([ .-])\d{2}\1\d{2}\1\d{2}\1\d{2}/y;
const PLAIN = /\d{7,15}/y;
const CALLED_PHONE = /(?:phone|tel|mobile|cell|fax)[a-z _]{0,8}[^a-z0-9]{1,4}$/i;
/** 03-11-2026 10, 01.02.2024 */
const DATE = /\d{1,2}([-./ ])\d{1,2}\1\d{4}(?!\d)/y;

function phoneAt(text: string, digits: number): Range | undefined {
  const plus = text.charAt(digits - 1) === "+" || text.slice(digits - 2, digits) === "+(";
  if (plus) {
    const start = text.charAt(digits - 1) === "+" ? digits - 1 : digits - 2;
    return phone(text, { form: INTERNATIONAL, start, digits, least: 8 });
  }
  const start = text.charAt(digits - 1) === "(" ? digits - 1 : digits;
  if (text.startsWith("00", digits)) {
    const rest = phone(text, { form: INTERNATIONAL, start: digits, digits: digits + 2, least: 8 });
    // Without a separator 00 is how ids begin.
    return rest !== undefined && /\D/.test(text.slice(digits, rest.end)) ? rest : undefined;
  }
  if (endOf(DATE, text, digits) !== -1) return undefined;
  return (
    phone(text, { form: NORTH_AMERICAN, start, digits, least: 10 }) ??
    phone(text, { form: PAIRS, start, digits, least: 10 }) ??
    phone(text, { form: TRUNK_ZERO, start, digits, least: 9 }) ??
    (CALLED_PHONE.test(text.slice(Math.max(0, start - 24), start))
      ? phone(text, { form: PLAIN, start, digits, least: 7 })
      : undefined)
  );
}

function phone(
  text: string,
  at: { form: RegExp; start: number; digits: number; least: number },
): Range | undefined {
  if (!numberMayStart(text, at.start)) return undefined;
  let end = endOf(at.form, text, at.digits);
  if (end === -1) return undefined;
  end = lastDigitEnd(text, end);
  const digits = () => text.slice(at.start, end).replace(/\D/g, "");
  // +1 415 555 2671 4111 …: what follows a number looks like more of it. Give back group after group.
  const most = /^1[2-9]/.test(digits()) ? 11 : 15;
  while (digits().length > most) {
    const shorter = text.slice(at.digits, end).search(/\D+\d+$/);
    if (shorter === -1) return undefined;
    end = lastDigitEnd(text, at.digits + shorter);
  }
  if (digits().length < at.least || !numberMayEnd(text, end)) return undefined;
  return { start: at.start, end, label: "phone" };
}

function lastDigitEnd(text: string, end: number): number {
  while (end > 0 && !isDigit(text.charCodeAt(end - 1))) end--;
  return end;
}

function endOf(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : -1;
}

/** Not within a word, a longer number, a UUID, or a price. */
function numberMayStart(text: string, at: number): boolean {
  if (!isWordStart(text, at)) return false;
  const before = text.charAt(at - 1);
  if (/[$€£#-]/.test(before)) return false;
  return !(/[.,+/]/.test(before) && isWordCode(text.charCodeAt(at - 2)));
}

function numberMayEnd(text: string, at: number): boolean {
  if (at >= text.length) return true;
  if (isWordCode(text.charCodeAt(at))) return false;
  return !(/[.,\-/:]/.test(text.charAt(at)) && isWordCode(text.charCodeAt(at + 1)));
}

const MAX_IBAN_WITH_SPACES = 34 + 8;

export const ibans: Scanner = (text, found) => {
  const starts = /[A-Za-z]{2}\d{2}[ ]?[A-Za-z0-9]{4}/g;
  for (let match = starts.exec(text); match !== null; match = starts.exec(text)) {
    const start = match.index;
    const end = isWordStart(text, start) ? ibanEnd(text, start) : -1;
    if (end === -1) starts.lastIndex = start + 1;
    else {
      found({ start, end, label: "iban" });
      starts.lastIndex = end;
    }
  }
};

/** Each country's IBANs have one length: it tells where the IBAN ends and the next word begins. */
function ibanEnd(text: string, start: number): number {
  const length = IBAN_LENGTHS.get(text.slice(start, start + 2).toUpperCase());
  if (length === undefined) return -1;
  let iban = "";
  let end = start;
  for (; iban.length < length; end++) {
    if (end - start > MAX_IBAN_WITH_SPACES) return -1;
    const char = text.charAt(end);
    if (char === " " && text.charAt(end - 1) !== " ") continue;
    if (char === "" || !isWordCode(char.charCodeAt(0)) || char === "_") return -1;
    iban += char;
  }
  if (end < text.length && isWordCode(text.charCodeAt(end))) return -1;
  return mod97(iban.slice(4) + iban.slice(0, 4)) === 1 ? end : -1;
}

function mod97(text: string): number {
  let rest = 0;
  for (const char of text) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest;
}
