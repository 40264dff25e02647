/**
 * One hash for equal requests, whoever computes it: sha256 over canonical JSON (RFC 8785, JCS).
 *
 * The determinism figures compare answers to equal requests, so two requests that differ only in the order of keys must
 * hash alike, in a service and in the collector. Requests come from applications and hold anything; nothing here throws.
 * Where RFC 8785 refuses a value, this says something stable instead: a lone surrogate is written as its escape, NaN and
 * infinities are null, a cycle is "[cycle]", what lies deeper than 200 levels "[deep]".
 */
import { hash } from "node:crypto";

export interface HashedRequest {
  provider: string;
  model: string;
  system?: unknown;
  messages: unknown;
  tools?: unknown;
  /** temperature, seed and the like: whatever else changes the answer. */
  parameters?: Record<string, unknown>;
}

/** 32 lower-case hex digits: the first 128 bits of the sha256. */
export function promptHash(request: HashedRequest): string {
  const { provider, model, system, messages, tools, parameters } = request;
  const canonical = canonicalJson({ provider, model, system, messages, tools, parameters });
  return hash("sha256", canonical, "hex").slice(0, 32);
}

/** `undefined`, functions and symbols are left out of objects and are null in arrays, as in `JSON.stringify`. */
export function canonicalJson(value: unknown): string {
  return serialize(value, []) ?? "null";
}

const MAX_DEPTH = 200;

/** `ancestors` are the objects being written, outermost first. Undefined: there is nothing to write. */
function serialize(value: unknown, ancestors: object[]): string | undefined {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      // Number to string in ECMAScript is what RFC 8785 prescribes; -0 is 0.
      return Number.isFinite(value) ? JSON.stringify(value) : "null";
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return value.toString();
    case "object":
      return value === null ? "null" : serializeObject(value, ancestors);
    default:
      return undefined;
  }
}

function serializeObject(object: object, ancestors: object[]): string | undefined {
  if (ancestors.includes(object)) return '"[cycle]"';
  if (ancestors.length >= MAX_DEPTH) return '"[deep]"';
  ancestors.push(object);
  try {
    if (Array.isArray(object)) return serializeArray(object, ancestors);
    if (ArrayBuffer.isView(object)) return serializeBytes(object);
    const own = ownJson(object);
    if (own !== undefined) return serialize(own.value, ancestors);
    return serializeMembers(object as Record<string, unknown>, ancestors);
  } catch {
    // A getter, a proxy or a toJSON of the application threw: this part cannot be read, the rest still can.
    return '"[unreadable]"';
  } finally {
    ancestors.pop();
  }
}

function serializeArray(array: readonly unknown[], ancestors: object[]): string {
  let json = "[";
  for (let i = 0; i < array.length; i++) {
    if (i > 0) json += ",";
    json += serialize(array[i], ancestors) ?? "null";
  }
  return `${json}]`;
}

function serializeMembers(object: Record<string, unknown>, ancestors: object[]): string {
  let json = "";
  // The default sort compares UTF-16 code units, as RFC 8785 §3.2.3 wants.
  for (const key of Object.keys(object).sort()) {
    const member = serialize(object[key], ancestors);
    if (member === undefined) continue;
    json += `${json === "" ? "" : ","}${JSON.stringify(key)}:${member}`;
  }
  return `{${json}}`;
}

/** Images and audio: as the base64 in which they are sent, not as an object with a key for each byte. */
function serializeBytes(view: ArrayBufferView): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return `"${bytes.toString("base64")}"`;
}

/** What an object says of itself: a Date its ISO time, even where `toJSON` was removed. */
function ownJson(object: object): { value: unknown } | undefined {
  if (object instanceof Date) {
    return { value: Number.isNaN(object.getTime()) ? null : object.toISOString() };
  }
  const { toJSON } = object as { toJSON?: unknown };
  return typeof toJSON === "function" ? { value: toJSON.call(object) as unknown } : undefined;
}
