/**
 * One hash for equal requests, whoever computes it: sha256 over canonical JSON (RFC 8785, JCS).
 *
 * The determinism figures compare answers to equal requests, so a request must hash alike in the service that makes it, in
 * the collector that reads it off a span of another instrumentation, and whatever the order of keys. So what is hashed is
 * the request in the conventions' words: provider, model, messages with instructions as the first of them, tools, and the
 * parameters that spans carry. What no span carries (a response format) counts too where it is known.
 *
 * Requests come from applications and hold anything; nothing here throws, and nothing takes long. Where RFC 8785 refuses a
 * value, this says something stable instead: a lone surrogate is written as its escape, NaN and infinities are null, a
 * cycle is "[cycle]", what lies deeper than 200 levels "[deep]".
 */
import { hash } from "node:crypto";
import { ATTR } from "./conventions.ts";

export interface HashedRequest {
  provider: string;
  model: string;
  /** Parts of the conventions' system instructions. */
  system?: unknown;
  /** The conventions' messages; anything else is hashed as it is. */
  messages: unknown;
  tools?: unknown;
  /** By HASHED_PARAMETERS and, beyond them, by their name in the request. */
  parameters?: Record<string, unknown>;
}

/** What changes an answer and stands on a span. */
export const HASHED_PARAMETERS: readonly string[] = [
  ATTR.requestTemperature,
  ATTR.requestTopP,
  ATTR.requestTopK,
  ATTR.requestSeed,
  ATTR.requestMaxTokens,
  ATTR.requestFrequencyPenalty,
  ATTR.requestPresencePenalty,
  ATTR.requestChoiceCount,
];

/**
 * Of a request's text so many characters count in full; of each text after them its length and some slices, so that files
 * of many megabytes do not hold up a service.
 */
export const HASHED_CHARACTERS = 512 * 1024;
const SLICES = 16;
const SLICE_CHARACTERS = 512;

/**
 * 32 lower-case hex digits: the first 128 bits of the sha256.
 * @param texts for who writes the same texts once more
 */
export function promptHash(request: HashedRequest, texts?: JsonTexts): string {
  const { provider, model, system, messages, tools, parameters } = request;
  const asked = Array.isArray(messages)
    ? { messages: conversation(messages, system), model, parameters, provider, tools }
    : { messages, model, parameters, provider, system, tools };
  const canonical = serialize(asked, { ancestors: [], left: HASHED_CHARACTERS, texts });
  return hash("sha256", canonical ?? "null", "hex").slice(0, 32);
}

/** Some keep instructions apart and some in the conversation: here each is a message at its beginning. */
function conversation(messages: readonly unknown[], system: unknown): unknown[] {
  const normal = messages.map(normalMessage);
  if (system === undefined) return normal;
  const instructions = Array.isArray(system) ? system : [system];
  return [
    ...instructions.map((part: unknown) => ({ parts: [present(part)], role: "system" })),
    ...normal,
  ];
}

/** Why an earlier answer ended is not part of what is asked. */
function normalMessage(message: unknown): unknown {
  if (!isObject(message) || !Array.isArray(message["parts"])) return message;
  return { name: message["name"], parts: message["parts"].map(present), role: message["role"] };
}

/** Absent and null are the same: `id: null` is how the conventions' schema wants an absent id. */
function present(part: unknown): unknown {
  if (!isObject(part)) return part;
  for (const key in part)
    if (part[key] === null)
      return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== null));
  return part;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `undefined`, functions and symbols are left out of objects and are null in arrays, as in `JSON.stringify`. */
export function canonicalJson(value: unknown, texts?: JsonTexts): string {
  return serialize(value, { ancestors: [], left: Infinity, texts }) ?? "null";
}

/** The JSON of texts that were written already. Of a prompt of 20 KB that is most of what its hash and content cost. */
export class JsonTexts {
  readonly #known: { text: string; json: string }[] = [];

