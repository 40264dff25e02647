/**
 * Which scanners a text could interest, told from its bytes in one pass.
 *
 * Nearly all text of nearly all spans holds nothing to replace. Decoding it and running nine scanners over it would cost
 * many times what storing it does, so this looks for what each scanner cannot do without: an @, seven digits among
 * separators, a long run of token characters that begins like a key, a name such as `password` before a colon. A hint
 * may be wrong about something being there, never about nothing being there: a test holds it against the scanners.
 *
 * Bytes above 0x7f are no letters and no digits here, as in the scanners.
 */
import type { ScannerName } from "@assay/instrumentation/redact";

/** One bit for each scanner. */
export const HINT: Readonly<Record<ScannerName, number>> = {
  privateKeys: 1,
  keys: 2,
  authorizations: 4,
  urlPasswords: 8,
  assignedSecrets: 16,
  ibans: 32,
  cardsAndPhones: 64,
  emails: 128,
  ips: 256,
};
const EVERYTHING = 511;
const EMAIL_HINT = 128;
const ASSIGN_HINT = 16;
/** `://` was seen: with an @ there may be a password in a URL. */
const SCHEME = 512;
const WITH_SCHEME = SCHEME | EMAIL_HINT;

/** Digits of the shortest phone number; cards and IBANs have more. */
const FEWEST_DIGITS = 7;
/** Characters of the shortest key (`xoxb-…`); tokens behind `Bearer` are longer. */
const SHORTEST_KEY = 15;

const bytesOf = (text: string): number[] => [...Buffer.from(text)];
const tableOf = (bytes: readonly number[]): Uint8Array => {
  const table = new Uint8Array(256);
  for (const byte of bytes) table[byte] = 1;
  return table;
};
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS = "0123456789";
const isLetter = tableOf(bytesOf(LETTERS));
const isDigit = tableOf(bytesOf(DIGITS));
const isHexOrColon = tableOf(bytesOf(`${DIGITS}abcdefABCDEF:`));
const isWord = tableOf(bytesOf(`${LETTERS}${DIGITS}_`));
/** What keys and bearer tokens are made of. */
const isToken = tableOf(bytesOf(`${LETTERS}${DIGITS}_.-~+/`));
/** What cards and phone numbers are made of. */
const isNumber = tableOf(bytesOf(`${DIGITS} .-/()+`));

/** Characters that are looked at closely; all others are passed over. */
const MARK = 1;
const DIGIT = 2;
const TRIGGER = new Uint8Array(256);
for (const byte of bytesOf("@%:=\\-")) TRIGGER[byte] = MARK;
for (const byte of bytesOf(DIGITS)) TRIGGER[byte] = DIGIT;

/** The first two characters of every kind of key. */
const BEGINS_KEY = new Uint8Array(65_536);
for (const two of "sk rk pk gs xa pp r8 tv ls ke AK AS AB AC gh gi xo AI ya gl hf np py do SG ey".split(
  " ",
)) {
  BEGINS_KEY[(two.charCodeAt(0) << 8) | two.charCodeAt(1)] = 1;
}

/** The last three letters of every name of a secret: password, passwd, passphrase, pwd, secret, …key, …token. */
const NAME_ENDS: ReadonlySet<number> = new Set(
  ["ord", "swd", "ase", "pwd", "ret", "key", "ken"].map(
    (end) => (end.charCodeAt(0) << 16) | (end.charCodeAt(1) << 8) | end.charCodeAt(2),
  ),
);

