/**
 * The messages of OTLP's trace and logs requests as data: JSON key, protobuf field number, kind.
 *
 * Only what OTLP traces and logs carry is listed; any other key is unknown and ignored, as the specification asks. A key is
 * looked up by its bytes, so that the transcoder makes no string for the hundred keys of a span.
 */

type FieldKind =
  | "string"
  | "id" // bytes, hexadecimal in JSON
  | "bytes" // bytes, base64 in JSON
  | "bool"
  | "enum"
  | "uint32"
  | "fixed32"
  | "fixed64"
  | "int64"
  | "double"
  | "message";

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** The protobuf tag: field number and wire type. */
  readonly tag: number;
  readonly message: Message | undefined;
  readonly enumNames: ReadonlyMap<string, number> | undefined;
}

interface Slot {
  readonly nameBytes: Uint8Array;
  readonly field: Field;
}

export interface Message {
  readonly name: string;
  readonly byName: Map<string, Field>;
  readonly slots: Slot[][];
}

const SLOTS = 64;

const WIRE_TYPES: Record<FieldKind, number> = {
  string: 2,
  id: 2,
  bytes: 2,
  bool: 0,
  enum: 0,
  uint32: 0,
  fixed32: 5,
  fixed64: 1,
  int64: 0,
  double: 1,
  message: 2,
};

interface FieldOptions {
  repeated?: boolean;
  message?: Message;
  enumNames?: ReadonlyMap<string, number>;
}

function message(name: string): Message {
  return { name, byName: new Map(), slots: Array.from({ length: SLOTS }, () => []) };
}

function slotOf(first: number, last: number, length: number): number {
  return (first * 5 + last * 3 + length) & (SLOTS - 1);
}

function add(
  to: Message,
  number: number,
  name: string,
  kind: FieldKind,
  options: FieldOptions = {},
): void {
  const nameBytes = new TextEncoder().encode(name);
  const field: Field = {
    name,
    kind,
    repeated: options.repeated ?? false,
    tag: (number << 3) | WIRE_TYPES[kind],
    message: options.message,
    enumNames: options.enumNames,
  };
  to.byName.set(name, field);
  to.slots[slotOf(nameBytes[0]!, nameBytes.at(-1)!, nameBytes.length)]!.push({ nameBytes, field });
}

/** The field whose name is `bytes[start, end)`, or undefined when the message has none of that name. */
export function fieldNamed(
  of: Message,
  bytes: Uint8Array,
  start: number,
  end: number,
): Field | undefined {
  if (start === end) return undefined;
  const slot = of.slots[slotOf(bytes[start]!, bytes[end - 1]!, end - start)]!;
  for (const { nameBytes, field } of slot) {
    if (nameBytes.length === end - start && sameBytes(nameBytes, bytes, start)) return field;
  }
  return undefined;
}

function sameBytes(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) {
    if (name[i] !== bytes[start + i]) return false;
  }
  return true;
}

function names(prefix: string, values: readonly string[]): ReadonlyMap<string, number> {
  return new Map(values.map((value, number) => [`${prefix}_${value}`, number]));
}

const SPAN_KINDS = names("SPAN_KIND", [
  "UNSPECIFIED",
  "INTERNAL",
  "SERVER",
  "CLIENT",
  "PRODUCER",
  "CONSUMER",
]);
const STATUS_CODES = names("STATUS_CODE", ["UNSET", "OK", "ERROR"]);

export const ANY_VALUE = message("AnyValue");
const KEY_VALUE = message("KeyValue");
const ARRAY_VALUE = message("ArrayValue");
const KEY_VALUE_LIST = message("KeyValueList");

add(ANY_VALUE, 1, "stringValue", "string");
add(ANY_VALUE, 2, "boolValue", "bool");
add(ANY_VALUE, 3, "intValue", "int64");
add(ANY_VALUE, 4, "doubleValue", "double");
add(ANY_VALUE, 5, "arrayValue", "message", { message: ARRAY_VALUE });
add(ANY_VALUE, 6, "kvlistValue", "message", { message: KEY_VALUE_LIST });
add(ANY_VALUE, 7, "bytesValue", "bytes");

add(ARRAY_VALUE, 1, "values", "message", { message: ANY_VALUE, repeated: true });
add(KEY_VALUE_LIST, 1, "values", "message", { message: KEY_VALUE, repeated: true });

add(KEY_VALUE, 1, "key", "string");
add(KEY_VALUE, 2, "value", "message", { message: ANY_VALUE });

const attributes = { message: KEY_VALUE, repeated: true };

const STATUS = message("Status");
add(STATUS, 2, "message", "string");
add(STATUS, 3, "code", "enum", { enumNames: STATUS_CODES });

const EVENT = message("Event");
add(EVENT, 1, "timeUnixNano", "fixed64");
add(EVENT, 2, "name", "string");
add(EVENT, 3, "attributes", "message", attributes);
add(EVENT, 4, "droppedAttributesCount", "uint32");

