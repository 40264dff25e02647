/**
 * JSON Schema for what models are asked for: the keywords that providers take for structured output and tools. Small
 * enough to need no dependency; a schema with another keyword is refused when the check is made, and whoever needs
 * all of JSON Schema hands over the function that a validator made of it.
 */
import { isFields, text, type Fields } from "../untyped.ts";

export type Validate = (value: unknown) => boolean;

const KEYWORDS = new Set([
  "type",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "enum",
  "const",
  "anyOf",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "pattern",
]);
/** They say nothing about what is valid. */
const ANNOTATIONS = new Set([
  "$schema",
  "$id",
  "title",
  "description",
  "default",
  "examples",
  "format",
]);

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isFields,
  array: Array.isArray,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};

/** @throws TypeError when the schema has a keyword that is not understood */
export function compileSchema(schema: unknown, path = "schema"): Validate {
  if (typeof schema === "boolean") return () => schema;
  if (!isFields(schema)) throw new TypeError(`${path}: expected an object, got "${typeof schema}"`);
  const unknown = Object.keys(schema).find((key) => !KEYWORDS.has(key) && !ANNOTATIONS.has(key));
  if (unknown !== undefined)
    throw new TypeError(
      `${path}: expected only ${[...KEYWORDS].join(", ")}, got "${unknown}"; hand over a function that validates instead`,
    );
  const rules = [
    typeRule(schema, path),
    valueRule(schema),
    anyOfRule(schema, path),
    numberRule(schema),
    stringRule(schema),
    arrayRule(schema, path),
    objectRule(schema, path),
  ].filter((rule) => rule !== undefined);
  return (value) => rules.every((rule) => rule(value));
}

function typeRule({ type }: Fields, path: string): Validate | undefined {
  if (type === undefined) return undefined;
  const tests = [type].flat().map((name) => {
    const test = TYPES[text(name) ?? ""];
    if (!test)
      throw new TypeError(
        `${path}.type: expected ${Object.keys(TYPES).join(", ")}, got ${JSON.stringify(name)}`,
      );
    return test;
  });
  return (value) => tests.some((test) => test(value));
}

function valueRule(schema: Fields): Validate | undefined {
  const allowed = "const" in schema ? [schema["const"]] : (schema["enum"] as unknown[] | undefined);
  if (!allowed) return undefined;
  const texts = new Set(allowed.map((value) => canonicalJson(value)));
  return (value) => texts.has(canonicalJson(value));
}

/** The same text for the same value, whatever the order of its keys. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isFields(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function anyOfRule({ anyOf }: Fields, path: string): Validate | undefined {
  if (!Array.isArray(anyOf)) return undefined;
  const rules = anyOf.map((one, at) => compileSchema(one, `${path}.anyOf[${at}]`));
  return (value) => rules.some((rule) => rule(value));
}

function numberRule(schema: Fields): Validate | undefined {
  const least = Number(schema["minimum"] ?? -Infinity);
  const most = Number(schema["maximum"] ?? Infinity);
  const above = Number(schema["exclusiveMinimum"] ?? -Infinity);
  const below = Number(schema["exclusiveMaximum"] ?? Infinity);
  if (least === -Infinity && above === -Infinity && most === Infinity && below === Infinity)
    return undefined;
  return (value) =>
    typeof value !== "number" ||
    (value >= least && value <= most && value > above && value < below);
}

function stringRule(schema: Fields): Validate | undefined {
  const least = Number(schema["minLength"] ?? 0);
  const most = Number(schema["maxLength"] ?? Infinity);
  const written = text(schema["pattern"]);
  const pattern = written === undefined ? undefined : new RegExp(written, "u");
  if (least === 0 && most === Infinity && !pattern) return undefined;
  return (value) => {
    if (typeof value !== "string") return true;
    const length = Array.from(value).length;
    return length >= least && length <= most && (pattern?.test(value) ?? true);
  };
}

function arrayRule(schema: Fields, path: string): Validate | undefined {
  const least = Number(schema["minItems"] ?? 0);
  const most = Number(schema["maxItems"] ?? Infinity);
  const items =
    schema["items"] === undefined ? undefined : compileSchema(schema["items"], `${path}.items`);
  if (least === 0 && most === Infinity && !items) return undefined;
  return (value) =>
    !Array.isArray(value) ||
    (value.length >= least && value.length <= most && (!items || value.every(items)));
}

function objectRule(schema: Fields, path: string): Validate | undefined {
  const required = (schema["required"] as string[] | undefined) ?? [];
  const properties = new Map(
    Object.entries((schema["properties"] as Fields | undefined) ?? {}).map(([name, inner]) => [
      name,
      compileSchema(inner, `${path}.properties.${name}`),
    ]),
  );
  const more = schema["additionalProperties"];
  const others =
    more === undefined ? undefined : compileSchema(more, `${path}.additionalProperties`);
  if (required.length === 0 && properties.size === 0 && !others) return undefined;
  return (value) => {
    if (!isFields(value)) return true;
    if (!required.every((name) => Object.hasOwn(value, name))) return false;
    return Object.entries(value).every(([name, inner]) => {
      const rule = properties.get(name) ?? others;
      return rule?.(inner) ?? true;
    });
  };
}