/** Bits of `HINT` for the text in [at, end). */
export function hintsOf(body: Uint8Array, at: number, end: number): number {
  let hints = end - at >= SHORTEST_KEY ? tokenHints(body, at, end) : 0;
  let i = at;
  while (i < end) {
    // The loop that all bytes go through holds nothing else.
    while (i < end && TRIGGER[body[i]!] === 0) i++;
    if (i >= end) break;
    const kind = TRIGGER[body[i]!]!;
    if (kind === DIGIT) {
      const stop = numberEnd(body, i, end);
      hints |= numberHints(body, at, i, stop);
      // Among what a number is made of, only a dash may be the last of `-----BEGIN`.
      i = body[stop - 1] === 0x2d ? stop - 1 : stop;
      if (i === stop) continue;
    }
    const found = kind === DIGIT ? dashHints(body, at, i, end) : markHints(body, at, i, end);
    if (found === EVERYTHING) return EVERYTHING;
    hints |= found;
    i++;
  }
  return (hints & WITH_SCHEME) === WITH_SCHEME ? hints | HINT.urlPasswords : hints;
}

function markHints(body: Uint8Array, at: number, i: number, end: number): number {
  switch (body[i]!) {
    case 0x40: // @
      return EMAIL_HINT;
    case 0x25: // %
      return i + 2 < end && body[i + 1] === 0x34 && body[i + 2] === 0x30 ? EMAIL_HINT : 0;
    case 0x5c: // backslash
      return i + 1 < end && escapesAscii(body, i, end) ? EVERYTHING : 0;
    case 0x2d: // -
      return dashHints(body, at, i, end);
    case 0x3a: // :
      return colonHints(body, at, i, end) | (followsName(body, at, i) ? ASSIGN_HINT : 0);
    default: // =
      return followsName(body, at, i) ? ASSIGN_HINT : 0;
  }
}

function dashHints(body: Uint8Array, at: number, i: number, end: number): number {
  if (i + 1 >= end || i === at) return 0;
  return body[i + 1] === 0x42 /* B */ && body[i - 1] === 0x2d ? HINT.privateKeys : 0;
}

function colonHints(body: Uint8Array, at: number, i: number, end: number): number {
  let hints = 0;
  if (i + 2 < end && body[i + 1] === 0x2f && body[i + 2] === 0x2f) hints |= SCHEME;
  if (i + 1 < end && isHexOrColon[body[i + 1]!] === 1) hints |= HINT.ips;
  if (i > at && isHexOrColon[body[i - 1]!] === 1) hints |= HINT.ips;
  return hints;
}

/** Where what a number is made of ends. */
function numberEnd(body: Uint8Array, at: number, end: number): number {
  let stop = at + 1;
  while (stop < end && isNumber[body[stop]!] === 1) stop++;
  return stop;
}

function numberHints(body: Uint8Array, at: number, digit: number, stop: number): number {
  let hints = 0;
  if (digit - 2 >= at && digit + 1 < stop && mayBeginIban(body, at, digit)) hints |= HINT.ibans;
  if (stop - digit < FEWEST_DIGITS) return hints;
  let digits = 0;
  let dots = 0;
  for (let i = digit; i < stop; i++) {
    digits += isDigit[body[i]!]!;
    if (body[i] === 0x2e) dots++;
  }
  if (digits >= FEWEST_DIGITS) hints |= HINT.cardsAndPhones;
  if (dots >= 3) hints |= HINT.ips;
  return hints;
}

/**
 * Runs of token characters that are long enough. A run of 15 covers one of any 15 places in a row, so that most bytes
 * of prose are not looked at.
 */
function tokenHints(body: Uint8Array, at: number, end: number): number {
  let hints = 0;
  let from = at;
  let probe = at + SHORTEST_KEY - 1;
  while (probe < end) {
    if (!mayBeInRun(body, probe, end)) {
      probe += SHORTEST_KEY;
      continue;
    }
    let start = probe;
    while (start > from && isToken[body[start - 1]!] === 1) start--;
    let stop = probe + 1;
    while (stop < end && isToken[body[stop]!] === 1) stop++;
    if (stop - start >= SHORTEST_KEY) hints |= runHints(body, at, start, stop);
    from = stop + 1;
    probe = stop + SHORTEST_KEY;
  }
  return hints;
}

