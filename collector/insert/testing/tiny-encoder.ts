/**
 * An encoder for tests of the inserter: bodies are JSON arrays of `TestSpan`, and every column of `ingest` that a test
 * does not care about is empty. The block is Native, as the real encoder's is.
 */
import { rowPlace } from "../../row-places.ts";
import type { EncodedBlock, Encoder, LogRecord } from "../../stages.ts";
import { PermanentError } from "../../stages.ts";

export interface TestSpan {
  project: string;
  /** Unique; becomes trace and span id. */
  n: number;
  /** `YYYY-MM-DD`. */
  day: string;
  text?: string;
  /** No span but the result of an evaluation. */
  isEvaluation?: boolean;
  /** `unreadable`: the whole block is cut short by a byte, which the store notices while reading it. */
  fault?: "unreadable" | "malformed";
}

export interface Column {
  name: string;
  type: string;
}

export function createTinyEncoder(columns: readonly Column[], collectorId: string): Encoder {
  let spans: TestSpan[] = [];
  return {
    append(record: LogRecord) {
      const added = JSON.parse(Buffer.from(record.body).toString()) as TestSpan[];
      if (added.some(({ fault }) => fault === "malformed")) throw new PermanentError("malformed");
      spans.push(...added.filter((_, i) => !record.rejected.includes(i)));
    },
    get rows() {
      return spans.length;
    },
    get byteLength() {
      return spans.reduce((sum, { text = "" }) => sum + 500 + text.length, 0);
    },
    remember() {}, // it knows none
    forgetSpans() {},
    finish(batch: number): EncodedBlock {
      const block = encode(columns, spans, collectorId, batch);
      spans = [];
      return block;
    },
  };
}

function encode(
  columns: readonly Column[],
  spans: readonly TestSpan[],
  collectorId: string,
  batch: number,
): EncodedBlock {
  const parts = [varint(columns.length), varint(spans.length)];
  for (const { name, type: declared } of columns) {
    // The engine makes dictionaries of plain texts by itself.
    const type = declared.replace(/LowCardinality\((\w+)\)/, "$1");
    parts.push(string(name), string(type));
    parts.push(
      column(
        type,
        spans.map((span) => valueOf(name, span, collectorId, batch)),
      ),
    );
  }
  const whole = Buffer.concat(parts);
  const isUnreadable = spans.some(({ fault }) => fault === "unreadable");
  const bytes = isUnreadable ? whole.subarray(0, whole.byteLength - 1) : whole;
  const rowsByDay = new Map<string, number>();
  for (const { day, isEvaluation } of spans) {
    const place = rowPlace(isEvaluation ? "evaluations" : "spans", day);
    rowsByDay.set(place, (rowsByDay.get(place) ?? 0) + 1);
  }
  return {
    rows: spans.length,
    repeats: 0,
    byteLength: bytes.byteLength,
    chunks: [bytes],
    rowsByDay,
  };
}

/** Where it differs from a span; without an operation it is in no rollup. */
const EVALUATION = { row_kind: 3, has_content: 0, operation: "", is_model_call: 0 };

function valueOf(name: string, span: TestSpan, collectorId: string, batch: number) {
  const values: Record<string, string | number> = {
    project: span.project,
    trace_id: String(span.n).padStart(16, "0"),
    span_id: String(span.n).padStart(8, "0"),
    event_time: Date.parse(`${span.day}T12:00:00Z`) * 1e6,
    name: "chat",
    operation: "chat",
    status: "ok",
    is_model_call: 1,
    input_tokens: span.n % 1000,
    has_content: 1,
    content_input: span.text ?? "hello",
    received_at: Date.parse(`${span.day}T12:00:00Z`),
    collector_id: collectorId,
    batch,
  };
  if (span.isEvaluation) Object.assign(values, EVALUATION);
  return values[name];
}

function column(type: string, values: readonly (string | number | undefined)[]): Buffer {
  if (/^(Array|Map)\(/.test(type)) return Buffer.alloc(8 * values.length);
  const nullable = /^Nullable\((.*)\)$/.exec(type);
  if (nullable) {
    const zeros = column(
      nullable[1] ?? "",
      values.map(() => undefined),
    );
    return Buffer.concat([Buffer.alloc(values.length, 1), zeros]);
  }
  return Buffer.concat(values.map((value) => scalar(type, value)));
}

function scalar(type: string, value: string | number | undefined): Buffer {
  if (type === "String") return string(String(value ?? ""));
  const bytes = Buffer.alloc(8 + widthOf(type));
  if (typeof value === "string") bytes.write(value, "latin1");
  else if (value !== undefined) bytes.writeBigUInt64LE(BigInt(value), 0);
  return bytes.subarray(0, bytes.byteLength - 8);
}

/** In bytes; numbers are little endian, so a narrower one is the beginning of 8. */
function widthOf(type: string): number {
  const fixed = /^FixedString\((\d+)\)/.exec(type);
  if (fixed) return Number(fixed[1]);
  if (type.startsWith("DateTime64") || type.endsWith("64")) return 8;
  if (type.startsWith("Decimal")) return 16;
  if (type.endsWith("32")) return 4;
  if (type.endsWith("16")) return 2;
  return 1;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([varint(bytes.byteLength), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest >= 128 ? (rest % 128) | 0x80 : rest);
    if (rest < 128) return Buffer.from(bytes);
  }
}
