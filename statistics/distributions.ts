// The distributions that intervals and tests need: normal, Student's t, beta,
// binomial, chi-squared. Cumulative functions come from the incomplete gamma
// and beta functions; quantiles invert them by bisection, which ends at the
// last bit of the answer. That costs some 60 evaluations (under 100 µs), which
// an interval on a chart can afford, and has no starting value to go wrong.

import { requireBetween, requireCount, requireWithin } from "./domain.ts";
import { binomialDensity, incompleteBeta, incompleteGamma } from "./special-functions.ts";

/** P(Z <= z) for a standard normal Z. */
export function normalCdf(z: number): number {
  const { lower, upper } = incompleteGamma(0.5, (z * z) / 2);
  return z < 0 ? upper / 2 : (1 + lower) / 2;
}

/** The x at which an increasing function reaches zero, between two bounds. */
function increasingRoot(low: number, high: number, at: (x: number) => number): number {
  let [below, above] = [low, high];
  for (;;) {
    const middle = below + (above - below) / 2;
    if (middle <= below || middle >= above) return middle;
    if (at(middle) < 0) below = middle;
    else above = middle;
  }
}

/** z with P(Z <= z) = p, e.g. 1.959964 for 0.975. @throws RangeError unless 0 < p < 1 */
export function normalQuantile(p: number): number {
  requireBetween("p", p, 0, 1);
  // Solved in the lower tail, where the probability itself has all its digits.
  const tail = Math.min(p, 1 - p);
  const z = increasingRoot(-40, 0, (x) => normalCdf(x) - tail);
  return p < 0.5 ? z : -z || 0;
}

/** The z of a two-sided interval: 1.959964 for a level of 0.95. */
export function twoSidedZ(level: number): number {
  requireBetween("level", level, 0, 1);
  return normalQuantile((1 + level) / 2);
}

/** P(T <= t) for Student's t; the degrees of freedom may be a fraction (Welch). */
export function studentCdf(t: number, degreesOfFreedom: number): number {
  requireBetween("degreesOfFreedom", degreesOfFreedom, 0, Infinity);
  const square = t * t;
  const whole = degreesOfFreedom + square;
  const tail = incompleteBeta(
    degreesOfFreedom / 2,
    0.5,
    degreesOfFreedom / whole,
    square / whole,
  ).lower;
  return t < 0 ? tail / 2 : 1 - tail / 2;
}

/** t with P(T <= t) = p. @throws RangeError unless 0 < p < 1 */
export function studentQuantile(p: number, degreesOfFreedom: number): number {
  requireBetween("p", p, 0, 1);
  const tail = Math.min(p, 1 - p);
  let low = -1;
  while (studentCdf(low, degreesOfFreedom) > tail) low *= 2;
  const t = increasingRoot(low, 0, (x) => studentCdf(x, degreesOfFreedom) - tail);
  return p < 0.5 ? t : -t || 0;
}

/** x with I_x(a, b) = p. @throws RangeError unless 0 <= p <= 1 */
export function betaQuantile(p: number, a: number, b: number): number {
  requireWithin("p", p, 0, 1);
  if (p === 0 || p === 1) return p;
  return increasingRoot(0, 1, (x) => incompleteBeta(a, b, x).lower - p);
}

/** P(X > x) for chi-squared. */
export function chiSquaredUpper(x: number, degreesOfFreedom: number): number {
  return incompleteGamma(degreesOfFreedom / 2, x / 2).upper;
}

/** P(X <= successes), X binomial. */
function binomialLower(successes: number, trials: number, p: number): number {
  if (successes < 0) return 0;
  if (successes >= trials) return 1;
  return incompleteBeta(successes + 1, trials - successes, p).upper;
}

/**
 * Exact two-sided test that the chance of success is `p`: the probability of
 * all outcomes that are no likelier than the observed one (the usual form; at
 * p = 0.5 twice the smaller tail, at most 1).
 */
export function binomialTest(successes: number, trials: number, p: number): number {
  requireCount("trials", trials);
  requireCount("successes", successes);
  requireWithin("successes", successes, 0, trials);
  requireWithin("p", p, 0, 1);
  const density = (x: number): number => binomialDensity(x, trials, p, 1 - p);
  // Outcomes of one probability may differ in the last bits.
  const observed = density(successes) * (1 + 1e-7);
  if (successes <= trials * p) {
    let count = 0;
    for (let x = trials; x > trials * p && density(x) <= observed; x--) count++;
    return Math.min(
      1,
      binomialLower(successes, trials, p) + binomialLower(count - 1, trials, 1 - p),
    );
  }
  let count = 0;
  for (let x = 0; x < trials * p && density(x) <= observed; x++) count++;
  return Math.min(
    1,
    binomialLower(trials - successes, trials, 1 - p) + binomialLower(count - 1, trials, p),
  );
}
