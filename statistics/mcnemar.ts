/** Two judges on the same records: does one get more right than the other? McNemar 1947. */
import { binomialTest, chiSquaredUpper } from "./distributions.ts";
import { requireCount } from "./domain.ts";

export interface McNemar {
  /** Two-sided, exact: how likely a split as uneven as this is between equals. */
  p: number;
  /** With the correction for continuity. */
  chiSquared: number;
  chiSquaredP: number;
}

/** @param firstOnly records that the first alone got right; @param secondOnly the second alone */
export function mcnemar(firstOnly: number, secondOnly: number): McNemar {
  requireCount("firstOnly", firstOnly);
  requireCount("secondOnly", secondOnly);
  const split = firstOnly + secondOnly;
  if (split === 0) return { p: 1, chiSquared: 0, chiSquaredP: 1 };
  const chiSquared = Math.max(0, Math.abs(firstOnly - secondOnly) - 1) ** 2 / split;
  return {
    p: binomialTest(firstOnly, split, 0.5),
    chiSquared,
    chiSquaredP: chiSquaredUpper(chiSquared, 1),
  };
}
