/**
 * OTLP/JSON to OTLP protobuf, so that validation, log and encoder know one form only.
 *
 * One pass over the bytes, straight into the protobuf buffer: no objects, no strings, no doubles in between, hence a
 * bare `1544712660000000001` keeps all its digits and a `__proto__` key is a key like any other. What the OTLP/JSON
 * rules ask for is here: ids in hexadecimal of any case, other bytes in base64, 64-bit integers as string or number,
 * enums as integers (names are taken and warned of), unknown keys ignored, null as "not set".
 *
 * Two things refuse one span instead of the request. An id that is not hexadecimal is written with a length no id has,
 * so that validation rejects its span; a span with an unknown enum name is listed in `rejected`. Everything else that
 * is wrong is a PermanentError that names the place, what was expected and what came.
 *
 * A key given twice counts as on the wire: the last one wins, messages merge, lists add up.
 */
import {
  ANY_VALUE,
  fieldNamed,
  LOG_RECORD,
  LOGS_REQUEST,
  SPAN,
  TRACE_REQUEST,
  type Field,
  type Message,
} from "./json-fields.ts";
import { readInteger, type Integer64 } from "./json-integer.ts";
import { HEX_VALUES, JsonText } from "./json-text.ts";
import { ProtobufWriter } from "./json-writer.ts";

export interface Transcoded {
  /** ExportTraceServiceRequest or ExportLogsServiceRequest, protobuf. */
  body: Uint8Array;
  /** Ascending indexes of spans, or log records, that must not be stored, in the order of the wire. */
  rejected: readonly number[];
  /** Why, and how many. */
  reasons: ReadonlyMap<string, number>;
  /** What was taken though senders should not send it, and how often. */
  warnings: ReadonlyMap<string, number>;
}

/** Deeper AnyValues are cut off here; the encoder replaces an attribute well before that (32). */
const MAX_VALUE_DEPTH = 64;
/** From this depth on lengths are padded instead of moving the content. */
const WIDE_FROM_DEPTH = 4;
/** More than any id has; bounds what a hostile "id" costs. */
const MAX_ID_BYTES = 65;

const COLON = 0x3a;
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const SPECIAL_DOUBLES = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/** @throws PermanentError when the text is not JSON or not a trace request */
export function transcodeTraces(json: Uint8Array): Transcoded {
  return new Transcoder(json).run(TRACE_REQUEST);
}

/** @throws PermanentError when the text is not JSON or not a logs request */
export function transcodeLogs(json: Uint8Array): Transcoded {
  return new Transcoder(json).run(LOGS_REQUEST);
}

class Transcoder {
  readonly #text: JsonText;
  readonly #out: ProtobufWriter;
  readonly #integer: Integer64 = { hi: 0, lo: 0, negative: false };
  readonly #path: Field[] = [];
  /** Element of the list at the same place of #path. */
  readonly #elements: number[] = [];
  readonly #rejected: number[] = [];
  readonly #reasons = new Map<string, number>();
  readonly #warnings = new Map<string, number>();
  /** Of the span or log record at hand. */
  #index = -1;
  #valueDepth = 0;

  constructor(json: Uint8Array) {
    this.#text = new JsonText(json, () => this.#where());
    this.#out = new ProtobufWriter(json.length);
  }

  run(request: Message): Transcoded {
    this.#members(request);
    if (this.#text.peek() !== -1) this.#text.syntaxError("the end of the body");
    return {
      body: this.#out.finish(),
      rejected: this.#rejected,
      reasons: this.#reasons,
      warnings: this.#warnings,
    };
  }

  #members(message: Message): void {
    const text = this.#text;
    if (!text.take(OPEN_BRACE)) text.typeError("an object");
    if (text.take(CLOSE_BRACE)) return;
    do {
      text.string();
      const field = text.escaped
        ? message.byName.get(text.text())
        : fieldNamed(message, text.bytes, text.start, text.end);
      text.expect(COLON);
      if (field === undefined) text.skip();
      else this.#member(field);
    } while (text.more(CLOSE_BRACE));
  }

