/** API keys, tokens, private keys and passwords. */
import type { Scanner } from "./range.ts";

/** A key begins a word; the letter of a JSON escape before it (`\nsk-…`) is no part of it. */
const START = String.raw`(?:(?<![A-Za-z0-9_-])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))`;

/**
 * One alternation, so that the text is searched once. Each alternative is a fixed beginning and one repeated class: what
 * does not match is left after the beginning, what matches is skipped whole.
 */
const KEYS = new RegExp(
  START +
    String.raw`(?:` +
    [
      String.raw`(?<loose>(?:sk|rk|pk|gsk|xai|pplx|r8|tvly|lsv2|key)[-_][A-Za-z0-9_-]{20,512})`,
      String.raw`(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])`,
      String.raw`gh[pousr]_[A-Za-z0-9]{30,255}`,
      String.raw`github_pat_[A-Za-z0-9_]{22,255}`,
      String.raw`xox[abeoprs]-[A-Za-z0-9-]{10,255}`,
      String.raw`AIza[A-Za-z0-9_-]{35}`,
      String.raw`ya29\.[A-Za-z0-9_-]{20,512}`,
      String.raw`gl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,255}`,
      String.raw`hf_[A-Za-z0-9]{30,255}`,
      String.raw`npm_[A-Za-z0-9]{36}`,
      String.raw`pypi-[A-Za-z0-9_-]{50,512}`,
      String.raw`dop_v1_[a-f0-9]{64}`,
      String.raw`dapi[a-f0-9]{32}`,
      String.raw`dckr_pat_[A-Za-z0-9_-]{20,64}`,
      String.raw`hv[sbr]\.[A-Za-z0-9_-]{20,256}`,
      String.raw`shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}`,
      String.raw`(?:SK|AC)[a-f0-9]{32}(?![A-Za-z0-9])`,
      String.raw`SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}`,
      String.raw`eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,8192}(?:\.[A-Za-z0-9_-]{0,8192}){0,3}`,
    ].join("|") +
    String.raw`)`,
  "g",
);

/** `sk-` also begins `sk-learn-tutorial-for-beginners`: a key has a long piece with a digit and a letter in it. */
function isRandom(key: string): boolean {
  return key
    .split(/[-_]/)
    .some((part) => part.length >= 12 && /\d/.test(part) && /[A-Za-z]/.test(part));
}

export const keys: Scanner = (text, found) => {
  eachLongWord(text, (start, end) => {
    // One character more, for what must stand before a key.
    const from = Math.max(start - 1, 0);
    for (const match of text.slice(from, end).matchAll(KEYS)) {
      const loose = match.groups?.["loose"];
      if (loose !== undefined && !isRandom(loose)) continue;
      const at = from + match.index;
      found({ start: at, end: at + match[0].length, label: "key" });
    }
  });
};

/** Every key has so many letters, digits, _ and - in a row: `eyJ` and eight more. */
const SHORTEST_RUN = 11;
/** All in all: `xoxb-` and ten more. */
const SHORTEST_KEY = 15;
/** A key of small letters alone is as long: `dapi` and 32 digits. */
const SHORTEST_PLAIN = 36;

/** Of a character: it may be in a run, or stand between the runs of a key. */
const IN_RUN = 1;
const BETWEEN_RUNS = 2;
const KINDS = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code);
  return /[A-Za-z0-9_-]/.test(char) ? IN_RUN : char === "." ? BETWEEN_RUNS : 0;
});

/**
 * Tells where a key may be: of runs with full stops between them, one of them long and with more than small letters. Looking
 * at each place with the alternation of all kinds takes most of redaction's time; so only every eleventh character is looked at,
 * which a long run cannot miss, and prose is stepped over.
 */
function eachLongWord(text: string, tell: (start: number, end: number) => void): void {
  let done = 0;
  for (let at = SHORTEST_RUN - 1; at < text.length; at += SHORTEST_RUN) {
    if (kindAt(text, at) !== IN_RUN) continue;
    let start = at;
    while (start > done && kindAt(text, start - 1) === IN_RUN) start--;
    let end = at + 1;
    while (kindAt(text, end) === IN_RUN) end++;
    if (end - start >= SHORTEST_RUN) {
      while (start > done && kindAt(text, start - 1) !== 0) start--;
      while (kindAt(text, end) !== 0) end++;
      done = end;
      if (mayBeKey(text, start, end)) tell(start, end);
    }
    at = end - 1;
  }
}

function kindAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 128 ? (KINDS[code] as number) : 0;
}