const LINK = message("Link");
add(LINK, 1, "traceId", "id");
add(LINK, 2, "spanId", "id");
add(LINK, 3, "traceState", "string");
add(LINK, 4, "attributes", "message", attributes);
add(LINK, 5, "droppedAttributesCount", "uint32");
add(LINK, 6, "flags", "fixed32");

export const SPAN = message("Span");
add(SPAN, 1, "traceId", "id");
add(SPAN, 2, "spanId", "id");
add(SPAN, 3, "traceState", "string");
add(SPAN, 4, "parentSpanId", "id");
add(SPAN, 5, "name", "string");
add(SPAN, 6, "kind", "enum", { enumNames: SPAN_KINDS });
add(SPAN, 7, "startTimeUnixNano", "fixed64");
add(SPAN, 8, "endTimeUnixNano", "fixed64");
add(SPAN, 9, "attributes", "message", attributes);
add(SPAN, 10, "droppedAttributesCount", "uint32");
add(SPAN, 11, "events", "message", { message: EVENT, repeated: true });
add(SPAN, 12, "droppedEventsCount", "uint32");
add(SPAN, 13, "links", "message", { message: LINK, repeated: true });
add(SPAN, 14, "droppedLinksCount", "uint32");
add(SPAN, 15, "status", "message", { message: STATUS });
add(SPAN, 16, "flags", "fixed32");

const SCOPE = message("InstrumentationScope");
add(SCOPE, 1, "name", "string");
add(SCOPE, 2, "version", "string");
add(SCOPE, 3, "attributes", "message", attributes);
add(SCOPE, 4, "droppedAttributesCount", "uint32");

const SCOPE_SPANS = message("ScopeSpans");
add(SCOPE_SPANS, 1, "scope", "message", { message: SCOPE });
add(SCOPE_SPANS, 2, "spans", "message", { message: SPAN, repeated: true });
add(SCOPE_SPANS, 3, "schemaUrl", "string");

const ENTITY_REF = message("EntityRef");
add(ENTITY_REF, 1, "schemaUrl", "string");
add(ENTITY_REF, 2, "type", "string");
add(ENTITY_REF, 3, "idKeys", "string", { repeated: true });
add(ENTITY_REF, 4, "descriptionKeys", "string", { repeated: true });

const RESOURCE = message("Resource");
add(RESOURCE, 1, "attributes", "message", attributes);
add(RESOURCE, 2, "droppedAttributesCount", "uint32");
add(RESOURCE, 3, "entityRefs", "message", { message: ENTITY_REF, repeated: true });

const RESOURCE_SPANS = message("ResourceSpans");
add(RESOURCE_SPANS, 1, "resource", "message", { message: RESOURCE });
add(RESOURCE_SPANS, 2, "scopeSpans", "message", { message: SCOPE_SPANS, repeated: true });
add(RESOURCE_SPANS, 3, "schemaUrl", "string");

export const TRACE_REQUEST = message("ExportTraceServiceRequest");
add(TRACE_REQUEST, 1, "resourceSpans", "message", { message: RESOURCE_SPANS, repeated: true });

const SEVERITY_NUMBERS = names("SEVERITY_NUMBER", [
  "UNSPECIFIED",
  ...["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].flatMap((severity) =>
    ["", "2", "3", "4"].map((step) => `${severity}${step}`),
  ),
]);

export const LOG_RECORD = message("LogRecord");
add(LOG_RECORD, 1, "timeUnixNano", "fixed64");
add(LOG_RECORD, 2, "severityNumber", "enum", { enumNames: SEVERITY_NUMBERS });
add(LOG_RECORD, 3, "severityText", "string");
add(LOG_RECORD, 5, "body", "message", { message: ANY_VALUE });
add(LOG_RECORD, 6, "attributes", "message", attributes);
add(LOG_RECORD, 7, "droppedAttributesCount", "uint32");
add(LOG_RECORD, 8, "flags", "fixed32");
add(LOG_RECORD, 9, "traceId", "id");
add(LOG_RECORD, 10, "spanId", "id");
add(LOG_RECORD, 11, "observedTimeUnixNano", "fixed64");
add(LOG_RECORD, 12, "eventName", "string");

const SCOPE_LOGS = message("ScopeLogs");
add(SCOPE_LOGS, 1, "scope", "message", { message: SCOPE });
add(SCOPE_LOGS, 2, "logRecords", "message", { message: LOG_RECORD, repeated: true });
add(SCOPE_LOGS, 3, "schemaUrl", "string");

const RESOURCE_LOGS = message("ResourceLogs");
add(RESOURCE_LOGS, 1, "resource", "message", { message: RESOURCE });
add(RESOURCE_LOGS, 2, "scopeLogs", "message", { message: SCOPE_LOGS, repeated: true });
add(RESOURCE_LOGS, 3, "schemaUrl", "string");

export const LOGS_REQUEST = message("ExportLogsServiceRequest");
add(LOGS_REQUEST, 1, "resourceLogs", "message", { message: RESOURCE_LOGS, repeated: true });
