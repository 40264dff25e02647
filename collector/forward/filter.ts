/**
 * Which spans go to a destination, decided on the bytes: the attributes that the filter names are read from the
 * resource and the span, nothing else. Values are compared as text: a string as it is, a boolean as `true` or `false`,
 * an integer in decimal, a double as JavaScript writes it. Lists, maps and bytes equal nothing.
 */
import { ATTR } from "@assay/instrumentation/conventions";
import { WireReader } from "../otlp/wire.ts";
import type { Signal } from "../stages.ts";
import type { AttributeCondition, Filter } from "./destination.ts";
import { selectSpans, type Selection } from "./selection.ts";

/** What a span's project is when nothing names it; the encoder's word. */
const UNKNOWN_PROJECT = "unknown";
const RESOURCE_TAG = 0x0a;
const RESOURCE_ATTRIBUTES = 0x0a;
/** Tag of `attributes` in Span (9) and LogRecord (6). */
const ATTRIBUTES = { traces: 0x4a, logs: 0x32 } as const;

type Values = Map<string, string | undefined>;

export interface SpanFilter {
  /** What is left of a body without the spans that do not pass and those with the indexes `rejected` (ascending). */
  select(body: Uint8Array, signal: Signal, rejected: readonly number[]): Selection;
}

export function createSpanFilter(filter: Filter | undefined): SpanFilter {
  if (!filter) return { select: (body, _, rejected) => withoutRejected(body, rejected) };
  const conditions = filter.attributes ?? [];
  const projects = filter.projects && new Set(filter.projects);
  const keys = new KeyTable(namedKeys(filter));
  const reader = new WireReader();

  function passes(resource: Values, span: Values): boolean {
    if (projects && !projects.has(projectOf(resource, span))) return false;
    return conditions.every((condition) => holds(condition, resource, span));
  }

  return {
    select(body, signal, rejected) {
      reader.reset(body);
      let resource: Values = new Map();
      const refused = new Set(rejected);
      return selectSpans(
        body,
        (index, start, end) => {
          if (refused.has(index)) return false;
          const span: Values = new Map();
          readAttributes(reader, ATTRIBUTES[signal], start, end, keys, span);
          return passes(resource, span);
        },
        (start, end) => {
          resource = readResource(reader, start, end, keys);
        },
      );
    },
  };
}

function withoutRejected(body: Uint8Array, rejected: readonly number[]): Selection {
  const refused = new Set(rejected);
  return selectSpans(body, (index) => !refused.has(index));
}

function namedKeys({ projects, attributes = [] }: Filter): string[] {
  const forProject = [ATTR.assayProject, ATTR.serviceNamespace, ATTR.serviceName];
  return [...attributes.map(({ key }) => key), ...(projects ? forProject : [])];
}

function projectOf(resource: Values, span: Values): string {
  return (
    span.get(ATTR.assayProject) ||
    resource.get(ATTR.assayProject) ||
    resource.get(ATTR.serviceNamespace) ||
    resource.get(ATTR.serviceName) ||
    UNKNOWN_PROJECT
  );
}

function holds({ key, on, in: wanted }: AttributeCondition, resource: Values, span: Values) {
  const own = on === "resource" ? undefined : span;
  const inherited = on === "span" ? undefined : resource;
  const value = own?.has(key) ? own.get(key) : inherited?.get(key);
  return value !== undefined && wanted.includes(value);
}

/** Keys by their bytes, so that the other attributes' keys never become strings. */
class KeyTable {
  readonly #byLength = new Map<number, { key: string; bytes: Buffer }[]>();

  constructor(keys: readonly string[]) {
    for (const key of new Set(keys)) {
      const bytes = Buffer.from(key);
      const same = this.#byLength.get(bytes.length) ?? [];
      this.#byLength.set(bytes.length, [...same, { key, bytes }]);
    }
  }

  find(body: Uint8Array, start: number, end: number): string | undefined {
    const candidates = this.#byLength.get(end - start);
    return candidates?.find(({ bytes }) => bytes.compare(body, start, end) === 0)?.key;
  }
}

/** Fields may come in any order and more than once: the resource is read before the spans of its envelope. */
function readResource(reader: WireReader, start: number, end: number, keys: KeyTable): Values {
  const values: Values = new Map();
  reader.at = start;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag !== RESOURCE_TAG) {
      reader.skip(tag, end);
      continue;
    }
    const resourceEnd = reader.delimited(end);
    readAttributes(reader, RESOURCE_ATTRIBUTES, reader.at, resourceEnd, keys, values);
    reader.at = resourceEnd;
  }
  return values;
}

function readAttributes(
  reader: WireReader,
  attributesTag: number,
  start: number,
  end: number,
  keys: KeyTable,
  into: Values,
): void {
  reader.at = start;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === attributesTag) readKeyValue(reader, reader.delimited(end), keys, into);
    else reader.skip(tag, end);
  }
}

function readKeyValue(reader: WireReader, end: number, keys: KeyTable, into: Values): void {
  let key: string | undefined = undefined;
  let value: string | undefined;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* key = 1 */) {
      const keyEnd = reader.delimited(end);
      key = keys.find(reader.body, reader.at, keyEnd);
      reader.at = keyEnd;
    } else if (tag === 0x12 /* value = 2 */) value = readValue(reader, reader.delimited(end));
    else reader.skip(tag, end);
  }
  // The last of equal keys counts, as it does in storage.
  if (key !== undefined) into.set(key, value);
}

function readValue(reader: WireReader, end: number): string | undefined {
  let value: string | undefined;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* string_value = 1 */) {
      const stringEnd = reader.delimited(end);
      value = Buffer.from(reader.body.buffer, reader.body.byteOffset).toString(
        "utf8",
        reader.at,
        stringEnd,
      );
      reader.at = stringEnd;
    } else if (tag === 0x10 /* bool_value = 2 */) value = String(reader.varint32(end) !== 0);
    else if (tag === 0x18 /* int_value = 3 */) {
      reader.varint64(end);
      value = BigInt.asIntN(64, (BigInt(reader.high) << 32n) | BigInt(reader.low)).toString();
    } else if (tag === 0x21 /* double_value = 4 */) {
      value = String(reader.view.getFloat64(reader.at, true));
      reader.fixed64(end);
    } else {
      reader.skip(tag, end);
      value = undefined;
    }
  }
  return value;
}
