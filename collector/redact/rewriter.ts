/**
 * Redacts what traces and logs share: strings, attributes and values, as changes to the body being walked.
 *
 * The body has been validated. Values nested deeper than the validator looks are replaced unseen; bytes that are UTF-8
 * are searched as text; a whole number is searched as its digits and becomes text when it is a card's.
 */
import { isUtf8 } from "node:buffer";
import { ATTR } from "@assay/instrumentation/conventions";
import { delimited, Patch } from "../otlp/patch.ts";
import { MAX_VALUE_DEPTH, WireReader } from "../otlp/wire.ts";
import { createKeyActions, isMetadata, type KeyAction, type KeyRules } from "./keys.ts";
import { createTextRedactor, HIDDEN, type TextRedactor, type TextRules } from "./text.ts";

export interface Rules extends TextRules, KeyRules {
  /** Whether attributes of resources are searched. */
  resource: boolean;
}

/** Label of an attribute or a text that was removed whole. */
const REMOVED = "removed";
const TOO_DEEP = Buffer.from("[deep]");
const COUNT_KEY = Buffer.from(ATTR.assayRedactions);
const NOTHING: Uint8Array = new Uint8Array(0);
/** In the place of a value's depth: it becomes a token. */
const HASHED = -1;
/** The smallest number with as many digits as the shortest card number. */
const CARD_FROM = 10 ** 12;

interface Compiled {
  rules: Rules;
  text: TextRedactor;
  actionOf: ((key: string) => KeyAction) | undefined;
}

export class Rewriter {
  readonly reader = new WireReader();
  readonly patch = new Patch();
  /** Replacements so far, by label. */
  readonly counts = new Map<string, number>();
  /** All of them. */
  total = 0;
  readonly #default: Compiled;
  readonly #projects: ReadonlyMap<string, Compiled>;
  #now: Compiled;

  constructor(rules: Rules, projects: ReadonlyMap<string, Rules>) {
    this.#default = this.#compile(rules);
    this.#projects = new Map([...projects].map(([name, own]) => [name, this.#compile(own)]));
    this.#now = this.#default;
  }

  #compile(rules: Rules): Compiled {
    const text = createTextRedactor(rules, (label) => this.#count(label));
    return { rules, text, actionOf: createKeyActions(rules) };
  }

