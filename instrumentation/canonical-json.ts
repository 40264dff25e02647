/**
 * Canonical JSON (RFC 8785, JCS) of what an application gave us.
 *
 * That may be anything; nothing here throws, and nothing takes long. Where RFC 8785 refuses a value, this says something
 * stable instead: a lone surrogate is written as its escape, NaN and infinities are null, a cycle is "[cycle]", what
 * lies deeper than 200 levels "[deep]".
 */
import { hash } from "node:crypto";
import { JsonBytes } from "./json-bytes.ts";

/** A text that is longer than what is left to count: its length and some slices of it stand for it. */
const SLICES = 16;
const SLICE_CHARACTERS = 512;
const MAX_DEPTH = 200;

/** The bytes of texts from so many characters on are copied where the text comes again: in the hash and in the content. */
const LONG_TEXT = 512;
const MAX_KNOWN_TEXTS = 16;
const MAX_SPARE_BYTES = 4 * 1024 * 1024;

interface KnownText {
  text: string;
  start: number;
  end: number;
}

/** `undefined`, functions and symbols are left out of objects and are null in arrays, as in `JSON.stringify`. */
export function canonicalJson(value: unknown): string {
  return usingCanonicalJson((json) => json.write(value));
}

/** One is made after the other, so one buffer serves all. Only where an application's getter asks for another there are two. */
let spare: CanonicalJson | undefined;

export function usingCanonicalJson<T>(work: (json: CanonicalJson) => T): T {
  const json = spare ?? new CanonicalJson();
  spare = undefined;
  try {
    return work(json);
  } finally {
    if (json.clear() <= MAX_SPARE_BYTES) spare = json;
  }
}

/** JSON where it was written; it holds until its writer is cleared. */
export class WrittenJson {
  readonly #out: JsonBytes;
  readonly #start: number;
  readonly #end: number;

  constructor(out: JsonBytes, start: number) {
    this.#out = out;
    this.#start = start;
    this.#end = out.position;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  get utf8(): Uint8Array {
    return this.#out.between(this.#start, this.#end);
  }
}

/** Writes values one after the other, and knows the texts that it has written. */
export class CanonicalJson {
  readonly #out = new JsonBytes();
  readonly #known: KnownText[] = [];
  /** The objects being written, outermost first. */
  readonly #ancestors: object[] = [];
  /** Characters of text that are still written in full. */
  #left = Infinity;

  write(value: unknown): string {
    return this.#out.stringSince(this.#append(value, Infinity));
  }

  /** As `write`, for who copies the bytes before `clear`. */
  bytes(value: unknown): WrittenJson {
    return new WrittenJson(this.#out, this.#append(value, Infinity));
  }

  /**
   * The sha256 in hex.
   * @param characters of text that count in full, so that a request of many megabytes does not hold up a service
   */
  hash(value: unknown, characters: number): string {
    return hash(
      "sha256",
      this.#out.between(this.#append(value, characters), this.#out.position),
      "hex",
    );
  }

  /** @returns the bytes that it holds on to */
  clear(): number {
    this.#out.rewind(0);
    this.#known.length = 0;
    return this.#out.capacity;
  }

  /** @returns where it begins */
  #append(value: unknown, characters: number): number {
    const start = this.#out.position;
    this.#left = characters;
    if (!this.#value(value)) this.#out.ascii("null");
    return start;
  }

  /** false: there is nothing to write. */
  #value(value: unknown): boolean {
    switch (typeof value) {
      case "string":
        this.#text(value);
        return true;
      case "number":
        // Number to string in ECMAScript is what RFC 8785 prescribes; -0 is 0.
        this.#out.ascii(Number.isFinite(value) ? String(value) : "null");
        return true;
      case "boolean":
        this.#out.ascii(value ? "true" : "false");
        return true;
      case "bigint":
        this.#out.ascii(value.toString());
        return true;
      case "object":
        if (value !== null) return this.#object(value);
        this.#out.ascii("null");
        return true;
      default:
        return false;
    }
  }

