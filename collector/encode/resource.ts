/**
 * What all spans of a resource and of a scope share, decoded once: the attribute maps in the form of their columns and
 * the attributes that have a column. Requests of one sender repeat the same bytes, so contexts are kept and found again
 * by them (`shared-columns.ts`).
 */
import { ATTR } from "@assay/instrumentation/conventions";
import { RESOURCE_FIELDS, SCOPE_FIELDS } from "../otlp/messages.ts";
import type { WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { DEPTH_LIMIT, readEntry, STRING, writeValue } from "./any-value.ts";
import { hashValue } from "./cardinality.ts";
import { JsonSink } from "./json-sink.ts";
import { StringColumn } from "./string-column.ts";
import { replaced, validUtf8 } from "./utf8.ts";

const NOTHING: Uint8Array = new Uint8Array(0);

/** Attributes as a Map(String, String): values that are no text as OTLP JSON. */
class SharedAttributes {
  readonly #entries = new Map<string, { key: Uint8Array; value: Uint8Array }>();
  readonly #json = new JsonSink();
  anomalies = 0;

  /** Takes the KeyValue that ends at `end`. */
  add(reader: WireReader, end: number): void {
    const entry = readEntry(reader, end);
    if (entry.hasStringIndex) this.anomalies |= ANOMALY.stringIndex;
    const raw = reader.body.subarray(entry.keyAt, entry.keyEnd);
    const name = Buffer.from(raw).toString("latin1");
    if (this.#entries.has(name)) this.anomalies |= ANOMALY.duplicateAttribute;
    let value: Uint8Array;
    if (entry.type === STRING) value = ownText(reader, entry.at, entry.end);
    else {
      this.#json.clear();
      if (writeValue(this.#json, reader, entry, "otlp")) value = copyOf(this.#json.taken());
      else {
        value = DEPTH_LIMIT;
        this.anomalies |= ANOMALY.depthLimit;
      }
    }
    this.#entries.set(name, { key: copyOf(validUtf8(raw)), value });
    reader.at = end;
  }

  get keys(): Uint8Array[] {
    return [...this.#entries.values()].map(({ key }) => key);
  }

  /** All values, as a column has them. */
  get encodedValues(): Uint8Array {
    const column = new StringColumn();
    let row = 0;
    for (const { value } of this.#entries.values()) column.putValid(row++, value);
    return column.bytes.slice(0, column.at);
  }

  /** The value of the first of these keys that is there and not empty. */
  find(...keys: readonly string[]): Uint8Array {
    for (const key of keys) {
      const value = this.#entries.get(key)?.value;
      if (value !== undefined && value.length > 0) return value;
    }
    return NOTHING;
  }
}

/** Where the parts of a ResourceSpans or ScopeSpans lie that its spans share. */
export class SharedSpots {
  /** Start and end of each Resource or InstrumentationScope message: usually one. */
  readonly messages: number[] = [];
  schemaAt = 0;
  schemaEnd = 0;

  clear(): void {
    this.messages.length = 0;
    this.schemaAt = 0;
    this.schemaEnd = 0;
  }

  /** Takes the message, and passes over it. */
  add(reader: WireReader, end: number): void {
    this.messages.push(reader.at, end);
    reader.at = end;
  }

  setSchemaUrl(reader: WireReader, end: number): void {
    this.schemaEnd = reader.delimited(end);
    this.schemaAt = reader.at;
    reader.at = this.schemaEnd;
  }
}

/** What a resource's and a scope's contexts have in common. */
interface SharedText {
  readonly schemaUrl: Uint8Array;
  readonly anomalies: number;
  readonly keys: readonly Uint8Array[];
  readonly encodedValues: Uint8Array;
}

/** One ResourceSpans' resource. */
export class ResourceContext implements SharedText {
  readonly schemaUrl: Uint8Array;
  readonly anomalies: number;
  readonly keys: readonly Uint8Array[];
  readonly encodedValues: Uint8Array;
  readonly service: Uint8Array;
  readonly serviceVersion: Uint8Array;
  readonly environment: Uint8Array;
  readonly release: Uint8Array;
  readonly region: Uint8Array;
  /** What spans without `assay.project` belong to. */
  readonly project: Uint8Array;
  /** For the limits on distinct values. */
  readonly serviceHash: number;
  readonly environmentHash: number;
  readonly releaseHash: number;
  readonly regionHash: number;
  readonly projectHash: number;

  /** A second Resource message in the same ResourceSpans is merged, as protobuf has it. */
  constructor(reader: WireReader, spots: SharedSpots) {
    const before = replaced.count;
    const attributes = new SharedAttributes();
    for (let i = 0; i < spots.messages.length; i += 2) {
      reader.at = spots.messages[i]!;
      readResource(reader, spots.messages[i + 1]!, attributes);
    }
    this.schemaUrl = ownText(reader, spots.schemaAt, spots.schemaEnd);
    this.keys = attributes.keys;
    this.encodedValues = attributes.encodedValues;
    this.service = attributes.find(ATTR.serviceName);
    this.serviceVersion = attributes.find(ATTR.serviceVersion);
    this.environment = attributes.find(ATTR.deploymentEnvironment, "deployment.environment");
    this.release = attributes.find(ATTR.assayRelease, ATTR.serviceVersion);
    this.region = attributes.find(ATTR.assayRegion, ATTR.cloudRegion);
    const project = attributes.find(ATTR.assayProject, ATTR.serviceNamespace, ATTR.serviceName);
    this.project = project.length === 0 ? UNKNOWN_PROJECT : project;
    this.serviceHash = hashText(this.service);
    this.environmentHash = hashText(this.environment);
    this.releaseHash = hashText(this.release);
    this.regionHash = hashText(this.region);
    this.projectHash = hashText(this.project);
    this.anomalies = attributes.anomalies | (replaced.count !== before ? ANOMALY.invalidUtf8 : 0);
  }
}

const UNKNOWN_PROJECT: Uint8Array = Buffer.from("unknown");

function readResource(reader: WireReader, end: number, attributes: SharedAttributes): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* attributes = 1 */) attributes.add(reader, reader.delimited(end));
    else if (tag === 0x10 /* dropped_attributes_count = 2 */) reader.varint32(end);
    else reader.skipUnknown(tag, end, RESOURCE_FIELDS, "Resource");
  }
}

/** One ScopeSpans' scope. */
export class ScopeContext implements SharedText {
  name: Uint8Array = NOTHING;
  version: Uint8Array = NOTHING;
  readonly schemaUrl: Uint8Array;
  readonly anomalies: number;
  readonly keys: readonly Uint8Array[];
  readonly encodedValues: Uint8Array;

  constructor(reader: WireReader, spots: SharedSpots) {
    const before = replaced.count;
    const attributes = new SharedAttributes();
    for (let i = 0; i < spots.messages.length; i += 2) {
      reader.at = spots.messages[i]!;
      this.#read(reader, spots.messages[i + 1]!, attributes);
    }
    this.schemaUrl = ownText(reader, spots.schemaAt, spots.schemaEnd);
    this.keys = attributes.keys;
    this.encodedValues = attributes.encodedValues;
    this.anomalies = attributes.anomalies | (replaced.count !== before ? ANOMALY.invalidUtf8 : 0);
  }

  #read(reader: WireReader, end: number, attributes: SharedAttributes): void {
    while (reader.at < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x0a: // name = 1
          this.name = readText(reader, end);
          break;
        case 0x12: // version = 2
          this.version = readText(reader, end);
          break;
        case 0x1a: // attributes = 3
          attributes.add(reader, reader.delimited(end));
          break;
        case 0x20: // dropped_attributes_count = 4
          reader.varint32(end);
          break;
        default:
          reader.skipUnknown(tag, end, SCOPE_FIELDS, "InstrumentationScope");
      }
    }
  }
}

function readText(reader: WireReader, end: number): Uint8Array {
  const stop = reader.delimited(end);
  const text = ownText(reader, reader.at, stop);
  reader.at = stop;
  return text;
}

/** Of its own memory, which `slice` of a Buffer has not. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** A copy, because the body belongs to the caller; repaired where it is not UTF-8. */
function ownText(reader: WireReader, at: number, end: number): Uint8Array {
  return copyOf(validUtf8(reader.body.subarray(at, end)));
}

function hashText(text: Uint8Array): number {
  return hashValue(text, 0, text.length);
}
