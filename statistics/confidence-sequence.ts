/**
 * Intervals that hold at all times at once, for charts that people look at every day: the normal mixture of Robbins, as
 * in Howard, Ramdas, McAuliffe, Sekhon (Time-uniform, nonparametric, nonasymptotic confidence sequences, 2021).
 */
import { requireBetween, requireWithin } from "./domain.ts";
import type { Interval } from "./proportion.ts";
import { logGamma } from "./special-functions.ts";

/** The mixture's parameter that makes the bound tightest when the variance has summed up to `variance`. */
export function bestRho(variance: number, alpha: number): number {
  requireBetween("variance", variance, 0, Infinity);
  requireBetween("alpha", alpha, 0, 1);
  return variance / (2 * Math.log(1 / alpha) + Math.log(1 + 2 * Math.log(1 / alpha)));
}

/** What a sum of deviations with summed variance `variance` stays below, at all times, but for alpha: two-sided. */
export function normalMixtureBound(variance: number, alpha: number, rho: number): number {
  return Math.sqrt((variance + rho) * Math.log((variance + rho) / (rho * alpha * alpha)));
}

/** ln of the mixture over normal bets at a sum of deviations `sum`: e to it is an e-value. Two-sided. */
export function logNormalMixture(sum: number, variance: number, rho: number): number {
  return 0.5 * Math.log(rho / (variance + rho)) + (sum * sum) / (2 * (variance + rho));
}

/**
 * Of a mean of n values with this standard deviation, good for large n: at n = 400 about 1.55 times as wide as an
 * interval that may be looked at once only.
 * @param tightestAt number of values at which it is as tight as can be
 */
export function meanSequence(
  { mean, standardDeviation, n }: { mean: number; standardDeviation: number; n: number },
  { level = 0.95, tightestAt = n }: { level?: number; tightestAt?: number } = {},
): Interval | undefined {
  if (n < 2 || standardDeviation === 0) return undefined;
  const alpha = 1 - level;
  const perValue = standardDeviation * standardDeviation;
  const rho = bestRho(tightestAt * perValue, alpha);
  const half = normalMixtureBound(n * perValue, alpha, rho) / n;
  return { low: mean - half, high: mean + half };
}

/**
 * Of a share, exact at every n: the beta-binomial mixture around each possible share, inverted.
 * @param tightestAt number of trials at which it is as tight as can be
 */
export function shareSequence(
  successes: number,
  trials: number,
  { level = 0.95, tightestAt = trials }: { level?: number; tightestAt?: number } = {},
): Interval {
  requireBetween("trials", trials, 0, Infinity);
  requireWithin("successes", successes, 0, trials);
  const alpha = 1 - level;
  const share = successes / trials;
  const isOut = (p: number): boolean =>
    logBetaBinomialMixture(successes, trials, p, alpha, tightestAt) > Math.log(1 / alpha);
  return {
    low: share === 0 ? 0 : bisect(0, share, isOut),
    high: share === 1 ? 1 : bisect(1, share, isOut),
  };
}

/** Between `outside` and `inside`, where `isOut` changes. */
function bisect(outside: number, inside: number, isOut: (p: number) => boolean): number {
  let [out, within] = [outside, inside];
  for (let step = 0; step < 60; step++) {
    const middle = (out + within) / 2;
    if (middle === out || middle === within) break;
    if (isOut(middle)) out = middle;
    else within = middle;
  }
  return within;
}

/**
 * ln of the beta mixture of binomial likelihood ratios against the share p. Its prior has the mean p and, by `rho`, the
 * variance that is tightest at `tightestAt` trials.
 */
function logBetaBinomialMixture(
  successes: number,
  trials: number,
  p: number,
  alpha: number,
  tightestAt: number,
): number {
  const variance = p * (1 - p);
  const rho = bestRho(tightestAt * variance, alpha);
  const r = Math.max(rho - variance, variance / 1_000);
  const [a, b] = [r / (1 - p), r / p];
  const failures = trials - successes;
  return (
    logBeta(a + successes, b + failures) -
    logBeta(a, b) -
    successes * Math.log(p) -
    failures * Math.log(1 - p)
  );
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}
