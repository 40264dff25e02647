/** A span's tokens, their price, and what was reported as cost. */
import type { PriceBook, Usage } from "@assay/instrumentation/pricing";
import type { WireReader } from "../otlp/wire.ts";
import { ANOMALY } from "./anomalies.ts";
import { DOUBLE, STRING } from "./any-value.ts";
import { picoUsdOfBytes, picoUsdOfNumber } from "./decimal.ts";
import type { Columns } from "./layout.ts";
import { putMoney, Pricing } from "./pricing.ts";
import { FIELD, PROMOTED_KEYS } from "./promoted.ts";
import { readFlag, readNumber } from "./scalar.ts";
import { ABSENT, type Selection } from "./selection.ts";
import type { SpanScan } from "./span-scan.ts";
import { type TextSpot, textSpot } from "./text-spot.ts";

/** By the code that `put` returns. */
export const COST_STATUSES = ["", "priced", "free", "estimated", "unpriced"] as const;
const PRICED = 1;
const FREE = 2;
const ESTIMATED = 3;
const UNPRICED = 4;

const MAX_TOKENS = 2 ** 32 - 1;
/** An amount in decimal text longer than this is none. */
const MAX_AMOUNT_LENGTH = 64;

const STATUS_TEXTS = COST_STATUSES.map(textSpot);
const REPORTED_TEXT = textSpot("reported");
const ESTIMATED_TEXT = textSpot("estimated");
/** Amounts under other keys are in `gen_ai.usage.cost.currency`; this one is in USD by definition. */
const EXACT_COST_KEY = PROMOTED_KEYS.indexOf("assay.cost.amount_exact");

export interface ModelNames {
  provider: TextSpot;
  requestModel: TextSpot;
  responseModel: TextSpot;
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
  };
  #reader!: WireReader;
  #scan!: SpanScan;
  #selection!: Selection;
  #known = false;
  #estimated = false;
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
    usage.inputTokens = this.#inclusive(this.#tokens(FIELD.inputTokens));
    usage.outputTokens = this.#tokens(FIELD.outputTokens);
    this.#estimated = this.#readEstimated();
    this.#putTokens(row);
    return this.#known;
  }

  /**
   * Input as a total. Some providers count cached tokens beside the input instead of inside it; where the cached ones
   * exceed the input they cannot be inside.
   */
  #inclusive(input: number): number {
    const cached = this.#usage.cacheReadTokens + this.#usage.cacheWriteTokens;
    if (cached <= input) return input;
    this.anomalies |= ANOMALY.exclusiveInput;
    return Math.min(input + cached, MAX_TOKENS);
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
  }

  /** Writes what the call of `putUsage` before costs; returns the status' place in `COST_STATUSES`. */
  putCost(row: number, names: ModelNames, atUnixMs: number): number {
    const price = this.#known
      ? this.pricing.resolve(names.provider, names.responseModel, names.requestModel, atUnixMs)
      : undefined;
    if (price === undefined) {
      this.#columns.cost_status.putSpot(row, STATUS_TEXTS[UNPRICED]!);
      return UNPRICED;
    }
    const status = price.free ? FREE : this.#estimated ? ESTIMATED : PRICED;
    const picoUsd = price.free ? 0n : this.pricing.cost(price, this.#usage);
    putMoney(this.#columns.cost, row, picoUsd);
    this.#columns.price_id.putSpot(row, this.pricing.idOf(price));
    this.#columns.cost_status.putSpot(row, STATUS_TEXTS[status]!);
    return status;
  }

  /** Writes the cost that the span itself states, in USD; amounts in another currency stay attributes. */
  putReportedCost(row: number): void {
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
    this.#putSource(row);
  }

  #putSource(row: number): void {
    const index = this.#selection.chosen[FIELD.costSource]!;
    if (index === ABSENT) return;
    const { type, valueAt, valueEnd } = this.#scan;
    if (type[index] !== STRING) {
      this.anomalies |= ANOMALY.invalidValue;
      this.#spillAll(FIELD.costSource);
      return;
    }
    const { body, view } = this.#reader;
    this.#columns.reported_cost_source.put(row, body, view, valueAt[index]!, valueEnd[index]!);
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
