/**
 * Ours against the provider's, by day and model, and where the difference comes from.
 *
 * `usage`: what the provider counted and Assay did not (or the other way round), at what Assay's calls of that day paid for
 * a token of that kind, else at the price book's rate. `price`: the rest, which is the same usage at another price: a
 * discount, a tier, credits. The two sum to the difference exactly. Without a report of usage nothing is told apart.
 */
import type { Bucket, PriceBook, Rates } from "@assay/instrumentation/pricing";
import type { LedgerLine } from "../ledger/lines.ts";
import { type Amounts, KINDS, type Kind, type Provider, type Report } from "./reports.ts";

const BUCKETS_OF: Record<Kind, readonly Bucket[]> = {
  input: ["input", "imageInput"],
  cache_read: ["cacheRead", "cacheReadAudio"],
  cache_write: ["cacheWrite"],
  cache_write_1h: ["cacheWrite1h"],
  audio_input: ["audioInput"],
  output: ["output", "reasoning", "imageOutput"],
  audio_output: ["audioOutput"],
  web_searches: ["webSearches"],
};

export interface Comparison {
  provider: Provider;
  day: string;
  /** As the price book calls it; empty: costs that the report gives to no model. */
  model: string;
  calls: { ours: number; theirs: number | null };
  amounts: Record<Kind, { ours: number; theirs: number | null }>;
  /** 1e-12 USD; null: not reported. */
  cost: { ours: bigint; theirs: bigint | null };
  /** Null where either report is missing. */
  usage: bigint | null;
  price: bigint | null;
}

interface Side {
  calls: number | null;
  amounts: Amounts | null;
  cost: bigint | null;
}

export function reconcile(
  { usages, costs }: Report,
  lines: readonly LedgerLine[],
  book: PriceBook,
): Comparison[] {
  const nameOf = (provider: string, model: string, day: string): string =>
    (model && book.resolve(provider, model, Date.parse(day))?.model) || model;
  const keyOf = (one: { provider: string; day: string; model: string }): string =>
    JSON.stringify([one.provider, one.day, nameOf(one.provider, one.model, one.day)]);
  const ours = Map.groupBy(lines, keyOf);
  const theirs = new Map<string, Side>();
  const sideOf = (key: string): Side => {
    const side = theirs.get(key) ?? { calls: null, amounts: null, cost: null };
    theirs.set(key, side);
    return side;
  };
  for (const usage of usages) {
    const side = sideOf(keyOf(usage));
    side.amounts = added(side.amounts, usage.amounts);
    if (usage.calls !== null) side.calls = (side.calls ?? 0) + usage.calls;
  }
  for (const cost of costs) {
    const side = sideOf(keyOf(cost));
    side.cost = (side.cost ?? 0n) + cost.picoUsd;
  }
  const covered = new Set([...usages, ...costs].map(({ provider, day }) => `${provider} ${day}`));
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .map((key) => {
      const [provider, day, model] = JSON.parse(key) as [Provider, string, string];
      const own = ours.get(key) ?? [];
      return comparisonOf({ provider, day, model }, own, theirs.get(key), book);
    })
    .filter(({ provider, day }) => covered.has(`${provider} ${day}`))
    .toSorted((a, b) => a.day.localeCompare(b.day) || a.model.localeCompare(b.model));
}

function added(sum: Amounts | null, more: Amounts): Amounts {
  return Object.fromEntries(
    KINDS.map((kind) => [kind, (sum?.[kind] ?? 0) + more[kind]]),
  ) as Amounts;
}

function comparisonOf(
  of: { provider: Provider; day: string; model: string },
  lines: readonly LedgerLine[],
  side: Side | undefined,
  book: PriceBook,
): Comparison {
  const quantity = (kind: Kind): number =>
    lines.reduce(
      (sum, { quantities }) =>
        sum + BUCKETS_OF[kind].reduce((all, bucket) => all + quantities[bucket], 0),
      0,
    );
  const cost = lines.reduce((sum, { picoUsd }) => sum + (picoUsd ?? 0n), 0n);
  const amounts = Object.fromEntries(
    KINDS.map((kind) => [
      kind,
      { ours: quantity(kind), theirs: side?.amounts ? side.amounts[kind] : null },
    ]),
  ) as Comparison["amounts"];
  const theirCost = side?.cost ?? null;
  // What the report does not name has no usage there: then all of ours is what they did not count.
  const usage = theirCost === null ? null : usageEffect(of, lines, amounts, book);
  return {
    ...of,
    calls: { ours: lines.reduce((sum, { calls }) => sum + calls, 0), theirs: side?.calls ?? null },
    amounts,
    cost: { ours: cost, theirs: theirCost },
    usage,
    price: usage === null || theirCost === null ? null : theirCost - cost - usage,
  };
}

/** Null where the provider's usage is not known, or its price is not. */
function usageEffect(
  { provider, day, model }: { provider: string; day: string; model: string },
  lines: readonly LedgerLine[],
  amounts: Comparison["amounts"],
  book: PriceBook,
): bigint | null {
  const listed = book.resolve(provider, model, Date.parse(day))?.entries[0]?.microPicoUsd;
  let micro = 0n;
  for (const kind of KINDS) {
    const { ours, theirs } = amounts[kind];
    if (theirs === null) return null;
    if (theirs === ours) continue;
    const rate = paidRate(kind, ours, lines) ?? listedRate(kind, listed);
    if (rate === undefined) return null;
    micro += BigInt(theirs - ours) * rate;
  }
  return micro / 1_000_000n;
}

/** Mean of what our calls paid for one, in millionths of a pico-USD. */
function paidRate(kind: Kind, quantity: number, lines: readonly LedgerLine[]): bigint | undefined {
  if (quantity === 0 || lines.some(({ byBucket }) => byBucket === undefined)) return undefined;
  const paid = lines.reduce(
    (sum, { byBucket }) =>
      sum + BUCKETS_OF[kind].reduce((all, bucket) => all + (byBucket?.[bucket] ?? 0n), 0n),
    0n,
  );
  return paid / BigInt(quantity);
}

function listedRate(kind: Kind, rates: Rates<bigint> | undefined): bigint | undefined {
  return rates?.[BUCKETS_OF[kind][0]!];
}
