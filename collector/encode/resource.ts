/**
 * What all spans of a resource and of a scope share, decoded once: the attribute maps in the form of their columns,
 * ready to be copied into each row, and the attributes that have a column.
 */
import { ATTR } from "@assay/instrumentation/conventions";
import { RESOURCE_FIELDS, SCOPE_FIELDS } from "../otlp/messages.ts";
import type { WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { DEPTH_LIMIT, readEntry, STRING, writeValue } from "./any-value.ts";
import { hashValue } from "./cardinality.ts";
import { StringColumn } from "./columns.ts";
import { JsonSink } from "./json-sink.ts";
import { replaced } from "./utf8.ts";

const NOTHING: Uint8Array = new Uint8Array(0);

/** Attributes as a Map(String, String): values that are no text as OTLP JSON. */
class SharedAttributes {
  readonly #entries = new Map<string, { key: Uint8Array; value: Uint8Array }>();
  readonly #keys = new StringColumn();
  readonly #values = new StringColumn();
  readonly #json = new JsonSink();
  anomalies = 0;
  count = 0;
  encodedKeys: Uint8Array = NOTHING;
  encodedValues: Uint8Array = NOTHING;

  clear(): void {
    this.#entries.clear();
    this.anomalies = 0;
    this.count = 0;
  }

  /** Takes the KeyValue that ends at `end`. */
  add(reader: WireReader, end: number): void {
    const entry = readEntry(reader, end);
    if (entry.hasStringIndex) this.anomalies |= ANOMALY.stringIndex;
    const key = reader.body.slice(entry.keyAt, entry.keyEnd);
    const name = Buffer.from(key).toString("latin1");
    if (this.#entries.has(name)) this.anomalies |= ANOMALY.duplicateAttribute;
    let value: Uint8Array;
    if (entry.type === STRING) value = reader.body.slice(entry.at, entry.end);
    else {
      this.#json.clear();
      if (writeValue(this.#json, reader, entry, "otlp")) value = this.#json.taken().slice();
      else {
        value = DEPTH_LIMIT;
        this.anomalies |= ANOMALY.depthLimit;
      }
    }
    this.#entries.set(name, { key, value });
    reader.at = end;
  }

  close(): void {
    this.#keys.reset();
    this.#values.reset();
    for (const { key, value } of this.#entries.values()) {
      this.#keys.put(this.count, key, 0, key.length);
      this.#values.put(this.count, value, 0, value.length);
      this.count++;
    }
    this.encodedKeys = this.#keys.bytes.slice(0, this.#keys.at);
    this.encodedValues = this.#values.bytes.slice(0, this.#values.at);
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

/** One ResourceSpans' resource. */
export class ResourceContext {
  readonly attributes = new SharedAttributes();
  schemaUrl: Uint8Array = NOTHING;
  service: Uint8Array = NOTHING;
  serviceVersion: Uint8Array = NOTHING;
  environment: Uint8Array = NOTHING;
  release: Uint8Array = NOTHING;
  region: Uint8Array = NOTHING;
  /** What spans without `assay.project` belong to. */
  project: Uint8Array = NOTHING;
  /** For the limits on distinct values. */
  serviceHash = 0;
  environmentHash = 0;
  releaseHash = 0;
  regionHash = 0;
  projectHash = 0;
  anomalies = 0;
  #replacedBefore = 0;

  begin(): void {
    this.#replacedBefore = replaced.count;
    this.attributes.clear();
    this.schemaUrl = NOTHING;
  }

  /** Takes a Resource message; a second one in the same ResourceSpans is merged, as protobuf has it. */
  read(reader: WireReader, end: number): void {
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a /* attributes = 1 */) this.attributes.add(reader, reader.delimited(end));
      else if (tag === 0x10 /* dropped_attributes_count = 2 */) reader.varint32(end);
      else reader.skipUnknown(tag, end, RESOURCE_FIELDS, "Resource");
    }
  }

  close(): void {
    const attributes = this.attributes;
    attributes.close();
    this.service = attributes.find(ATTR.serviceName);
    this.serviceVersion = attributes.find(ATTR.serviceVersion);
    this.environment = attributes.find(ATTR.deploymentEnvironment, "deployment.environment");
    this.release = attributes.find(ATTR.assayRelease, ATTR.serviceVersion);
    this.region = attributes.find(ATTR.assayRegion, ATTR.cloudRegion);
    this.project = attributes.find(ATTR.assayProject, ATTR.serviceNamespace, ATTR.serviceName);
    if (this.project.length === 0) this.project = UNKNOWN_PROJECT;
    this.serviceHash = hashValue(this.service, 0, this.service.length);
    this.environmentHash = hashValue(this.environment, 0, this.environment.length);
    this.releaseHash = hashValue(this.release, 0, this.release.length);
    this.regionHash = hashValue(this.region, 0, this.region.length);
    this.projectHash = hashValue(this.project, 0, this.project.length);
    this.anomalies = attributes.anomalies;
    if (replaced.count !== this.#replacedBefore) this.anomalies |= ANOMALY.invalidUtf8;
  }
}

const UNKNOWN_PROJECT: Uint8Array = Buffer.from("unknown");

/** One ScopeSpans' scope. */
export class ScopeContext {
  readonly attributes = new SharedAttributes();
  name: Uint8Array = NOTHING;
  version: Uint8Array = NOTHING;
  schemaUrl: Uint8Array = NOTHING;
  anomalies = 0;
  #replacedBefore = 0;

  begin(): void {
    this.#replacedBefore = replaced.count;
    this.attributes.clear();
    this.name = NOTHING;
    this.version = NOTHING;
    this.schemaUrl = NOTHING;
  }

  read(reader: WireReader, end: number): void {
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
          this.attributes.add(reader, reader.delimited(end));
          break;
        case 0x20: // dropped_attributes_count = 4
          reader.varint32(end);
          break;
        default:
          reader.skipUnknown(tag, end, SCOPE_FIELDS, "InstrumentationScope");
      }
    }
  }

  close(): void {
    this.attributes.close();
    this.anomalies = this.attributes.anomalies;
    if (replaced.count !== this.#replacedBefore) this.anomalies |= ANOMALY.invalidUtf8;
  }
}

export function readText(reader: WireReader, end: number): Uint8Array {
  const stop = reader.delimited(end);
  const text = reader.body.subarray(reader.at, stop);
  reader.at = stop;
  return text;
}
