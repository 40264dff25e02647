/**
 * JSON as UTF-8, written front to back into one buffer that grows and is used again.
 *
 * Texts are most of what is written, and `JSON.stringify` looks at each of their characters: 35 µs for 20 KB in Node 24. Here
 * V8 writes a text as it is, which it does at the speed of memory, and words of it are looked at for what JSON escapes; from the
 * first such word on it is copied: 7 µs, 18 with a line break every sixty characters (docs/overhead.md).
 */

/** Writing so few characters takes less than asking V8 to. */
const SHORT_TEXT = 64;
/** Characters at a time, so that what is set aside for the worst case stays small. */
const CHUNK = 16 * 1024;
const MAX_UTF8_BYTES = 3;
/** `\u001f`. */
const MAX_ESCAPED_BYTES = 6;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** By character: the letter behind its backslash, `u` for those that have none of their own, 0 for what stays. */
const ESCAPES: Uint8Array = new Uint8Array(256).fill("u".charCodeAt(0), 0, 0x20);
for (const [character, letter] of ['""', "\\\\", "\bb", "\tt", "\nn", "\ff", "\rr"])
  ESCAPES[character!.charCodeAt(0)] = letter!.charCodeAt(0);

// The text as it is: the same memory by bytes, for looking and for copying.
const raw = Buffer.from(new ArrayBuffer(CHUNK * MAX_UTF8_BYTES));
const rawWords = new Int32Array(raw.buffer);

export class JsonBytes {
  #bytes: Buffer;
  #view: DataView;
  #at = 0;
  #isAscii = true;

