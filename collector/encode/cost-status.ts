/** How a model call's cost comes about: decided in one place for spans that arrive and for those that are re-priced. */
import type { Price } from "@assay/instrumentation/pricing";

export const COST_STATUSES = ["", "priced", "free", "estimated", "unpriced", "reported"] as const;
export type CostStatus = Exclude<(typeof COST_STATUSES)[number], "">;

export interface CallFacts {
  /** Of the model; undefined where none is known. */
  price: Price | undefined;
  /** Whether the span says anything about its tokens; without that a price is of no use. */
  usageKnown: boolean;
  estimated: boolean;
  failed: boolean;
  /** Whether the span says a cost that may stand for ours: `isUsableReport`. */
  reported: boolean;
}

/** Our price counts; without one what was reported does; a call that failed before it used anything costs nothing. */
export function costStatusOf(call: CallFacts): CostStatus {
  if (call.price !== undefined && call.usageKnown) {
    if (call.price.free) return "free";
    return call.estimated ? "estimated" : "priced";
  }
  if (call.reported) return "reported";
  return call.failed && !call.usageKnown ? "free" : "unpriced";
}

/** A price list that does not know the model says 0; the provider means it. */
export function isUsableReport(picoUsd: bigint, source: string): boolean {
  return picoUsd > 0n || source === "provider";
}
