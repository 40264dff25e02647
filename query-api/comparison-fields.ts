/** How far two raters agree, as answers of the API have it: values by themselves, and their 95 % intervals beside them. */
import type { Estimated, JudgeComparison } from "@assay/statistics/judge-comparison";

/** Below it agreement is not told apart from chance. */
const ENOUGH = 30;

export function comparisonFields(found: JudgeComparison): Record<string, unknown> {
  const value = (estimated: Estimated | undefined): number | null => estimated?.value ?? null;
  const kappa = (estimated: Estimated | undefined) =>
    estimated ? { kappa: estimated.value, low: estimated.low, high: estimated.high } : null;
  const { passing } = found;
  return {
    records: found.records,
    too_few: found.records < ENOUGH,
    exact: value(found.exact),
    within_one: value(found.withinOne),
    kappa: kappa(found.kappa),
    kappa_linear: kappa(found.kappaLinear),
    kappa_quadratic: kappa(found.kappaQuadratic),
    alpha_ordinal: value(found.alpha),
    ac1: value(found.ac1),
    pearson: value(found.pearson),
    spearman: value(found.spearman),
    kendall: value(found.kendall),
    /** First less second, on the scale. */
    bias: value(found.bias),
    difference_deviation: found.differenceDeviation ?? null,
    intervals: {
      exact: rangeOf(found.exact),
      within_one: rangeOf(found.withinOne),
      alpha_ordinal: rangeOf(found.alpha),
      ac1: rangeOf(found.ac1),
      pearson: rangeOf(found.pearson),
      spearman: rangeOf(found.spearman),
      kendall: rangeOf(found.kendall),
      bias: rangeOf(found.bias),
    },
    /** Rows: the first's score from 1; columns: the second's. */
    confusion: found.confusion,
    passing: {
      both: passing.both,
      first_only: passing.firstOnly,
      second_only: passing.secondOnly,
      neither: passing.neither,
      mcnemar_p: passing.mcnemarP,
    },
  };
}

function rangeOf(estimated: Estimated | undefined): { low: number; high: number } | null {
  return estimated ? { low: estimated.low, high: estimated.high } : null;
}