  #count(label: string): void {
    this.total++;
    this.counts.set(label, (this.counts.get(label) ?? 0) + 1);
  }

  begin(body: Uint8Array): void {
    this.reader.reset(body);
    this.patch.reset();
    this.#default.text.begin(body);
    for (const { text } of this.#projects.values()) text.begin(body);
  }

  get hasProjects(): boolean {
    return this.#projects.size > 0;
  }

  /** The rules for what comes next. */
  use(project: string): void {
    this.#now = this.#projects.get(project) ?? this.#default;
  }

  get rules(): Rules {
    return this.#now.rules;
  }

  /** Walks a message's fields; `take` reads the field or returns false, and then it is passed over. */
  message(end: number, take: (tag: number, tagAt: number, stop: number) => boolean): void {
    const { reader, patch } = this;
    const lengthAt = reader.at;
    const stop = reader.delimited(end);
    const mark = patch.open(lengthAt, reader.at);
    while (reader.at < stop) {
      const tagAt = reader.at;
      const tag = reader.tag(stop);
      if (!take(tag, tagAt, stop)) reader.skip(tag, stop);
    }
    patch.close(mark, stop);
  }

  /** A string field. */
  text(end: number): void {
    const { reader } = this;
    const lengthAt = reader.at;
    const stop = reader.delimited(end);
    const clean = this.#now.text.bytes(reader.body, reader.at, stop);
    if (clean !== undefined) this.patch.replace(lengthAt, stop, delimited(clean));
    reader.at = stop;
  }

  /** Takes a whole field out. */
  remove(tagAt: number, end: number): void {
    const { reader } = this;
    const stop = reader.delimited(end);
    this.patch.remove(tagAt, stop);
    this.#count(REMOVED);
    reader.at = stop;
  }

  /** A KeyValue field. `onlyMetadata`: whatever is not metadata of the conventions is removed. */
  attribute(tagAt: number, end: number, onlyMetadata = false): void {
    const { reader } = this;
    const { actionOf } = this.#now;
    let action: KeyAction = "search";
    if (actionOf !== undefined || onlyMetadata) {
      const key = this.#keyOf(end);
      action = actionOf?.(key) ?? "search";
      if (onlyMetadata && !isMetadata(key)) action = "remove";
    }
    if (action === "remove") this.remove(tagAt, end);
    else if (action === "keep") reader.at = reader.delimited(end);
    else if (action === "hash") this.#keyValue(end, HASHED);
    else this.#keyValue(end, 1);
  }

  /** The hot path: no closures here and in `value`. */
  #keyValue(end: number, depth: number): void {
    const { reader, patch } = this;
    const lengthAt = reader.at;
    const stop = reader.delimited(end);
    const mark = patch.open(lengthAt, reader.at);
    while (reader.at < stop) {
      const tag = reader.tag(stop);
      if (tag === 0x0a /* key = 1 */) this.text(stop);
      else if (tag !== 0x12 /* value = 2 */) reader.skip(tag, stop);
      else if (depth === HASHED) this.#hidden(stop);
      else this.value(stop, depth);
    }
    patch.close(mark, stop);
  }

  /** The key of the KeyValue whose length comes next; nothing is consumed. */
  #keyOf(end: number): string {
    const { reader } = this;
    const before = reader.at;
    const stop = reader.delimited(end);
    const key = fieldOf(reader, stop, 0x0a);
    reader.at = before;
    return key === undefined ? "" : textOf(reader.body, key.at, key.end);
  }

  /** An AnyValue field. */
  value(end: number, depth: number): void {
    if (depth > MAX_VALUE_DEPTH) {
      this.#replaceValue(end, textValue(TOO_DEEP));
      this.#count(HIDDEN);
      return;
    }
    const { reader, patch } = this;
    const lengthAt = reader.at;
    const stop = reader.delimited(end);
    const mark = patch.open(lengthAt, reader.at);
    while (reader.at < stop) {
      const tagAt = reader.at;
      const tag = reader.tag(stop);
      switch (tag) {
        case 0x0a: // string_value = 1
          this.text(stop);
          break;
        case 0x18: // int_value = 3
          this.#integer(tagAt, stop);
          break;
        case 0x2a: // array_value = 5
          this.message(stop, (inner, _, innerStop) => {
            if (inner !== 0x0a) return false;
            this.value(innerStop, depth + 1);
            return true;
          });
          break;
        case 0x32: // kvlist_value = 6
          this.message(stop, (inner, _, innerStop) => {
            if (inner !== 0x0a) return false;
            this.#keyValue(innerStop, depth + 1);
            return true;
          });
          break;
        case 0x3a: // bytes_value = 7
          this.#bytes(stop);
          break;
        default:
          reader.skip(tag, stop);
      }
    }
    patch.close(mark, stop);
  }

  #bytes(end: number): void {
    const { reader } = this;
    const before = reader.at;
    const stop = reader.delimited(end);
    if (isUtf8(reader.body.subarray(reader.at, stop))) {
      reader.at = before;
      this.text(end);
    } else reader.at = stop;
  }

  #integer(tagAt: number, end: number): void {
    const { reader } = this;
    reader.varint64(end);
    if (reader.high * 2 ** 32 + reader.low < CARD_FROM || reader.high > 0x7fffffff) return;
    const digits = String((BigInt(reader.high) << 32n) | BigInt(reader.low));
    // As a word among others: a number alone would be taken for one of JSON.
    const clean = this.#now.text.text(`= ${digits}`).slice(2);
    if (clean !== digits) {
      this.patch.replace(tagAt, reader.at, textValue(Buffer.from(clean)));
    }
  }

  /** The value as one token; what is no text and no number, as its marker. */
  #hidden(end: number): void {
    const { reader } = this;
    const before = reader.at;
    const stop = reader.delimited(end);
    const string = fieldOf(reader, stop, 0x0a);
    reader.at = before;
    const { text } = this.#now;
    if (string !== undefined) {
      const value = textOf(reader.body, string.at, string.end);
      const clean = value === "" ? value : text.hide(value, "hash");
      if (clean === value) reader.at = stop;
      else this.#replaceValue(end, textValue(Buffer.from(clean)));
      return;
    }
    const integer = integerOf(reader, stop, before, end);
    const clean = integer === undefined ? text.hide("", "mask") : text.hide(integer, "hash");
    this.#replaceValue(end, textValue(Buffer.from(clean)));
  }

  #replaceValue(end: number, content: Uint8Array): void {
    const { reader } = this;
    const lengthAt = reader.at;
    const stop = reader.delimited(end);
    this.patch.replace(lengthAt, stop, delimited(content));
    reader.at = stop;
  }

  /** Puts the number of redactions on a span or a log record that ends at `end`, as an attribute with tag `tag`. */
  putCount(tag: number, end: number, count: number): void {
    const value = Buffer.from([0x18, ...varintOf(count)]);
    const keyValue = Buffer.concat([
      Buffer.from([0x0a]),
      delimited(COUNT_KEY),
      Buffer.from([0x12]),
      delimited(value),
    ]);
    this.patch.replace(end, end, Buffer.concat([Buffer.from([tag]), delimited(keyValue)]));
  }

  /** The count that an earlier redactor left, when the KeyValue whose length comes next is one; nothing is consumed. */
  earlierCount(end: number): number | undefined {
    const { reader } = this;
    const before = reader.at;
    const stop = reader.delimited(end);
    let found: number | undefined;
    // Most keys are of another length, and are not looked at.
    if (stop - reader.at <= COUNT_KEY.length + 16 && stop - reader.at > COUNT_KEY.length) {
      const content = reader.at;
      const key = fieldOf(reader, stop, 0x0a);
      if (key !== undefined && COUNT_KEY.equals(reader.body.subarray(key.at, key.end))) {
        reader.at = content;
        const value = fieldOf(reader, stop, 0x12);
        if (value !== undefined && reader.body[value.at] === 0x18) {
          reader.at = value.at + 1;
          found = reader.varint32(value.end);
        } else found = 0;
      }
    }
    reader.at = before;
    return found;
  }

  /** The text of attribute `key`, of a KeyValue whose length comes next; nothing is consumed. */
  textUnder(key: string, end: number): string | undefined {
    const { reader } = this;
    const before = reader.at;
    const stop = reader.delimited(end);
    const content = reader.at;
    let found: string | undefined;
    const name = fieldOf(reader, stop, 0x0a);
    if (name !== undefined && textOf(reader.body, name.at, name.end) === key) {
      reader.at = content;
      const value = fieldOf(reader, stop, 0x12);
      if (value !== undefined) {
        reader.at = value.at;
        const string = fieldOf(reader, value.end, 0x0a);
        if (string !== undefined) found = textOf(reader.body, string.at, string.end);
      }
    }
    reader.at = before;
    return found || undefined;
  }
}