/**
 * A run of 15 around a place has the 7 before it or the 7 behind it. Whether they are is counted without a branch: in prose each
 * would be a guess, and the guesses cost more than the bytes.
 */
function mayBeInRun(body: Uint8Array, at: number, end: number): boolean {
  if (isToken[body[at]!] === 0) return false;
  const before =
    isToken[body[at - 1]!]! &
    isToken[body[at - 2]!]! &
    isToken[body[at - 3]!]! &
    isToken[body[at - 4]!]! &
    isToken[body[at - 5]!]! &
    isToken[body[at - 6]!]! &
    isToken[body[at - 7]!]!;
  if (before === 1 || at + 7 >= end) return before === 1;
  const behind =
    isToken[body[at + 1]!]! &
    isToken[body[at + 2]!]! &
    isToken[body[at + 3]!]! &
    isToken[body[at + 4]!]! &
    isToken[body[at + 5]!]! &
    isToken[body[at + 6]!]! &
    isToken[body[at + 7]!]!;
  return behind === 1;
}

function runHints(body: Uint8Array, at: number, start: number, stop: number): number {
  let hints = 0;
  if (start > at && body[start - 1] === 0x20) {
    let before = start - 1;
    while (before > at && before > start - 6 && body[before] === 0x20) before--;
    const last = body[before]! | 0x20;
    // bearer, basic
    if (last === 0x72 || last === 0x63) hints |= HINT.authorizations;
  }
  if (start > at && body[start - 1] === 0x5c) {
    // The letter of an escape is no part of the key behind it: \nsk-…, \u00a0sk-…
    if (beginsKey(body, start + 1, stop) || beginsKey(body, start + 5, stop)) hints |= HINT.keys;
  }
  for (let i = start; i + SHORTEST_KEY <= stop; i++) {
    if (!beginsKey(body, i, stop)) continue;
    if (i === start || (isWord[body[i - 1]!] === 0 && body[i - 1] !== 0x2d)) hints |= HINT.keys;
  }
  return hints;
}

function beginsKey(body: Uint8Array, at: number, stop: number): boolean {
  return at + SHORTEST_KEY <= stop && BEGINS_KEY[(body[at]! << 8) | body[at + 1]!] === 1;
}

/** Whether a name of a secret stands before the mark at `mark`, a quotation mark or spaces perhaps between. */
function followsName(body: Uint8Array, at: number, mark: number): boolean {
  let last = mark - 1;
  for (let spaces = 0; spaces < 4 && last >= at && body[last] === 0x20; spaces++) last--;
  if (last >= at && (body[last] === 0x22 || body[last] === 0x27)) {
    last--;
    for (let escapes = 0; escapes < 3 && last >= at && body[last] === 0x5c; escapes++) last--;
  }
  if (last - 2 < at) return false;
  const name =
    ((body[last - 2]! | 0x20) << 16) | ((body[last - 1]! | 0x20) << 8) | (body[last]! | 0x20);
  return NAME_ENDS.has(name);
}

/** `\u0040`, `\/`: an ordinary character in disguise. */
function escapesAscii(body: Uint8Array, at: number, end: number): boolean {
  const next = body[at + 1];
  if (next === 0x2f) return true;
  if (at + 4 >= end || next !== 0x75 || body[at + 2] !== 0x30 || body[at + 3] !== 0x30)
    return false;
  const digit = body[at + 4]!;
  return digit >= 0x32 && digit <= 0x37;
}

/** Two letters that begin a word, and two digits, of which the first is at `digit`. */
function mayBeginIban(body: Uint8Array, at: number, digit: number): boolean {
  if (isDigit[body[digit + 1]!] !== 1) return false;
  if (isLetter[body[digit - 1]!] === 0 || isLetter[body[digit - 2]!] === 0) return false;
  if (digit - 3 < at || isWord[body[digit - 3]!] === 0) return true;
  for (let i = digit - 3; i >= at && i >= digit - 9; i--) if (body[i] === 0x5c) return true;
  return false;
}