  #member(field: Field): void {
    if (this.#text.takeWord("null")) return;
    this.#path.push(field);
    this.#elements.push(-1);
    if (field.repeated) this.#list(field);
    else this.#value(field);
    this.#path.pop();
    this.#elements.pop();
  }

  #list(field: Field): void {
    const text = this.#text;
    if (!text.take(OPEN_BRACKET)) text.typeError("an array");
    if (text.take(CLOSE_BRACKET)) return;
    const depth = this.#elements.length - 1;
    do {
      this.#elements[depth]!++;
      this.#value(field);
    } while (text.more(CLOSE_BRACKET));
  }

  #value(field: Field): void {
    const out = this.#out;
    switch (field.kind) {
      case "message":
        return this.#message(field);
      case "string":
        return this.#string(field);
      case "id":
        return this.#id(field);
      case "bytes":
        return this.#bytes(field);
      case "fixed64":
        this.#unsigned(0xffffffff);
        out.varint(field.tag);
        out.fixed32(this.#integer.lo);
        return out.fixed32(this.#integer.hi);
      case "fixed32":
        this.#unsigned(0);
        out.varint(field.tag);
        return out.fixed32(this.#integer.lo);
      case "uint32":
        this.#unsigned(0);
        out.varint(field.tag);
        return out.varint(this.#integer.lo);
      case "int64":
        this.#signed(0x80000000);
        return this.#signedVarint(field);
      case "enum":
        return this.#enum(field);
      case "bool":
        return this.#bool(field);
      case "double":
        return this.#double(field);
    }
  }

  #message(field: Field): void {
    const message = field.message!;
    if (message === SPAN || message === LOG_RECORD) this.#index++;
    const isValue = message === ANY_VALUE;
    if (isValue) this.#valueDepth++;
    const out = this.#out;
    out.varint(field.tag);
    const wide = this.#valueDepth > WIDE_FROM_DEPTH;
    const start = wide ? out.openWide() : out.open();
    if (this.#valueDepth > MAX_VALUE_DEPTH) this.#text.skip();
    else this.#members(message);
    if (wide) out.closeWide(start);
    else out.close(start);
    if (isValue) this.#valueDepth--;
  }

  #readString(): void {
    if (this.#text.peek() !== QUOTE) this.#text.typeError("a string");
    this.#text.string();
  }

  #string(field: Field): void {
    this.#readString();
    const text = this.#text;
    const out = this.#out;
    out.varint(field.tag);
    if (!text.escaped) return out.delimited(text.bytes, text.start, text.end);
    const start = out.open();
    out.reserve(text.end - text.start);
    out.length = text.unescapeInto(out.bytes, start);
    out.close(start);
  }

  #id(field: Field): void {
    this.#readString();
    const { bytes, start, end, escaped } = this.#text;
    const out = this.#out;
    out.varint(field.tag);
    const content = out.open();
    out.reserve((end - start) >> 1);
    let good = !escaped && (end - start) % 2 === 0;
    for (let i = start; good && i < end; i += 2) {
      const high = HEX_VALUES[bytes[i]!]!;
      const low = HEX_VALUES[bytes[i + 1]!]!;
      good = high >= 0 && low >= 0;
      out.bytes[out.length++] = (high << 4) | low;
    }
    if (!good) {
      out.length = content;
      this.#unusableId(field, bytes.subarray(start, end));
    }
    out.close(content);
  }

  /** Writes the text itself with an odd length, which no id has. */
  #unusableId(field: Field, text: Uint8Array): void {
    const shown = Math.min(text.length, MAX_ID_BYTES);
    const out = this.#out;
    out.reserve(shown + 1);
    out.bytes.set(text.subarray(0, shown), out.length);
    out.length += shown;
    if (shown % 2 === 0) out.bytes[out.length++] = 0x3f;
    count(this.#warnings, `${field.name} is not hexadecimal`);
  }

  #bytes(field: Field): void {
    this.#readString();
    const text = this.#text.text();
    const digits = text.replace(/={0,2}$/, "");
    if (!BASE64.test(text) || digits.length % 4 === 1) this.#text.valueError("base64");
    const content = Buffer.from(digits, "base64");
    this.#out.varint(field.tag);
    this.#out.delimited(content, 0, content.length);
  }

  #bool(field: Field): void {
    const truth = this.#text.takeWord("true");
    if (!truth && !this.#text.takeWord("false")) this.#text.typeError("true or false");
    this.#out.varint(field.tag);
    this.#out.varint(truth ? 1 : 0);
  }

  #double(field: Field): void {
    const text = this.#text;
    const value = text.peek() === QUOTE ? this.#quotedDouble() : this.#bareDouble();
    this.#out.varint(field.tag);
    this.#out.double(value);
  }

  #quotedDouble(): number {
    this.#text.string();
    const text = this.#text.text();
    const special = SPECIAL_DOUBLES.get(text);
    if (special !== undefined) return special;
    if (!DECIMAL.test(text)) this.#text.valueError("a number");
    return Number(text);
  }

  #bareDouble(): number {
    this.#number("a number");
    return Number(this.#text.text());
  }

  #number(expected: string): void {
    const byte = this.#text.peek();
    if (byte !== 0x2d && (byte < 0x30 || byte > 0x39)) this.#text.typeError(expected);
    this.#text.number();
  }

  #readInteger(expected: string): void {
    const text = this.#text;
    if (text.peek() === QUOTE) text.string();
    else this.#number(expected);
    const fits = readInteger(text.bytes, text.start, text.end, this.#integer);
    if (!fits) text.valueError(expected);
  }

  /** Reads an integer from 0 to 2^32 - 1, or to `maxHi` × 2^32 + 2^32 - 1. */
  #unsigned(maxHi: number): void {
    const expected = maxHi === 0 ? "an unsigned 32-bit integer" : "an unsigned 64-bit integer";
    this.#readInteger(expected);
    const { hi, lo, negative } = this.#integer;
    if (hi > maxHi || (negative && (hi !== 0 || lo !== 0))) this.#text.valueError(expected);
  }

  /** Reads an integer from -2^63 to 2^63 - 1. */
  #signed(minHi: number): void {
    this.#readInteger("a 64-bit integer");
    const { hi, lo, negative } = this.#integer;
    if (hi > minHi || (hi === minHi && !(negative && lo === 0)))
      this.#text.valueError("a 64-bit integer");
  }

  #signedVarint(field: Field): void {
    const { hi, lo, negative } = this.#integer;
    this.#out.varint(field.tag);
    if (!negative) return this.#out.varint64(hi, lo);
    const twosLo = -lo >>> 0;
    this.#out.varint64((~hi + (lo === 0 ? 1 : 0)) >>> 0, twosLo);
  }

  #enum(field: Field): void {
    if (this.#text.peek() === QUOTE) return this.#enumName(field);
    this.#readInteger("an integer");
    const { hi, lo } = this.#integer;
    if (hi !== 0 || lo > 0x7fffffff) this.#text.valueError("a 32-bit integer");
    this.#signedVarint(field);
  }

  #enumName(field: Field): void {
    this.#text.string();
    const name = this.#text.text();
    const number = field.enumNames!.get(name);
    if (number === undefined) return this.#reject(`unknown ${field.name} "${name.slice(0, 40)}"`);
    count(this.#warnings, `${field.name} given by name instead of number`);
    this.#out.varint(field.tag);
    this.#out.varint(number);
  }

  #reject(reason: string): void {
    if (this.#rejected.at(-1) === this.#index) return;
    this.#rejected.push(this.#index);
    count(this.#reasons, reason);
  }

  /** `resourceSpans[0].scopeSpans[2].spans[7].kind` */
  #where(): string {
    return this.#path
      .map((field, i) =>
        this.#elements[i]! < 0 ? field.name : `${field.name}[${this.#elements[i]}]`,
      )
      .join(".");
  }
}

/** Distinct texts kept of what a sender chose; more are counted under "other". */
const MAX_REASONS = 20;

function count(counts: Map<string, number>, text: string): void {
  const key = counts.size < MAX_REASONS || counts.has(text) ? text : "other";
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
