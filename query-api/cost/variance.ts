/**
 * Why a cost changed between two periods, split into causes that sum to the change exactly.
 *
 * The baseline is turned into the later period one cause at a time, for each model: as many calls in all; the later share
 * of each model; the later tokens per call; the later share of cached input; whatever else; the later prices. Each cause
 * is the difference of two sums of whole 1e-12 USD, so that nothing is left over. What "else" holds is named: tiers that
 * the size of a call decides, prices that changed within the baseline, contracts that the price book does not know.
 */
import type { UsageRow } from "./usage.ts";

type Tokens = UsageRow["usage"];

/** One model in one period. Amounts are 1e-12 USD. */
export interface PeriodOfModel {
  calls: number;
  picoUsd: bigint;
  usage: Tokens;
}

export interface SegmentPair {
  segment: string;
  before: PeriodOfModel | undefined;
  after: PeriodOfModel | undefined;
  /** What usage of this model costs at the baseline's prices. */
  atOldPrice: (usage: Tokens, calls: number) => bigint;
  /** What the later usage costs at the prices of its own time. */
  afterAtOwnPrices: bigint;
}

export const CAUSES = [
  "volume",
  "model_mix",
  "tokens_per_call",
  "cache",
  "other",
  "price",
] as const;
type Cause = (typeof CAUSES)[number];
export type Split = Record<Cause, bigint>;

/** The split of each segment; all splits together sum to the change. */
export function splitChange(pairs: readonly SegmentPair[]): Map<string, Split> {
  const before = pairs.reduce((sum, pair) => sum + (pair.before?.calls ?? 0), 0);
  const after = pairs.reduce((sum, pair) => sum + (pair.after?.calls ?? 0), 0);
  return new Map(pairs.map((pair) => [pair.segment, splitSegment(pair, before, after)]));
}

function splitSegment(pair: SegmentPair, allBefore: number, allAfter: number): Split {
  const levels = levelsOf(pair, allBefore, allAfter);
  const steps = CAUSES.map((cause, i) => [cause, levels[i + 1]! - levels[i]!]);
  return Object.fromEntries(steps) as Split;
}

/** The cost before, after each cause in turn, and at last the cost after. */
function levelsOf(pair: SegmentPair, allBefore: number, allAfter: number): bigint[] {
  const start = pair.before?.picoUsd ?? 0n;
  const end = pair.after?.picoUsd ?? 0n;
  const volume = times(start, allAfter, allBefore);
  const { before, after, atOldPrice } = pair;
  // A model that one of the periods lacks is mix and nothing else: there is nothing to compare it with.
  if (!before?.calls || !after?.calls) return [start, volume, end, end, end, end, end];
  const mix = times(start, after.calls, before.calls);
  const basis = atOldPrice(before.usage, before.calls);
  const old = atOldPrice(after.usage, after.calls);
  if (basis === 0n || old === 0n) return [start, volume, mix, mix, mix, end, end];
  const tokens = ratio(
    start,
    atOldPrice(withOldCache(before.usage, after.usage), after.calls),
    basis,
  );
  const cache = ratio(start, old, basis);
  const beforePrice = pair.afterAtOwnPrices === 0n ? end : ratio(end, old, pair.afterAtOwnPrices);
  return [start, volume, mix, tokens, cache, beforePrice, end];
}

/** The later tokens, with as large a share of the input cached as before. */
function withOldCache(before: Tokens, after: Tokens): Tokens {
  const scale = before.inputTokens === 0 ? 0 : after.inputTokens / before.inputTokens;
  return {
    ...after,
    cacheReadTokens: Math.round(before.cacheReadTokens * scale),
    cacheWriteTokens: Math.round(before.cacheWriteTokens * scale),
  };
}

function times(amount: bigint, by: number, of: number): bigint {
  return of === 0 ? amount : ratio(amount, BigInt(by), BigInt(of));
}

/** amount × part / whole, to the nearest. */
function ratio(amount: bigint, part: bigint, whole: bigint): bigint {
  const product = amount * part * 2n;
  return (product + (product < 0n ? -whole : whole)) / (whole * 2n);
}
