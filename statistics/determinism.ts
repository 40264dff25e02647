/**
 * How alike the answers to one request are. `counts`: of m answers, how many are of each kind (equal bytes, equal text,
 * equal parsed answer: the caller decides what is equal).
 */
import { requireCount } from "./domain.ts";

/** Probability that two different ones of the answers are alike; does not depend on m. Undefined below two. */
export function pairwiseAgreement(counts: readonly number[]): number | undefined {
  const m = sum(counts);
  if (m < 2) return undefined;
  return sum(counts.map((count) => count * (count - 1))) / (m * (m - 1));
}

/**
 * Total agreement rate at k: probability that k of the m answers, drawn at random, are all alike (rarefaction). Undefined
 * where there are fewer than k.
 */
export function totalAgreement(counts: readonly number[], k: number): number | undefined {
  requireCount("k", k, 1);
  const m = sum(counts);
  if (m < k) return undefined;
  return sum(counts.map((count) => choices(count, k, m)));
}

/** C(count, k) / C(m, k), factor by factor. */
function choices(count: number, k: number, m: number): number {
  let share = 1;
  for (let i = 0; i < k; i++) share *= (count - i) / (m - i);
  return Math.max(0, share);
}

/** In bits unless another base is given. */
export function entropy(counts: readonly number[], base = 2): number {
  const m = sum(counts);
  const nats = sum(
    counts.filter((count) => count > 0).map((count) => (-count / m) * Math.log(count / m)),
  );
  return nats / Math.log(base);
}

/** Where the first difference lies, in elements from the start; the common length where there is none. */
export function firstDivergence<T>(one: ArrayLike<T>, other: ArrayLike<T>): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one[at] === other[at]) at++;
  return at;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
