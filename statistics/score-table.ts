/**
 * Two raters' scores on one scale, as the table of how often which met which, and what can be said of it. All of it comes
 * from the counts alone, so that a bootstrap draws cells and not records.
 */
import { requireSquareCounts } from "./domain.ts";

/** `table[i][j]`: how often the first gave level i + 1 and the second j + 1. */
export type ScoreTable = readonly (readonly number[])[];

export interface TableStatistics {
  /** Share of equal scores, and of those at most one level apart. */
  exact: number;
  withinOne: number;
  /** Gwet's AC1: agreement beyond chance that skewed scores do not spoil. Gwet 2008. */
  ac1: number | undefined;
  /** Krippendorff's, ordinal. */
  alpha: number | undefined;
  pearson: number | undefined;
  spearman: number | undefined;
  /** Tau-b. */
  kendall: number | undefined;
  /** Mean of first less second, in levels, and the spread of that. */
  bias: number;
  differenceDeviation: number;
}

/** Undefined where there is no variance to agree about. @throws RangeError without any observation */
export function tableStatistics(table: ScoreTable): TableStatistics {
  requireSquareCounts("table", table);
  const levels = table.map((_, at) => at);
  const n = sum(table.map(sum));
  const rows = table.map(sum);
  const columns = levels.map((j) => sum(table.map((row) => row[j]!)));
  const mean = (term: (i: number, j: number) => number): number =>
    sum(levels.map((i) => sum(levels.map((j) => table[i]![j]! * term(i, j))))) / n;
  const exact = mean((i, j) => Number(i === j));
  const bias = mean((i, j) => i - j);
  const identity = levels.map((level) => level + 1);
  return {
    exact,
    withinOne: mean((i, j) => Number(Math.abs(i - j) <= 1)),
    ac1: gwet(exact, rows, columns, n),
    alpha: ordinalAlpha(table, rows, columns),
    pearson: correlation(table, identity, identity),
    spearman: correlation(table, midRanks(rows), midRanks(columns)),
    kendall: tauB(table, rows, columns, n),
    bias,
    differenceDeviation: Math.sqrt(Math.max(0, mean((i, j) => (i - j) ** 2) - bias * bias)),
  };
}

function gwet(
  observed: number,
  rows: readonly number[],
  columns: readonly number[],
  n: number,
): number | undefined {
  if (rows.length < 2) return undefined;
  const shares = rows.map((count, k) => (count + columns[k]!) / (2 * n));
  const expected = sum(shares.map((share) => share * (1 - share))) / (rows.length - 1);
  return 1 - expected < 1e-12 ? undefined : (observed - expected) / (1 - expected);
}

function ordinalAlpha(
  table: ScoreTable,
  rows: readonly number[],
  columns: readonly number[],
): number | undefined {
  const totals = rows.map((count, k) => count + columns[k]!);
  const n = sum(totals);
  let [observed, expected] = [0, 0];
  for (let c = 0; c < totals.length; c++)
    for (let k = 0; k < totals.length; k++) {
      const [low, high] = c < k ? [c, k] : [k, c];
      const between = sum(totals.slice(low, high + 1)) - (totals[c]! + totals[k]!) / 2;
      const distance = c === k ? 0 : between ** 2;
      observed += (table[c]![k]! + table[k]![c]!) * distance;
      expected += totals[c]! * totals[k]! * distance;
    }
  return expected === 0 ? undefined : 1 - ((n - 1) * observed) / expected;
}

function correlation(
  table: ScoreTable,
  x: readonly number[],
  y: readonly number[],
): number | undefined {
  let [n, sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0, 0];
  table.forEach((row, i) => {
    row.forEach((count, j) => {
      n += count;
      sx += count * x[i]!;
      sy += count * y[j]!;
      sxx += count * x[i]! ** 2;
      syy += count * y[j]! ** 2;
      sxy += count * x[i]! * y[j]!;
    });
  });
  const varX = n * sxx - sx * sx;
  const varY = n * syy - sy * sy;
  return varX <= 1e-9 || varY <= 1e-9 ? undefined : (n * sxy - sx * sy) / Math.sqrt(varX * varY);
}

function midRanks(counts: readonly number[]): number[] {
  let before = 0;
  return counts.map((count) => {
    const rank = before + (count + 1) / 2;
    before += count;
    return rank;
  });
}

function tauB(
  table: ScoreTable,
  rows: readonly number[],
  columns: readonly number[],
  n: number,
): number | undefined {
  let balance = 0;
  table.forEach((row, i) => {
    row.forEach((count, j) => {
      for (let k = i + 1; k < table.length; k++)
        for (let l = 0; l < table.length; l++) balance += count * table[k]![l]! * Math.sign(l - j);
    });
  });
  const pairs = (count: number): number => (count * (count - 1)) / 2;
  const all = pairs(n);
  const x = all - sum(rows.map(pairs));
  const y = all - sum(columns.map(pairs));
  return x === 0 || y === 0 ? undefined : balance / Math.sqrt(x * y);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
