/** A span's tokens, their price, and what was reported as cost. */
import type { PriceBook, PriceContext, Usage } from "@assay/instrumentation/pricing";
import type { WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { DOUBLE, STRING } from "./any-value.ts";
import { COST_STATUSES, costStatusOf, isUsableReport } from "./cost-status.ts";
import { picoUsdOfBytes, picoUsdOfNumber } from "./decimal.ts";
import type { Columns } from "./layout.ts";
import { putMoney, Pricing } from "./pricing.ts";
import { FIELD, PROMOTED_KEYS } from "./promoted.ts";
import { latin1, readFlag, readNumber } from "./scalar.ts";
import { ABSENT, type Selection } from "./selection.ts";
import type { SpanScan } from "./span-scan.ts";
import { type TextSpot, textSpot } from "./text-spot.ts";

const MAX_TOKENS = 2 ** 32 - 1;
/** An amount in decimal text longer than this is none. */
const MAX_AMOUNT_LENGTH = 64;

const STATUS_TEXTS = COST_STATUSES.map(textSpot);
const REPORTED_TEXT = textSpot("reported");
const ESTIMATED_TEXT = textSpot("estimated");
const NO_CONTEXT: PriceContext = {};
/** Amounts under other keys are in `gen_ai.usage.cost.currency`; this one is in USD by definition. */
const EXACT_COST_KEY = PROMOTED_KEYS.indexOf("assay.cost.amount_exact");

interface ModelNames {
  provider: TextSpot;
  requestModel: TextSpot;
  responseModel: TextSpot;
}

interface CallContext {
  names: ModelNames;
  atUnixMs: number;
  failed: boolean;
  /** Of the price. */
  context?: PriceContext;
}

export class ModelCall {
  readonly pricing: Pricing;
  readonly #columns: Columns;
  readonly #usage: Required<Usage> = {
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    cacheReadAudioTokens: 0,
    reasoningTokens: 0,
    cacheWrite1hTokens: 0,
    imageInputTokens: 0,
    imageOutputTokens: 0,
    webSearches: 0,
    fileSearches: 0,
  };
  #reader!: WireReader;
  #scan!: SpanScan;
  #selection!: Selection;
  #known = false;
  #estimated = false;
  /** What the span itself says that it cost, where that may stand for ours. */
  #reported: bigint | undefined;
  anomalies = 0;

  constructor(columns: Columns, priceBook: PriceBook) {
    this.#columns = columns;
    this.pricing = new Pricing(priceBook);
  }

  /** Writes the tokens. Returns whether the span says anything about its usage. */
  putUsage(row: number, reader: WireReader, scan: SpanScan, selection: Selection): boolean {
    this.#reader = reader;
    this.#scan = scan;
    this.#selection = selection;
    this.anomalies = 0;
    this.#known = false;
    const usage = this.#usage;
    usage.cacheReadTokens = this.#tokens(FIELD.cacheReadTokens);
    usage.cacheWriteTokens = this.#tokens(FIELD.cacheWriteTokens);
    usage.audioInputTokens = this.#tokens(FIELD.audioInputTokens);
    usage.audioOutputTokens = this.#tokens(FIELD.audioOutputTokens);
    usage.reasoningTokens = this.#tokens(FIELD.reasoningTokens);
    usage.inputTokens = this.#tokens(FIELD.inputTokens);
    usage.cacheWrite1hTokens = this.#tokens(FIELD.cacheWrite1hTokens);
    usage.cacheReadAudioTokens = this.#tokens(FIELD.cacheReadAudioTokens);
    usage.imageInputTokens = this.#tokens(FIELD.imageInputTokens);
    usage.imageOutputTokens = this.#tokens(FIELD.imageOutputTokens);
    usage.webSearches = this.#tokens(FIELD.webSearches);
    usage.fileSearches = this.#tokens(FIELD.fileSearches);
    usage.outputTokens = this.#tokens(FIELD.outputTokens);
    this.#makeInclusive();
    this.#estimated = this.#readEstimated();
    this.#putTokens(row);
    return this.#known;
  }

  /**
   * Input and output as totals of their parts. Some providers count cached tokens beside the input instead of inside it, and
   * reasoning beside the output: the parts cannot be inside where they exceed it, and are not where only so the total
   * comes out that the sender states.
   */
  #makeInclusive(): void {
    const usage = this.#usage;
    const cached = usage.cacheReadTokens + usage.cacheWriteTokens;
    const parts = usage.reasoningTokens + usage.audioOutputTokens + usage.imageOutputTokens;
    const total = this.#statedTotal();
    const missing = total - usage.inputTokens - usage.outputTokens;
    const both = cached > 0 && parts > 0 && missing === cached + parts;
    const addInput = cached > usage.inputTokens || (cached > 0 && missing === cached) || both;
    const addOutput = parts > usage.outputTokens || (parts > 0 && missing === parts) || both;
    if (addInput) {
      usage.inputTokens = Math.min(usage.inputTokens + cached, MAX_TOKENS);
      this.anomalies |= ANOMALY.exclusiveInput;
    }
    if (addOutput) {
      usage.outputTokens = Math.min(usage.outputTokens + parts, MAX_TOKENS);
      this.anomalies |= ANOMALY.exclusiveOutput;
    }
    if (total > 0 && usage.inputTokens + usage.outputTokens !== total) {
      this.anomalies |= ANOMALY.totalMismatch;
      this.#selection.spill(FIELD.totalTokens);
    }
  }

  /** 0: none was. It alone does not make the usage known. */
  #statedTotal(): number {
    const index = this.#selection.chosen[FIELD.totalTokens]!;
    if (index === ABSENT) return 0;
    const total = this.#number(index);
    if (Number.isInteger(total) && total > 0 && this.#known) return total;
    this.#selection.spill(FIELD.totalTokens);
    return 0;
  }

  /** A field's tokens; 0 when it is absent or none, and then it does not make the usage known. */
  #tokens(field: number): number {
    const index = this.#selection.chosen[field]!;
    if (index === ABSENT) return 0;
    const tokens = this.#number(index);
    if (Number.isInteger(tokens) && tokens >= 0 && tokens <= MAX_TOKENS) {
      this.#known = true;
      return tokens;
    }
    this.anomalies |= ANOMALY.invalidTokens;
    this.#selection.spill(field);
    return 0;
  }

  #number(index: number): number {
    const scan = this.#scan;
    return readNumber(this.#reader, scan.type[index]!, scan.valueAt[index]!, scan.valueEnd[index]!);
  }

  #readEstimated(): boolean {
    const index = this.#selection.chosen[FIELD.usageEstimated]!;
    if (index === ABSENT) return false;
    const { type, valueAt, valueEnd } = this.#scan;
    const flag = readFlag(this.#reader, type[index]!, valueAt[index]!, valueEnd[index]!);
    if (flag === undefined) {
      this.anomalies |= ANOMALY.invalidValue;
      this.#selection.spill(FIELD.usageEstimated);
    }
    return flag ?? false;
  }

  #putTokens(row: number): void {
    if (!this.#known) return;
    const columns = this.#columns;
    const usage = this.#usage;
    columns.usage_source.putSpot(row, this.#estimated ? ESTIMATED_TEXT : REPORTED_TEXT);
    if (usage.inputTokens > 0) columns.input_tokens.put(row, usage.inputTokens);
    if (usage.outputTokens > 0) columns.output_tokens.put(row, usage.outputTokens);
    if (usage.cacheReadTokens > 0) columns.cache_read_tokens.put(row, usage.cacheReadTokens);
    if (usage.cacheWriteTokens > 0) columns.cache_write_tokens.put(row, usage.cacheWriteTokens);
    if (usage.reasoningTokens > 0) columns.reasoning_tokens.put(row, usage.reasoningTokens);
    if (usage.audioInputTokens > 0) columns.audio_input_tokens.put(row, usage.audioInputTokens);
    if (usage.audioOutputTokens > 0) columns.audio_output_tokens.put(row, usage.audioOutputTokens);
    if (usage.cacheWrite1hTokens > 0)
      columns.cache_write_1h_tokens.put(row, usage.cacheWrite1hTokens);
    if (usage.cacheReadAudioTokens > 0)
      columns.cache_read_audio_tokens.put(row, usage.cacheReadAudioTokens);
    if (usage.imageInputTokens > 0) columns.image_input_tokens.put(row, usage.imageInputTokens);
    if (usage.imageOutputTokens > 0) columns.image_output_tokens.put(row, usage.imageOutputTokens);
    if (usage.webSearches > 0) columns.web_searches.put(row, usage.webSearches);
    if (usage.fileSearches > 0) columns.file_searches.put(row, usage.fileSearches);
  }

  /** Writes what the call of `putUsage` and `putReportedCost` before costs; returns the status' place in `COST_STATUSES`. */
  putCost(row: number, { names, atUnixMs, failed, context = NO_CONTEXT }: CallContext): number {
    const { provider, responseModel, requestModel } = names;
    const price = this.#known
      ? this.pricing.resolve(provider, responseModel, requestModel, { atUnixMs, context })
      : undefined;
    const status = costStatusOf({
      price,
      usageKnown: this.#known,
      estimated: this.#estimated,
      failed,
      reported: this.#reported !== undefined,
    });
    const columns = this.#columns;
    if (price !== undefined) columns.price_id.putSpot(row, this.pricing.idOf(price));
    if (status === "reported") putMoney(columns.cost, row, this.#reported!);
    else if (status === "free") putMoney(columns.cost, row, 0n);
    else if (price !== undefined) {
      putMoney(columns.cost, row, this.pricing.cost(price, this.#usage));
    }
    const place = COST_STATUSES.indexOf(status);
    columns.cost_status.putSpot(row, STATUS_TEXTS[place]!);
    return place;
  }

  /** Writes the cost that the span itself states, in USD; amounts in another currency stay attributes. */
  putReportedCost(row: number): void {
    this.#reported = undefined;
    const { chosen } = this.#selection;
    const index = chosen[FIELD.reportedCost]!;
    const isUsd = this.#currencyIsUsd();
    if (index === ABSENT) {
      this.#spillAll(FIELD.costCurrency, FIELD.costSource);
      return;
    }
    if (!isUsd && this.#scan.key[index] !== EXACT_COST_KEY) {
      this.#spillAll(FIELD.reportedCost, FIELD.costCurrency, FIELD.costSource);
      return;
    }
    const picoUsd = this.#amount(index);
    if (picoUsd === undefined) {
      this.anomalies |= ANOMALY.invalidValue;
      this.#spillAll(FIELD.reportedCost, FIELD.costCurrency, FIELD.costSource);
      return;
    }
    putMoney(this.#columns.reported_cost, row, picoUsd);
    if (!isUsd) this.#spillAll(FIELD.costCurrency);
    if (isUsableReport(picoUsd, this.#putSource(row))) this.#reported = picoUsd;
  }

  /** Returns the source that it wrote. */
  #putSource(row: number): string {
    const index = this.#selection.chosen[FIELD.costSource]!;
    if (index === ABSENT) return "";
    const { type, valueAt, valueEnd } = this.#scan;
    if (type[index] !== STRING) {
      this.anomalies |= ANOMALY.invalidValue;
      this.#spillAll(FIELD.costSource);
      return "";
    }
    const { body, view } = this.#reader;
    const [at, end] = [valueAt[index]!, valueEnd[index]!];
    this.#columns.reported_cost_source.put(row, body, view, at, end);
    return latin1(body, at, end);
  }

  #currencyIsUsd(): boolean {
    const index = this.#selection.chosen[FIELD.costCurrency]!;
    if (index === ABSENT) return true;
    const { type, valueAt, valueEnd } = this.#scan;
    const at = valueAt[index]!;
    if (type[index] !== STRING || valueEnd[index]! - at !== 3) return false;
    const { body } = this.#reader;
    // Lower case too: bit 5 is the case of an ASCII letter.
    return (
      (body[at]! | 0x20) === 0x75 &&
      (body[at + 1]! | 0x20) === 0x73 &&
      (body[at + 2]! | 0x20) === 0x64
    );
  }

  #amount(index: number): bigint | undefined {
    const { type, valueAt, valueEnd } = this.#scan;
    const at = valueAt[index]!;
    const end = valueEnd[index]!;
    if (type[index] === STRING) {
      return end - at > MAX_AMOUNT_LENGTH ? undefined : picoUsdOfBytes(this.#reader.body, at, end);
    }
    if (type[index] === DOUBLE) return picoUsdOfNumber(this.#reader.view.getFloat64(at, true));
    return picoUsdOfNumber(this.#number(index));
  }

  #spillAll(...fields: readonly number[]): void {
    for (const field of fields) {
      if (this.#selection.chosen[field] !== ABSENT) this.#selection.spill(field);
    }
  }
}
