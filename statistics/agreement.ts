/**
 * Agreement beyond chance: Cohen's kappa for two raters, Fleiss' and Krippendorff's for more. Where there is no variance
 * to agree about, agreement is undefined: undefined is returned, never 0 and never NaN.
 */
import { twoSidedZ } from "./distributions.ts";
import { requireLength, requireSameLength, requireSquareCounts } from "./domain.ts";

export type Weights = "nominal" | "linear" | "quadratic";

export interface Kappa {
  kappa: number;
  /** Weighted share of agreement, and what chance alone would give. */
  observed: number;
  expected: number;
  /** Fleiss, Cohen, Everitt 1969. */
  standardError: number;
  low: number;
  high: number;
  n: number;
}

/** `table[i][j]`: how many the first rater called `labels[i]` and the second `labels[j]`. Others are left out. */
export function confusionMatrix<T>(
  first: readonly T[],
  second: readonly T[],
  labels: readonly T[],
): number[][] {
  requireSameLength("second", first, second);
  const place = new Map(labels.map((label, at) => [label, at]));
  const table = labels.map(() => labels.map(() => 0));
  first.forEach((value, at) => {
    const i = place.get(value);
    const j = place.get(second[at]!);
    if (i !== undefined && j !== undefined) table[i]![j]!++;
  });
  return table;
}

/**
 * Of a table over the full scale, so that weights do not depend on which levels occurred. Cohen 1960, 1968.
 * @param weights how far apart two labels are: 0 or 1, by steps, by the square of the steps
 */
export function cohenKappa(
  table: readonly (readonly number[])[],
  weights: Weights = "nominal",
  level = 0.95,
): Kappa | undefined {
  requireSquareCounts("table", table);
  const size = table.length;
  const n = sum(table.map(sum));
  const p = table.map((row) => row.map((count) => count / n));
  const rows = p.map(sum);
  const columns = rows.map((_, j) => sum(p.map((row) => row[j]!)));
  const w = (i: number, j: number): number => 1 - distance(i, j, size, weights);
  const over = (term: (i: number, j: number) => number): number =>
    sum(rows.map((_, i) => sum(columns.map((__, j) => term(i, j)))));
  const observed = over((i, j) => w(i, j) * p[i]![j]!);
  const expected = over((i, j) => w(i, j) * rows[i]! * columns[j]!);
  if (1 - expected < 1e-12) return undefined;
  const kappa = (observed - expected) / (1 - expected);
  const rowMeans = rows.map((_, i) => sum(columns.map((share, j) => w(i, j) * share)));
  const columnMeans = columns.map((_, j) => sum(rows.map((share, i) => w(i, j) * share)));
  const spread = over((i, j) => {
    const term = w(i, j) * (1 - expected) - (rowMeans[i]! + columnMeans[j]!) * (1 - observed);
    return p[i]![j]! * term * term;
  });
  const variance =
    (spread - (observed * expected - 2 * expected + observed) ** 2) / (n * (1 - expected) ** 4);
  const standardError = Math.sqrt(Math.max(0, variance));
  const half = twoSidedZ(level) * standardError;
  return { kappa, observed, expected, standardError, low: kappa - half, high: kappa + half, n };
}

function distance(i: number, j: number, size: number, weights: Weights): number {
  if (weights === "nominal") return i === j ? 0 : 1;
  const steps = Math.abs(i - j) / (size - 1);
  return weights === "linear" ? steps : steps * steps;
}

/** `counts[i][k]`: raters who gave subject i label k, as many for every subject. Fleiss 1971. */
export function fleissKappa(counts: readonly (readonly number[])[]): number | undefined {
  requireLength("counts", counts, 1);
  const raters = sum(counts[0]!);
  for (const row of counts)
    if (sum(row) !== raters || raters < 2)
      throw new RangeError(`counts: expected ${raters} raters of every subject, got "${sum(row)}"`);
  const agreement = counts.map(
    (row) => (sum(row.map((count) => count * count)) - raters) / (raters * (raters - 1)),
  );
  const observed = sum(agreement) / counts.length;
  const shares = counts[0]!.map(
    (_, k) => sum(counts.map((row) => row[k]!)) / (counts.length * raters),
  );
  const expected = sum(shares.map((share) => share * share));
  return 1 - expected < 1e-12 ? undefined : (observed - expected) / (1 - expected);
}

export type Scale = "nominal" | "ordinal" | "interval" | "ratio";

/**
 * Any number of raters, with gaps: `units[i]` are the values that unit i got, in any order. Nominal values may be any
 * numbers. Krippendorff 2011, Computing Krippendorff's alpha-reliability.
 */
export function krippendorffAlpha(
  units: readonly (readonly number[])[],
  scale: Scale,
): number | undefined {
  const paired = units.filter((values) => values.length > 1);
  const values = [...new Set(paired.flat())].toSorted((a, b) => a - b);
  const place = new Map(values.map((value, at) => [value, at]));
  const coincidences = values.map(() => values.map(() => 0));
  for (const unit of paired)
    unit.forEach((one, i) => {
      unit.forEach((other, j) => {
        if (i !== j) coincidences[place.get(one)!]![place.get(other)!]! += 1 / (unit.length - 1);
      });
    });
  const totals = coincidences.map(sum);
  const n = sum(totals);
  const delta = differences(values, totals, scale);
  let observed = 0;
  let expected = 0;
  for (let c = 0; c < values.length; c++)
    for (let k = 0; k < values.length; k++) {
      observed += coincidences[c]![k]! * delta(c, k);
      expected += totals[c]! * totals[k]! * delta(c, k);
    }
  return expected === 0 ? undefined : 1 - ((n - 1) * observed) / expected;
}

/** Squared. */
function differences(
  values: readonly number[],
  totals: readonly number[],
  scale: Scale,
): (c: number, k: number) => number {
  switch (scale) {
    case "nominal":
      return (c, k) => (c === k ? 0 : 1);
    case "ordinal":
      return (c, k) => {
        const [low, high] = c < k ? [c, k] : [k, c];
        const between = sum(totals.slice(low, high + 1));
        return (between - (totals[c]! + totals[k]!) / 2) ** 2;
      };
    case "interval":
      return (c, k) => (values[c]! - values[k]!) ** 2;
    case "ratio":
      return (c, k) => {
        const both = values[c]! + values[k]!;
        return both === 0 ? 0 : ((values[c]! - values[k]!) / both) ** 2;
      };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
