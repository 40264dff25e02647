/**
 * Decides, before a logs request is acknowledged, whether its bytes can be stored and which of its records are.
 *
 * As for traces (validate.ts): malformed bytes refuse the whole request, and what passes never makes the encoder throw.
 * A record is refused alone when it is no GenAI event (log-events.ts), when it holds messages without the ids of the
 * span they belong to, or an evaluation without a name. Ids that are none mean, as OTLP has it, that a record belongs to
 * no trace.
 */
import { EVALUATION_NAME, EVENT_NAME_KEY, LOG_EVENTS } from "./log-events.ts";
import {
  LOG_RECORD_FIELDS,
  REQUEST_FIELDS,
  RESOURCE_SPANS_FIELDS,
  SCOPE_SPANS_FIELDS,
} from "./messages.ts";
import type { Validation } from "./validate.ts";
import {
  common,
  isId,
  reader,
  walkAnyValue,
  walkAttribute,
  walkResource,
  walkScope,
} from "./validate-values.ts";

const STRING = 1;
/** The longest name of an event that is kept, and of an attribute that is looked at. */
const MAX_NAME_BYTES = 64;

/** Of the keys that are looked at: most others need not be read. */
const LENGTHS_OF_KEYS = [EVENT_NAME_KEY.length, EVALUATION_NAME.length];

const NO_EVENT =
  "no GenAI event, and nothing else is kept of logs (OTEL_LOGS_EXPORTER=none stops an SDK from sending them)";

const OTHER_EVENT = "GenAI event of a kind that is not kept";

let validation: Validation = { spanCount: 0, rejected: [], reasons: new Map() };

/** What is known of the record at hand. */
const record = { event: "", eventAttribute: "", hasName: false, hasTrace: false, hasSpan: false };

/** @throws PermanentError `malformed protobuf: …` */
export function validateLogs(body: Uint8Array): Validation {
  const result: Validation = { spanCount: 0, rejected: [], reasons: new Map() };
  validation = result;
  reader.reset(body);
  const end = body.length;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) walkResourceLogs(reader.delimited(end));
    else reader.skipUnknown(tag, end, REQUEST_FIELDS, "ExportLogsServiceRequest");
  }
  return result;
}

function walkResourceLogs(end: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // resource = 1
        walkResource(reader.delimited(end));
        break;
      case 0x12: // scope_logs = 2
        walkScopeLogs(reader.delimited(end));
        break;
      case 0x1a: // schema_url = 3
        reader.at = reader.delimited(end);
        break;
      default:
        reader.skipUnknown(tag, end, RESOURCE_SPANS_FIELDS, "ResourceLogs");
    }
  }
}

function walkScopeLogs(end: number): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: // scope = 1
        walkScope(reader.delimited(end));
        break;
      case 0x12: // log_records = 2
        walkLogRecord(reader.delimited(end));
        break;
      case 0x1a: // schema_url = 3
        reader.at = reader.delimited(end);
        break;
      default:
        reader.skipUnknown(tag, end, SCOPE_SPANS_FIELDS, "ScopeLogs");
    }
  }
}

function walkLogRecord(end: number): void {
  Object.assign(record, {
    event: "",
    eventAttribute: "",
    hasName: false,
    hasTrace: false,
    hasSpan: false,
  });
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x09: // time_unix_nano = 1
      case 0x59: // observed_time_unix_nano = 11
        reader.fixed64(end);
        break;
      case 0x10: // severity_number = 2
      case 0x38: // dropped_attributes_count = 7
        reader.varint32(end);
        break;
      case 0x1a: // severity_text = 3
        reader.at = reader.delimited(end);
        break;
      case 0x2a: // body = 5
        walkAnyValue(reader.delimited(end), 1);
        break;
      case 0x32: // attributes = 6
        walkRecordAttribute(end);
        break;
      case 0x45: // flags = 8
        reader.fixed32(end);
        break;
      case 0x4a: // trace_id = 9
        record.hasTrace = walkId(end, 16);
        break;
      case 0x52: // span_id = 10
        record.hasSpan = walkId(end, 8);
        break;
      case 0x62: // event_name = 12
        record.event = shortText(reader.delimited(end));
        break;
      default:
        reader.skipUnknown(tag, end, LOG_RECORD_FIELDS, "LogRecord");
    }
  }
  const index = validation.spanCount++;
  const problem = problemOf(record.event || record.eventAttribute);
  if (problem === undefined) return;
  validation.rejected.push(index);
  validation.reasons.set(problem, (validation.reasons.get(problem) ?? 0) + 1);
}

function problemOf(event: string): string | undefined {
  const kind = LOG_EVENTS.get(event);
  if (kind === undefined) return event.startsWith("gen_ai.") ? OTHER_EVENT : NO_EVENT;
  if (kind === "evaluation") {
    return record.hasName ? undefined : `evaluation without ${EVALUATION_NAME}`;
  }
  return record.hasTrace && record.hasSpan ? undefined : "message event without the ids of a span";
}

function walkId(end: number, length: number): boolean {
  const stop = reader.delimited(end);
  const found = isId(reader.at, stop, length);
  reader.at = stop;
  return found;
}

function walkRecordAttribute(end: number): void {
  const at = reader.at;
  if (walkAttribute(end)) {
    const length = common.keyEnd - common.keyAt;
    if (common.type !== STRING || !LENGTHS_OF_KEYS.includes(length)) return;
    note(textAt(common.keyAt, common.keyEnd), common.valueAt, common.valueEnd);
    return;
  }
  const stop = reader.at;
  reader.at = at;
  noteUncommon(reader.delimited(end));
  reader.at = stop;
}

function note(key: string, valueAt: number, valueEnd: number): void {
  if (key === EVENT_NAME_KEY) record.eventAttribute = textAt(valueAt, valueEnd);
  else if (key === EVALUATION_NAME) record.hasName = valueEnd > valueAt;
}

/** An attribute in another form than the common one, which was found to be well-formed. */
function noteUncommon(end: number): void {
  let key = "";
  let valueAt = -1;
  let valueEnd = -1;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a /* key = 1 */) key = shortText(reader.delimited(end));
    else if (tag === 0x12 /* value = 2 */) {
      const stop = reader.delimited(end);
      while (reader.at < stop) {
        const inner = reader.tag(stop);
        if (inner === 0x0a /* string_value = 1 */) {
          valueEnd = reader.delimited(stop);
          valueAt = reader.at;
          reader.at = valueEnd;
        } else {
          // Another member of the oneof takes the text's place.
          valueAt = -1;
          reader.skip(inner, stop);
        }
      }
    } else reader.skip(tag, end);
  }
  if (valueAt >= 0) note(key, valueAt, valueEnd);
}

/** The text that ends at `end`, which is passed over; empty when it is longer than any that is looked for. */
function shortText(end: number): string {
  const text = textAt(reader.at, end);
  reader.at = end;
  return text;
}

function textAt(at: number, end: number): string {
  if (end - at > MAX_NAME_BYTES) return "";
  const { buffer, byteOffset } = reader.body;
  return Buffer.from(buffer, byteOffset + at, end - at).toString("latin1");
}
