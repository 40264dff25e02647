/** The price book, asked with bytes instead of strings, and amounts as ClickHouse wants them. */
import type { Price, PriceBook, PriceContext, Usage } from "@assay/instrumentation/pricing";
import type { NullableColumn } from "./byte-column.ts";
import { Interner, NOT_FOUND } from "./interner.ts";
import { utf8 } from "./scalar.ts";
import { type TextSpot, textSpot } from "./text-spot.ts";

/** Provider and model names remembered as strings, for the price book's look-ups. */
const MAX_NAMES = 8192;

export class Pricing {
  readonly #book: PriceBook;
  readonly #names = new Interner([], MAX_NAMES);
  readonly #strings: string[] = [];
  readonly #ids = new Map<string, TextSpot>();

  constructor(book: PriceBook) {
    this.#book = book;
  }

  /** The price of the model that answered, else of the one that was asked for. */
  resolve(
    provider: TextSpot,
    responseModel: TextSpot,
    requestModel: TextSpot,
    when: { atUnixMs: number; context: PriceContext },
  ): Price | undefined {
    const providerName = this.nameOf(provider);
    return (
      this.#resolveModel(providerName, responseModel, when) ??
      this.#resolveModel(providerName, requestModel, when)
    );
  }

  #resolveModel(
    provider: string,
    model: TextSpot,
    { atUnixMs, context }: { atUnixMs: number; context: PriceContext },
  ): Price | undefined {
    if (model.at === model.end) return undefined;
    return this.#book.resolve(provider, this.nameOf(model), atUnixMs, context);
  }

  get asksProject(): boolean {
    return this.#book.asksProject;
  }

  get asksRegion(): boolean {
    return this.#book.asksRegion;
  }

  nameOf(spot: TextSpot): string {
    const index = this.#names.intern(spot.bytes, spot.view, spot.at, spot.end);
    if (index === NOT_FOUND) return utf8(spot.bytes, spot.at, spot.end);
    return (this.#strings[index] ??= utf8(spot.bytes, spot.at, spot.end));
  }

  cost(price: Price, usage: Usage): bigint {
    return this.#book.cost(price, usage);
  }

  /** A price's id; the book has a limited number of them. */
  idOf(price: Price): TextSpot {
    let id = this.#ids.get(price.id);
    if (id === undefined) this.#ids.set(price.id, (id = textSpot(price.id)));
    return id;
  }

  /** Between blocks: makes room for new names. */
  rest(): void {
    if (!this.#names.full) return;
    this.#names.forget();
    this.#strings.length = 0;
  }
}

const halves = new BigUint64Array(2);
const words = new Uint32Array(halves.buffer);

/** Writes pico-USD as Decimal(38, 12): the scale is the unit's, so it is the number itself. */
export function putMoney(column: NullableColumn, row: number, picoUsd: bigint): void {
  halves[0] = picoUsd;
  const low = words[0]!;
  const high = words[1]!;
  if (picoUsd <= 0xffff_ffff_ffff_ffffn) {
    column.put128(row, low, high, 0, 0);
    return;
  }
  halves[1] = picoUsd >> 64n;
  column.put128(row, low, high, words[2]!, words[3]!);
}
