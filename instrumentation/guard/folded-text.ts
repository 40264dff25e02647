/**
 * Text as a reader sees it, for checks that look for words: without characters that have no width, with look-alikes of
 * other alphabets as the Latin letters that they look like, compatibility forms (NFKC) resolved, lower case, one space for
 * any run of spaces and punctuation. Each character knows where it came from, so that what is found in it can be
 * found in the text.
 */
export interface FoldedText {
  text: string;
  /** Where character i begins in the source, and one past the end of where it ends. */
  starts: Uint32Array;
  ends: Uint32Array;
}

/** Letters and digits stay, joined by single spaces. @param compact without the spaces */
export function fold(source: string, compact = false): FoldedText {
  // NFKC makes up to 18 characters of one; more room than that is made when it is needed.
  const writer = new FoldWriter(source.length + 64, compact);
  for (let at = 0; at < source.length;) {
    const code = source.charCodeAt(at);
    if (code < 0x80) writer.put(ASCII[code]!, at, at + 1);
    else at += writer.putWide(source, at) - 1;
    at++;
  }
  return writer.finish();
}

/** 0: a separator. */
const ASCII = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const char = String.fromCharCode(code).toLowerCase();
  return /[a-z0-9]/.test(char) ? char.charCodeAt(0) : 0;
});

class FoldWriter {
  #codes: Uint16Array;
  #starts: Uint32Array;
  #ends: Uint32Array;
  #length = 0;
  readonly #compact: boolean;

  constructor(size: number, compact: boolean) {
    this.#codes = new Uint16Array(size);
    this.#starts = new Uint32Array(size);
    this.#ends = new Uint32Array(size);
    this.#compact = compact;
  }

  put(code: number, start: number, end: number): void {
    if (code === 0) {
      if (this.#compact || this.#length === 0 || this.#codes[this.#length - 1] === SPACE) return;
      code = SPACE;
    }
    if (this.#length === this.#codes.length) this.#grow();
    this.#codes[this.#length] = code;
    this.#starts[this.#length] = start;
    this.#ends[this.#length++] = end;
  }

  /** One character beyond ASCII; returns its length in the source. */
  putWide(source: string, at: number): number {
    const point = source.codePointAt(at)!;
    const length = point > 0xffff ? 2 : 1;
    if (isInvisible(point)) return length;
    for (const char of foldWide(point)) {
      const code = char.charCodeAt(0);
      this.put(code < 0x80 ? ASCII[code]! : code, at, at + length);
    }
    return length;
  }

  finish(): FoldedText {
    return {
      text: Buffer.from(this.#codes.buffer, 0, this.#length * 2).toString("utf16le"),
      starts: this.#starts,
      ends: this.#ends,
    };
  }

  #grow(): void {
    const larger = new FoldWriter(this.#codes.length * 2, this.#compact);
    larger.#codes.set(this.#codes);
    larger.#starts.set(this.#starts);
    larger.#ends.set(this.#ends);
    this.#codes = larger.#codes;
    this.#starts = larger.#starts;
    this.#ends = larger.#ends;
  }
}

const SPACE = 32;
const remembered = new Map<number, string>();
const MAX_REMEMBERED = 4_096;

function foldWide(point: number): string {
  const known = remembered.get(point);
  if (known !== undefined) return known;
  const char = String.fromCodePoint(point);
  const plain = char
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}+/gu, "");
  let folded = "";
  for (const one of plain)
    folded += LOOK_ALIKES.get(one) ?? (/[\p{L}\p{N}]/u.test(one) ? one : " ");
  if (remembered.size < MAX_REMEMBERED) remembered.set(point, folded);
  return folded;
}

/** Of Cyrillic, Greek and Armenian, and Latin letters that do not decompose; from the shapes, as Unicode's confusables. */
const LOOK_ALIKES = new Map(
  Object.entries({
    a: "аαɑ",
    b: "ьв",
    c: "сϲ",
    d: "ԁɗ",
    e: "еєε",
    g: "ɡց",
    h: "һհн",
    i: "іıιӏɩ",
    j: "јϳ",
    k: "кκ",
    l: "ⅼł",
    m: "м",
    n: "пոηո",
    o: "оοօøо",
    p: "рρ",
    q: "ԛզ",
    r: "гг",
    s: "ѕʂ",
    t: "тτ",
    u: "υսц",
    v: "ѵν",
    w: "ԝшωա",
    x: "хχ",
    y: "уγү",
    z: "ᴢ",
  }).flatMap(([letter, others]) => Array.from(others).map((other) => [other, letter] as const)),
);

/** Zero width, soft hyphens, directions, variation selectors, tags: nothing of it is seen. */
export function isInvisible(point: number): boolean {
  if (point < 0xad) return false;
  return (
    point === 0xad ||
    point === 0x34f ||
    point === 0x61c ||
    point === 0x115f ||
    point === 0x1160 ||
    point === 0x180e ||
    (point >= 0x200b && point <= 0x200f) ||
    (point >= 0x202a && point <= 0x202e) ||
    (point >= 0x2060 && point <= 0x206f) ||
    (point >= 0xfe00 && point <= 0xfe0f) ||
    point === 0xfeff ||
    (point >= 0xe0000 && point <= 0xe0fff)
  );
}
