/**
 * Log records in, Native blocks of table `ingest` out: the hot path of the collector.
 *
 * Each request is walked once. A span is first scanned (`span-scan.ts`: where everything lies), then written
 * (`row.ts`: straight from the request's bytes into column buffers). No object, string or BigInt is made per attribute.
 * A request that turns out malformed in the middle leaves the block as it was.
 *
 * Logs take the same way but for the last step (`log-row.ts`): their requests, resources and scopes have the fields that
 * those of traces have.
 *
 * What it promises: a body that `validateTraces` or `validateLogs` accepted is encoded, every span or log record of it
 * that was not refused becomes one row, unless the span came before (`span-window.ts`). What it does not do: decide on
 * sizes of blocks, or when to insert.
 */
import type { PriceBook } from "@assay/instrumentation/pricing";
import { REQUEST_FIELDS, RESOURCE_SPANS_FIELDS, SCOPE_SPANS_FIELDS } from "../otlp/messages.ts";
import { WireReader } from "../otlp/wire.ts";
import { rowPlace } from "../row-places.ts";
import type { EncodedBlock, Encoder, LogRecord } from "../stages.ts";
import { ANOMALIES, type Anomaly } from "./anomalies.ts";
import { type CardinalityLimits, type Dimension, DIMENSIONS } from "./cardinality.ts";
import { columnsOf, createColumns } from "./layout.ts";
import { LogRowWriter } from "./log-row.ts";
import { COST_STATUSES } from "./cost-status.ts";
import { createBlockWriter, type TypedColumns } from "./native.ts";
import { type ResourceContext, type ScopeContext, SharedSpots } from "./resource.ts";
import { RowWriter } from "./row.ts";
import { tableOfKind } from "./row-kind.ts";
import { SharedColumns } from "./shared-columns.ts";
import { SpanScan } from "./span-scan.ts";
import { SpanWindow } from "./span-window.ts";

export interface EncoderOptions {
  priceBook: PriceBook;
  /** The log's id: column `collector_id`. */
  collectorId: string;
  /** A span that started longer ago is filed under its time of receipt. */
  maxSpanAgeMs: number;
  /** @default DEFAULT_LIMITS */
  cardinality?: CardinalityLimits;
  /** @default spans are read as they come */
  dialects?: Dialects;
}

/** Other instrumentations' ways to write what the conventions write. */
interface Dialects {
  /** Whether a span with this attribute may have to be translated. Asked once a key, not once a span. */
  isForeignKey(key: string): boolean;
  /** The Span message to read instead of the one that lies there; undefined to read that one. */
  translate(body: Uint8Array, at: number, end: number): Uint8Array | undefined;
}

/** Counted when a block is finished. */
interface EncoderStats {
  rows: number;
  blocks: number;
  anomalies: Record<Anomaly, number>;
  /** Values beyond their limit, by dimension. */
  folded: Record<Dimension, number>;
  /** Model calls by how their cost came about. */
  costs: Record<"priced" | "free" | "estimated" | "unpriced" | "reported", number>;
  /** Spans that were accepted but have no valid ids now; only a log of another version can hold them. */
  skipped: number;
}

export interface TraceEncoder extends Encoder {
  stats(): EncoderStats;
}

const DAY_MS = 86_400_000;
const MEASURE_EVERY_BYTES = 1 << 20;

export function createEncoder(options: EncoderOptions): TraceEncoder {
  return new SpanEncoder(options);
}

class SpanEncoder implements TraceEncoder {
  rows = 0;
  readonly #layout = createColumns();
  readonly #columns = columnsOf(this.#layout);
  readonly #all = Object.values(this.#columns);
  readonly #writeBlock: (rows: number) => Uint8Array[];
  readonly #collectorId: Uint8Array;
  readonly #reader = new WireReader();
  /** Over the span at hand where it had to be translated. */
  readonly #translated = new WireReader();
  readonly #dialects: Dialects | undefined;
  readonly #scan: SpanScan;
  readonly #row: RowWriter;
  readonly #logRow: LogRowWriter;
  readonly #shared: SharedColumns;
  readonly #spots = new SharedSpots();
  readonly #window = new SpanWindow();
  /** Of the span at hand, in the record. */
  readonly #spanPlace = { body: NOTHING, at: 0, end: 0 };
  #resource!: ResourceContext;
  #scope!: ScopeContext;

  /** The block's size when it was measured last, and the bytes of bodies taken since. */
  #measured = 0;
  #unmeasured = 0;
  /** Per row: UTC day × 32 + kind of row × 8 + place of its cost status. */
  #notes = new Int32Array(1024);
  #record: LogRecord | undefined;
  /** Spans of the record so far, refused ones included. */
  #spanIndex = 0;
  #nextRejected = 0;
  /** Spans of the block so far that came before. */
  #repeats = 0;
  /** The record at hand makes no rows. */
  #isRemembering = false;

