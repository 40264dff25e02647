/**
 * A JSON tokenizer over UTF-8 bytes. Tokens are ranges of the input; nothing is turned into a JavaScript string unless
 * asked for. It checks the whole grammar of RFC 8259 but for the UTF-8 itself, which the encoder repairs per value.
 * Unknown values are skipped with a loop, not recursion, so that no nesting can overflow the stack.
 */
import { PermanentError } from "../stages.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Value of a hexadecimal digit by its byte, -1 for any other byte. */
export const HEX_VALUES = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  HEX_VALUES[i.toString(16).charCodeAt(0)] = i;
  HEX_VALUES[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/** What an escape stands for by the byte after the backslash; 0 when there is no such escape. */
const ESCAPES = new Uint8Array(256);
for (const [letter, meaning] of Object.entries({
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
})) {
  ESCAPES[letter.charCodeAt(0)] = meaning.charCodeAt(0);
}

export class JsonText {
  readonly bytes: Buffer;
  pos = 0;
  /** Range of the string (without quotes) or number read last. */
  start = 0;
  end = 0;
  /** Whether the string read last has escapes. */
  escaped = false;
  /** Where in the document the reader is, for errors. */
  readonly #path: () => string;

  constructor(bytes: Uint8Array, path: () => string) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = path;
  }

  /** The next byte that is not white space, -1 at the end. Does not consume it. */
  peek(): number {
    const { bytes } = this;
    let { pos } = this;
    while (pos < bytes.length) {
      const byte = bytes[pos]!;
      if (byte > SPACE) break;
      if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      pos++;
    }
    this.pos = pos;
    return pos < bytes.length ? bytes[pos]! : -1;
  }

  /** Consumes `byte` if it comes next. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.pos++;
    return true;
  }

  expect(byte: number): void {
    if (!this.take(byte)) this.syntaxError(`"${String.fromCharCode(byte)}"`);
  }

  /** Consumes a comma (true) or the closing byte (false). */
  more(close: number): boolean {
    const byte = this.peek();
    if (byte !== 0x2c && byte !== close) this.syntaxError(`"," or "${String.fromCharCode(close)}"`);
    this.pos++;
    return byte === 0x2c;
  }

  /** Consumes `word` (null, true, false) if it comes next. */
  takeWord(word: string): boolean {
    if (this.peek() !== word.charCodeAt(0)) return false;
    for (let i = 0; i < word.length; i++) {
      if (this.bytes[this.pos + i] !== word.charCodeAt(i)) return false;
    }
    this.pos += word.length;
    return true;
  }

  /** Reads a string into `start`, `end` and `escaped`. */
  string(): void {
    this.expect(QUOTE);
    const { bytes } = this;
    let { pos } = this;
    this.start = pos;
    this.escaped = false;
    for (;;) {
      let byte = bytes[pos]!; // undefined at the end, and then no comparison holds
      while (byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH) byte = bytes[++pos]!;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        pos += this.#escapeLength(pos);
        continue;
      }
      this.pos = pos;
      this.syntaxError(pos < bytes.length ? "an escape for the control character" : 'a closing "');
    }
    this.end = pos;
    this.pos = pos + 1;
  }

  #escapeLength(at: number): number {
    this.escaped = true;
    const letter = this.bytes[at + 1] ?? 0;
    if (ESCAPES[letter] !== 0) return 2;
    if (letter === LOWER_U && this.#hexAt(at + 2) >= 0) return 6;
    this.pos = at;
    return this.syntaxError("an escape of JSON");
  }

  /** The four hexadecimal digits at `at` as a number, -1 when they are not. */
  #hexAt(at: number): number {
    if (at + 4 > this.bytes.length) return -1;
    let value = 0;
    for (let i = at; i < at + 4; i++) {
      const digit = HEX_VALUES[this.bytes[i]!]!;
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }

  /** Writes the string read last without its escapes to `out` at `at`; returns where it ends. Never grows a string. */
  unescapeInto(out: Uint8Array, at: number): number {
    const { bytes, end } = this;
    let pos = this.start;
    while (pos < end) {
      let byte = bytes[pos]!;
      while (byte !== BACKSLASH) {
        out[at++] = byte;
        if (++pos === end) return at;
        byte = bytes[pos]!;
      }
      const letter = bytes[pos + 1]!;
      if (letter !== LOWER_U) {
        out[at++] = ESCAPES[letter]!;
        pos += 2;
        continue;
      }
      const unit = this.#hexAt(pos + 2);
      pos += 6;
      const low = this.#lowSurrogateAt(pos, end);
      if (unit >= 0xd800 && unit < 0xdc00 && low >= 0) {
        at = putUtf8(out, at, 0x10000 + ((unit - 0xd800) << 10) + low);
        pos += 6;
      } else at = putUtf8(out, at, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
    }
    return at;
  }

  #lowSurrogateAt(pos: number, end: number): number {
    if (pos + 6 > end || this.bytes[pos] !== BACKSLASH || this.bytes[pos + 1] !== LOWER_U)
      return -1;
    const unit = this.#hexAt(pos + 2);
    return unit >= 0xdc00 && unit < 0xe000 ? unit - 0xdc00 : -1;
  }

  /** The string or number read last, for what is short or rare. */
  text(): string {
    if (!this.escaped) return this.bytes.toString("utf8", this.start, this.end);
    const plain = Buffer.allocUnsafe(this.end - this.start);
    return plain.toString("utf8", 0, this.unescapeInto(plain, 0));
  }

  /** Reads a number into `start` and `end`. */
  number(): void {
    const { bytes } = this;
    this.peek();
    this.start = this.pos;
    this.escaped = false;
    if (bytes[this.pos] === 0x2d) this.pos++;
    if (bytes[this.pos] === 0x30) this.pos++;
    else this.#digits();
    if (bytes[this.pos] === 0x2e) {
      this.pos++;
      this.#digits();
    }
    if (bytes[this.pos] === 0x65 || bytes[this.pos] === 0x45) {
      this.pos++;
      if (bytes[this.pos] === 0x2b || bytes[this.pos] === 0x2d) this.pos++;
      this.#digits();
    }
    this.end = this.pos;
  }

  #digits(): void {
    const first = this.pos;
    while (isDigit(this.bytes[this.pos])) this.pos++;
    if (this.pos === first) this.syntaxError("a digit");
  }

  /** Consumes one value of any kind and depth. */
  skip(): void {
    const nesting: number[] = [];
    for (;;) {
      const closed = this.#skipScalarOrOpen(nesting);
      if (!closed) continue;
      while (nesting.length > 0) {
        const close = nesting.at(-1)!;
        if (this.more(close)) {
          if (close === CLOSE_BRACE) this.#key();
          break;
        }
        nesting.pop();
      }
      if (nesting.length === 0) return;
    }
  }

  /** False when a container was opened and its first value comes next. */
  #skipScalarOrOpen(nesting: number[]): boolean {
    const byte = this.peek();
    if (byte === QUOTE) this.string();
    else if (byte === OPEN_BRACE) {
      this.pos++;
      if (this.take(CLOSE_BRACE)) return true;
      nesting.push(CLOSE_BRACE);
      this.#key();
      return false;
    } else if (byte === OPEN_BRACKET) {
      this.pos++;
      if (this.take(CLOSE_BRACKET)) return true;
      nesting.push(CLOSE_BRACKET);
      return false;
    } else if (byte === 0x2d || isDigit(byte)) this.number();
    else if (!this.takeWord("true") && !this.takeWord("false") && !this.takeWord("null"))
      this.syntaxError("a value");
    return true;
  }

  #key(): void {
    this.string();
    this.expect(0x3a);
  }

  /** Throws: the document is not JSON. */
  syntaxError(expected: string): never {
    const rest = this.bytes.toString("latin1", this.pos, this.pos + 1);
    const got = rest === "" ? "the end of the body" : JSON.stringify(rest);
    throw new PermanentError(
      `invalid JSON at byte ${this.pos}${this.#where()}: expected ${expected}, got ${got}`,
    );
  }

  /** Throws: the value that comes next is JSON, but not what the field takes. */
  typeError(expected: string): never {
    const got = this.#describeNext();
    throw new PermanentError(`invalid OTLP/JSON${this.#where()}: expected ${expected}, got ${got}`);
  }

  /** Throws: the string or number read last does not suit the field. */
  valueError(expected: string): never {
    const text = this.bytes.toString("utf8", this.start, Math.min(this.end, this.start + 40));
    const cut = this.end > this.start + 40 ? `${text}…` : text;
    throw new PermanentError(
      `invalid OTLP/JSON${this.#where()}: expected ${expected}, got "${cut}"`,
    );
  }

  #where(): string {
    const path = this.#path();
    return path === "" ? "" : ` in ${path}`;
  }

  #describeNext(): string {
    const byte = this.peek();
    if (byte === OPEN_BRACE) return "an object";
    if (byte === OPEN_BRACKET) return "an array";
    const from = this.pos;
    this.skip();
    const token = this.bytes.toString("utf8", from, Math.min(this.pos, from + 40));
    return this.pos > from + 40 ? `${token}…` : token;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function putUtf8(out: Uint8Array, at: number, point: number): number {
  if (point < 0x80) {
    out[at++] = point;
    return at;
  }
  if (point < 0x800) out[at++] = 0xc0 | (point >> 6);
  else {
    if (point < 0x10000) out[at++] = 0xe0 | (point >> 12);
    else {
      out[at++] = 0xf0 | (point >> 18);
      out[at++] = 0x80 | ((point >> 12) & 0x3f);
    }
    out[at++] = 0x80 | ((point >> 6) & 0x3f);
  }
  out[at++] = 0x80 | (point & 0x3f);
  return at;
}
