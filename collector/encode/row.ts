/**
 * Second pass over a span: from where everything lies to the columns.
 *
 * Only here are columns touched. Each attribute goes to exactly one place: its column, if it has one and the value
 * fits; else the map of its type. Nothing that arrived is lost but what a later value of the same key replaces.
 */
import { MODEL_OPERATIONS } from "@assay/instrumentation/conventions";
import type { PriceBook, PriceContext } from "@assay/instrumentation/pricing";
import type { WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { AttributeMaps } from "./attribute-maps.ts";
import { ARRAY, KEY_VALUES, STRING, writeValue } from "./any-value.ts";
import { NullableColumn } from "./byte-column.ts";
import { Cardinality, type CardinalityLimits, DIMENSIONS, hashValue } from "./cardinality.ts";

import { DictionaryColumn } from "./dictionary-column.ts";
import { countDocuments } from "./documents.ts";
import { EventsAndLinks } from "./events-and-links.ts";
import { SpanTimes } from "./event-time.ts";
import { columnsOfKind } from "./fields-of-kind.ts";
import { putReasonList, putReasonText } from "./finish-reasons.ts";
import { highHalf } from "./int64.ts";
import { Interner } from "./interner.ts";
import { JsonSink } from "./json-sink.ts";
import type { Columns } from "./layout.ts";
import { MessageEvents } from "./message-events.ts";
import { ModelCall } from "./model-call.ts";
import { FIELD, PROMOTED_KEYS, PROVIDER_NAMES } from "./promoted.ts";
import type { ResourceContext, ScopeContext } from "./resource.ts";
import { readFlag, readInt64, readNumber, scalarText } from "./scalar.ts";
import { ABSENT, Selection } from "./selection.ts";
import type { SpanScan } from "./span-scan.ts";
import { StringColumn } from "./string-column.ts";
import { copySpot, emptySpot, spotOf, type TextSpot, textSpot } from "./text-spot.ts";
import { replaced } from "./utf8.ts";
import { WordColumn } from "./word-column.ts";

export interface RowOptions {
  priceBook: PriceBook;
  maxSpanAgeMs: number;
  cardinality?: CardinalityLimits | undefined;
}

const OK = textSpot("ok");
const ERROR = textSpot("error");
const STATUS_ERROR = 2;
const MAX_UINT32 = 2 ** 32 - 1;

/** Operation names that decide something; the model ones come first. */
const OPERATIONS: readonly string[] = [...MODEL_OPERATIONS, "retrieval"];
const RETRIEVAL = OPERATIONS.indexOf("retrieval");
const REQUEST_TOP_K = PROMOTED_KEYS.indexOf("gen_ai.request.top_k");
const CHAT = textSpot("chat");
const PROVIDER_WORDS = Object.keys(PROVIDER_NAMES);
const PROVIDER_SPOTS = Object.values(PROVIDER_NAMES).map(textSpot);

type DimensionName = (typeof DIMENSIONS)[number];
const DIMENSION = Object.fromEntries(DIMENSIONS.map((name, index) => [name, index])) as Record<
  DimensionName,
  number
>;

export class RowWriter {
  readonly times: SpanTimes;
  readonly #columns: Columns;
  readonly #scan: SpanScan;
  readonly #selection = new Selection();
  readonly #maps: AttributeMaps;
  readonly #messages = new MessageEvents();
  readonly #eventsAndLinks: EventsAndLinks;
  readonly #call: ModelCall;
  readonly #cardinality: Cardinality;
  readonly #json = new JsonSink();

  readonly #operations = new Interner(OPERATIONS, OPERATIONS.length);
  readonly #providers = new Interner(PROVIDER_WORDS, PROVIDER_WORDS.length);
  readonly #textFields;
  readonly #nameFields;
  readonly #contentFields;
  readonly #doubleFields;
  readonly #uint32Fields;

  readonly #hashes = new Int32Array(DIMENSIONS.length);
  /** Of the call at hand; empty: not said, or nobody asks. */
  readonly #context: Required<PriceContext> = { project: "", region: "", serviceTier: "" };
  readonly #operation = emptySpot();
  readonly #names = {
    provider: emptySpot(),
    requestModel: emptySpot(),
    responseModel: emptySpot(),
  };
  /** Over the bytes that were scanned. */
  #reader!: WireReader;
  #resource!: ResourceContext;
  #row = 0;
  #anomalies = 0;
  #hasContent = false;
  #failed = false;

  constructor(columns: Columns, scan: SpanScan, options: RowOptions) {
    this.#columns = columns;
    this.#scan = scan;
    this.times = new SpanTimes(options.maxSpanAgeMs);
    this.#maps = new AttributeMaps(columns, scan.keys.capacity);
    this.#eventsAndLinks = new EventsAndLinks(columns, this.#messages);
    this.#call = new ModelCall(columns, options.priceBook);
    this.#cardinality = new Cardinality(options.cardinality);
    this.#textFields = columnsOfKind(columns, "text", StringColumn);
    this.#nameFields = columnsOfKind(columns, "name", DictionaryColumn);
    this.#contentFields = columnsOfKind(columns, "content", StringColumn);
    this.#doubleFields = columnsOfKind(columns, "double", NullableColumn);
    this.#uint32Fields = columnsOfKind(columns, "uint32", WordColumn);
  }

  /** Places in dictionaries are good within one block, and while no row is taken back. */
  forgetPlaces(): void {
    this.#maps.forgetPlaces();
  }

  /** Between blocks. */
  rest(): void {
    this.forgetPlaces();
    this.#selection.rest();
    this.#call.pricing.rest();
  }

  /** Writes the scanned span; returns its cost status' place in `COST_STATUSES`. */
  write(row: number, reader: WireReader, resource: ResourceContext, scope: ScopeContext): number {
    const replacedBefore = replaced.count;
    this.#row = row;
    this.#reader = reader;
    this.#resource = resource;
    this.#anomalies = this.#scan.anomalies | resource.anomalies | scope.anomalies;
    this.#hasContent = false;
    this.#hashes.fill(0);
    this.#selection.settle(this.#reader, this.#scan);

    this.#putIdsAndTimes();
    this.#putSpanFields();
    this.#hashes[DIMENSION.service] = resource.serviceHash;
    this.#putContent();
    this.#putEventsAndLinks();
    this.#putDimensions();
    this.#putStatus();
    this.#putFields();
    const costStatus = this.#putModelCall();
    this.#putFolded();
    this.#putOthers();
    if (this.#hasContent) this.#columns.has_content.put(row, 1);
    if (replaced.count !== replacedBefore) this.#anomalies |= ANOMALY.invalidUtf8;
    if (this.#anomalies !== 0) this.#columns.anomalies.put(row, this.#anomalies);
    return costStatus;
  }

  #putIdsAndTimes(): void {
    const { view } = this.#reader;
    const scan = this.#scan;
    const columns = this.#columns;
    const row = this.#row;
    columns.trace_id.putBytes(row, view, scan.traceIdAt);
    const idLow = view.getUint32(scan.spanIdAt, true);
    const idHigh = view.getUint32(scan.spanIdAt + 4, true);
    columns.span_id.put64(row, idLow, idHigh);
    if (scan.hasParent) {
      const low = view.getUint32(scan.parentIdAt, true);
      const high = view.getUint32(scan.parentIdAt + 4, true);
      columns.parent_span_id.put64(row, low, high);
      if (low === idLow && high === idHigh) this.#anomalies |= ANOMALY.parentIsSelf;
    }
    const times = this.times;
    this.#anomalies |= times.place(scan.startLow, scan.startHigh, scan.endLow, scan.endHigh);
    columns.event_time.put64(row, times.eventLow, times.eventHigh);
    columns.start_unix_nano.put64(row, scan.startLow, scan.startHigh);
    columns.end_unix_nano.put64(row, scan.endLow, scan.endHigh);
    columns.duration_ns.put64(row, times.durationLow, times.durationHigh);
  }

  #putSpanFields(): void {
    const { body, view } = this.#reader;
    const scan = this.#scan;
    const columns = this.#columns;
    const row = this.#row;
    columns.name.put(row, body, view, scan.nameAt, scan.nameEnd);
    if (scan.kind !== 0) columns.kind.put(row, scan.kind);
    if (scan.flags !== 0) columns.flags.put(row, scan.flags);
    if (scan.traceStateEnd > scan.traceStateAt) {
      columns.trace_state.put(row, body, view, scan.traceStateAt, scan.traceStateEnd);
    }
    if (scan.statusMessageEnd > scan.statusMessageAt) {
      columns.status_message.put(row, body, view, scan.statusMessageAt, scan.statusMessageEnd);
    }
    if (scan.statusCode !== 0) columns.status_code.put(row, scan.statusCode);
    if (scan.droppedEvents !== 0) columns.dropped_events.put(row, scan.droppedEvents);
    if (scan.droppedLinks !== 0) columns.dropped_links.put(row, scan.droppedLinks);
  }

  #putContent(): void {
    const { chosen } = this.#selection;
    for (const { field, column } of this.#contentFields) {
      const index = chosen[field]!;
      if (index !== ABSENT) this.#putContentField(field, index, column);
    }
  }

  #putContentField(field: number, index: number, column: StringColumn): void {
    const { type, valueAt, valueEnd } = this.#scan;
    const at = valueAt[index]!;
    const end = valueEnd[index]!;
    if (type[index] === STRING)
      column.put(this.#row, this.#reader.body, this.#reader.view, at, end);
    else if (type[index] === ARRAY || type[index] === KEY_VALUES) {
      const spot = { type: type[index], at, end, hasStringIndex: false };
      this.#json.clear();
      if (!writeValue(this.#json, this.#reader, spot, "plain")) {
        this.#selection.spill(field); // which replaces it and says so
        return;
      }
      column.putValid(this.#row, this.#json.taken());
    } else {
      this.#refuse(field);
      return;
    }
    this.#hasContent = true;
  }

  #putEventsAndLinks(): void {
    const scan = this.#scan;
    if (scan.events > 0) this.#putEvents();
    if (scan.links > 0) {
      this.#anomalies |= this.#eventsAndLinks.putLinks(this.#row, this.#reader, scan);
    }
  }

  #putEvents(): void {
    this.#messages.clear();
    this.#anomalies |= this.#eventsAndLinks.putEvents(this.#row, this.#reader, this.#scan);
    const { content_input, content_output } = this.#columns;
    this.#putMessages(FIELD.inputMessages, this.#messages.input(), content_input);
    this.#putMessages(FIELD.outputMessages, this.#messages.output(), content_output);
  }

  #putMessages(field: number, text: string, column: StringColumn): void {
    if (text === "") return;
    if (this.#selection.chosen[field] !== ABSENT) {
      this.#anomalies |= ANOMALY.duplicateContent;
      return;
    }
    column.putValid(this.#row, Buffer.from(text));
    this.#hasContent = true;
  }

  /** What rollups are grouped by. */
  #putDimensions(): void {
    const columns = this.#columns;
    const resource = this.#resource;
    const { projectHash, environmentHash, releaseHash, regionHash } = resource;
    this.#putSharedDimension("project", columns.project, FIELD.project, projectHash);
    this.#putSharedDimension(
      "environment",
      columns.environment,
      FIELD.environment,
      environmentHash,
    );
    this.#putSharedDimension("release", columns.release, FIELD.release, releaseHash);
    this.#putSharedDimension("region", columns.region, FIELD.region, regionHash);
    this.#putUser();
    this.#putDimension("prompt_name", columns.prompt_name, FIELD.promptName);
    this.#putDimension("prompt_version", columns.prompt_version, FIELD.promptVersion);
  }

  /** The column has the resource's value where the span has none of its own. */
  #putSharedDimension(
    dimension: DimensionName,
    column: DictionaryColumn,
    field: number,
    sharedHash: number,
  ): void {
    this.#hashes[DIMENSION[dimension]] = sharedHash;
    this.#putDimension(dimension, column, field);
  }

  #putDimension(dimension: DimensionName, column: DictionaryColumn, field: number): void {
    if (this.#selection.chosen[field] === ABSENT) return;
    const spot = this.#textOf(field, this.#scratch);
    if (spot.at === spot.end) return;
    this.#hashes[DIMENSION[dimension]] = column.hashOf(column.putSpot(this.#row, spot));
  }

  #putUser(): void {
    if (this.#selection.chosen[FIELD.userId] === ABSENT) return;
    const { bytes, view, at, end } = this.#textOf(FIELD.userId, this.#scratch);
    if (at === end) return;
    this.#columns.user_id.put(this.#row, bytes, view, at, end);
    this.#hashes[DIMENSION.user_id] = hashValue(bytes, at, end);
  }

  readonly #scratch = emptySpot();

  /** A field's value as text; empty when it is absent or, which is then counted, structured. */
  #textOf(field: number, spot: TextSpot): TextSpot {
    const index = this.#selection.chosen[field]!;
    spot.at = 0;
    spot.end = 0;
    if (index === ABSENT) return spot;
    const { type, valueAt, valueEnd } = this.#scan;
    const at = valueAt[index]!;
    const end = valueEnd[index]!;
    if (type[index] === STRING) {
      spot.bytes = this.#reader.body;
      spot.view = this.#reader.view;
      spot.at = at;
      spot.end = end;
      return spot;
    }
    const text = scalarText(this.#reader, type[index]!, at, end);
    if (text === undefined) this.#refuse(field);
    else copySpot(spotOf(text), spot);
    return spot;
  }

  /** The value does not fit its field: it goes among the other attributes. */
  #refuse(field: number): void {
    this.#selection.spill(field);
    this.#anomalies |= ANOMALY.invalidValue;
  }

  #putStatus(): void {
    const columns = this.#columns;
    const errorType = this.#textOf(FIELD.errorType, this.#scratch);
    const hasErrorType = errorType.end > errorType.at;
    if (hasErrorType) {
      columns.error_type.putSpot(this.#row, errorType);
    }
    const failed = hasErrorType || this.#scan.statusCode === STATUS_ERROR;
    this.#failed = failed;
    columns.status.putSpot(this.#row, failed ? ERROR : OK);
  }

  /** Fields that go to their column as they are. */
  #putFields(): void {
    const { chosen } = this.#selection;
    for (const { field, column } of this.#textFields) {
      if (chosen[field] === ABSENT) continue;
      const { bytes, view, at, end } = this.#textOf(field, this.#scratch);
      if (end > at) column.put(this.#row, bytes, view, at, end);
    }
    for (const { field, column } of this.#nameFields) {
      if (chosen[field] === ABSENT) continue;
      const text = this.#textOf(field, this.#scratch);
      if (text.end > text.at) column.putSpot(this.#row, text);
    }
    for (const { field, column } of this.#doubleFields) {
      if (chosen[field] !== ABSENT) this.#putDouble(field, column);
    }
    for (const { field, column } of this.#uint32Fields) {
      if (chosen[field] !== ABSENT) this.#putUint32(field, column);
    }
    if (chosen[FIELD.seed] !== ABSENT) this.#putSeed();
    if (chosen[FIELD.stream] !== ABSENT) this.#putStream();
    if (chosen[FIELD.timeToFirstChunk] !== ABSENT) this.#putTimeToFirstChunk();
    if (chosen[FIELD.finishReasons] !== ABSENT) this.#putFinishReasons();
  }

  #numberOf(field: number): number {
    const index = this.#selection.chosen[field]!;
    const { type, valueAt, valueEnd } = this.#scan;
    return readNumber(this.#reader, type[index]!, valueAt[index]!, valueEnd[index]!);
  }

  #putDouble(field: number, column: NullableColumn): void {
    const value = this.#numberOf(field);
    if (Number.isNaN(value)) this.#refuse(field);
    else {
      doubles.setFloat64(0, value, true);
      column.put64(this.#row, doubles.getUint32(0, true), doubles.getUint32(4, true));
    }
  }

  #putUint32(field: number, column: WordColumn): void {
    const value = this.#numberOf(field);
    if (Number.isInteger(value) && value >= 0 && value <= MAX_UINT32) column.put(this.#row, value);
    else this.#refuse(field);
  }

  #putSeed(): void {
    const index = this.#selection.chosen[FIELD.seed]!;
    const { type, valueAt, valueEnd } = this.#scan;
    const reader = this.#reader;
    if (!readInt64(reader, type[index]!, valueAt[index]!, valueEnd[index]!))
      this.#refuse(FIELD.seed);
    else this.#columns.seed.put64(this.#row, reader.low, reader.high);
  }

  #putStream(): void {
    const index = this.#selection.chosen[FIELD.stream]!;
    const { type, valueAt, valueEnd } = this.#scan;
    const flag = readFlag(this.#reader, type[index]!, valueAt[index]!, valueEnd[index]!);
    if (flag === undefined) this.#refuse(FIELD.stream);
    else if (flag) this.#columns.is_stream.put(this.#row, 1);
  }

  /** Seconds as they come, nanoseconds as they are stored. */
  #putTimeToFirstChunk(): void {
    const nanos = Math.round(this.#numberOf(FIELD.timeToFirstChunk) * 1e9);
    if (!(nanos >= 0) || !Number.isSafeInteger(nanos)) this.#refuse(FIELD.timeToFirstChunk);
    else this.#columns.ttft_ns.put64(this.#row, nanos >>> 0, highHalf(nanos));
  }

  #putFinishReasons(): void {
    const index = this.#selection.chosen[FIELD.finishReasons]!;
    const { type, valueAt, valueEnd } = this.#scan;
    const at = valueAt[index]!;
    const end = valueEnd[index]!;
    const { finish_reasons } = this.#columns;
    if (type[index] === ARRAY) {
      this.#anomalies |= putReasonList(finish_reasons, this.#row, this.#reader, at, end);
    } else if (type[index] === STRING) {
      putReasonText(finish_reasons, this.#row, this.#reader, at, end);
    } else this.#refuse(FIELD.finishReasons);
  }

  #putModelCall(): number {
    const columns = this.#columns;
    const row = this.#row;
    const names = this.#names;
    this.#putProvider();
    this.#putModel("request_model", columns.request_model, FIELD.requestModel, names.requestModel);
    this.#putModel(
      "response_model",
      columns.response_model,
      FIELD.responseModel,
      names.responseModel,
    );
    const call = this.#call;
    const usageKnown = call.putUsage(row, this.#reader, this.#scan, this.#selection);
    const kind = this.#putOperation(usageKnown);
    const isModelCall = kind >= 0 && kind < RETRIEVAL;
    let costStatus = 0;
    call.putReportedCost(row);
    if (isModelCall) {
      columns.is_model_call.put(row, 1);
      const context = this.#priceContext();
      const atUnixMs = this.times.callMs;
      costStatus = call.putCost(row, { names, atUnixMs, failed: this.#failed, context });
    }
    this.#anomalies |= call.anomalies;
    this.#putRetrieval(kind === RETRIEVAL);
    return costStatus;
  }

  /** What the price may depend on; names that no price asks for are not even read. */
  #priceContext(): PriceContext {
    const { pricing } = this.#call;
    const context = this.#context;
    const tier = this.#textOf(FIELD.serviceTier, this.#scratch);
    context.serviceTier = tier.end > tier.at ? pricing.nameOf(tier) : "";
    if (pricing.asksProject) context.project = this.#ownOr(FIELD.project, this.#resource.project);
    if (pricing.asksRegion) context.region = this.#ownOr(FIELD.region, this.#resource.region);
    return context;
  }

  #ownOr(field: number, shared: Uint8Array): string {
    const own = this.#textOf(field, this.#scratch);
    return own.end > own.at ? this.#call.pricing.nameOf(own) : Buffer.from(shared).toString();
  }

  #putProvider(): void {
    const provider = this.#textOf(FIELD.provider, this.#names.provider);
    if (provider.at === provider.end) return;
    const old = this.#providers.find(provider.bytes, provider.view, provider.at, provider.end);
    if (old >= 0) copySpot(PROVIDER_SPOTS[old]!, provider);
    const column = this.#columns.provider;
    this.#hashes[DIMENSION.provider] = column.hashOf(column.putSpot(this.#row, provider));
  }

  #putModel(
    dimension: DimensionName,
    column: DictionaryColumn,
    field: number,
    name: TextSpot,
  ): void {
    this.#textOf(field, name);
    if (name.at === name.end) return;
    this.#hashes[DIMENSION[dimension]] = column.hashOf(column.putSpot(this.#row, name));
  }

  /** Returns the operation's place in `OPERATIONS`, or -1. A model or usage without an operation is a chat. */
  #putOperation(usageKnown: boolean): number {
    const operation = this.#textOf(FIELD.operation, this.#operation);
    if (operation.at === operation.end) {
      const { requestModel, responseModel } = this.#names;
      const hasModel = requestModel.end > requestModel.at || responseModel.end > responseModel.at;
      if (!usageKnown && !hasModel) return -1;
      this.#anomalies |= ANOMALY.operationInferred;
      copySpot(CHAT, operation);
    }
    const column = this.#columns.operation;
    this.#hashes[DIMENSION.operation] = column.hashOf(column.putSpot(this.#row, operation));
    return this.#operations.find(operation.bytes, operation.view, operation.at, operation.end);
  }

  #putRetrieval(isRetrieval: boolean): void {
    const { chosen } = this.#selection;
    const topK = chosen[FIELD.topK]!;
    if (topK !== ABSENT) {
      // On other spans the old key is a sampling parameter.
      if (!isRetrieval && this.#scan.key[topK] === REQUEST_TOP_K) this.#selection.spill(FIELD.topK);
      else this.#putUint32(FIELD.topK, this.#columns.top_k);
    }
    if (chosen[FIELD.documentCount] !== ABSENT) {
      this.#putUint32(FIELD.documentCount, this.#columns.document_count);
      return;
    }
    const documents = chosen[FIELD.retrievalDocuments]!;
    if (documents === ABSENT) return;
    const { type, valueAt, valueEnd } = this.#scan;
    const count = countDocuments(
      this.#reader,
      type[documents]!,
      valueAt[documents]!,
      valueEnd[documents]!,
    );
    if (count !== undefined && count > 0) this.#columns.document_count.put(this.#row, count);
  }

  #putFolded(): void {
    const bits = this.#cardinality.fold(this.times.day, this.#hashes);
    if (bits !== 0) this.#columns.folded.put(this.#row, bits);
  }

  #putOthers(): void {
    const selection = this.#selection;
    let replacedValues = 0;
    for (let other = 0; other < selection.otherCount; other++) {
      const odd = this.#maps.put(this.#row, this.#reader, this.#scan, selection.others[other]!);
      if (odd === 0) continue;
      this.#anomalies |= odd;
      replacedValues++;
    }
    const dropped = this.#scan.droppedAttributes + replacedValues;
    if (dropped !== 0)
      this.#columns.dropped_attributes.put(this.#row, Math.min(dropped, MAX_UINT32));
  }
}

const doubles = new DataView(new ArrayBuffer(8));
