/** What the price ids of stored spans charge, from `price_book`: of books that are in use no more, too. */
import { BUCKETS, type Bucket, type Price, type Rates } from "@assay/instrumentation/pricing";
import type { Store } from "../store.ts";

interface Row {
  price_id: string;
  provider: string;
  model: string;
  valid_from: string;
  rates: string;
  per_request: string;
}

interface StoredTier {
  aboveInputTokens: number;
  picoUsd: Partial<Rates>;
}

export async function readStoredPrices(
  store: Store,
  ids: readonly string[],
): Promise<Map<string, Price>> {
  if (ids.length === 0) return new Map();
  const rows = await store.rows<Row>({
    sql: `SELECT price_id, any(b.provider) AS provider, any(b.model) AS model, any(b.valid_from) AS valid_from,
  any(b.rates) AS rates, toDecimalString(any(b.per_request), 12) AS per_request
FROM assay.price_book AS b WHERE price_id IN {ids:Array(String)} GROUP BY price_id`,
    parameters: { ids },
  });
  return new Map(rows.map((row) => [row.price_id, priceOf(row)]));
}

function priceOf(row: Row): Price {
  const perRequestPicoUsd = Number(row.per_request.replace(".", ""));
  const entries = (JSON.parse(row.rates) as StoredTier[]).map(({ aboveInputTokens, picoUsd }) => {
    const microPicoUsd = microRates(picoUsd);
    return { aboveInputTokens, picoUsd: picoUsd as Rates, microPicoUsd, whole: false };
  });
  const free =
    perRequestPicoUsd === 0 &&
    entries.every(({ microPicoUsd }) => Object.values(microPicoUsd).every((rate) => rate === 0n));
  return {
    id: row.price_id,
    provider: row.provider,
    model: row.model,
    validFrom: row.valid_from || null,
    hours: null,
    entries,
    perRequestPicoUsd,
    free,
  };
}

/** Kinds that were not told apart when a price was recorded had the rate of what contains them. */
const CONTAINERS: Partial<Record<Bucket, Bucket>> = {
  cacheWrite1h: "cacheWrite",
  imageInput: "input",
  imageOutput: "output",
};

function microRates(picoUsd: Partial<Rates>): Rates<bigint> {
  const rateOf = (bucket: Bucket): number => {
    const container = CONTAINERS[bucket];
    return picoUsd[bucket] ?? (container === undefined ? 0 : rateOf(container));
  };
  return Object.fromEntries(
    BUCKETS.map((bucket) => [bucket, BigInt(Math.round(rateOf(bucket) * 1e6))]),
  ) as unknown as Rates<bigint>;
}