  of(text: string): string {
    if (text.length < LONG_TEXT) return textJson(text);
    for (const known of this.#known) if (known.text === text) return known.json;
    const json = JSON.stringify(text);
    if (this.#known.length < MAX_KNOWN_TEXTS) this.#known.push({ text, json });
    return json;
  }
}

/** Most short texts are roles, types and names, which are their own JSON; finding that out is faster than asking V8 to. */
function textJson(text: string): string {
  if (text.length > SHORT_TEXT) return JSON.stringify(text);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return JSON.stringify(text);
  }
  return `"${text}"`;
}

const SHORT_TEXT = 64;
const LONG_TEXT = 512;
const MAX_KNOWN_TEXTS = 16;

const MAX_DEPTH = 200;

interface Progress {
  /** The objects being written, outermost first. */
  readonly ancestors: object[];
  /** Characters of text that are still written in full. */
  left: number;
  readonly texts: JsonTexts | undefined;
}

/** Undefined: there is nothing to write. */
function serialize(value: unknown, progress: Progress): string | undefined {
  switch (typeof value) {
    case "string":
      return serializeText(value, progress);
    case "number":
      // Number to string in ECMAScript is what RFC 8785 prescribes; -0 is 0.
      return Number.isFinite(value) ? JSON.stringify(value) : "null";
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return value.toString();
    case "object":
      return value === null ? "null" : serializeObject(value, progress);
    default:
      return undefined;
  }
}

function serializeText(text: string, progress: Progress): string {
  const isWhole = text.length <= progress.left || text.length <= SLICES * SLICE_CHARACTERS;
  progress.left -= text.length;
  if (isWhole) return progress.texts?.of(text) ?? textJson(text);
  const step = (text.length - SLICE_CHARACTERS) / (SLICES - 1);
  let slices = `${text.length}`;
  for (let slice = 0; slice < SLICES; slice++) {
    const start = Math.floor(slice * step);
    slices += `:${text.slice(start, start + SLICE_CHARACTERS)}`;
  }
  return JSON.stringify(slices);
}

function serializeObject(object: object, progress: Progress): string | undefined {
  const { ancestors } = progress;
  if (ancestors.includes(object)) return '"[cycle]"';
  if (ancestors.length >= MAX_DEPTH) return '"[deep]"';
  ancestors.push(object);
  try {
    if (Array.isArray(object)) return serializeArray(object, progress);
    if (ArrayBuffer.isView(object)) return serializeBytes(object, progress);
    const own = ownJson(object);
    if (own !== undefined) return serialize(own.value, progress);
    return serializeMembers(object as Record<string, unknown>, progress);
  } catch {
    // A getter, a proxy or a toJSON of the application threw: this part cannot be read, the rest still can.
    return '"[unreadable]"';
  } finally {
    ancestors.pop();
  }
}

function serializeArray(array: readonly unknown[], progress: Progress): string {
  let json = "[";
  for (let i = 0; i < array.length; i++) {
    if (i > 0) json += ",";
    json += serialize(array[i], progress) ?? "null";
  }
  return `${json}]`;
}

function serializeMembers(object: Record<string, unknown>, progress: Progress): string {
  let json = "";
  for (const key of sortedKeys(object)) {
    const member = serialize(object[key], progress);
    if (member === undefined) continue;
    json += `${json === "" ? "" : ","}${keyJson(key)}:${member}`;
  }
  return `{${json}}`;
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

/** Keys repeat. */
const keyTexts = new Map<string, string>();
const MAX_KEYS = 512;

function keyJson(key: string): string {
  const known = keyTexts.get(key);
  if (known !== undefined) return known;
  const json = JSON.stringify(key);
  if (keyTexts.size < MAX_KEYS && key.length <= 64) keyTexts.set(key, json);
  return json;
}

/** Images and audio: as the base64 in which they are sent, not as an object with a key for each byte. */
function serializeBytes(view: ArrayBufferView, progress: Progress): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return serializeText(bytes.toString("base64"), progress);
}

/** What an object says of itself: a Date its ISO time, even where `toJSON` was removed. */
function ownJson(object: object): { value: unknown } | undefined {
  const { toJSON } = object as { toJSON?: unknown };
  if (toJSON === undefined && Object.getPrototypeOf(object) === Object.prototype) return undefined;
  if (object instanceof Date)
    return { value: Number.isNaN(object.getTime()) ? null : object.toISOString() };
  return typeof toJSON === "function" ? { value: toJSON.call(object) as unknown } : undefined;
}