  #text(text: string): void {
    const isWhole = text.length <= this.#left || text.length <= SLICES * SLICE_CHARACTERS;
    this.#left -= text.length;
    if (!isWhole) this.#out.text(slicesOf(text));
    else if (text.length < LONG_TEXT) this.#out.text(text);
    else this.#longText(text);
  }

  #longText(text: string): void {
    for (const known of this.#known)
      if (known.text === text) return this.#out.again(known.start, known.end);
    const start = this.#out.position;
    this.#out.text(text);
    if (this.#known.length < MAX_KNOWN_TEXTS)
      this.#known.push({ text, start, end: this.#out.position });
  }

  #object(object: object): boolean {
    if (this.#ancestors.includes(object)) return this.#note("[cycle]");
    if (this.#ancestors.length >= MAX_DEPTH) return this.#note("[deep]");
    const start = this.#out.position;
    const known = this.#known.length;
    this.#ancestors.push(object);
    try {
      if (Array.isArray(object)) return this.#array(object);
      if (ArrayBuffer.isView(object)) return this.#binary(object);
      const own = ownJson(object);
      return own ? this.#value(own.value) : this.#members(object as Record<string, unknown>);
    } catch {
      // A getter, a proxy or a toJSON of the application threw: this part cannot be read, the rest still can.
      this.#out.rewind(start);
      this.#known.length = known;
      return this.#note("[unreadable]");
    } finally {
      this.#ancestors.pop();
    }
  }

  #note(text: string): true {
    this.#out.text(text);
    return true;
  }

  #array(array: readonly unknown[]): true {
    this.#out.byte(0x5b /* [ */);
    for (let i = 0; i < array.length; i++) {
      if (i > 0) this.#out.byte(0x2c /* , */);
      if (!this.#value(array[i])) this.#out.ascii("null");
    }
    this.#out.byte(0x5d /* ] */);
    return true;
  }

  #members(object: Record<string, unknown>): true {
    const out = this.#out;
    out.byte(0x7b /* { */);
    const first = out.position;
    for (const key of sortedKeys(object)) {
      const before = out.position;
      if (before > first) out.byte(0x2c /* , */);
      out.raw(keyJson(key));
      if (!this.#value(object[key])) out.rewind(before);
    }
    out.byte(0x7d /* } */);
    return true;
  }

  /** Images and audio: as the base64 in which they are sent, not as an object with a key for each byte. */
  #binary(view: ArrayBufferView): true {
    const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
    this.#text(bytes.toString("base64"));
    return true;
  }
}

function slicesOf(text: string): string {
  const step = (text.length - SLICE_CHARACTERS) / (SLICES - 1);
  let slices = `${text.length}`;
  for (let slice = 0; slice < SLICES; slice++) {
    const start = Math.floor(slice * step);
    slices += `:${text.slice(start, start + SLICE_CHARACTERS)}`;
  }
  return slices;
}

/** By UTF-16 code units, as RFC 8785 §3.2.3 wants and as `<` and the default sort compare. Most objects are in order. */
function sortedKeys(object: object): string[] {
  const keys = Object.keys(object);
  for (let i = 1; i < keys.length; i++)
    if ((keys[i - 1] as string) > (keys[i] as string)) return sorted(keys);
  return keys;
}

/** In place: of so few keys `sort()` takes more for its own memory than for the sorting. */
function sorted(keys: string[]): string[] {
  if (keys.length > FEW_KEYS) return keys.sort();
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = i;
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string;
    keys[at] = key;
  }
  return keys;
}

const FEW_KEYS = 8;

/** Keys repeat; with their colon. */
const keyTexts = new Map<string, Uint8Array>();
const MAX_KEYS = 512;

function keyJson(key: string): Uint8Array {
  const known = keyTexts.get(key);
  if (known !== undefined) return known;
  const json = Buffer.from(`${JSON.stringify(key)}:`);
  if (keyTexts.size < MAX_KEYS && key.length <= 64) keyTexts.set(key, json);
  return json;
}

/** What an object says of itself: a Date its ISO time, even where `toJSON` was removed. */
function ownJson(object: object): { value: unknown } | undefined {
  const { toJSON } = object as { toJSON?: unknown };
  if (toJSON === undefined && Object.getPrototypeOf(object) === Object.prototype) return undefined;
  if (object instanceof Date)
    return { value: Number.isNaN(object.getTime()) ? null : object.toISOString() };
  return typeof toJSON === "function" ? { value: toJSON.call(object) as unknown } : undefined;
}