/** Where the last field with this tag lies in the message up to `end`. */
function fieldOf(
  reader: WireReader,
  end: number,
  wanted: number,
): { at: number; end: number } | undefined {
  let found: { at: number; end: number } | undefined;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === wanted) {
      const stop = reader.delimited(end);
      found = { at: reader.at, end: stop };
      reader.at = stop;
    } else reader.skip(tag, end);
  }
  return found;
}

function integerOf(
  reader: WireReader,
  stop: number,
  before: number,
  end: number,
): string | undefined {
  reader.delimited(end);
  let found: string | undefined;
  while (reader.at < stop) {
    const tag = reader.tag(stop);
    if (tag === 0x18) {
      reader.varint64(stop);
      found = String(BigInt.asIntN(64, (BigInt(reader.high) << 32n) | BigInt(reader.low)));
    } else reader.skip(tag, stop);
  }
  reader.at = before;
  return found;
}

export function textOf(body: Uint8Array, at: number, end: number): string {
  return Buffer.from(body.buffer, body.byteOffset + at, end - at).toString();
}

/** An AnyValue that is text. */
function textValue(bytes: Uint8Array): Uint8Array {
  return bytes.length === 0 ? NOTHING : Buffer.concat([Buffer.from([0x0a]), delimited(bytes)]);
}

function varintOf(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}