  readonly #stats: EncoderStats = {
    rows: 0,
    blocks: 0,
    anomalies: zeros(ANOMALIES),
    folded: zeros(DIMENSIONS),
    costs: { priced: 0, free: 0, estimated: 0, unpriced: 0, reported: 0 },
    skipped: 0,
  };

  constructor(options: EncoderOptions) {
    this.#collectorId = Buffer.from(options.collectorId);
    const { dialects } = options;
    this.#dialects = dialects;
    this.#scan = new SpanScan(dialects && ((key) => dialects.isForeignKey(key)));
    this.#shared = new SharedColumns(this.#columns);
    this.#row = new RowWriter(this.#columns, this.#scan, options);
    this.#logRow = new LogRowWriter(this.#columns, this.#row.times);
    const typed: TypedColumns = Object.entries(this.#layout).map(([name, [type, column]]) => [
      name,
      type,
      column,
    ]);
    this.#writeBlock = createBlockWriter(typed);
  }

  /** Asked before each record, so it is measured now and then, and what has come since is taken as it came. */
  get byteLength(): number {
    if (this.#unmeasured > MEASURE_EVERY_BYTES) {
      this.#measured = this.#all.reduce((sum, column) => sum + column.byteLength(this.rows), 0);
      this.#unmeasured = 0;
    }
    return this.#measured + this.#unmeasured;
  }

  append(record: LogRecord): void {
    const { rows } = this;
    const repeats = this.#repeats;
    try {
      this.#walk(record);
      this.#putReceipt(record.receivedAtUnixMs);
      this.#unmeasured += record.body.length;
    } catch (error) {
      this.#takeBack(rows);
      this.#repeats = repeats;
      throw error;
    } finally {
      this.#letGo();
    }
  }

  /** The body belongs to the caller. */
  #letGo(): void {
    this.#reader.reset(NOTHING);
    this.#record = undefined;
    this.#spanPlace.body = NOTHING;
  }

  remember(record: LogRecord): void {
    if (record.signal === "logs") return;
    this.#isRemembering = true;
    try {
      this.#walk(record);
    } finally {
      this.#isRemembering = false;
      this.#takeBack(this.rows); // what the resource has put
      this.#letGo();
    }
  }

  #takeBack(rows: number): void {
    for (const column of this.#all) column.truncate(rows);
    this.#shared.forgetPlaces();
    this.#row.forgetPlaces();
    this.rows = rows;
  }

  #walk(record: LogRecord): void {
    const reader = this.#reader;
    reader.reset(record.body);
    this.#record = record;
    this.#spanIndex = 0;
    this.#nextRejected = 0;
    this.#row.times.receivedAt(record.receivedAtUnixMs);
    const end = record.body.length;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a /* resource_spans = 1 */) this.#walkResource(reader.delimited(end));
      else reader.skipUnknown(tag, end, REQUEST_FIELDS, "ExportTraceServiceRequest");
    }
  }

  /** The resource may come after its spans on the wire, so it is looked for first. */
  #walkResource(end: number): void {
    const reader = this.#reader;
    const spots = this.#spots;
    const start = reader.at;
    spots.clear();
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a /* resource = 1 */) spots.add(reader, reader.delimited(end));
      else if (tag === 0x1a /* schema_url = 3 */) spots.setSchemaUrl(reader, end);
      else if (tag === 0x12 /* scope_spans = 2 */) reader.skip(tag, end);
      else reader.skipUnknown(tag, end, RESOURCE_SPANS_FIELDS, "ResourceSpans");
    }
    this.#resource = this.#shared.resource(this.rows, reader, spots);
    reader.at = start;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x12 /* scope_spans = 2 */) this.#walkScope(reader.delimited(end));
      else reader.skip(tag, end);
    }
  }

  #walkScope(end: number): void {
    const reader = this.#reader;
    const spots = this.#spots;
    const start = reader.at;
    spots.clear();
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a /* scope = 1 */) spots.add(reader, reader.delimited(end));
      else if (tag === 0x1a /* schema_url = 3 */) spots.setSchemaUrl(reader, end);
      else if (tag === 0x12 /* spans = 2 */) reader.skip(tag, end);
      else reader.skipUnknown(tag, end, SCOPE_SPANS_FIELDS, "ScopeSpans");
    }
    this.#scope = this.#shared.scope(this.rows, reader, spots);
    reader.at = start;
    const isLogs = this.#record?.signal === "logs";
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag !== 0x12 /* spans, log_records = 2 */) reader.skip(tag, end);
      else if (isLogs) this.#walkLogRecord(reader.delimited(end));
      else this.#walkSpan(reader.delimited(end));
    }
  }

  #walkSpan(end: number): void {
    if (this.#isRejected()) {
      this.#reader.at = end;
      return;
    }
    this.#spanPlace.at = this.#reader.at;
    this.#spanPlace.end = end;
    const reader = this.#scanSpan(end);
    if (!this.#scan.hasIds) {
      this.#stats.skipped++;
      return;
    }
    const isRepeat = this.#isRepeat(reader);
    if (this.#isRemembering) return void (this.#reader.at = end);
    if (isRepeat) this.#repeats++;
    else this.#endRow(this.#row.write(this.rows, reader, this.#resource, this.#scope));
    this.#reader.at = end;
  }

  #walkLogRecord(end: number): void {
    if (!this.#isRejected()) this.#endRow(this.#logRow.write(this.rows, this.#reader, end) * 8);
    this.#reader.at = end;
  }

  /** `note`: kind and cost status of the row that was written. */
  #endRow(note: number): void {
    const row = this.rows;
    if (row === this.#notes.length) this.#notes = doubled(this.#notes);
    this.#notes[row] = this.#row.times.day * 32 + note;
    this.rows = row + 1;
  }

  /** Returns over which bytes the span was scanned in the end: the record's, or the translated ones. */
  #scanSpan(end: number): WireReader {
    const reader = this.#reader;
    const at = reader.at;
    this.#scan.read(reader, end);
    if (!this.#scan.hasForeignKey) return reader;
    const span = this.#dialects?.translate(reader.body, at, end);
    if (span === undefined) return reader;
    this.#translated.reset(span);
    this.#scan.read(this.#translated, span.length);
    return this.#translated;
  }

  #isRepeat(reader: WireReader): boolean {
    const { seq, body } = this.#record!;
    this.#spanPlace.body = body;
    return this.#window.isRepeat(this.#scan, reader.body, this.#spanPlace, seq, this.#spanIndex);
  }

  forgetSpans(): void {
    this.#window.forget();
  }

  #isRejected(): boolean {
    const index = this.#spanIndex++;
    if (this.#record?.rejected[this.#nextRejected] !== index) return false;
    this.#nextRejected++;
    return true;
  }

  #putReceipt(receivedAtUnixMs: number): void {
    const low = (receivedAtUnixMs % 2 ** 32) >>> 0;
    this.#columns.received_at.fill64(this.rows, low, Math.floor(receivedAtUnixMs / 2 ** 32));
  }

  finish(batch: number): EncodedBlock {
    const rows = this.rows;
    const { collector_id, batch: batches } = this.#columns;
    collector_id.truncate(0); // rows taken back may have left empty ones
    collector_id.fillFrom(0, collector_id.placeOfText(this.#collectorId));
    batches.fill64(rows, (batch % 2 ** 32) >>> 0, Math.floor(batch / 2 ** 32));
    this.#count(rows);
    const chunks = this.#writeBlock(rows);
    const byteLength = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    const rowsByDay = this.#rowsByDay(rows);
    const repeats = this.#repeats;
    this.rows = 0;
    this.#repeats = 0;
    this.#measured = 0;
    this.#unmeasured = 0;
    for (const column of this.#all) column.reset();
    this.#scan.rest();
    this.#shared.rest();
    this.#row.rest();
    return { rows, repeats, byteLength, chunks, rowsByDay };
  }

  #rowsByDay(rows: number): Map<string, number> {
    const byNote = new Map<number, number>();
    for (let row = 0; row < rows;) {
      const first = row;
      const note = this.#notes[row]! >> 3;
      while (row < rows && this.#notes[row]! >> 3 === note) row++;
      byNote.set(note, (byNote.get(note) ?? 0) + row - first);
    }
    const named = new Map<string, number>();
    for (const [note, count] of byNote) {
      const day = new Date((note >> 2) * DAY_MS).toISOString().slice(0, 10);
      const place = rowPlace(tableOfKind(note & 3), day);
      named.set(place, (named.get(place) ?? 0) + count);
    }
    return named;
  }

  #count(rows: number): void {
    const stats = this.#stats;
    stats.rows += rows;
    if (rows > 0) stats.blocks++;
    for (let row = 0; row < rows; row++) {
      const status = COST_STATUSES[this.#notes[row]! & 7];
      if (status) stats.costs[status]++;
    }
    const { anomalies, folded } = this.#columns;
    for (let row = 0; row < anomalies.rows; row++) {
      countBits(anomalies.words[row]!, ANOMALIES, stats.anomalies);
    }
    for (let row = 0; row < folded.rows; row++) {
      const bits = folded.bytes[row * 2]! | (folded.bytes[row * 2 + 1]! << 8);
      countBits(bits, DIMENSIONS, stats.folded);
    }
  }

  stats(): EncoderStats {
    return structuredClone(this.#stats);
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

function countBits<Name extends string>(
  bits: number,
  names: readonly Name[],
  counts: Record<Name, number>,
): void {
  if (bits === 0) return;
  for (let bit = 0; bit < names.length; bit++) if ((bits >>> bit) & 1) counts[names[bit]!]++;
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

function doubled(old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(old.length * 2);
  grown.set(old);
  return grown;
}
