/** Records the price book in ClickHouse, so that a `price_id` on a span can be looked up where the spans are. */
import type { ClickHouseClient } from "@clickhouse/client";
import { formatUsd, type Price, type PriceBook } from "@assay/instrumentation/pricing";

/** Adds the book's prices, once per book; running it again changes nothing. */
export async function recordPriceBook(client: ClickHouseClient, book: PriceBook): Promise<void> {
  const result = await client.query({
    query: "SELECT count() AS prices FROM assay.price_book WHERE has(books, {book:String})",
    query_params: { book: book.id },
    format: "JSONEachRow",
  });
  const [known] = await result.json<{ prices: string }>();
  const values = Array.from(book.prices(), (price) => row(price, book.id));
  if (Number(known?.prices) >= new Set(values.map((value) => value.price_id)).size) return;
  await client.insert({ table: "assay.price_book", values, format: "JSONEachRow" });
}

function row(price: Price, bookId: string) {
  return {
    price_id: price.id,
    provider: price.provider,
    model: price.model,
    valid_from: price.validFrom ?? "",
    rates: JSON.stringify(
      price.entries.map(({ aboveInputTokens, picoUsd }) => ({ aboveInputTokens, picoUsd })),
    ),
    per_request: formatUsd(BigInt(price.perRequestPicoUsd)),
    books: [bookId],
  };
}