/** Not a word of prose: small letters, maybe the first a capital, maybe full stops behind them. */
function mayBeKey(text: string, start: number, end: number): boolean {
  if (end - start < SHORTEST_KEY) return false;
  if (end - start >= SHORTEST_PLAIN) return true;
  let last = end;
  while (text.charCodeAt(last - 1) === FULL_STOP) last--;
  for (let at = start + 1; at < last; at++) {
    const code = text.charCodeAt(at);
    if (code < SMALL_A || code > SMALL_Z) return true;
  }
  return false;
}

const FULL_STOP = 46;
const SMALL_A = 97;
const SMALL_Z = 122;

export const authorizations: Scanner = (text, found) => {
  for (const match of text.matchAll(AUTHORIZATION)) {
    const end = match.index + match[0].length;
    const token = match[1] ?? "";
    if (/\d/.test(token)) found({ start: end - token.length, end, label: "key" });
  }
};

/** The scheme stays: `Authorization: Bearer [key]`. */
const AUTHORIZATION = /\b(?:bearer|basic)[ ]{1,4}([A-Za-z0-9._~+/-]{16,8192}={0,2})/gi;

const BEGIN = "-----BEGIN ";
const PRIVATE = /-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----/y;
/** Base64, line ends (in JSON `\n`), and headers such as `DEK-Info: AES-128-CBC,…`. */
const BODY = /(?:[A-Za-z0-9+/=:,\s\\]|-(?!-)){0,16384}/y;
const END = /-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----/y;
/** Where text was cut off before the end, only what is surely base64 is taken. */
const UNFINISHED =
  /(?:\s|\\[nr]){0,4}(?:[A-Za-z0-9+/=]{40,128}(?:\s|\\[nr]){0,4}){0,256}[A-Za-z0-9+/=]{0,128}/y;

export const privateKeys: Scanner = (text, found) => {
  let start = text.indexOf(BEGIN);
  while (start !== -1) {
    const end = privateKeyEnd(text, start);
    if (end !== -1) found({ start, end, label: "key" });
    start = text.indexOf(BEGIN, end === -1 ? start + BEGIN.length : end);
  }
};

function privateKeyEnd(text: string, start: number): number {
  const body = stickyEnd(PRIVATE, text, start);
  if (body === -1) return -1;
  const end = stickyEnd(END, text, stickyEnd(BODY, text, body));
  return end === -1 ? stickyEnd(UNFINISHED, text, body) : end;
}

function stickyEnd(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : -1;
}

/** postgres://user:secret@host */
export const urlPasswords: Scanner = (text, found) => {
  for (let at = text.indexOf("://"); at !== -1; at = text.indexOf("://", at + 3)) {
    const end = stickyEnd(USER_AND_PASSWORD, text, at + 3);
    if (end === -1) continue;
    const start = text.indexOf(":", at + 3) + 1;
    found({ start, end: end - 1, label: "password" });
  }
};

const USER_AND_PASSWORD = /[^\s:@/"'\\]{0,64}:[^\s@/"'\\[\]]{1,256}@/y;

const NAME =
  "password|passwd|passphrase|pwd|secret|api[_-]?key|apikey|access[_-]?key|account[_-]?key|secret[_-]?key|" +
  "private[_-]?key|client[_-]?secret|auth[_-]?token|access[_-]?token|refresh[_-]?token|bearer[_-]?token|session[_-]?token";
/** name, perhaps a quote (escaped or not), `:` or `=`, perhaps a quote. */
const ASSIGNMENT = new RegExp(
  String.raw`(?:${NAME})(?:\\{0,3}["'])?[ ]{0,4}(?:=>|[:=])[ ]{0,4}(\\{0,3}["'\x60])?`,
  "gi",
);
const QUOTED_VALUE = /[^"'`\\\r\n]{1,512}/y;
const PLAIN_VALUE = /[^\s"'`\\,;&<>(){}[\]|]{4,512}/y;
/** Words that stand where a secret would in documents, schemas and code. */
const NOT_A_SECRET =
  /^(?:null|none|true|false|undefined|required|optional|string|number|boolean|object|\*+|x{3,}|\.{3,}|\$.*|<.*|\[.*|\{.*|process\.env.*|os\.environ.*|env\.)$/i;

/** `password=…`, `"api_key": "…"`, `client_secret: …`: the name stays. */
export const assignedSecrets: Scanner = (text, found) => {
  for (const match of text.matchAll(ASSIGNMENT)) {
    const start = match.index + match[0].length;
    const quoted = match[1] !== undefined;
    const end = stickyEnd(quoted ? QUOTED_VALUE : PLAIN_VALUE, text, start);
    if (end === -1) continue;
    const value = text.slice(start, end);
    if (NOT_A_SECRET.test(value)) continue;
    // In prose ("password: see below", "secret: nobody knows") a plain word is just a word.
    if (!quoted && !match[0].endsWith("=") && /^[A-Za-z]+[.!?]?$/.test(value)) continue;
    found({ start, end, label: "password" });
  }
};