  constructor(initialBytes = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(initialBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get position(): number {
    return this.#at;
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /** Forgets what was written after `position`. */
  rewind(position: number): void {
    this.#at = position;
    if (position === 0) this.#isAscii = true;
  }

  /** What was written there; holds until something else is written. */
  between(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  stringSince(position: number): string {
    return this.#bytes.toString(this.#isAscii ? "latin1" : "utf8", position, this.#at);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** Few bytes of JSON that are known: a name, a number. */
  raw(json: Uint8Array): void {
    const { length } = json;
    this.#reserve(length);
    const start = this.#at;
    for (let at = 0; at < length; at++) {
      const byte = json[at] as number;
      if (byte >= 0x80) this.#isAscii = false;
      this.#bytes[start + at] = byte;
    }
    this.#at = start + length;
  }

  /** JSON that is ASCII and short. */
  ascii(json: string): void {
    const { length } = json;
    this.#reserve(length);
    const start = this.#at;
    for (let at = 0; at < length; at++) this.#bytes[start + at] = json.charCodeAt(at);
    this.#at = start + length;
  }

  /** What was written from `start` to `end`, once more. */
  again(start: number, end: number): void {
    this.#reserve(end - start);
    this.#bytes.copyWithin(this.#at, start, end);
    this.#at += end - start;
  }

  /** As `JSON.stringify` writes it: a lone surrogate is its escape. */
  text(value: string): void {
    const { length } = value;
    if (length <= SHORT_TEXT && this.#plain(value)) return;
    this.byte(QUOTE);
    for (let from = 0; from < length;) {
      const to = endOfChunk(value, from);
      this.#chunk(from === 0 && to === length ? value : value.slice(from, to));
      from = to;
    }
    this.byte(QUOTE);
  }

  /** false: there is something to escape in it, or to encode, and nothing is written. */
  #plain(value: string): boolean {
    const { length } = value;
    this.#reserve(length + 2);
    const into = this.#bytes;
    const start = this.#at + 1;
    for (let at = 0; at < length; at++) {
      const code = value.charCodeAt(at);
      if (code < 0x20 || code >= 0x80 || code === QUOTE || code === BACKSLASH) return false;
      into[start + at] = code;
    }
    into[start - 1] = QUOTE;
    into[start + length] = QUOTE;
    this.#at = start + length + 1;
    return true;
  }

  #chunk(value: string): void {
    this.#reserve(value.length * MAX_UTF8_BYTES);
    const start = this.#at;
    const bytes = this.#bytes.write(value, start, "utf8");
    if (bytes !== value.length) {
      this.#isAscii = false;
      if (!value.isWellFormed()) return this.#stringified(value);
    }
    const plain = this.#plainBytes(start, bytes);
    this.#at = start + plain;
    if (plain < bytes) this.#escape(bytes - plain);
  }

  /** How many of these bytes stay as they are in JSON; up to fifteen more may. */
  #plainBytes(start: number, bytes: number): number {
    const view = this.#view;
    const end = start + bytes;
    let at = start;
    for (; at + 16 <= end; at += 16) {
      const found =
        escaped(view.getInt32(at, true)) |
        escaped(view.getInt32(at + 4, true)) |
        escaped(view.getInt32(at + 8, true)) |
        escaped(view.getInt32(at + 12, true));
      if ((found & HIGHEST_BITS) !== 0) return at - start;
    }
    for (; at < end; at++) if (ESCAPES[this.#bytes[at] as number] !== 0) return at - start;
    return bytes;
  }

  /** So many bytes that stand here without their escapes. */
  #escape(bytes: number): void {
    this.#bytes.copy(raw, 0, this.#at, this.#at + bytes);
    this.#reserve(bytes * MAX_ESCAPED_BYTES);
    const view = this.#view;
    const whole = (bytes >> 2) & ~1;
    let at = this.#at;
    for (let word = 0; word < whole; word += 2) {
      const first = rawWords[word] as number;
      const second = rawWords[word + 1] as number;
      if (((escaped(first) | escaped(second)) & HIGHEST_BITS) === 0) {
        view.setInt32(at, first, IS_LITTLE_ENDIAN);
        view.setInt32(at + 4, second, IS_LITTLE_ENDIAN);
        at += 8;
      } else at = this.#bytewise(word * 4, word * 4 + 8, at);
    }
    this.#at = this.#bytewise(whole * 4, bytes, at);
  }

  /** @returns where it ends */
  #bytewise(from: number, to: number, start: number): number {
    const into = this.#bytes;
    let at = start;
    for (let next = from; next < to; next++) {
      const byte = raw[next] as number;
      const letter = ESCAPES[byte] as number;
      if (letter === 0) {
        into[at++] = byte;
        continue;
      }
      into[at++] = BACKSLASH;
      into[at++] = letter;
      if (letter !== 0x75 /* u */) continue;
      into[at++] = 0x30;
      into[at++] = 0x30;
      into[at++] = 0x30 + (byte >> 4);
      into[at++] = "0123456789abcdef".charCodeAt(byte & 0xf);
    }
    return at;
  }

  #stringified(value: string): void {
    const json = JSON.stringify(value);
    this.#reserve(json.length * MAX_UTF8_BYTES);
    this.#at += this.#bytes.write(json.slice(1, -1), this.#at, "utf8");
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Of the four bytes of a word. */
const HIGHEST_BITS = 0x80808080 | 0; // without the `| 0` it is a double, which halves the speed
/** As the machine reads a word, so it is written. */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * Has the highest bit of one of the four bytes set when one of them is below 0x20, a quote or a backslash; the other bits mean
 * nothing. Source: "Determine if a word has a byte less than n", Sean Anderson, Bit Twiddling Hacks.
 */
function escaped(word: number): number {
  const quotes = (word ^ 0x22222222) - 0x01010101;
  const backslashes = (word ^ 0x5c5c5c5c) - 0x01010101;
  return (quotes | backslashes | (word - 0x20202020)) & ~word;
}

/** Not between the two halves of a character. */
function endOfChunk(value: string, from: number): number {
  const end = from + CHUNK;
  if (end >= value.length) return value.length;
  const last = value.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}
