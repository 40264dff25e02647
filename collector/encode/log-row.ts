/**
 * A log record as a row of `ingest`: what a GenAI event says, in the columns that the views of its kind read.
 *
 * Messages go where the messages of a span go, in the same form. An evaluation's attributes go into the maps of
 * attributes, from which the view of `evaluations` takes its columns. Neither has an operation, tokens or a cost: the
 * span that they belong to has, and is a row of its own. Project, service and the like are the resource's, unless the
 * record names its own.
 */
import { ATTR } from "@assay/instrumentation/conventions";
import { EVALUATION_NAME, LOG_EVENTS, type LogEventKind } from "../otlp/log-events.ts";
import type { WireReader } from "../otlp/wire.ts";
import type { DictionaryColumn } from "./dictionary-column.ts";
import type { SpanTimes } from "./event-time.ts";
import { columnsOfKind } from "./fields-of-kind.ts";
import type { Columns } from "./layout.ts";
import { LogRecordScan, type TextValue } from "./log-record.ts";
import { isAnswer, messageOfEvent } from "./message-events.ts";
import { FIELD_NAMES, FIELDS } from "./promoted.ts";
import { rowKind } from "./row-kind.ts";
import { StringColumn } from "./string-column.ts";

const SCORE = "gen_ai.evaluation.score.value";
/** Where an evaluation keeps the text that came as its record's body. */
const BODY = "body";

export class LogRowWriter {
  readonly #columns: Columns;
  readonly #times: SpanTimes;
  readonly #record = new LogRecordScan();
  readonly #contentFields;
  readonly #names: readonly (readonly [key: string, column: DictionaryColumn])[];
  readonly #texts: readonly (readonly [keys: readonly string[], column: StringColumn])[];

  constructor(columns: Columns, times: SpanTimes) {
    this.#columns = columns;
    this.#times = times;
    this.#contentFields = columnsOfKind(columns, "content", StringColumn).map(
      ({ field, column }) => ({ keys: FIELDS[FIELD_NAMES[field]!].keys, column }),
    );
    this.#names = [
      [ATTR.assayProject, columns.project],
      [ATTR.deploymentEnvironment, columns.environment],
      [ATTR.assayRelease, columns.release],
      [EVALUATION_NAME, columns.name],
      [ATTR.errorType, columns.error_type],
    ];
    this.#texts = [
      [FIELDS.responseId.keys, columns.response_id],
      [FIELDS.sessionId.keys, columns.session_id],
      [FIELDS.userId.keys, columns.user_id],
    ];
  }

  /** Writes the record that ends at `end`; returns its kind of row. Every record makes one. */
  write(row: number, reader: WireReader, end: number): number {
    const record = this.#record;
    record.read(reader, end);
    // A rule for redaction may have changed even the event's name: there is nothing left to show, but it counts.
    const kind: LogEventKind = LOG_EVENTS.get(record.event) ?? "content";
    this.#putIdsAndTimes(row, reader);
    this.#putTexts(row);
    if (kind === "evaluation") this.#putEvaluation(row);
    else {
      if (kind === "message") this.#putMessage(row);
      else this.#putContent(row);
      this.#columns.has_content.put(row, 1);
    }
    const number = rowKind(kind);
    this.#columns.row_kind.put(row, number);
    return number;
  }

  #putIdsAndTimes(row: number, reader: WireReader): void {
    const { timeLow, timeHigh, observedLow, observedHigh, traceIdAt, spanIdAt } = this.#record;
    const columns = this.#columns;
    if (traceIdAt >= 0) columns.trace_id.putBytes(row, reader.view, traceIdAt);
    if (spanIdAt >= 0) columns.span_id.putBytes(row, reader.view, spanIdAt);
    const times = this.#times;
    times.place(timeLow, timeHigh, observedLow, observedHigh);
    columns.event_time.put64(row, times.eventLow, times.eventHigh);
    columns.start_unix_nano.put64(row, timeLow, timeHigh);
    columns.end_unix_nano.put64(row, observedLow, observedHigh);
  }

  #putTexts(row: number): void {
    const record = this.#record;
    for (const [key, column] of this.#names) {
      const text = record.take(key);
      if (text !== "") column.putPlace(row, column.placeOfText(Buffer.from(text)));
    }
    for (const [keys, column] of this.#texts) {
      const texts = keys.map((key) => record.take(key));
      const text = texts.find((found) => found !== "");
      if (text !== undefined) column.putValid(row, Buffer.from(text));
    }
  }

  #putEvaluation(row: number): void {
    const { attributes, body } = this.#record;
    const score = numberOf(attributes.get(SCORE));
    if (score !== undefined) {
      attributes.delete(SCORE);
      const map = this.#columns.attrs_double;
      const entry = map.add(row);
      putKey(map.entries[0], entry, SCORE);
      doubles.setFloat64(0, score, true);
      map.entries[1].put64(entry, doubles.getUint32(0, true), doubles.getUint32(4, true));
    }
    if (body !== undefined && !attributes.has(BODY)) attributes.set(BODY, body);
    const map = this.#columns.attrs_string;
    for (const [key, { text }] of attributes) {
      const entry = map.add(row);
      putKey(map.entries[0], entry, key);
      map.entries[1].putValid(entry, Buffer.from(text));
    }
  }

  #putMessage(row: number): void {
    const { event } = this.#record;
    const { content_input, content_output } = this.#columns;
    const column = isAnswer(event) ? content_output : content_input;
    const message = messageOfEvent(event, this.#fields());
    column.putValid(row, Buffer.from(JSON.stringify([message])));
  }

  #putContent(row: number): void {
    const { attributes } = this.#record;
    const members = membersOf(this.#record.body);
    for (const { keys, column } of this.#contentFields) {
      const key = keys.find((name) => attributes.has(name) || members[name] !== undefined);
      if (key === undefined) continue;
      const text = attributes.get(key)?.text ?? textOf(members[key]);
      column.putValid(row, Buffer.from(text));
    }
  }

  /** What an event per message says, in its attributes and in its body. */
  #fields(): Record<string, unknown> {
    const { attributes, body } = this.#record;
    const fields = [...attributes].map(([key, value]) => [key, valueOf(value)] as const);
    return { ...Object.fromEntries(fields), ...membersOf(body) };
  }
}

const doubles = new DataView(new ArrayBuffer(8));

function putKey(column: DictionaryColumn, entry: number, key: string): void {
  column.putPlace(entry, column.placeOfText(Buffer.from(key)));
}

/** A finite number, or text that is one. */
function numberOf(value: TextValue | undefined): number | undefined {
  if (value === undefined || !/^\s*[+-]?[\d.]/.test(value.text)) return undefined;
  const number = Number(value.text);
  return Number.isFinite(number) ? number : undefined;
}

function valueOf({ text, isText }: TextValue): unknown {
  return isText ? text : JSON.parse(text);
}

/** The members of a body that is an object or the JSON text of one; text alone is what was said. */
function membersOf(body: TextValue | undefined): Record<string, unknown> {
  if (body === undefined) return {};
  let value: unknown = body.text;
  try {
    value = JSON.parse(body.text);
  } catch {
    // not JSON: the text is the value, nothing is lost
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  return { content: body.isText ? body.text : value };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
